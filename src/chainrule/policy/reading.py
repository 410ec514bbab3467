"""`grades.toml` → `Policy`. A mistake in the file is an error with its place, what was found, what is allowed."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC, timedelta, tzinfo
from fractions import Fraction
from pathlib import Path
from typing import Any

from chainrule.course import Course
from chainrule.errors import SourceError
from chainrule.policy import values
from chainrule.policy.model import DAY, Dispensation, Group, Late
from chainrule.policy.place import Where, lines
from chainrule.policy.rules import Policy

FILE = "grades.toml"

ROOT = ("timezone", "decimals", "cap", "extra_credit", "weights", "groups", "late", "extensions", "excused")
GROUP = ("weight", "assignments", "drop_lowest", "counting")
LATE = (
    *("grace_minutes", "percent_per_day", "points_per_day", "percent_of", "at_least_percent", "zero_after_days"),
    *("late_days", "late_days_per_assignment", "late_days_of"),
)


def load(course: Course) -> Policy:
    """The course's policy; without a file, nbgrader's plain sum. Raises `SourceError` or `UnknownName`."""
    path = course.root / FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Policy()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"It cannot be read as UTF-8 text: {error}. Save it as plain text.", path) from error
    return read(text, str(path))


def read(text: str, file: str = FILE) -> Policy:
    """The policy that a file of this text holds."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SourceError(f"This is no TOML: {error}. Strings need quotes, tables stand in [brackets].", file) from None
    where = Where(file, lines(text))
    values.only(found, ROOT, where)

    def get(key: str, reader: Callable[..., Any], default: Any, *rest: Any) -> Any:
        return reader(found[key], where / key, *rest) if key in found else default

    zone: tzinfo = get("timezone", values.zone, UTC)
    groups = get("groups", _groups, ()) + get("weights", _weights, ())
    if groups and not any(group.weight for group in groups):
        raise where.wrong("All weights are 0, so nothing would count. Give at least one assignment or group a weight.")
    return Policy(
        file=file,
        zone=zone,
        decimals=get("decimals", values.whole, 2, 0, 6),
        cap=get("cap", values.number, None),
        extra_credit=get("extra_credit", values.names, ()),
        groups=groups,
        late=get("late", _late, None),
        extensions=tuple(get("extensions", _extensions, (), zone)),
        excused=tuple(get("excused", _excused, ())),
        places=where,
    )


def has_late_policy(folder: Path) -> bool:
    """Whether the course in `folder` says itself what lateness costs. A file that cannot be read counts as such."""
    try:
        return "late" in tomllib.loads((folder / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True  # nothing is frozen while it is unclear; the report says what is wrong


def _groups(value: object, where: Where) -> tuple[Group, ...]:
    return tuple(_group(name, entry, where / name) for name, entry in values.table(value, where).items())


def _group(name: str, value: object, where: Where) -> Group:
    table = values.table(value, where)
    values.only(table, GROUP, where)
    for key in ("weight", "assignments"):
        if key not in table:
            raise where.wrong(f'{key} is missing. A group needs weight = 60 and assignments = ["a0*"], say.')
    return Group(
        name=name,
        weight=values.number(table["weight"], where / "weight"),
        patterns=values.names(table["assignments"], where / "assignments"),
        drop_lowest=values.whole(table.get("drop_lowest", 0), where / "drop_lowest"),
        by_points=values.word(table.get("counting", "equal"), where / "counting", ("equal", "points")) == "points",
    )


def _weights(value: object, where: Where) -> tuple[Group, ...]:
    return tuple(
        Group(pattern, values.number(weight, where / pattern), (pattern,), apart=True)
        for pattern, weight in values.table(value, where).items()
    )


def _late(value: object, where: Where) -> Late:
    table = values.table(value, where)
    values.only(table, LATE, where)
    if "percent_per_day" in table and "points_per_day" in table:
        raise (where / "points_per_day").wrong("percent_per_day is there, too. Keep one of them.")

    def get(key: str, reader: Callable[..., Any], default: Any, *rest: Any) -> Any:
        return reader(table[key], where / key, *rest) if key in table else default

    return Late(
        grace=timedelta(minutes=float(get("grace_minutes", values.number, Fraction(0), 0, 10_000))),
        percent=get("percent_per_day", values.number, Fraction(0), 0, 100),
        points=get("points_per_day", values.number, Fraction(0)),
        of_maximum=get("percent_of", values.word, "earned", ("earned", "maximum")) == "maximum",
        at_least_percent=get("at_least_percent", values.number, Fraction(0), 0, 100),
        zero_after=get("zero_after_days", values.whole, None),
        budget=get("late_days", values.whole, 0, 0, 100),
        per_assignment=get("late_days_per_assignment", values.whole, None, 0, 100),
        budgets=get("late_days_of", _budgets, {}),
    )


def _budgets(value: object, where: Where) -> dict[str, int]:
    return {name: values.whole(days, where / name, 0, 100) for name, days in values.table(value, where).items()}


def _extensions(value: object, where: Where, zone: tzinfo) -> list[Dispensation]:
    found = []
    for index, entry in enumerate(values.tables(value, where)):
        here = where / index
        students, patterns = _whom(entry, here, ("until", "days"))
        if ("until" in entry) == ("days" in entry):
            raise here.wrong("it needs either until (a date and time) or days (a number), and not both.")
        until = values.moment(entry["until"], here / "until", zone) if "until" in entry else None
        days = float(values.number(entry["days"], here / "days", 0, 1000)) * DAY if "days" in entry else None
        found.append(Dispensation(students, patterns, until, days))
    return found


def _excused(value: object, where: Where) -> list[Dispensation]:
    return [
        Dispensation(*_whom(entry, where / index, (), needs_assignment=True))
        for index, entry in enumerate(values.tables(value, where))
    ]


def _whom(
    entry: Mapping[str, Any], where: Where, more: tuple[str, ...], *, needs_assignment: bool = False
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Students and patterns of assignments; without an assignment, all."""
    values.only(entry, ("student", "assignment", *more), where)
    if "student" not in entry:
        raise where.wrong('student is missing: student = "ada", or a list of ids.')
    if needs_assignment and "assignment" not in entry:
        raise where.wrong('assignment is missing: a name, a pattern or a list; ["*"] is all of them.')
    patterns = values.names(entry["assignment"], where / "assignment") if "assignment" in entry else ("*",)
    return values.names(entry["student"], where / "student"), patterns
