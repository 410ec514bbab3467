"""What stands of one student's submission: nbgrader's scores, our outcomes, and the graded notebook on the disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from nbgrader import api
from sqlalchemy import Connection, func, select

from chainrule import gradebook
from chainrule.model import Outcome
from chainrule.notebook import cells

Key = tuple[str, str]
"""A notebook and a cell of it."""


@dataclass(frozen=True)
class Grade:
    """nbgrader's row of a cell. `max_points` are the released ones of now, whatever they were when it was graded."""

    auto: float | None
    manual: float | None = None
    extra: float = 0.0
    max_points: float = 0.0

    def counted(self, auto: float | None) -> float:
        """The points that count if the automatic score were `auto`, by nbgrader's rule."""
        return (self.manual if self.manual is not None else auto or 0.0) + self.extra


@dataclass(frozen=True)
class Stored:
    """All that the gradebook holds of a submission; empty if there is nothing yet. Times are in UTC, naive."""

    grades: Mapping[Key, Grade] = field(default_factory=dict)
    outcomes: Mapping[Key, tuple[Outcome, ...]] = field(default_factory=dict)
    graders: Mapping[str, str] = field(default_factory=dict)
    penalties: Mapping[str, float] = field(default_factory=dict)
    timestamp: datetime | None = None
    extension: timedelta = timedelta()


@dataclass(frozen=True)
class Page:
    """A notebook in `autograded/`: of its cells the students' answers, the points, and the outputs of test cells."""

    answers: Mapping[str, str] = field(default_factory=dict)
    points: Mapping[str, float] = field(default_factory=dict)
    outputs: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Page | None:
        """None if there is none that can be read."""
        try:
            return cls.of(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    @classmethod
    def of(cls, notebook: Mapping[str, Any]) -> Page:
        answers, points, outputs = {}, {}, {}
        for cell in notebook["cells"]:
            name = cells.grade_id(cell)
            if cells.is_solution(cell):
                answers[name] = "".join(cell["source"])
            if cells.is_grade(cell) or cells.is_task(cell):
                points[name] = float(cells.nbgrader(cell).get("points", 0))
            if cells.is_autograded(cell):
                outputs[name] = list(cell.get("outputs", ()))
        return cls(answers, points, outputs)


def load(connection: Connection, assignment: str, student: str) -> Stored:
    """What the gradebook holds of a student's submission."""
    submitted = api.SubmittedAssignment.__table__
    mine = connection.execute(
        select(submitted.c.id, submitted.c.timestamp, submitted.c.extension)
        .join(api.Assignment, api.Assignment.id == submitted.c.assignment_id)
        .where(api.Assignment.name == assignment, submitted.c.student_id == student)
    ).one_or_none()
    if mine is None:
        return Stored()
    part, notebook = api.SubmittedNotebook.__table__, api.Notebook.__table__
    penalties = connection.execute(
        select(notebook.c.name, part.c.late_submission_penalty)
        .join(part, part.c.notebook_id == notebook.c.id)
        .where(part.c.assignment_id == mine.id)
    )
    runs = gradebook.load(connection, assignment, student)
    outcomes: dict[Key, tuple[Outcome, ...]] = {}
    for run in runs:
        for cell, outcome in run.outcomes:
            outcomes[run.notebook, cell] = (*outcomes.get((run.notebook, cell), ()), outcome)
    return Stored(
        grades=_grades(connection, mine.id),
        outcomes=outcomes,
        graders={run.notebook: run.grader_hash for run in runs},
        penalties={name: float(penalty or 0.0) for name, penalty in penalties},
        timestamp=mine.timestamp,
        extension=mine.extension or timedelta(),
    )


def _grades(connection: Connection, submission: str) -> dict[Key, Grade]:
    grade, part, notebook = api.Grade.__table__, api.SubmittedNotebook.__table__, api.Notebook.__table__
    cell, graded, tasks = api.BaseCell.__table__, api.GradeCell.__table__, api.TaskCell.__table__
    rows = connection.execute(
        select(
            notebook.c.name.label("notebook"),
            cell.c.name.label("cell"),
            grade.c.auto_score,
            grade.c.manual_score,
            grade.c.extra_credit,
            func.coalesce(graded.c.max_score, tasks.c.max_score).label("max_points"),
        )
        .join(part, part.c.id == grade.c.notebook_id)
        .join(notebook, notebook.c.id == part.c.notebook_id)
        .join(cell, cell.c.id == grade.c.cell_id)
        .outerjoin(graded, graded.c.id == cell.c.id)
        .outerjoin(tasks, tasks.c.id == cell.c.id)
        .where(part.c.assignment_id == submission)
    )
    return {
        (row.notebook, row.cell): Grade(
            row.auto_score, row.manual_score, row.extra_credit or 0.0, row.max_points or 0.0
        )
        for row in rows
    }
