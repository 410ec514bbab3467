"""How a student stands, from the gradebook by the course's policy: set-based queries, no pandas.

`of` is for one student (a feedback page), `records` for all (the report).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, case, func, select

from chainrule import gradebook, policy
from chainrule.course import Course
from chainrule.errors import UnknownName
from chainrule.policy import Policy, Record, Total

Collected = Callable[[str, str], bool]
"""(student, assignment) -> whether there is a folder in submitted/, of which the gradebook may not know yet."""


def total(course: Course, connection: Connection, student: str, collected: Collected) -> Total:
    """The student's total as of now. Raises `UnknownName` for a student whom the gradebook does not know."""
    rules = policy.load(course)
    people, names = students(connection), assignments(connection)
    if student not in people:
        raise UnknownName("student", student, people, "the gradebook")
    rules.check({*names, *course.assignments()}, people)
    return rules.total(student, records(connection, collected, student)[student])


def nothing(student: str, assignment: str) -> bool:
    """What is collected but not in the gradebook is not asked for."""
    return False


def of(rules: Policy, db_url: str, student: str, collected: Collected = nothing) -> Total | None:
    """The total of one student, for the page that the student gets: `Total.on` has one assignment, with its lines.

    None in a course without `grades.toml`, where nbgrader's numbers are all there is, and for a student whom the
    gradebook does not know. Late days are spent where they help most among all that is graded, so those of an
    assignment may change until the course ends.
    """
    if not rules.file:
        return None
    with gradebook.connect(db_url) as connection:
        found = records(connection, collected, student)
    return rules.total(student, found[student]) if student in found else None


def students(connection: Connection) -> list[str]:
    """The ids of everybody in the gradebook."""
    from nbgrader.api import Student

    return [str(name) for name in connection.execute(select(Student.id).order_by(Student.id)).scalars()]


def assignments(connection: Connection) -> list[str]:
    """The names of the assignments in the gradebook."""
    from nbgrader.api import Assignment

    return [str(name) for name in connection.execute(select(Assignment.name).order_by(Assignment.name)).scalars()]


def records(connection: Connection, collected: Collected, student: str | None = None) -> dict[str, tuple[Record, ...]]:
    """One record a student and assignment of the gradebook, in its order of names; of one student only, if given."""
    from nbgrader.api import Assignment

    columns = (Assignment.id, Assignment.name, Assignment.duedate)
    known = connection.execute(select(*columns).order_by(Assignment.name)).all()
    points, rows = _points(connection), _submissions(connection, student)
    people = [name for name in students(connection) if student in (None, name)]
    return {
        person: tuple(
            _record(name, due, points.get(key, 0.0), rows.get((person, key)), partial(collected, person, name))
            for key, name, due in known
        )
        for person in people
    }


def _record(name: str, due: datetime | None, max_points: float, row: Any, collected: Callable[[], bool]) -> Record:
    """`row` is one of `_submissions`."""
    if row is None:
        return Record(name, None, max_points, None, due, handed_in=collected())
    submitted, extension, cells, points, unscored, waiting, penalty = row
    scored = bool(cells) and unscored < cells
    return Record(
        assignment=name,
        # An assignment without graded cells has all of its points, 0, as soon as it is handed in.
        points=float(points) if scored or (not cells and submitted is not None) else None,
        max_points=max_points,
        submitted=submitted,
        due=due,
        extension=extension,
        waiting=int(waiting or 0) if scored else 0,
        penalty=float(penalty or 0.0),
        # An extension before anything is handed in makes a row, too: it has neither time nor scores.
        handed_in=scored or submitted is not None or collected(),
    )


def _points(connection: Connection) -> dict[str, float]:
    """The points of each assignment, by its id."""
    from nbgrader import api

    found: dict[str, float] = {}
    for table in (api.GradeCell.__table__, api.TaskCell.__table__):
        query = (
            select(api.Notebook.assignment_id, func.sum(table.c.max_score))
            .join(api.BaseCell.__table__, api.BaseCell.__table__.c.notebook_id == api.Notebook.id)
            .join(table, table.c.id == api.BaseCell.__table__.c.id)
            .group_by(api.Notebook.assignment_id)
        )
        for key, points in connection.execute(query):
            found[key] = found.get(key, 0.0) + float(points or 0.0)
    return found


def _submissions(connection: Connection, student: str | None) -> dict[tuple[str, str], list[Any]]:
    """By student and assignment's id: time and extension, how many cells, their points, how many are unscored and how
    many waiting, nbgrader's penalty.
    """
    from nbgrader import api

    submitted, notebook = api.SubmittedAssignment.__table__, api.SubmittedNotebook.__table__
    grade = api.Grade.__table__
    unscored = grade.c.auto_score.is_(None) & grade.c.manual_score.is_(None)
    points = func.coalesce(grade.c.manual_score, grade.c.auto_score, 0.0) + func.coalesce(grade.c.extra_credit, 0.0)
    cells = (
        select(
            notebook.c.assignment_id.label("key"),
            func.count(grade.c.id).label("cells"),
            func.sum(points).label("points"),
            func.sum(case((unscored, 1), else_=0)).label("unscored"),
            func.sum(case((unscored | grade.c.needs_manual_grade.is_(True), 1), else_=0)).label("waiting"),
        )
        .join(grade, grade.c.notebook_id == notebook.c.id)
        .group_by(notebook.c.assignment_id)
        .subquery()
    )
    penalties = (
        select(notebook.c.assignment_id.label("key"), func.sum(notebook.c.late_submission_penalty).label("penalty"))
        .group_by(notebook.c.assignment_id)
        .subquery()
    )
    query = (
        select(
            *(submitted.c.student_id, submitted.c.assignment_id, submitted.c.timestamp, submitted.c.extension),
            *(func.coalesce(cells.c.cells, 0).label("cells"), func.coalesce(cells.c.points, 0.0).label("points")),
            *(cells.c.unscored, cells.c.waiting, penalties.c.penalty),
        )
        .outerjoin(cells, cells.c.key == submitted.c.id)
        .outerjoin(penalties, penalties.c.key == submitted.c.id)
    )
    if student is not None:
        query = query.where(submitted.c.student_id == student)
    return {(person, key): row for person, key, *row in connection.execute(query)}
