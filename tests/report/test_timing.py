"""Times of grading, and times in words."""

from __future__ import annotations

import pandas as pd
import pytest

from chainrule.report.timing import COLUMNS, grading_time


def test_grading_time_names_the_longest_and_whose_it_was() -> None:
    runs = pd.DataFrame({"student": ["ada", "bob", "eve", "max"], "seconds": [1.0, 9.0, 2.0, None]})
    row = grading_time(runs).iloc[0]
    assert (row["notebooks"], row["median_seconds"], row["longest_seconds"]) == (3, 2.0, 9.0)
    assert (row["longest_student"], row["total_seconds"]) == ("bob", 12.0)
    assert row["seconds_95"] == pytest.approx(8.3)  # between 2 and 9, at 0.9 of the way


def test_without_runs_there_is_no_row() -> None:
    assert list(grading_time(pd.DataFrame({"student": [], "seconds": []})).columns) == COLUMNS
