"""Single values of `grades.toml`, each checked: what was found, what is allowed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, tzinfo
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from chainrule.errors import UnknownName
from chainrule.policy import clock
from chainrule.policy.place import Where


def only(table: Mapping[str, Any], known: Iterable[str], where: Where) -> None:
    """Raise `UnknownName` for a key that is none of the known ones."""
    known = tuple(known)
    for key in table:
        if key not in known:
            place = f"{where / key}, [{where.name}]" if where.path else str(where / key)
            raise UnknownName("setting", key, known, place)


def table(value: object, where: Where) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise where.wrong(f"found {shown(value)}, but this is a table: write it as [{where.name}].")
    return value


def tables(value: object, where: Where) -> list[Mapping[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise where.wrong(f"found {shown(value)}, but this is a list of tables: write each as [[{where.name}]].")
    return value


def number(value: object, where: Where, least: float = 0, most: float | None = None) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | float) or not _within(value, least, most):
        limits = f"a number from {least:g} up" if most is None else f"a number from {least:g} to {most:g}"
        raise where.wrong(f"found {shown(value)}, allowed is {limits}.")
    return Fraction(str(value))


def whole(value: object, where: Where, least: int = 0, most: int = 1000) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise where.wrong(f"found {shown(value)}, allowed is a whole number from {least} to {most}.")
    return value


def yes(value: object, where: Where) -> bool:
    if not isinstance(value, bool):
        raise where.wrong(f"found {shown(value)}, allowed is true or false.")
    return value


def word(value: object, where: Where, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise where.wrong(f"found {shown(value)}, allowed is {' or '.join(map(repr, allowed))}.")
    return str(value)


def names(value: object, where: Where) -> tuple[str, ...]:
    """One name or a list of names, at least one."""
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not found or not all(isinstance(name, str) and name for name in found):
        raise where.wrong(f'found {shown(value)}, allowed is a name in quotes or a list of them: ["ada", "bob"].')
    return tuple(dict.fromkeys(found))


def zone(value: object, where: Where) -> tzinfo:
    if value == "UTC":
        return UTC
    if not isinstance(value, str):
        raise where.wrong(f'found {shown(value)}, allowed is the name of a time zone such as "Europe/Berlin".')
    try:
        return ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UnknownName("time zone", value, available_timezones() | {"UTC"}, str(where)) from None


def moment(value: object, where: Where, zone: tzinfo) -> datetime:
    """In UTC. A time without an offset is meant in `zone` (see `clock.moment`); a date alone is its very end."""
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time.max)
    if not isinstance(value, datetime):
        raise where.wrong(
            f"found {shown(value)}, allowed is a date and time without quotes, such as 2026-03-10T18:00:00 "
            "or 2026-03-10T18:00:00+01:00."
        )
    return value.astimezone(UTC) if value.tzinfo else clock.moment(value, zone)


def shown(value: object) -> str:
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _within(value: float, least: float, most: float | None) -> bool:
    return least <= value < float("inf") and (most is None or value <= most)
