"""What the clocks of a time zone show, over the change of summer time, too. In doubt it is the later moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from chainrule.policy.model import DAY


def moment(shown: datetime, zone: tzinfo) -> datetime:
    """When the clocks of `zone` show this, in UTC; `shown` has no zone.

    An hour that occurs twice is the second one. One that is left out is that of a clock not yet put forward.
    """
    return max(shown.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))


def later(time: datetime, days: timedelta, zone: tzinfo) -> datetime:
    """So many calendar days of `zone` later, in UTC: whole days keep the time on the clock, what is left are hours."""
    whole, rest = divmod(days, DAY)
    if whole:
        time = moment(time.astimezone(zone).replace(tzinfo=None) + whole * DAY, zone)
    return time + rest
