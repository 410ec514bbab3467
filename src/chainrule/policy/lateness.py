"""When a submission was due for this student, how late it is, and what that leaves of its points."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from fractions import Fraction
from functools import lru_cache

from chainrule.policy import clock
from chainrule.policy.model import DAY, Dispensation, Late, Record


@dataclass(frozen=True)
class Deadline:
    """`at` counts, `due` is everybody's; `source` says who moved it: "", "the gradebook" or "grades.toml"."""

    at: datetime | None
    due: datetime | None
    source: str = ""


@lru_cache(4096)  # due dates; when something was handed in is asked for twice in a row
def utc(time: datetime | None) -> datetime | None:
    """With its zone; the gradebook stores UTC without one."""
    if time is None:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def deadline(record: Record, extensions: Iterable[Dispensation], zone: tzinfo) -> Deadline:
    """The latest of the due date, the gradebook's extension and those of the file: they do not add up.

    Days of the file are calendar days in `zone`.
    """
    due = utc(record.due)
    if due is None:
        return Deadline(None, None)
    best = Deadline(due, due)
    moved = [(due + record.extension, "the gradebook")] if record.extension else []
    for extension in extensions:
        moved.append((extension.until or clock.later(due, extension.days or timedelta(0), zone), "grades.toml"))
    for time, source in moved:
        if best.at is not None and time > best.at:
            best = Deadline(time, due, source)
    return best


def lateness(record: Record, at: datetime | None) -> timedelta:
    """How long after the deadline it was handed in; zero if that cannot be known."""
    submitted = utc(record.submitted)
    return timedelta(0) if submitted is None or at is None else max(timedelta(0), submitted - at)


def started_days(late: timedelta, grace: timedelta) -> int:
    """Started days of 24 hours, counted from the end of the grace."""
    return max(0, -((grace - late) // DAY))


def left(late: Late, points: Fraction, max_points: Fraction, days: int) -> Fraction:
    """The points that remain, so many days late. Never grows with `days`, never falls with `points`."""
    if days <= 0:
        return points
    if late.zero_after is not None and days > late.zero_after:
        return min(points, Fraction(0))
    base = max_points if late.of_maximum else points
    off = days * (late.percent * base / 100 + late.points)
    floor = points * late.at_least_percent / 100
    return min(points, max(points - off, floor, Fraction(0)))


def worth(late: Late, points: Fraction, max_points: Fraction, days: int, budget: int) -> tuple[Fraction, ...]:
    """The points that remain with 0, 1, 2 … late days spent, as far as spending gains anything."""
    most = min(days, budget, days if late.per_assignment is None else late.per_assignment)
    values = [left(late, points, max_points, days - spent) for spent in range(most + 1)]
    return tuple(values[: values.index(values[-1]) + 1])
