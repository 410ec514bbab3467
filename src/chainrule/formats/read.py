"""Fills the dataclasses of `book` from the gradebook, by a few set-based queries."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import nbgrader.api as nb
from sqlalchemy import Connection, Select, Subquery, and_, case, func, inspect, or_, select

from chainrule import gradebook as store
from chainrule.errors import UnknownName
from chainrule.formats.book import Book, Item, Mark, Person, Score, Submission, plain

_ASSIGNMENT, _NOTEBOOK = nb.SubmittedAssignment.__table__, nb.SubmittedNotebook.__table__
_GRADE, _CELL, _TASK, _BASE = nb.Grade.__table__, nb.GradeCell.__table__, nb.TaskCell.__table__, nb.BaseCell.__table__


def book(
    connection: Connection,
    assignments: Collection[str] = (),
    students: Collection[str] = (),
    settle: Callable[[Book], Book] = plain,
) -> Book:
    """The course, or the assignments and students named. Raises `UnknownName` for one that is not in the gradebook.

    `settle` counts the totals, and may change the scores. It gets all assignments of the course, whatever is chosen.
    """
    people, items = _people(connection), _items(connection)
    for kind, wanted, known in (
        ("assignment", assignments, [item.name for item in items]),
        ("student", students, [person.id for person in people]),
    ):
        for name in wanted:
            if name not in known:
                raise UnknownName(kind, name, known, "the gradebook")
    scores = _scores(connection)
    unfinished = frozenset(student for (student, _), score in scores.items() if not score.complete)
    chosen = tuple(person for person in people if not students or person.id in students)
    # The total is of the course, also where one assignment is written.
    whole = settle(Book(chosen, tuple(items), scores, unfinished=unfinished))
    kept = {item.name for item in items if not assignments or item.name in assignments}
    return replace(
        whole,
        items=tuple(item for item in items if item.name in kept),
        scores={key: score for key, score in whole.scores.items() if key[1] in kept},
    )


def submissions(connection: Connection, of: Book) -> Iterator[Submission]:
    """The submissions of a book in detail, by assignment and student; one assignment is in memory at a time."""
    for item in of.items:
        marks = _marks(connection, item.name)
        runs: dict[str, list[store.Run]] = {}
        for run in store.load(connection, item.name):
            runs.setdefault(run.student, []).append(run)
        for person in of.people:
            score = of.scores.get((person.id, item.name))
            if score is not None:
                yield Submission(person, item, score, tuple(marks.get(person.id, ())), tuple(runs.get(person.id, ())))


def count_outcomes(connection: Connection, of: Book) -> int:
    """How many hidden tests were run for the assignments of a book."""
    if not inspect(connection).has_table(store.RUN.name):
        return 0
    chosen = store.RUN.c.assignment.in_([item.name for item in of.items])
    return int(
        connection.execute(select(func.count()).select_from(store.OUTCOME.join(store.RUN)).where(chosen)).scalar_one()
    )


def _people(connection: Connection) -> list[Person]:
    s = nb.Student
    query = select(s.id, s.first_name, s.last_name, s.email, s.lms_user_id)
    people = [Person(*(text or "" for text in row)) for row in connection.execute(query)]
    return sorted(people, key=lambda person: (person.last_name, person.first_name, person.id))


def _items(connection: Connection) -> list[Item]:
    most = _max_points()
    query = select(nb.Assignment.name, func.coalesce(most.c.points, 0.0), nb.Assignment.duedate).outerjoin(
        most, most.c.id == nb.Assignment.id
    )
    items = [Item(str(name), float(points), due) for name, points, due in connection.execute(query)]
    return sorted(items, key=lambda item: (item.due is None, item.due, item.name))


def _max_points() -> Subquery:
    """Points of an assignment: of its graded cells and tasks."""
    most = func.coalesce(_CELL.c.max_score, _TASK.c.max_score, 0.0)
    return (
        select(nb.Notebook.assignment_id.label("id"), func.sum(most).label("points"))
        .join(_BASE, _BASE.c.notebook_id == nb.Notebook.id)
        .outerjoin(_CELL, _CELL.c.id == _BASE.c.id)
        .outerjoin(_TASK, _TASK.c.id == _BASE.c.id)
        .group_by(nb.Notebook.assignment_id)
        .subquery()
    )


def _points() -> Any:
    """nbgrader's `Grade.score`: a mark by hand goes before an automatic one, plus extra credit; 0 without either."""
    extra = func.coalesce(_GRADE.c.extra_credit, 0.0)
    mark = func.coalesce(_GRADE.c.manual_score, _GRADE.c.auto_score)
    return case((mark.is_(None), 0.0), else_=mark + extra)


def _waiting() -> Any:
    unscored = and_(_GRADE.c.manual_score.is_(None), _GRADE.c.auto_score.is_(None))
    return or_(unscored, _GRADE.c.needs_manual_grade.is_(True))


def _scores(connection: Connection) -> dict[tuple[str, str], Score]:
    # Penalties are summed by themselves: joined with the grades, each would count once a cell.
    penalty = (
        select(_NOTEBOOK.c.assignment_id.label("id"), func.sum(_NOTEBOOK.c.late_submission_penalty).label("points"))
        .group_by(_NOTEBOOK.c.assignment_id)
        .subquery()
    )
    grades: Subquery = (
        select(
            _NOTEBOOK.c.assignment_id.label("id"),
            func.sum(_points()).label("points"),
            func.sum(case((_waiting(), 1), else_=0)).label("waiting"),
        )
        .join(_GRADE, _GRADE.c.notebook_id == _NOTEBOOK.c.id)
        .group_by(_NOTEBOOK.c.assignment_id)
        .subquery()
    )
    query: Select[Any] = (
        select(
            _ASSIGNMENT.c.student_id,
            nb.Assignment.name,
            func.coalesce(grades.c.points, 0.0),
            func.coalesce(penalty.c.points, 0.0),
            _ASSIGNMENT.c.timestamp,
            _ASSIGNMENT.c.extension,
            func.coalesce(grades.c.waiting, 0),
        )
        .join(nb.Assignment, nb.Assignment.id == _ASSIGNMENT.c.assignment_id)
        .outerjoin(grades, grades.c.id == _ASSIGNMENT.c.id)
        .outerjoin(penalty, penalty.c.id == _ASSIGNMENT.c.id)
    )
    unreadable, isolations = _unreadable(connection), _isolations(connection)
    return {
        (student, name): Score(
            round(float(raw), 6),
            round(float(taken), 6),
            submitted,
            extension if isinstance(extension, timedelta) else None,
            int(waiting),
            (student, name) in unreadable,
            "; ".join(isolations.get((student, name), ())),
        )
        for student, name, raw, taken, submitted, extension, waiting in connection.execute(query)
    }


def _unreadable(connection: Connection) -> set[tuple[str, str]]:
    """(student, assignment) of the submissions of which nothing could be graded."""
    if not inspect(connection).has_table(store.RUN.name):
        return set()
    c = store.RUN.c
    query = select(c.student, c.assignment, c.notes).where(c.notes.contains("unreadable"))
    return {
        (student, assignment)
        for student, assignment, notes in connection.execute(query)
        if any(note.get("kind") == "unreadable" for note in json.loads(notes))
    }


def _isolations(connection: Connection) -> dict[tuple[str, str], list[str]]:
    """By (student, assignment): what stood around the code of the notebooks, in the order of the words."""
    if not inspect(connection).has_table(store.RUN.name):
        return {}
    c = store.RUN.c
    found: dict[tuple[str, str], list[str]] = {}
    for student, assignment, isolation in connection.execute(
        select(c.student, c.assignment, c.isolation).distinct().order_by(c.isolation)
    ):
        found.setdefault((student, assignment), []).append(isolation)
    return found


def _marks(connection: Connection, assignment: str) -> dict[str, list[Mark]]:
    """nbgrader's grades of an assignment by student, in the order of notebooks and cells."""
    comment = nb.Comment.__table__
    query: Select[Any] = (
        select(
            _ASSIGNMENT.c.student_id,
            nb.Notebook.name,
            _BASE.c.name,
            _GRADE.c.auto_score,
            _GRADE.c.manual_score,
            _GRADE.c.extra_credit,
            func.coalesce(_CELL.c.max_score, _TASK.c.max_score, 0.0),
            case((_waiting(), 1), else_=0),
            func.coalesce(comment.c.manual_comment, comment.c.auto_comment),
        )
        .join(_NOTEBOOK, _NOTEBOOK.c.id == _GRADE.c.notebook_id)
        .join(_ASSIGNMENT, _ASSIGNMENT.c.id == _NOTEBOOK.c.assignment_id)
        .join(nb.Assignment, nb.Assignment.id == _ASSIGNMENT.c.assignment_id)
        .join(_BASE, _BASE.c.id == _GRADE.c.cell_id)
        .join(nb.Notebook, nb.Notebook.id == _BASE.c.notebook_id)
        .outerjoin(_CELL, _CELL.c.id == _BASE.c.id)
        .outerjoin(_TASK, _TASK.c.id == _BASE.c.id)
        # A comment belongs to the solution cell of the same grade_id.
        .outerjoin(
            (other := _BASE.alias("commented")),
            and_(other.c.notebook_id == _BASE.c.notebook_id, other.c.name == _BASE.c.name, other.c.id != _BASE.c.id),
        )
        .outerjoin(
            comment,
            and_(
                comment.c.notebook_id == _NOTEBOOK.c.id,
                or_(comment.c.cell_id == other.c.id, comment.c.cell_id == _BASE.c.id),
            ),
        )
        .where(nb.Assignment.name == assignment)
        .order_by(_ASSIGNMENT.c.student_id, nb.Notebook.name, _BASE.c.name)
    )
    found: dict[str, dict[tuple[str, str], Mark]] = {}
    for student, notebook, cell, auto, manual, extra, most, waiting, remark in connection.execute(query):
        mark = manual if manual is not None else auto
        points = None if mark is None else float(mark) + float(extra or 0.0)
        more = (manual is not None, float(extra or 0.0), bool(waiting), str(remark or ""))
        # A task's comment and a solution's could both be there: one row a cell, whatever the joins find.
        found.setdefault(student, {})[(notebook, cell)] = Mark(notebook, cell, points, float(most), *more)
    return {student: list(marks.values()) for student, marks in found.items()}
