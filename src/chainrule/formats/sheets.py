"""The sheets of grades.xlsx: grades, submissions, exercises, tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection

from chainrule.formats import read, xlsx
from chainrule.formats.book import Book, Submission, Written, warn_held_back
from chainrule.model import Status

Row = tuple[object, ...]

EXERCISES = ["student", "assignment", "notebook", "cell", "points", "max_points", "by_hand", "waiting"]

TESTS = [
    *("student", "assignment", "exercise", "test", "title"),
    *("points", "max_points", "status", "misconception", "seconds"),
]


def write(connection: Connection, book: Book, path: Path) -> Written:
    """grades.xlsx of a book. Raises `ChainruleError` if it has more hidden tests than a sheet has rows."""
    xlsx.require_rows("tests", read.count_outcomes(connection, book))
    cells: list[Row] = []
    outcomes: list[Row] = []
    for found in read.submissions(connection, book):  # only the rows are kept: the texts for staff are large
        cells += exercises(found)
        outcomes += tests(found)
    sheets = [grades(book), submissions(book), xlsx.Sheet("exercises", EXERCISES, cells)]
    xlsx.write(path, [*sheets, xlsx.Sheet("tests", TESTS, outcomes)])
    return Written(str(path), tuple(warn_held_back(book.held_back(), partial=True)))


def grades(book: Book) -> xlsx.Sheet:
    """One row a student: the points of each assignment, empty without a submission, and the course's percent."""
    names = [item.name for item in book.items]
    header = ["student", "last_name", "first_name", "email", *names, "percent"]

    def rows() -> Iterator[list[object]]:
        for person in book.people:
            points = [book.points(person, item, partial=True) for item in book.items]
            percent = book.percent(person, partial=True)
            who = [person.id, person.last_name, person.first_name, person.email]
            yield [*who, *points, None if percent is None else round(percent, 6)]

    return xlsx.Sheet("grades", header, rows())


def submissions(book: Book) -> xlsx.Sheet:
    """One row a submission: when, how late, what it got, what of that was taken off, how its code was shut in."""
    header = ["student", "assignment", "submitted", "hours_late", "raw_score", "late_penalty", "score", "max_score"]

    def rows() -> Iterator[list[object]]:
        for item in book.items:
            for person in book.people:
                if score := book.scores.get((person.id, item.name)):
                    late = round(score.seconds_late(item.due) / 3600, 2)
                    points = [score.raw, score.penalty, score.points, item.max_points]
                    yield [person.id, item.name, score.submitted, late, *points, score.complete, score.isolation]

    return xlsx.Sheet("submissions", [*header, "complete", "isolation"], rows())


def exercises(found: Submission) -> list[Row]:
    """One row a graded cell of a submission."""
    who = (found.person.id, found.item.name)
    return [(*who, m.notebook, m.cell, m.points, m.max_points, m.by_hand, m.waiting) for m in found.marks]


def tests(found: Submission) -> list[Row]:
    """One row a hidden test of a submission; no points where a fault of ours left it ungraded."""
    who = (found.person.id, found.item.name)
    return [
        (
            *(*who, o.exercise, o.test, o.title, None if o.status is Status.UNGRADED else o.points),
            *(o.max_points, o.status.value, o.misconception, o.seconds),
        )
        for run in found.runs
        for _, o in run.outcomes
    ]
