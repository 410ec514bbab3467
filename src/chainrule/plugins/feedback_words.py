"""Numbers and times as the feedback page says them."""

from __future__ import annotations

from datetime import UTC, datetime

from markupsafe import Markup

from chainrule.policy.model import exact
from chainrule.policy.words import number


def points(value: float) -> str:
    """Points without needless digits: 7, 7.5, 6.33; a real minus sign. Rounded half up, as the policy's words."""
    return number(exact(value))


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


def moment(time: datetime) -> Markup:
    """A `<time>` element: 6 March 2026, 18:00 UTC. A time without a zone is taken for UTC, as nbgrader keeps them."""
    utc = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    words = f"{utc.day} {utc:%B %Y, %H:%M} UTC"
    return Markup('<time datetime="{}">{}</time>').format(utc.isoformat(timespec="minutes"), words)
