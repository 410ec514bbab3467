"""Numbers and times as the feedback page says them."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from markupsafe import Markup

from chainrule.policy import words
from chainrule.policy.model import exact


def points(value: float) -> str:
    """Points without needless digits: 7, 7.5, 6.33; a real minus sign. Rounded half up, as the policy's words."""
    return words.number(exact(value))


def counted(number: int, noun: str) -> str:
    """ "1 test", "3 tests"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """A time in words of two units at most: "2 days 3 hours"; empty for less than a minute."""
    parts = []
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count, seconds = divmod(int(seconds), size)
        if count:
            parts.append(counted(count, unit))
    return " ".join(parts[:2])


def moment(time: datetime, zone: tzinfo) -> Markup:
    """A `<time>` element in the words of the policy's sentences: 6 Mar 2026, 19:00 CET.

    A time without a zone is taken for UTC, as nbgrader keeps them.
    """
    local = (time.replace(tzinfo=UTC) if time.tzinfo is None else time).astimezone(zone)
    return Markup('<time datetime="{}">{}</time>').format(
        local.isoformat(timespec="minutes"), words.moment(local, zone)
    )
