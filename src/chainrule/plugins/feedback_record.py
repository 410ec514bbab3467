"""What the gradebook holds on one notebook of one submission, for its feedback page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from nbgrader.api import Gradebook, SubmittedNotebook

from chainrule import gradebook as store
from chainrule.model import Note, Outcome
from chainrule.plugins.feedback_items import Mark
from chainrule.policy import Policy, Total
from chainrule.policy.model import exact, rounded


@dataclass(frozen=True)
class Lateness:
    """What the course's `grades.toml` makes of a submission, in its own words.

    `deadline` is the one that counted. `days_left` is None where the course has no late days. `lines` say for the
    student what was done to the points, a sentence each. `points` are those of the whole assignment after that, None
    where none count (yet); `replaces` says that nbgrader's own penalty does not count.
    """

    deadline: datetime | None = None
    days_used: int = 0
    days_left: int | None = None
    lines: tuple[str, ...] = ()
    points: float | None = None
    replaces: bool = False
    excused: bool = False

    @classmethod
    def of(cls, rules: Policy, total: Total, assignment: str) -> Lateness | None:
        """None for an assignment of which the total knows nothing."""
        own = total.on(assignment)
        if own is None:
            return None
        return cls(
            deadline=own.deadline.replace(tzinfo=None) if own.deadline else None,  # UTC, as all times of the gradebook
            days_used=own.late_days_used,
            days_left=total.late_days_left,
            lines=tuple(line.text for line in own.lateness),
            points=None if own.points is None else float(own.points),
            replaces=rules.late is not None,
            excused=any(line.rule == "excused" for line in own.lines),
        )


@dataclass(frozen=True)
class Other:
    """Another notebook of the same assignment; `waiting` says that a person has still to mark something in it."""

    name: str
    score: float
    max_score: float
    waiting: bool = False


@dataclass(frozen=True)
class Record:
    """All that the page takes from the gradebook.

    Times are in UTC. `due` is the assignment's date, the student's `extension` not added. `score` of `max_score` are
    this notebook's points before anything is taken off. `penalty` is the one in nbgrader's gradebook, of all notebooks
    of the assignment; `lateness` is the course's policy, if it has one.
    """

    student: str
    score: float
    max_score: float
    penalty: float = 0.0
    due: datetime | None = None
    extension: timedelta | None = None
    handed_in: datetime | None = None
    lateness: Lateness | None = None
    marks: Mapping[str, Mark] = field(default_factory=dict)
    others: tuple[Other, ...] = ()
    notes: tuple[Note, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    test_cells: Mapping[str, str] = field(default_factory=dict)
    graded_at: datetime | None = None

    @property
    def together(self) -> Other:
        """All notebooks of the assignment as one, before anything is taken off."""
        return Other(
            "",
            self.score + sum(other.score for other in self.others),
            self.max_score + sum(other.max_score for other in self.others),
            any(other.waiting for other in self.others),
        )

    @property
    def counted(self) -> float:
        """The points that the assignment counts: as the course's policy has it, without one as nbgrader has it."""
        if self.lateness is not None and self.lateness.points is not None:
            return self.lateness.points
        if self.lateness is not None and (self.lateness.replaces or self.lateness.excused):
            return self.together.score
        return max(0.0, self.together.score - self.penalty)

    @property
    def taken_off(self) -> float:
        """For being late, as the difference of the two numbers that are shown, which have two decimals."""
        return max(0.0, float(rounded(exact(self.together.score), 2) - rounded(exact(self.counted), 2)))

    @property
    def total(self) -> float:
        """The headline: what counts or, where only all notebooks together have that, this notebook's own points."""
        return self.score if self.others else self.counted

    @property
    def deadline(self) -> datetime | None:
        """The one that counted."""
        if self.lateness and self.lateness.deadline:
            return self.lateness.deadline
        return self.due + self.extension if self.due and self.extension else self.due

    @property
    def seconds_late(self) -> float:
        """After the deadline that counted; 0 for what came in time."""
        if self.handed_in is None or self.deadline is None:
            return 0.0
        late = self.handed_in.replace(tzinfo=None) - self.deadline.replace(tzinfo=None)
        return max(0.0, late.total_seconds())


def read_record(db_url: str, assignment: str, student: str, notebook: str) -> Record:
    """Reads nbgrader's tables and ours."""
    with Gradebook(db_url) as gradebook:
        row = gradebook.find_submission_notebook(notebook, assignment, student)
        person, submission = row.student, row.assignment
        name = " ".join(part for part in (person.first_name, person.last_name) if part)
        return Record(
            student=f"{name} ({person.id})" if name else person.id,
            score=row.score or 0.0,
            max_score=row.max_score or 0.0,
            penalty=sum(other.late_submission_penalty or 0.0 for other in submission.notebooks),
            due=submission.assignment.duedate,
            extension=submission.extension,
            handed_in=submission.timestamp,
            marks=_marks(row),
            others=tuple(
                Other(other.name, other.score or 0.0, other.max_score or 0.0, bool(other.needs_manual_grade))
                for other in sorted(submission.notebooks, key=lambda other: str(other.name))
                if other.name != notebook
            ),
            **_results(db_url, assignment, student, notebook),
        )


def _marks(row: SubmittedNotebook) -> dict[str, Mark]:
    return {
        grade.name: Mark(
            score=grade.score or 0.0,
            points=grade.max_score or 0.0,
            auto=grade.auto_score,
            manual=grade.manual_score,
            extra=grade.extra_credit,
            waiting=bool(grade.needs_manual_grade) and grade.manual_score is None,
        )
        for grade in row.grades
    }


def _results(db_url: str, assignment: str, student: str, notebook: str) -> dict[str, Any]:
    """Of our tables; nothing if chainrule never graded this notebook."""
    with store.connect(db_url) as connection:
        runs = store.load(connection, assignment, student, notebook)
    if not runs:
        return {}
    run = runs[0]
    return {
        "notes": run.remarks,
        "outcomes": tuple(outcome for _, outcome in run.outcomes),
        "test_cells": {test_cell: outcome.exercise for test_cell, outcome in run.outcomes},
        "graded_at": run.graded_at,
    }
