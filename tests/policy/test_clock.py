"""Deadlines of the file are what the clocks of the course show."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from chainrule.policy import Record, read
from chainrule.policy.words import moment

DUE = datetime(2026, 3, 6, 18)
LATE = "[late]\ngrace_minutes = 15\npercent_per_day = 10\n"


@pytest.mark.parametrize(
    ("due", "days", "until"),
    [
        (datetime(2026, 10, 24, 16), "2", "26 Oct 2026, 18:00 CET"),  # 18:00 CEST and 49 hours
        (datetime(2026, 3, 28, 17), "2", "30 Mar 2026, 18:00 CEST"),  # 18:00 CET and 47 hours
        (datetime(2026, 10, 24, 16), "1.5", "26 Oct 2026, 06:00 CET"),  # the half day is 12 hours
        (datetime(2026, 10, 24, 0, 30), "1", "25 Oct 2026, 02:30 CET"),  # the clocks show it twice
        (datetime(2026, 10, 25, 0, 30), "0", "25 Oct 2026, 02:30 CEST"),  # no day moves nothing
        (datetime(2026, 3, 6, 18), "3", "9 Mar 2026, 19:00 CET"),
    ],
)
def test_days_of_an_extension_are_calendar_days_in_the_courses_zone(due: datetime, days: str, until: str) -> None:
    """The clock shows the same time on the last day; in that second it is in time, in the next it is not."""
    text = f"timezone = 'Europe/Berlin'\n{LATE}[[extensions]]\nstudent = 'ada'\ndays = {days}\n"
    own = read(text).total("ada", [Record("a", 80, 100, due, due)]).on("a")
    assert own is not None
    assert own.deadline is not None
    assert moment(own.deadline, ZoneInfo("Europe/Berlin")) == until
    for late, started in ((0, 0), (15 * 60, 0), (15 * 60 + 1, 1)):
        found = read(text).total("ada", [Record("a", 80, 100, own.deadline + timedelta(seconds=late), due)]).on("a")
        assert found is not None
        assert found.days_late == started


def test_a_date_alone_lasts_until_the_last_fraction_of_its_last_second() -> None:
    """nbgrader's times have microseconds."""
    text = "[late]\npercent_per_day = 10\n[[extensions]]\nstudent = 'ada'\nuntil = 2026-03-10\n"
    last = datetime(2026, 3, 10, 23, 59, 59, 999999)
    assert read(text).total("ada", [Record("a", 80, 100, last, DUE)]).points == 80
    assert read(text).total("ada", [Record("a", 80, 100, last + timedelta(microseconds=1), DUE)]).points == 72
