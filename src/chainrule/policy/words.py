"""Numbers, times and counts as a student reads them."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from fractions import Fraction
from functools import lru_cache


def percent(part: Fraction, whole: Fraction) -> str:
    """`78 %` for 46.8 of 60."""
    above, below = 100 * part.numerator * whole.denominator, part.denominator * whole.numerator
    return f"{_decimal(above, below, 2)} %"


def number(value: Fraction, decimals: int = 2) -> str:
    """`7`, `7.5`, `6.33`: rounded half up, without needless zeros, with a real minus sign."""
    return _decimal(value.numerator, value.denominator, decimals)


@lru_cache(4096)  # a total is said twice, as what it was and as what it becomes, and a class has few different marks
def _decimal(numerator: int, below: int, decimals: int) -> str:
    if below == 1:
        return str(numerator).replace("-", "−")
    above = abs(numerator)
    units = (2 * above * 10**decimals + below) // (2 * below)
    digits = f"{units:0{decimals + 1}d}"
    text = f"{digits[:-decimals]}.{digits[-decimals:]}".rstrip("0").rstrip(".") if decimals else digits
    return f"−{text}" if numerator < 0 and text != "0" else text


@lru_cache(4096)  # due dates
def moment(time: datetime, zone: tzinfo) -> str:
    """`6 Mar 2026, 18:00 UTC`."""
    local = time.astimezone(zone)
    return f"{local.day} {local:%b %Y, %H:%M} {local.tzname()}"


def duration(time: timedelta) -> str:
    """Two units at most: `2 days 3 hours`, `20 minutes`, `1 second`."""
    rest, parts = int(time.total_seconds()), []
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        amount, rest = divmod(rest, size)
        if amount:
            parts.append(count(amount, unit))
        if len(parts) == 2 or (parts and unit == "minute"):
            break
    return " ".join(parts) or "less than a second"


def count(amount: int, noun: str) -> str:
    return f"{amount} {noun}{'' if amount == 1 else 's'}"
