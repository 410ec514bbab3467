"""Raise-only keeps whole results: of exercises their tests, of cells without a grader their outputs."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from chainrule.autograde import autograde
from chainrule.course import Course
from chainrule.errors import SubmissionError
from chainrule.model import ExerciseResult, Graded, Outcome, Status
from chainrule.pending import Submission
from chainrule.regrade import Regrade, ledger, raise_only
from chainrule.regrade.difference import compare
from chainrule.regrade.raise_only import floor, keep
from chainrule.stored import Grade, Page, Stored


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


KEY = ("nb", "test_twice")


def lowered(
    points: float, before: tuple[Outcome, ...] = (), page: Page | None = None, now: float | None = 2.0
) -> Submission:
    """A submission whose exercise has the points `now` and had `points`, put through raise-only.

    `before` are the stored tests, `page` the graded notebook that is there.
    """
    result = ExerciseResult("twice", "test_twice", 8.0, (outcome("test_a", 2.0, 8.0, Status.FAILED),))
    cell = {"metadata": {"nbgrader": {"grade_id": "test_twice"}}, "outputs": []}
    found = Submission("ada", "", ready={"nb": Graded("a", "ada", "nb", {"cells": [cell]}, (result,))})
    stored = Stored({KEY: Grade(points, max_points=8.0)}, {KEY: before} if before else {})
    raise_only.apply(found, stored, {KEY: now}, {KEY: (8.0, 8.0)}, {"nb": page} if page else {})
    return found


def test_the_whole_old_result_takes_the_place_of_a_lower_one_and_a_note_says_so() -> None:
    found = lowered(6.0, OLD)
    (result,) = found.ready["nb"].exercises
    assert (result.points, result.outcomes) == (6.0, OLD)
    assert [note.message for note in found.ready["nb"].notes] == [
        "twice: 6 points are kept; the present graders give 2."
    ]
    raise_only.check(found, {KEY: 6.0})


def test_a_fault_of_ours_counts_as_a_lower_result() -> None:
    found = lowered(6.0, OLD, now=None)
    assert found.ready["nb"].points == 6.0
    assert found.ready["nb"].notes[0].message == "twice: 6 points are kept; the present graders give no points yet."


@pytest.mark.parametrize("points", [None, 5.0, 7.0])
def test_what_would_not_give_the_old_points_is_not_written(points: float | None) -> None:
    """The last look before writing: the scores that nbgrader's code makes of the page with the old results."""
    with pytest.raises(SubmissionError, match="does not give its old points"):
        raise_only.check(lowered(6.0, OLD), {KEY: points})


def test_stored_tests_that_do_not_add_up_to_the_score_are_not_kept() -> None:
    """Somebody changed the one and not the other: which of them is right is for a human to say."""
    with pytest.raises(SubmissionError, match="do not add up to its 7 points"):
        lowered(7.0, OLD)


@pytest.mark.parametrize("page", [None, Page(outputs={"test_other": []})])
def test_a_cell_without_tests_whose_old_outputs_are_gone_is_not_kept(page: Page | None) -> None:
    with pytest.raises(SubmissionError, match="old outputs of test_twice is not there"):
        lowered(6.0, page=page)


def test_what_can_no_longer_be_graded_here_is_not_lowered_to_nothing() -> None:
    """nbgrader's own converter would grade that notebook, and give what it gives."""
    stored = Stored({KEY: Grade(6.0, max_points=8.0)}, {KEY: OLD})
    with pytest.raises(SubmissionError, match="6 points of test_twice cannot be kept"):
        raise_only.apply(Submission("ada", ""), stored, {KEY: 2.0}, {KEY: (8.0, 8.0)}, {})


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
