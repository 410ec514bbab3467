"""Raise-only keeps whole results: of exercises their tests, of cells without a grader their outputs."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from chainrule.autograde import autograde
from chainrule.course import Course
from chainrule.model import ExerciseResult, Outcome, Status
from chainrule.regrade import Regrade, ledger
from chainrule.regrade.difference import compare
from chainrule.regrade.raise_only import floor, keep
from chainrule.stored import Grade


def outcome(test: str, points: float, worth: float, status: Status = Status.PASSED, **more: Any) -> Outcome:
    return Outcome("twice", test, f"Title of {test}", points, worth, status, **more)


OLD = (outcome("test_a", 5.0, 5.0), outcome("test_b", 1.0, 3.0, Status.FAILED, misconception="Half."))


def test_an_exercise_that_is_worth_less_keeps_its_share() -> None:
    assert floor(Grade(6.0, max_points=4.0), 8.0) == 3.0
    kept = keep(OLD, "test_twice", 3.0, 4.0)
    assert (kept.points, kept.max_points, kept.misconception) == (3.0, 4.0, "Half.")
    assert [(test.points, test.max_points) for test in kept.outcomes] == [(2.5, 2.5), (0.5, 1.5)]


def test_an_exercise_that_is_worth_more_keeps_its_points() -> None:
    assert floor(Grade(6.0, max_points=10.0), 8.0) == 6.0
    assert keep(OLD, "test_twice", 6.0, 10.0).outcomes == OLD


def test_what_had_no_score_has_no_floor() -> None:
    assert floor(Grade(None, max_points=4.0), 8.0) is None


@pytest.mark.parametrize(
    ("new", "why"),
    [
        ((OLD[0],), {"test_b": "removed"}),
        ((*OLD, outcome("test_c", 0.0, 1.0)), {"test_c": "added"}),
        ((OLD[0], outcome("test_b", 3.0, 3.0)), {"test_b": "verdict changed"}),
        ((outcome("test_a", 6.0, 6.0), OLD[1]), {"test_a": "points changed"}),
        ((OLD[0], outcome("test_b", 1.0, 3.0, Status.FAILED)), {"test_b": "mistake named differently"}),
        (OLD, {}),
    ],
)
def test_each_test_that_changed_says_why(new: tuple[Outcome, ...], why: dict[str, str]) -> None:
    result = ExerciseResult("twice", "test_twice", 8.0, new)
    change = compare("nb", "test_twice", Grade(6.0), OLD, result, result.points, (8.0, 8.0))
    assert {test.test: test.why for test in change.tests} == why if change else not why


def test_what_was_ungraded_says_so_and_its_stand_in_is_no_test() -> None:
    fault = (outcome("grader", 0.0, 8.0, Status.UNGRADED),)
    result = ExerciseResult("twice", "test_twice", 8.0, OLD)
    change = compare("nb", "test_twice", Grade(None), fault, result, 6.0, (8.0, 8.0))
    assert change is not None
    assert {test.test: test.why for test in change.tests} == {"test_a": "was ungraded", "test_b": "was ungraded"}
    assert change.gain == 6.0


def test_a_mark_by_hand_neither_gains_nor_loses() -> None:
    change = compare("nb", "why", Grade(6.0, manual=2.0), (), None, 1.0, (8.0, 8.0))
    assert change is not None
    assert (change.gain, change.manual, change.why) == (0.0, 2.0, ("result changed",))


@pytest.mark.slow
@pytest.mark.parametrize("graders", [True, False])
def test_a_cell_without_a_grader_keeps_its_outputs_and_so_its_points(classroom: Any, graders: bool) -> None:
    """The instructor makes a hidden assert stricter and generates again; with no grader nbgrader's converter writes."""
    if not graders:
        for grader in (classroom.root / "graders/t1").iterdir():
            grader.unlink()
    classroom.submit("ada")
    course = Course(classroom.root)
    autograde(course, "t1", workers=1)
    path = classroom.root / "source/t1/t1.ipynb"
    path.write_text(path.read_text().replace("assert four() == 4", "assert four() == 5"))
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", "t1", "--force"]
    subprocess.run(command, cwd=classroom.root, check=True, capture_output=True)
    with Regrade(course, "t1", workers=1, raise_only=True) as run:
        (student,) = run.compare().students
        (cell,) = student.cells
        assert (cell.cell, cell.points, cell.computed, cell.kept) == ("test_four", (2.0, 2.0), 0.0, True)
        assert not run.apply("A stricter test.").failed
    assert classroom.grades()["ada"]["test_four"] == (2.0, False)
    (test,) = (cell for cell in classroom.graded("ada") if cell["id"] == "test_four")
    assert "AssertionError" not in json.dumps(test["outputs"])
    with Regrade(course, "t1", workers=1) as run:
        (student,) = run.compare().students
        assert student.gain == -2.0
        run.apply("On second thoughts.")
    assert classroom.grades()["ada"]["test_four"] == (0.0, False)
    (test,) = (cell for cell in classroom.graded("ada") if cell["id"] == "test_four")
    assert "AssertionError" in json.dumps(test["outputs"])
    assert [(entry.points_from, entry.points_to, entry.computed) for entry in ledger(course)] == [
        (2.0, 2.0, 0.0),
        (2.0, 0.0, None),
    ]
