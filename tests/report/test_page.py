"""Numbers on the page read well and never claim more than is true."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pytest

from chainrule.report import page


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (3.0, None, "3"),
        (3.25, None, "3.2"),
        (1.0, 2, "1.00"),
        (-0.134, 2, "−0.13"),
        (float("nan"), 2, "–"),
        (None, None, "–"),
    ],
)
def test_numbers_have_the_decimals_they_need(value: float | None, decimals: int | None, text: str) -> None:
    assert page.number(value, decimals) == text


@pytest.mark.parametrize(
    ("fraction", "text"),
    [
        (0.0, "0 %"),
        (0.001, "1 %"),
        (0.734, "73 %"),
        (0.575, "58 %"),
        (0.999, "99 %"),
        (1.0, "100 %"),
        (1.04, "104 %"),
        (None, "–"),
    ],
)
def test_only_all_is_100_percent_and_only_nothing_is_0(fraction: float | None, text: str) -> None:
    assert page.percent(fraction) == text


@pytest.mark.parametrize(
    ("time", "text"), [(datetime(2026, 3, 2, 9, 5), "2 Mar 2026, 09:05 UTC"), (pd.NaT, "–"), (None, "–")]
)
def test_times_name_their_zone(time: datetime | None, text: str) -> None:
    assert page.moment(time) == text
