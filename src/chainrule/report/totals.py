"""The course's totals as tables: who has how many percent, and why."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

import pandas as pd
from nbgrader.coursedir import CourseDirectory
from sqlalchemy import Connection

from chainrule import policy, standing
from chainrule.course import Course
from chainrule.policy import Line, Record, Total
from chainrule.report import frames
from chainrule.report.connect import course_directory, database, snapshot

SHOWN = 200
"""Rows on the course's page; grades.csv has all."""

LINE_COLUMNS = ["student", "assignment", "rule", "explanation", "before", "after", "unit", "late_days"]


@dataclass(frozen=True)
class Totals:
    """`grades`: a row a student, with a column an assignment (its points, empty if not handed in), then

        total, max_total    the points of what counts, and how many there are to be had
        percent             the total, rounded as the policy says; empty while nothing counts
        provisional         whether marks are missing
        late_days_used, late_days_left

    `explained`: a row for each line of each student's calculation, in its order. `weighted` tells a course with a
    `grades.toml` from a plain sum; `late_days` whether anybody has late days; `decimals` are those of a percent.
    """

    grades: pd.DataFrame
    explained: pd.DataFrame
    weighted: bool
    late_days: bool
    decimals: int

    @property
    def mean(self) -> float:
        return float(self.grades["percent"].mean())

    @property
    def median(self) -> float:
        return float(self.grades["percent"].median())

    @property
    def provisional(self) -> int:
        return int(self.grades["provisional"].sum())

    @property
    def rows(self) -> list[dict[str, object]]:
        """What the course's page shows."""
        return [{str(name): value for name, value in row.items()} for row in self.grades.head(SHOWN).to_dict("records")]


def totals(course: Course, connection: Connection, directory: CourseDirectory, now: datetime) -> Totals:
    """The totals of everybody in the gradebook. Raises `SourceError` or `UnknownName` for mistakes in `grades.toml`."""
    rules = policy.load(course)
    people, names = frames.students(connection), frames.assignments(connection)
    rules.check({*names, *course.assignments()}, people["student"])
    records = standing.records(connection, collected(directory))
    found = [rules.total(student, records[student], now) for student in people["student"]]
    points = [_points(total, records[total.student]) for total in found]
    grades = people.join(pd.DataFrame(points, columns=names, index=people.index, dtype="float64"))
    grades["total"] = pd.Series([total.points for total in found], dtype="float64")
    grades["max_total"] = pd.Series([total.max_points for total in found], dtype="float64")
    grades["percent"] = pd.Series([total.percent for total in found], dtype="float64")
    grades["provisional"] = pd.Series([total.provisional for total in found], dtype="bool")
    grades["late_days_used"] = pd.Series([total.late_days_used for total in found], dtype="int64")
    grades["late_days_left"] = pd.Series([total.late_days_left for total in found], dtype="float64")
    late_days = bool(grades["late_days_left"].notna().any())
    return Totals(grades, _explained(found), bool(rules.file), late_days, rules.decimals)


def explain(course: Course, student: str, assignment: str | None = None) -> tuple[Line, ...]:
    """The lines of one student, of one assignment if given. Raises `UnknownName` for names that are none."""
    directory = course_directory(course)
    with snapshot(database(directory)) as connection:
        total = standing.total(course, connection, student, collected(directory))
    if assignment is None:
        return total.lines
    found = total.on(assignment)
    if found is None:
        course.require(assignment)
        return ()
    return found.lines


def collected(directory: CourseDirectory) -> standing.Collected:
    """Whether a student has a folder in submitted/."""
    step = directory.submitted_directory
    return lambda student, assignment: os.path.isdir(directory.format_path(step, student, assignment))


def _points(total: Total, records: Iterable[Record]) -> dict[str, float | None]:
    """Of each assignment, after what lateness takes off; None if nothing of it is graded."""
    found = {one.assignment: one.points for one in total.standings}
    return {
        record.assignment: None if record.points is None or (left := found[record.assignment]) is None else float(left)
        for record in records
    }


def _explained(totals: Iterable[Total]) -> pd.DataFrame:
    rows = [
        (
            *(total.student, line.subject, line.rule, line.text),
            *(_float(line.before), _float(line.after), line.unit, line.late_days),
        )
        for total in totals
        for line in total.lines
    ]
    return pd.DataFrame(rows, columns=LINE_COLUMNS)


def _float(number: Fraction) -> float:
    """`float(number)`, without the detour through the tower of numbers that takes four times as long."""
    return number.numerator / number.denominator
