"""`chainrule autograde` writes what `nbgrader autograde` writes: every row of nbgrader's tables, every file."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chainrule.autograde import autograde
from chainrule.course import Course

pytestmark = pytest.mark.slow

LATE = """
from nbgrader.plugins import LateSubmissionPlugin

class Halved(LateSubmissionPlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return -1.0 if student_id == "ada" else score / 2 if total_seconds_late < 86400 else 1000.0
"""

OPTIONS = """
import sys
sys.path.insert(0, {root!r})
import late
c.AssignLatePenalties.plugin_class = late.Halved
c.LimitOutput.max_lines = 5
c.Autograde.exclude_overwriting = {{"t1": ["mine.py"]}}
"""

TABLES = ("assignment", "course", "student", "submitted_assignment", "submitted_notebook", "grade", "comment")


@dataclass(frozen=True)
class Both:
    """The same class graded by the two commands."""

    ours: Any
    theirs: Any


def build(classroom: Any, cell: Callable[..., dict[str, Any]]) -> None:
    """A second notebook and odd cells in the tiny course, files beside the notebooks, a due date."""
    source = classroom.root / "source/t1"
    notebook = json.loads((source / "t1.ipynb").read_text())
    odd = {
        "partial": "four() / 4 * 1.5",
        "warns": "import sys; print('careful', file=sys.stderr); 1",
        "chatty": "for i in range(100): print(i)",
    }
    for name, text in odd.items():
        notebook["cells"].append(cell("code", text, name, points=2, locked=True) | {"id": name})
    notebook["cells"].append(cell("markdown", "Do it.", "do", points=4, task=True, locked=True) | {"id": "do"})
    (source / "t1.ipynb").write_text(json.dumps(notebook))
    second = {**notebook, "cells": notebook["cells"][:4]}
    (source / "part two.ipynb").write_text(json.dumps(second))
    (source / "package").mkdir()
    for name in ("data.csv", "mine.py", "package/__init__.py"):
        (source / name).write_text("# instructor's")
    (classroom.root / "late.py").write_text(LATE)
    config = classroom.root / "nbgrader_config.py"
    config.write_text(config.read_text() + OPTIONS.format(root=str(classroom.root)))
    run(classroom, "generate_assignment", "--force")
    with sqlite3.connect(classroom.root / "gradebook.db") as raw:
        raw.execute("UPDATE assignment SET duedate = '2025-03-01 12:00:00.000000'")
    raw.close()


def fill(classroom: Any) -> None:
    """Eight students: on time and late, with and without the second notebook, with files of their own."""
    first = classroom.submit
    second = {"release": "part two.ipynb", "name": "part two.ipynb"}
    first("ada", time="2025-03-01 13:00:00 UTC")
    first("ada", time="2025-03-01 13:00:00 UTC", **second)
    first("bob", twice="def twice(x):\n    return x + 2", time="2025-03-01 13:00:00 UTC")
    first("bob", raw="{", time="2025-03-01 13:00:00 UTC", name="part two.ipynb")
    first("cyd", why="YOUR ANSWER HERE", four="def four():\n    return 1", time="2025-03-09 13:00:00 +0200")
    first("dan", **second)
    first("eve", lambda nb: nb["cells"].pop(), time="2025-02-01 13:00:00.5 UTC")
    first("fay", lambda nb: nb["cells"].append(dict(nb["cells"][0], id="new")), thrice="print('x' * 9)\nraise OSError")
    for name in ("data.csv", "mine.py", "more.txt", "other.ipynb"):
        (classroom.root / "submitted/ada/t1" / name).write_text("{} student's")
    (classroom.root / "submitted/bob/t1/__pycache__").mkdir()
    (classroom.root / "submitted/bob/t1/__pycache__/x.pyc").write_text("")
    (classroom.root / "submitted/bob/t1/sub/deep").mkdir(parents=True)
    (classroom.root / "submitted/bob/t1/sub/deep/file").write_text("student's")
    (classroom.root / "submitted/dan/t1/timestamp.txt").unlink()


def run(classroom: Any, command: str, *options: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "nbgrader", command, "t1", *options],
        cwd=classroom.root,
        check=True,
        capture_output=True,
    )


def rows(classroom: Any) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of nbgrader's tables about submissions, with names in place of random ids."""
    with sqlite3.connect(classroom.root / "gradebook.db") as raw:
        found = {table: raw.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}
        found["base_cell"] = raw.execute("SELECT id, name || type FROM base_cell").fetchall()
        found["notebook"] = raw.execute("SELECT id, name FROM notebook").fetchall()
    raw.close()
    names = dict((*found.pop("base_cell"), *found.pop("notebook")))
    students = {row[0]: f"of {row[2]}" for row in found["submitted_assignment"]}
    names |= students | {row[0]: f"{names[row[2]]} {students[row[1]]}" for row in found["submitted_notebook"]}
    # The id of a row about a submission is in no other table now.
    return {
        table: sorted(
            (tuple(names.get(value, value) for value in row[table in ("grade", "comment") :]) for row in rows), key=repr
        )
        for table, rows in found.items()
    }


def files(classroom: Any) -> dict[str, tuple[int, Any]]:
    """Every file and folder in autograded/ with its permissions; notebooks up to the times in their reports."""
    root = classroom.root / "autograded"
    return {str(path.relative_to(root)): (stat.S_IMODE(path.stat().st_mode), content(path)) for path in root.rglob("*")}


def content(path: Path) -> Any:
    if path.is_dir():
        return sorted(os.listdir(path))
    if path.suffix != ".ipynb":
        return path.read_bytes()
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            output.pop("traceback", None)
            if "chainrule" in output.get("metadata", {}):
                output["data"] = list(output["data"])
    return json.dumps(notebook)  # with the order of its keys


@pytest.fixture(scope="module")
def both(released_classroom: Any, tmp_path_factory: pytest.TempPathFactory, cell: Callable[..., Any]) -> Both:
    ours = released_classroom.copy(tmp_path_factory.mktemp("ours") / "course")
    build(ours, cell)
    fill(ours)
    theirs = ours.copy(tmp_path_factory.mktemp("theirs") / "course")
    run(theirs, "autograde")
    assert not autograde(Course(ours.root), "t1", workers=2).failed
    return Both(ours, theirs)


@pytest.fixture
def again(both: Both, tmp_path: Path) -> Both:
    """Both, after humans gave marks and comments, and all was graded once more."""
    made = Both(both.ours.copy(tmp_path / "ours"), both.theirs.copy(tmp_path / "theirs"))
    for classroom in (made.ours, made.theirs):
        with sqlite3.connect(classroom.root / "gradebook.db") as raw:
            raw.execute("UPDATE grade SET manual_score = 1.5, needs_manual_grade = 0 WHERE auto_score IS NULL")
            raw.execute("UPDATE grade SET manual_score = 0.5, extra_credit = 1 WHERE auto_score = 3.0")
            raw.execute("UPDATE comment SET manual_comment = 'Good.'")
            raw.execute(
                "UPDATE submitted_assignment SET extension = '1970-01-02 00:00:00.000000' WHERE student_id = 'bob'"
            )
        raw.close()
        classroom.submit("dan", twice="def twice(x):\n    return x", time="2025-03-01 13:00:00 UTC")
        os.remove(classroom.root / "submitted/ada/t1/more.txt")
    run(made.theirs, "autograde", "--force")
    assert not autograde(Course(made.ours.root), "t1", force=True, workers=2).failed
    return made


def test_the_rows_are_the_same(both: Both) -> None:
    assert rows(both.ours) == rows(both.theirs)
    assert len(rows(both.ours)["grade"]) == 6 * 9


def test_the_files_and_their_permissions_are_the_same(both: Both) -> None:
    assert files(both.ours) == files(both.theirs)
    assert {"ada/t1/more.txt", "bob/t1/sub/deep/file", "ada/t1/part two.ipynb"} <= set(files(both.ours))


def test_the_class_has_every_kind_of_lateness(both: Both) -> None:
    penalties = {(row[0], row[-1]) for row in rows(both.ours)["submitted_notebook"]}
    assert {penalty for _, penalty in penalties} >= {None, 0.0}
    assert len(penalties) > 5


def test_after_manual_grading_a_regrade_writes_the_same_rows_and_files(again: Both) -> None:
    assert rows(again.ours) == rows(again.theirs)
    assert files(again.ours) == files(again.theirs)
    assert "Good." in repr(rows(again.ours)["comment"])
    assert "ada/t1/more.txt" not in files(again.ours)


def test_a_course_shared_by_a_group_gets_the_same_permissions(both: Both, tmp_path: Path) -> None:
    shared = Both(both.ours.copy(tmp_path / "ours"), both.theirs.copy(tmp_path / "theirs"))
    for classroom in (shared.ours, shared.theirs):
        config = classroom.root / "nbgrader_config.py"
        config.write_text(f"{config.read_text()}\nc.CourseDirectory.groupshared = True\n")
    run(shared.theirs, "autograde", "--force", "--student", "bob")
    autograde(Course(shared.ours.root), "t1", force=True, students=["bob"], workers=1)
    assert files(shared.ours) == files(shared.theirs)
    assert {mode for mode, _ in files(shared.ours).values()} > {0o664, 0o2775}
