"""A regrade may be killed at any moment of its writing: the next one goes on, and nothing is lost or written twice."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from tests.kills import kill_myself

from chainrule import written
from chainrule.autograde import autograde
from chainrule.course import Course
from chainrule.regrade import Regrade

WRONG = "def twice(x):\n    return x"


def query(classroom: Any, text: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(classroom.root / "gradebook.db") as raw:
        found = raw.execute(text).fetchall()
    raw.close()
    return found


def everything(classroom: Any) -> dict[str, Any]:
    """What the gradebook says of each student, without ids and times."""
    queries = {
        "scores": """SELECT student_id, c.name, auto_score, manual_score, needs_manual_grade FROM grade g
            JOIN base_cell c ON c.id = g.cell_id JOIN submitted_notebook s ON s.id = g.notebook_id
            JOIN submitted_assignment a ON a.id = s.assignment_id""",
        "outcomes": """SELECT student, test_cell, test, points, status FROM chainrule_outcome o
            JOIN chainrule_run r ON r.id = o.run_id""",
        "runs": "SELECT student, notes, grader_hash FROM chainrule_run",
        "marks": "SELECT student, fingerprint FROM chainrule_written",
        "ledger": "SELECT student, cell, points_from, points_to, reason, graders_from, graders_to FROM chainrule_audit",
    }
    return {name: sorted(query(classroom, text), key=repr) for name, text in queries.items()}


def in_a_process(classroom: Any, at_once: Any, kill_at: int | None = None, **options: Any) -> int:
    """Regrade in a forked process, which kills itself at the given file operation in the course while it writes."""
    process = os.fork()
    if process:
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    status = 1
    with (
        contextlib.suppress(BaseException),
        Regrade(Course(classroom.root), "t1", executor=at_once, workers=2, **options) as run,
    ):
        run.compare()
        if kill_at is not None:
            kill_myself(classroom.root, kill_at)
        status = 0 if not run.apply("A better grader.").failed else 1
    os._exit(status)


@pytest.fixture
def changed(classroom: Any, at_once: Any) -> Any:
    """Three students, graded. Then the answers that count as right change: ada loses, bob gains, cyd stays."""
    classroom.submit("ada")
    classroom.submit("bob", twice=WRONG)
    classroom.submit("cyd", twice=WRONG)
    (classroom.root / "submitted/ada/t1/data.txt").write_text("data")
    assert not autograde(Course(classroom.root), "t1", executor=at_once, workers=2).failed
    query(classroom, "UPDATE grade SET manual_score = 1.5, needs_manual_grade = 0 WHERE auto_score IS NULL")
    classroom.submit("ada", twice=WRONG)
    classroom.submit("bob")
    (classroom.root / "graders/t1/more.py").write_text("")
    return classroom


@pytest.mark.slow
@pytest.mark.parametrize("raise_only", [False, True])
def test_killed_at_any_step_nothing_is_half_written_and_the_ledger_has_each_change_once(
    changed: Any, at_once: Any, tmp_path: Path, raise_only: bool
) -> None:
    undisturbed = changed.copy(tmp_path / "undisturbed")
    assert in_a_process(undisturbed, at_once, raise_only=raise_only) == 0
    wanted = everything(undisturbed)
    assert [(row[0], row[2], row[3]) for row in wanted["ledger"]] == [
        ("ada", 3.0, 3.0 if raise_only else 0.0),
        ("bob", 0.0, 3.0),
    ]
    before = everything(changed)
    kills = 0
    for step in range(1, 3000, 11):
        hit = changed.copy(tmp_path / f"hit{step}")
        if in_a_process(hit, at_once, kill_at=step, raise_only=raise_only) == 0:
            break
        kills += 1
        after = everything(hit)
        for name in wanted:  # of each student the old rows or the new ones, and of all tables the same
            for student in ("ada", "bob"):
                of = [[row for row in found[name] if row[0] == student] for found in (after, before, wanted)]
                assert of[0] in of[1:], (step, name)
        for student in ("ada", "bob"):
            sides = {
                [row for row in after[name] if row[0] == student] == [row for row in wanted[name] if row[0] == student]
                for name in ("runs", "marks", "ledger")
            }
            assert len(sides) == 1, (step, student)
        assert in_a_process(hit, at_once, raise_only=raise_only) == 0
        assert everything(hit) == wanted, step
        for student, folder in query(hit, "SELECT student, folder FROM chainrule_written"):
            assert written.digest(hit.root / "autograded" / student / "t1") == folder
    assert kills > 5


def test_a_finished_regrade_leaves_nothing_to_do_and_no_journal(changed: Any, at_once: Any) -> None:
    assert in_a_process(changed, at_once) == 0
    assert (changed.root / ".chainrule/regrade/t1.jsonl").read_bytes() == b""
    assert (changed.root / ".chainrule/journal/t1.jsonl").read_bytes() == b""
    wanted = everything(changed)
    assert in_a_process(changed, at_once) == 0
    assert everything(changed) == wanted


def test_what_nbgraders_converter_writes_is_in_the_ledger_also_after_a_kill(classroom: Any, at_once: Any) -> None:
    """Notebooks without graders: nbgrader commits in steps, so what it found is remembered before it begins."""
    for path in (classroom.root / "graders/t1").iterdir():
        path.unlink()
    classroom.submit("ada")
    autograde(Course(classroom.root), "t1", workers=1)
    assert query(classroom, "SELECT count(*) FROM chainrule_audit") == [(0,)]
    before = query(classroom, "SELECT auto_score FROM grade WHERE auto_score = 2.0")
    assert before == [(2.0,)]
    state = {"scores": [["t1", "test_four", 1.0, None]], "graders": {"t1": "old"}}  # as a killed run left it
    insert = "INSERT INTO chainrule_begun (assignment, student, state) VALUES ('t1', 'ada', '{}')"
    query(classroom, insert.format(json.dumps(state)))
    query(classroom, "UPDATE chainrule_written SET fingerprint = '', folder = ''")
    autograde(Course(classroom.root), "t1", workers=1)
    found = query(classroom, "SELECT cell, points_from, points_to, graders_from FROM chainrule_audit")
    assert found == [("test_four", 1.0, 2.0, "old")]
    assert query(classroom, "SELECT * FROM chainrule_begun") == []
