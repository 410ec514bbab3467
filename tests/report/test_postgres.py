"""A gradebook in PostgreSQL is made, graded into and reported on as one in a file."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bench.postgres import Server
from bench.synthetic import Size, fill, make
from nbgrader.api import Gradebook
from sqlalchemy import text

import chainrule
from chainrule import gradebook
from chainrule.course import Course
from chainrule.errors import GradebookError
from chainrule.report import frames, write
from chainrule.report.connect import snapshot

from .test_write import rows

WRONG = {
    # Its text goes into the details of outcomes: PostgreSQL stores no NUL and no half of a surrogate pair.
    "bob": "def line_grad(phi, x, y):\n    raise ValueError('a\\0b \\ud800')",
    "cyd": "def line_grad(phi, x, y):\n    import os\n    os._exit(3)",
}


def command(root: Path, *arguments: str) -> str:
    environment = os.environ | {
        "PYTHONPATH": str(Path(chainrule.__file__).parents[1]),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def hand_in(root: Path, student: str, wrong: str | None) -> None:
    notebook = json.loads((root / "release/lines/lines.ipynb").read_text())
    solved = json.loads((root / "source/lines/lines.ipynb").read_text())
    answers = {cell["metadata"].get("nbgrader", {}).get("grade_id"): cell["source"] for cell in solved["cells"]}
    for cell in notebook["cells"]:
        meta = cell["metadata"].get("nbgrader", {})
        if meta.get("solution"):
            answer = wrong if wrong and meta["grade_id"] == "line_grad" else "".join(answers[meta["grade_id"]])
            cell["source"] = re.sub(r"(?m)^ *### (BEGIN|END) SOLUTION\n?", "", answer)
    folder = root / "submitted" / student / "lines"
    folder.mkdir(parents=True)
    (folder / "lines.ipynb").write_text(json.dumps(notebook))


def outcomes(db_url: str) -> dict[str, set[tuple[Any, ...]]]:
    with gradebook.connect(db_url) as connection:
        return {
            run.student: {(cell, test.status.value, test.points) for cell, test in run.outcomes}
            for run in gradebook.load(connection, "lines")
        }


def test_a_class_is_released_graded_graded_again_and_reported(
    small_course: Path, postgres: Server, tmp_path: Path
) -> None:
    """nbgrader makes its tables and chainrule its own; texts that PostgreSQL cannot store cost nobody a point."""
    db_url = postgres.create("lines")
    (small_course / "nbgrader_config.py").write_text(
        "from chainrule.plugins import configure\nc = get_config()\nconfigure(c)\n"
        f"c.CourseDirectory.course_id = 'lines'\nc.CourseDirectory.db_url = {db_url!r}\n"
    )
    command(small_course, "nbgrader", "generate_assignment", "lines")
    for student in ("ada", "bob", "cyd"):
        hand_in(small_course, student, WRONG.get(student))
    command(small_course, "chainrule.cli", "autograde", "lines")
    first = outcomes(db_url)
    assert {student: sum(points for *_, points in found) for student, found in first.items()}["ada"] == 15.0
    assert {status for _, status, _ in first["bob"]} == {"passed", "failed"}
    assert "crashed" in {status for _, status, _ in first["cyd"]}
    command(small_course, "chainrule.cli", "autograde", "lines", "--force", "--student", "bob")
    assert outcomes(db_url) == first
    command(small_course, "chainrule.cli", "report", "--out", str(tmp_path / "report"))
    table = {row["student"]: row for row in rows(tmp_path / "report/lines/grades.csv")}
    assert {student: row["score"] for student, row in table.items()} == {"ada": "15", "bob": "7", "cyd": "7"}
    assert {row["status"] for row in table.values()} == {"needs grading"}
    assert not (small_course / "gradebook.db").exists()


def test_the_report_is_the_one_that_the_same_rows_make_in_a_file(postgres: Server, tmp_path: Path) -> None:
    db_url, size = postgres.create("same"), Size(students=24, assignments=2)
    made = {"file": make(tmp_path / "file", size), "server": make(tmp_path / "server", size, db_url)}
    assert made["file"] == made["server"] > 0
    reports = {}
    for name, url in (("file", f"sqlite:///{tmp_path / 'file/gradebook.db'}"), ("server", db_url)):
        with Gradebook(url, "synthetic") as book:
            for student in ("ada", "Zoe", "émile", "_x"):  # every collation has an order of its own
                book.add_student(student)
        out = tmp_path / f"report-{name}"
        files = write(Course(tmp_path / name), None, out)
        found = {str(path.relative_to(out)): path.read_bytes() for path in files}
        reports[name] = {path: re.sub(rb"\d+ \w+ \d{4}, \d\d:\d\d UTC", b"", whole) for path, whole in found.items()}
    assert reports["server"] == reports["file"]


def test_all_queries_of_a_snapshot_see_one_state(postgres: Server) -> None:
    db_url = postgres.create("changing")
    fill(db_url, Size(students=3, assignments=1))
    with snapshot(db_url) as connection:
        before = frames.load(connection, "a01_gradient")
        with gradebook.connect(db_url) as other:
            for table in ("chainrule_outcome", "grade"):
                other.execute(text(f"DELETE FROM {table}"))
            other.execute(text("INSERT INTO student (id) VALUES ('late')"))
        after = frames.load(connection, "a01_gradient")
    for name in ("students", "grades", "outcomes"):
        assert getattr(before, name).equals(getattr(after, name))
        assert len(getattr(before, name)) > 0


def test_a_report_cannot_change_the_gradebook(postgres: Server) -> None:
    db_url = postgres.create("readonly")
    fill(db_url, Size(students=3, assignments=1))
    with pytest.raises(GradebookError, match="read-only"), snapshot(db_url) as connection:
        connection.execute(text("DELETE FROM chainrule_outcome"))


def test_an_empty_database_says_what_to_run(postgres: Server, tmp_path: Path) -> None:
    course = course_at(tmp_path, postgres.create("empty"))
    with pytest.raises(GradebookError, match=r"no gradebook in postgresql.*Run `nbgrader generate_assignment` first"):
        write(course, None, tmp_path / "out")


def test_a_server_that_is_not_there_is_named_without_the_password(tmp_path: Path) -> None:
    course = course_at(tmp_path, f"postgresql+psycopg://ada:secret@/gradebook?host={tmp_path}")
    with pytest.raises(GradebookError, match=r"postgresql\+psycopg://ada:\*\*\*@.* cannot be used") as raised:
        write(course, None, tmp_path / "out")
    assert "secret" not in str(raised.value)


def course_at(root: Path, db_url: str) -> Course:
    (root / "source").mkdir()
    (root / "nbgrader_config.py").write_text(f"c = get_config()\nc.CourseDirectory.db_url = {db_url!r}\n")
    return Course(root)
