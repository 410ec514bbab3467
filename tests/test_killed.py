"""A run may be killed at any moment: the next one goes on, and in the end all is as if nothing had happened."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.kills import kill_myself
from tests.processes import below, gone

from chainrule import written
from chainrule.autograde import autograde
from chainrule.course import Course

STUDENTS = ("ada", "bob", "cyd", "dan", "eve", "fay")


def everything(classroom: Any) -> dict[str, Any]:
    """What a gradebook and the graded folders say, without random ids and times."""
    queries = {
        "scores": """SELECT student_id, timestamp, n.name, c.name, auto_score, manual_score, needs_manual_grade
            FROM grade g JOIN base_cell c ON c.id = g.cell_id JOIN submitted_notebook s ON s.id = g.notebook_id
            JOIN submitted_assignment a ON a.id = s.assignment_id JOIN notebook n ON n.id = s.notebook_id""",
        "comments": "SELECT auto_comment, manual_comment, count(*) FROM comment GROUP BY auto_comment, manual_comment",
        "outcomes": """SELECT student, notebook, test_cell, test, points, status, message, misconception
            FROM chainrule_outcome o JOIN chainrule_run r ON r.id = o.run_id""",
        "runs": "SELECT student, notebook, notes, grader_hash FROM chainrule_run",
        "marks": "SELECT student, fingerprint FROM chainrule_written",
    }
    with sqlite3.connect(classroom.root / "gradebook.db") as raw:
        found: dict[str, Any] = {name: sorted(raw.execute(query), key=repr) for name, query in queries.items()}
    raw.close()
    folders = (classroom.root / "autograded").rglob("*")
    found["files"] = sorted(str(path.relative_to(classroom.root)) for path in folders)
    found["cells"] = {
        student: [(cell["id"], cell["source"], len(cell.get("outputs", ()))) for cell in classroom.graded(student)]
        for student in STUDENTS
        if (classroom.root / "autograded" / student / "t1/t1.ipynb").exists()
    }
    return found


def belongs_together(classroom: Any) -> bool:
    """Whether each student's folder is the one of their rows."""
    with sqlite3.connect(classroom.root / "gradebook.db") as raw:
        marks = raw.execute("SELECT student, folder FROM chainrule_written").fetchall()
    raw.close()
    return all(written.digest(classroom.root / "autograded" / student / "t1") == folder for student, folder in marks)


def fill(classroom: Any) -> None:
    for student in STUDENTS:
        classroom.submit(student)
    classroom.submit("bob", twice="def twice(x):\n    return x + 2")
    classroom.submit("cyd", thrice="import time\ntime.sleep(0.5)\ndef thrice(x):\n    return 0")
    classroom.submit("dan", raw="{")
    (classroom.root / "submitted/ada/t1/data.txt").write_text("data")


# -- killed at every step of writing ----------------------------------------------------------------------------------


def in_a_process(classroom: Any, at_once: Any, kill_at: int | None = None) -> int:
    """Grade in a forked process, which kills itself at the given file operation in the course. Its exit status."""
    process = os.fork()
    if process:
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    status = 1
    with contextlib.suppress(BaseException):
        if kill_at is not None:
            kill_myself(classroom.root, kill_at)
        autograde(Course(classroom.root), "t1", executor=at_once, workers=2)
        status = 0
    os._exit(status)


@pytest.fixture
def small(classroom: Any, at_once: Any) -> Any:
    """Three students, two of them graded before and then changed, one with a mark by hand."""
    for student in ("ada", "bob"):
        classroom.submit(student, twice="def twice(x):\n    return x + 2")
    (classroom.root / "submitted/ada/t1/data.txt").write_text("data")
    assert in_a_process(classroom, at_once) == 0
    with sqlite3.connect(classroom.root / "gradebook.db") as raw:
        raw.execute("UPDATE grade SET manual_score = 1.5, needs_manual_grade = 0 WHERE auto_score IS NULL")
        raw.execute("UPDATE comment SET manual_comment = 'Good.'")
    raw.close()
    for student in ("ada", "bob", "cyd"):
        classroom.submit(student)
    return classroom


@pytest.mark.slow
def test_killed_at_any_step_of_writing_nothing_is_half_written(small: Any, at_once: Any, tmp_path: Path) -> None:
    undisturbed = small.copy(tmp_path / "undisturbed")
    assert in_a_process(undisturbed, at_once) == 0
    wanted, before = everything(undisturbed), everything(small)
    assert wanted != before
    assert {row[4] for row in wanted["scores"] if row[3] == "test_twice"} == {3.0}
    kills = 0
    for step in range(1, 2000, 7):
        hit = small.copy(tmp_path / f"hit{step}")
        if in_a_process(hit, at_once, kill_at=step) == 0:
            break
        kills += 1
        after = everything(hit)
        for name in ("scores", "outcomes", "runs", "marks"):  # of each student the old rows or the new ones
            for student in ("ada", "bob", "cyd"):
                of = [[row for row in found[name] if row[0] == student] for found in (after, before, wanted)]
                assert of[0] in of[1:], (step, name)
        assert in_a_process(hit, at_once) == 0
        assert everything(hit) == wanted, step
        assert belongs_together(hit), step
    assert kills > 10


@pytest.mark.slow
def test_a_folder_that_was_lost_or_damaged_is_written_again(small: Any, at_once: Any) -> None:
    assert in_a_process(small, at_once) == 0
    wanted = everything(small)
    folders = small.root / "autograded"
    path = folders / "ada/t1/t1.ipynb"
    path.chmod(0o600)
    path.write_text(path.read_text()[:100])
    (folders / "bob/t1").rename(folders / "bob/.t1.old")
    (folders / "cyd/.t1.new").mkdir()
    assert in_a_process(small, at_once) == 0
    assert belongs_together(small)
    assert everything(small)["cells"] == wanted["cells"]
    assert everything(small)["files"] == wanted["files"]


# -- the coordinator killed at random moments --------------------------------------------------------------------------


def start(classroom: Any, *options: str, temporary: Path | None = None) -> subprocess.Popen[bytes]:
    code = "from chainrule.cli import main; main()"
    command = [sys.executable, "-c", code, "autograde", "t1", "--workers", "2", *options]
    environment = os.environ | ({"TMPDIR": str(temporary)} if temporary else {})
    return subprocess.Popen(
        command, cwd=classroom.root, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def ours(folder: Path) -> list[Path]:
    """What is in a folder of temporary files that has a name of ours."""
    return list(folder.glob("chainrule-*"))


@pytest.fixture
def counted(classroom: Any) -> Any:
    """A class whose graders write down every student that they grade."""
    for path in (classroom.root / "graders/t1").glob("test_*.py"):
        note = f"    open({str(classroom.root / 'graded.log')!r}, 'a').write('x')\n    check.close(student."
        path.write_text(path.read_text().replace("    check.close(student.", note, 1))
    fill(classroom)
    return classroom


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder for temporary files. Python's sockets in there allow no long path."""
    with tempfile.TemporaryDirectory(prefix="killed-") as folder:
        yield Path(folder)


@pytest.mark.slow
def test_killed_coordinators_lose_nothing(counted: Any, tmp_path: Path, short: Path) -> None:
    """Nor do they leave students' files for good: the next run removes them."""
    undisturbed = counted.copy(tmp_path / "undisturbed")
    assert start(undisturbed).wait(300) == 0
    once = len((counted.root / "graded.log").read_text())
    (counted.root / "graded.log").unlink()
    chance = random.Random(7)
    kills = left = 0
    while kills < 3:
        run = start(counted, temporary=short)
        with contextlib.suppress(subprocess.TimeoutExpired):
            log = counted.root / "graded.log"
            while not (log.exists() if kills else ours(short)) and run.poll() is None:
                time.sleep(0.05)
            run.wait(2 * chance.random() + (3 if kills else 0))
        processes = below(run.pid)
        run.kill()
        if run.wait() == 0:
            break
        kills += 1
        assert gone(processes)
        left += len(ours(short))
    assert kills
    assert start(counted, temporary=short).wait(300) == 0
    assert left
    assert not ours(short)
    assert everything(counted) == everything(undisturbed)
    assert belongs_together(counted)
    # Two workers: at most two notebooks were under way at each kill.
    assert len((counted.root / "graded.log").read_text()) <= once * (1 + kills * 2 / len(STUDENTS))
