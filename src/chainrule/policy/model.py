"""What goes into a total and what comes out: plain values."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from functools import lru_cache

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Record:
    """What the gradebook holds on one student and one assignment.

    `points` are those of all cells, before any late penalty; None while nothing is graded. `submitted` and `due` are
    in UTC (without a zone they are taken for UTC). `extension` is the gradebook's own. `waiting` counts the cells that
    have no final mark yet, `penalty` is the late penalty in points that nbgrader has written into the gradebook, and
    `handed_in` tells a submission without time and points from none.
    """

    assignment: str
    points: float | None
    max_points: float
    submitted: datetime | None = None
    due: datetime | None = None
    extension: timedelta | None = None
    waiting: int = 0
    penalty: float = 0.0
    handed_in: bool = False

    @property
    def is_there(self) -> bool:
        return self.handed_in or self.points is not None or self.submitted is not None


@dataclass(frozen=True)
class Line:
    """One step of the calculation, in words for the student.

    `before` and `after` are exact: points of the assignment where `unit` is "points", percent of the total where it is
    "percent". The lines of one assignment with "points" are a chain, and so are all lines with "percent": each begins
    where the one before ended, the first at 0. Words show numbers with two decimals at most.
    """

    subject: str
    rule: str
    text: str
    before: Fraction = Fraction(0)
    after: Fraction = Fraction(0)
    unit: str = "percent"
    late_days: int = 0


LATENESS = ("excused", "extension", "grace", "late", "late days", "penalty", "replaced")
"""Rules of lines."""


@dataclass(frozen=True)
class Standing:
    """One assignment of one student: `points` after all that lateness takes off, None while it does not count.

    `deadline` is the one that counted (UTC, extensions and no grace included), `days_late` the started days after it,
    `late_days_used` those that the budget paid for. `counts` is false for what is dropped, excused or not graded yet.
    """

    assignment: str
    points: Fraction | None
    max_points: Fraction
    deadline: datetime | None
    days_late: int
    late_days_used: int
    counts: bool
    lines: tuple[Line, ...]

    @property
    def lateness(self) -> tuple[Line, ...]:
        """The lines on the deadline and on what being late costs; for what is excused, that it is."""
        return tuple(line for line in self.lines if line.rule in LATENESS)


@dataclass(frozen=True)
class Total:
    """A student's total with its reasons.

    `percent` is `exact` rounded half up; both are None while nothing counts. `points` of `max_points` are those of the
    assignments that count, without extra credit in the latter. `provisional` says that marks are missing.
    `late_days_left` is None where the course has no late days.
    """

    student: str
    percent: float | None
    exact: Fraction | None
    points: float
    max_points: float
    lines: tuple[Line, ...]
    standings: tuple[Standing, ...]
    late_days_used: int = 0
    late_days_left: int | None = None
    provisional: bool = False

    def on(self, assignment: str) -> Standing | None:
        """What the total knows of one assignment."""
        return next((standing for standing in self.standings if standing.assignment == assignment), None)


@dataclass(frozen=True)
class Group:
    """Assignments that count together. In one of `apart` each assignment has the whole `weight` for itself."""

    name: str
    weight: Fraction
    patterns: tuple[str, ...]
    drop_lowest: int = 0
    by_points: bool = False
    apart: bool = False


@dataclass(frozen=True)
class Late:
    """What lateness costs. `percent` is in 1/100, of the earned points or of the assignment's (`of_maximum`)."""

    grace: timedelta = timedelta(0)
    percent: Fraction = Fraction(0)
    points: Fraction = Fraction(0)
    of_maximum: bool = False
    at_least_percent: Fraction = Fraction(0)
    zero_after: int | None = None
    budget: int = 0
    per_assignment: int | None = None
    budgets: dict[str, int] = field(default_factory=dict)

    def days_of(self, student: str) -> int:
        return self.budgets.get(student, self.budget)


@dataclass(frozen=True)
class Dispensation:
    """An extension (`until` or `days`) or, with neither, an excuse, for some students and assignments."""

    students: tuple[str, ...]
    patterns: tuple[str, ...]
    until: datetime | None = None
    days: timedelta | None = None


@lru_cache(4096)  # a class has few different marks
def exact(number: float) -> Fraction:
    """The decimal that a float of the gradebook stands for, with six places: 0.1 is 1/10."""
    return Fraction(number) if float(number).is_integer() else Fraction(f"{number:.6f}")


def added(numbers: Iterable[Fraction]) -> Fraction:
    """Their sum. Whole numbers over the common denominator are added, which is several times as fast."""
    found = list(numbers)
    below = math.lcm(*(number.denominator for number in found))
    return Fraction(sum(number.numerator * (below // number.denominator) for number in found), below)


def rounded(number: Fraction, decimals: int) -> Fraction:
    """Half up: 73.445 with two decimals is 73.45, and never 73.44 as a binary float would have it."""
    scale = 10**decimals
    return Fraction((number * scale + Fraction(1, 2)).__floor__(), scale)
