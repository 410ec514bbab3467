"""What is to be counted of one assignment, before it is known what is dropped and where late days are spent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction

from chainrule.policy import lateness
from chainrule.policy.model import Group, Record, exact
from chainrule.policy.rules import Policy

ZERO = Fraction(0)


class State(StrEnum):
    GRADED = "graded"
    MISSING = "missing"  # and due: counts 0
    NOT_DUE = "not due"
    UNGRADED = "ungraded"
    EXCUSED = "excused"


@dataclass(frozen=True)
class Case:
    """`worth` are the points that remain with 0, 1, 2 … late days spent; `group` is None where nothing counts."""

    record: Record
    state: State
    group: Group | None
    extra: bool
    deadline: lateness.Deadline
    late: timedelta
    days: int
    points: Fraction
    maximum: Fraction
    worth: tuple[Fraction, ...]

    @property
    def name(self) -> str:
        return self.record.assignment

    @property
    def counts(self) -> bool:
        if self.group is None or self.state not in (State.GRADED, State.MISSING):
            return False
        return self.maximum > 0 or self.group.name == ""  # a plain sum takes points over nothing, too


def case(policy: Policy, student: str, record: Record, now: datetime) -> Case:
    extensions = policy.extensions_of(student, record.assignment)
    deadline = lateness.deadline(record, extensions, policy.zone)
    late = lateness.lateness(record, deadline.at)
    days = lateness.started_days(late, policy.late.grace) if policy.late else 0
    points, maximum = exact(record.points or 0.0), exact(record.max_points)
    if policy.late:
        worth = lateness.worth(policy.late, points, maximum, days, policy.budget(student))
    elif not record.penalty:
        worth = (points,)
    else:
        worth = (max(points - exact(record.penalty), min(points, ZERO)),)
    return Case(
        record=record,
        state=_state(policy, student, record, deadline, now),
        group=policy.group(record.assignment),
        extra=policy.is_extra(record.assignment),
        deadline=deadline,
        late=late,
        days=days,
        points=points,
        maximum=maximum,
        worth=worth,
    )


def _state(policy: Policy, student: str, record: Record, deadline: lateness.Deadline, now: datetime) -> State:
    if policy.is_excused(student, record.assignment):
        return State.EXCUSED
    if record.points is not None:
        return State.GRADED
    if not policy.file:
        return State.MISSING  # nbgrader's sum: 0 of all points from the first day
    if record.is_there:
        return State.UNGRADED
    return State.MISSING if deadline.at is not None and deadline.at < now else State.NOT_DUE
