"""A regrade of a gradebook in PostgreSQL: the dry run, raise-only and the ledger are those of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from bench.postgres import Server
from nbgrader.api import Gradebook
from sqlalchemy import MetaData, select, text
from tests.regrade.lines import ANSWERS, MARK, Forbidden, edit_grader, release, submit, told

from chainrule import gradebook
from chainrule.autograde import autograde
from chainrule.course import Course
from chainrule.regrade import Regrade, ledger


@pytest.fixture
def edited_there(small_course: Path, postgres: Server) -> tuple[Path, str]:
    """The class of `lines.py`, graded into a server before its grader was edited; ada's exercise marked by hand."""
    root, db_url = small_course, postgres.create("regrade")
    (root / "nbgrader_config.py").write_text(
        "from chainrule.plugins import configure\nc = get_config()\nconfigure(c)\n"
        f"c.CourseDirectory.course_id = 'small'\nc.CourseDirectory.db_url = {db_url!r}\n"
    )
    release(root, db_url=db_url)
    for student, answer in ANSWERS.items():
        submit(root, student, answer)
    assert not autograde(Course(root), "lines", workers=2).failed
    with gradebook.connect(db_url) as connection:
        connection.execute(text(MARK.format(7.5, "test_line_grad", "ada")))
    edit_grader(root)
    return root, db_url


def rows(db_url: str) -> dict[str, list[str]]:
    """All rows of all tables."""
    with gradebook.connect(db_url) as connection:
        known = MetaData()
        known.reflect(connection)
        return {
            name: sorted(repr(row) for row in connection.execute(select(table))) for name, table in known.tables.items()
        }


def line_grad(db_url: str) -> dict[str, tuple[Any, ...]]:
    with Gradebook(db_url) as book:
        grades = {student: book.find_grade("test_line_grad", "lines", "lines", student) for student in ANSWERS}
        return {student: (grade.auto_score, grade.manual_score) for student, grade in grades.items()}


def test_a_dry_run_writes_nothing_and_raise_only_is_applied_as_shown_with_its_ledger(
    edited_there: tuple[Path, str],
) -> None:
    root, db_url = edited_there
    before = rows(db_url)
    assert line_grad(db_url) == {"ada": (8.0, 7.5), "bob": (3.0, None), "cyd": (5.0, None)}
    with Regrade(Course(root), "lines", workers=2) as run:
        assert run.compare().totals == {"gain": 1, "lose": 1, "unchanged": 1, "new": 0, "failed": 0}
    assert rows(db_url) == before
    assert ledger(Course(root)) == []
    with Regrade(Course(root), "lines", executor=Forbidden(), raise_only=True) as run:
        found = run.compare()
        assert rows(db_url) == before
        (cyd,) = told(found)["cyd"].cells
        assert (cyd.kept, cyd.points, cyd.computed) == (True, (5.0, 5.0), 2.0)
        assert found.totals == {"gain": 1, "lose": 0, "unchanged": 2, "new": 0, "failed": 0}
        assert not run.apply("Direction counts.").failed
    assert line_grad(db_url) == {"ada": (8.0, 7.5), "bob": (5.0, None), "cyd": (5.0, None)}
    assert [
        (entry.student, entry.points_from, entry.points_to, entry.computed, entry.reason)
        for entry in sorted(ledger(Course(root), "lines"), key=lambda entry: entry.student)
    ] == [("bob", 3.0, 5.0, None, "Direction counts."), ("cyd", 5.0, 5.0, 2.0, "Direction counts.")]
    assert not (root / "gradebook.db").exists()
