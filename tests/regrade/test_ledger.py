"""Every score that changes after its first grading is in the ledger, with what, why, when and by whom."""

from __future__ import annotations

from pathlib import Path

from tests.regrade.lines import ANSWERS, edit_grader, query, regrade, submit

from chainrule.autograde import autograde
from chainrule.course import Course
from chainrule.regrade import ledger


def test_every_changed_score_is_in_the_ledger(edited: Path) -> None:
    old = query(edited, "SELECT DISTINCT grader_hash FROM chainrule_run")
    regrade(edited)
    new = query(edited, "SELECT DISTINCT grader_hash FROM chainrule_run")
    entries = ledger(Course(edited), "lines")
    assert [(entry.student, entry.exercise, entry.cell, entry.points_from, entry.points_to) for entry in entries] == [
        ("bob", "line_grad", "test_line_grad", 3.0, 5.0),
        ("cyd", "line_grad", "test_line_grad", 5.0, 2.0),
    ]
    assert {(entry.graders_from, entry.graders_to) for entry in entries} == {(old[0][0], new[0][0])}
    assert old != new
    assert {(entry.reason, entry.notebook, entry.manual) for entry in entries} == {("Direction counts.", "lines", None)}
    assert all(entry.who and entry.version and entry.at.tzinfo for entry in entries)


def test_autograde_force_is_in_the_ledger_and_a_first_grading_is_not(course: Path) -> None:
    assert ledger(Course(course)) == []
    edit_grader(course)
    submit(course, "dan", ANSWERS["ada"])
    autograde(Course(course), "lines", force=True, workers=2)
    assert [(entry.student, entry.points_from, entry.points_to, entry.reason) for entry in ledger(Course(course))] == [
        ("bob", 3.0, 5.0, "autograde --force"),
        ("cyd", 5.0, 2.0, "autograde --force"),
    ]
