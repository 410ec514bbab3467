"""nbgrader's rows of one student, as nbgrader's own autograde would leave them: created, scored, penalised."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from nbgrader import api
from sqlalchemy import Connection, bindparam, insert, select, update

from chainrule.audit import Change

STUDENT = api.Student.__table__
ASSIGNMENT = api.Assignment.__table__
SUBMITTED = api.SubmittedAssignment.__table__
NOTEBOOK = api.Notebook.__table__
SUBMITTED_NOTEBOOK = api.SubmittedNotebook.__table__
CELL = api.BaseCell.__table__
GRADE = api.Grade.__table__
COMMENT = api.Comment.__table__

Penalty = Callable[[str, float, float], float | None]
"""Student, score of a notebook, seconds late: the points to take off it, or None."""


@dataclass(frozen=True)
class Sheet:
    """What autograding found out about one notebook, by cell: a score of None is for a human to give.

    A mark by hand on a cell that is `settled` need not be looked at again while the cell's automatic score stays.
    """

    scores: Mapping[str, float | None]
    comments: Mapping[str, str | None]
    settled: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Released:
    """A notebook of the assignment: its kernel as JSON, and of its cells (by name) the ids of those with such rows."""

    id: str
    kernelspec: str | None
    grades: dict[str, str] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)


class Scores:
    """The scores of one assignment. Read once for a run: nothing here changes while a run lasts."""

    def __init__(self, connection: Connection, assignment: str, penalty: Penalty) -> None:
        self._penalty = penalty
        self.id, self.due = connection.execute(
            select(ASSIGNMENT.c.id, ASSIGNMENT.c.duedate).where(ASSIGNMENT.c.name == assignment)
        ).one()
        rows = connection.execute(
            select(NOTEBOOK.c.name, NOTEBOOK.c.id, NOTEBOOK.c.kernelspec).where(NOTEBOOK.c.assignment_id == self.id)
        )
        self.notebooks = {name: _Released(key, kernel) for name, key, kernel in rows}
        for released in self.notebooks.values():
            cells = select(CELL.c.name, CELL.c.id, CELL.c.type).where(CELL.c.notebook_id == released.id)
            for name, key, kind in connection.execute(cells):
                if kind != "SolutionCell":
                    released.grades[name] = key
                if kind != "GradeCell":
                    released.comments[name] = key

    def write(
        self, connection: Connection, student: str, timestamp: datetime | None, sheets: Mapping[str, Sheet]
    ) -> list[Change]:
        """Write a student's rows. A notebook without a sheet was not submitted. The caller commits.

        Returns the automatic scores that were there before and are others now.
        """
        if connection.execute(select(STUDENT.c.id).where(STUDENT.c.id == student)).first() is None:
            connection.execute(insert(STUDENT).values(id=student))
        submission, late = self._submission(connection, student, timestamp)
        notebooks = self._notebooks(connection, submission)
        changes = self._grades(connection, notebooks, sheets)
        self._comments(connection, notebooks, sheets)
        for name in sorted(sheets):
            self._penalise(connection, student, notebooks[name], late)
        return changes

    def _submission(self, connection: Connection, student: str, timestamp: datetime | None) -> tuple[str, float]:
        """The id of the submission and how many seconds it is late."""
        found = connection.execute(
            select(SUBMITTED.c.id, SUBMITTED.c.timestamp, SUBMITTED.c.extension).where(
                SUBMITTED.c.assignment_id == self.id, SUBMITTED.c.student_id == student
            )
        ).one_or_none()
        if found is None:
            key, extension = api.new_uuid(), None
            connection.execute(
                insert(SUBMITTED).values(id=key, assignment_id=self.id, student_id=student, timestamp=timestamp)
            )
        else:
            key, before, extension = found
            if timestamp is None:
                timestamp = before
            elif timestamp != before:
                connection.execute(update(SUBMITTED).where(SUBMITTED.c.id == key).values(timestamp=timestamp))
        return key, self.seconds_late(timestamp, extension)

    def seconds_late(self, timestamp: datetime | None, extension: timedelta | None) -> float:
        """After the due date and the student's extension; 0 if one of the times is not known."""
        if timestamp is None or self.due is None:
            return 0.0
        return max(0.0, float((timestamp - self.due - (extension or timedelta())).total_seconds()))

    def _notebooks(self, connection: Connection, submission: str) -> dict[str, str]:
        """The ids of the submitted notebooks, by name."""
        mine = SUBMITTED_NOTEBOOK.c.assignment_id == submission
        rows = connection.execute(select(SUBMITTED_NOTEBOOK.c.notebook_id, SUBMITTED_NOTEBOOK.c.id).where(mine))
        there = {row.notebook_id: row.id for row in rows}
        new = [
            {"id": api.new_uuid(), "notebook_id": released.id, "assignment_id": submission}
            for released in self.notebooks.values()
            if released.id not in there
        ]
        _execute(connection, insert(SUBMITTED_NOTEBOOK), new)
        there |= {row["notebook_id"]: row["id"] for row in new}
        return {name: there[released.id] for name, released in self.notebooks.items()}

    def _grades(
        self, connection: Connection, notebooks: Mapping[str, str], sheets: Mapping[str, Sheet]
    ) -> list[Change]:
        there = {
            (row.notebook_id, row.cell_id): row
            for row in connection.execute(select(GRADE).where(GRADE.c.notebook_id.in_(notebooks.values())))
        }
        new: list[tuple[str, str, float | None, bool]] = []
        changed = []
        changes = []
        for notebook, released in self.notebooks.items():
            sheet = sheets.get(notebook)
            for name, cell in released.grades.items():
                old = there.get((notebooks[notebook], cell))
                if sheet is not None and name not in sheet.scores:
                    if old is None:
                        new.append((notebooks[notebook], cell, None, True))
                    continue
                score = 0.0 if sheet is None else sheet.scores[name]
                by_hand = old is not None and old.manual_score is not None
                waits = sheet is not None and (score is None or by_hand)
                if old is None:
                    new.append((notebooks[notebook], cell, score, waits))
                    continue
                if old.auto_score != score:
                    changes.append(Change(notebook, name, old.auto_score, score, old.manual_score))
                elif by_hand and sheet is not None and name in sheet.settled:
                    waits = old.needs_manual_grade  # nothing happened that the mark's author did not see
                if (old.auto_score, old.needs_manual_grade) != (score, waits):
                    changed.append({"key": old.id, "score": score, "waits": waits})
        columns = ("notebook_id", "cell_id", "auto_score", "needs_manual_grade")
        _execute(connection, insert(GRADE), [dict(zip(columns, row, strict=True)) for row in new])
        set_score = update(GRADE).where(GRADE.c.id == bindparam("key"))
        set_score = set_score.values(auto_score=bindparam("score"), needs_manual_grade=bindparam("waits"))
        _execute(connection, set_score, changed)
        return changes

    def _comments(self, connection: Connection, notebooks: Mapping[str, str], sheets: Mapping[str, Sheet]) -> None:
        there = {
            (row.notebook_id, row.cell_id): row
            for row in connection.execute(select(COMMENT).where(COMMENT.c.notebook_id.in_(notebooks.values())))
        }
        new, changed = [], []
        for notebook, released in self.notebooks.items():
            said = sheets[notebook].comments if notebook in sheets else {}
            for name, cell in released.comments.items():
                old = there.get((notebooks[notebook], cell))
                if old is None:
                    row = {"notebook_id": notebooks[notebook], "cell_id": cell, "auto_comment": said.get(name)}
                    new.append(row)
                elif name in said and old.auto_comment != said[name]:
                    changed.append({"key": old.id, "comment": said[name]})
        _execute(connection, insert(COMMENT), new)
        set_comment = update(COMMENT).where(COMMENT.c.id == bindparam("key"))
        _execute(connection, set_comment.values(auto_comment=bindparam("comment")), changed)

    def _penalise(self, connection: Connection, student: str, notebook: str, late: float) -> None:
        penalty = None
        if late > 0:
            score = select(api.SubmittedNotebook.score).where(api.SubmittedNotebook.id == notebook)
            penalty = self._penalty(student, connection.execute(score).scalar_one(), late)
        row = update(SUBMITTED_NOTEBOOK).where(SUBMITTED_NOTEBOOK.c.id == notebook)
        connection.execute(row.values(late_submission_penalty=penalty))


def _execute(connection: Connection, statement: Any, rows: Iterable[dict[str, Any]]) -> None:
    if rows := list(rows):
        connection.execute(statement, rows)
