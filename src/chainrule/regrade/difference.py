"""What a regrade would change of a submission, test by test, and why. Plain values, no database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chainrule.model import ExerciseResult, Outcome, Status
from chainrule.notebook.cells import exercise_id
from chainrule.stored import Grade

ADDED = "added"
REMOVED = "removed"
POINTS = "points changed"
VERDICT = "verdict changed"
WAS_UNGRADED = "was ungraded"
NAMED = "mistake named differently"
RESULT = "result changed"
ANSWER = "answer changed"
NEW = "not graded before"
"""Why something changed, as the table, the CSV and the JSON say it."""

Points = float | None


@dataclass(frozen=True)
class TestChange:
    """One hidden test that is not what it was. Of an added one the old values are None, of a removed one the new."""

    test: str
    title: str
    why: str
    points: tuple[Points, Points]
    max_points: tuple[Points, Points]
    status: tuple[Status | None, Status | None]
    misconception: tuple[str | None, str | None]


@dataclass(frozen=True)
class CellChange:
    """One exercise, or a test cell without a grader, that is not what it was.

    `points` is the automatic score. With a mark by hand (`manual`) that one counts, before and after. `kept` says that
    raise-only keeps more points than the present graders give (`computed`).
    """

    notebook: str
    cell: str
    points: tuple[Points, Points]
    max_points: tuple[Points, Points]
    why: tuple[str, ...]
    misconception: tuple[str | None, str | None] = (None, None)
    manual: Points = None
    computed: Points = None
    kept: bool = False
    tests: tuple[TestChange, ...] = ()

    @property
    def exercise(self) -> str:
        return exercise_id(self.cell)

    @property
    def is_worth_less(self) -> bool:
        """Whether there are fewer points to be had in it, so that raise-only keeps the share of them."""
        old, new = self.max_points
        return old is not None and new is not None and new < old

    @property
    def gain(self) -> float:
        """By how much the points that count change."""
        return 0.0 if self.manual is not None else round((self.points[1] or 0.0) - (self.points[0] or 0.0), 6)


@dataclass(frozen=True)
class StudentChange:
    """One student. `points` count, marks by hand included; a late penalty comes on top. With `error`, nothing is known.

    `graders` are the digests of the graders that gave what is stored, and of the present ones.
    """

    student: str
    points: tuple[float, float] = (0.0, 0.0)
    max_points: float = 0.0
    penalty: tuple[float, float] = (0.0, 0.0)
    graders: tuple[str, str] = ("", "")
    cells: tuple[CellChange, ...] = ()
    first: bool = False
    error: str = ""

    @property
    def gain(self) -> float:
        before, after = (points - penalty for points, penalty in zip(self.points, self.penalty, strict=True))
        return round(after - before, 6)


@dataclass(frozen=True)
class Difference:
    """What a regrade would change. `students` have the largest changes first; `graders` is the present digest."""

    assignment: str
    graders: str
    raise_only: bool
    students: tuple[StudentChange, ...]
    warnings: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[StudentChange, ...]:
        """Those who could not be graded: nothing of them would be written."""
        return tuple(student for student in self.students if student.error)

    @property
    def totals(self) -> dict[str, int]:
        """How many students gain, lose, stay, are graded for the first time, or could not be graded."""
        graded = [student for student in self.students if not student.error]
        old = [student for student in graded if not student.first]
        return {
            "gain": sum(student.gain > 0 for student in old),
            "lose": sum(student.gain < 0 for student in old),
            "unchanged": sum(student.gain == 0 for student in old),
            "new": len(graded) - len(old),
            "failed": len(self.failed),
        }

    @property
    def changes_scores(self) -> bool:
        """Whether applying changes or gives a score, also one that a mark by hand covers."""
        return any(
            cell.points[0] != cell.points[1] for student in self.students if not student.error for cell in student.cells
        )


def compare(
    notebook: str,
    cell: str,
    grade: Grade | None,
    before: Sequence[Outcome],
    result: ExerciseResult | None,
    points: Points,
    max_points: tuple[Points, Points],
    *,
    same_answers: bool = True,
) -> CellChange | None:
    """The change of one cell, or None. `before` and `result` are empty where the cell has no grader."""
    tests = tuple(_tests(before, result.outcomes if result else ()))
    old = None if grade is None else grade.auto
    mistakes = (named(before), named(result.outcomes if result else ()))
    names_differ = bool(before) and result is not None and mistakes[0] != mistakes[1]
    moved = max_points[0] is not None and max_points[0] != max_points[1]
    if old == points and not (tests or names_differ or moved):
        return None
    return CellChange(
        notebook,
        cell,
        (old, points),
        max_points,
        _why(old, points, tests, moved, names_differ, is_new=grade is None, same_answers=same_answers),
        mistakes,
        None if grade is None else grade.manual,
        tests=tests,
    )


def named(outcomes: Sequence[Outcome]) -> str | None:
    """The mistake that was recognised, if one was."""
    return next((outcome.misconception for outcome in outcomes if outcome.misconception), None)


def _tests(before: Sequence[Outcome], after: Sequence[Outcome]) -> Iterator[TestChange]:
    old, new = ({outcome.test: outcome for outcome in outcomes} for outcomes in (before, after))
    # Graded for the first time all tests are new, which says nothing.
    arrival = "" if not before else WAS_UNGRADED if any(test.status is Status.UNGRADED for test in before) else ADDED
    for test in (*new, *(test for test in old if test not in new)):
        if change := _test(old.get(test), new.get(test), arrival):
            yield change


def _test(old: Outcome | None, new: Outcome | None, arrival: str) -> TestChange | None:
    if old is None:
        why = arrival
    elif new is None:
        why = "" if old.status is Status.UNGRADED else REMOVED  # it may stand for all that could not be graded
    elif old.status is not new.status:
        why = WAS_UNGRADED if old.status is Status.UNGRADED else VERDICT
    elif old.max_points != new.max_points:
        why = POINTS
    elif old.points != new.points:
        why = RESULT
    else:
        why = NAMED if old.misconception != new.misconception else ""
    some = new or old
    if not why or some is None:
        return None
    return TestChange(
        some.test,
        some.title,
        why,
        (old.points if old else None, new.points if new else None),
        (old.max_points if old else None, new.max_points if new else None),
        (old.status if old else None, new.status if new else None),
        (old.misconception if old else None, new.misconception if new else None),
    )


def _why(
    old: Points,
    new: Points,
    tests: Sequence[TestChange],
    moved: bool,
    names_differ: bool,
    *,
    is_new: bool,
    same_answers: bool,
) -> tuple[str, ...]:
    found = [NEW] if is_new or (old is None and new is not None and not tests) else []
    found += [ANSWER] if not (same_answers or is_new) else []
    found += [POINTS] if moved else []
    found += [test.why for test in tests]
    found += [NAMED] if names_differ else []
    if not found:
        found.append(RESULT)
    return tuple(dict.fromkeys(found))
