"""Figures say in text what they show, have axes with units, and cannot carry markup."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pandas as pd
import pytest

from chainrule.report import figures


def shares(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"exercise": ["fit"], "graded": [10], "full": [0.5], "none": [0.2], **columns})


def texts(figure: figures.Figure) -> list[str]:
    return [element.text or "" for element in ET.fromstring(figure.svg).iter("text")]


def test_every_score_falls_into_one_bar_and_full_marks_into_the_last() -> None:
    figure = figures.score_distribution(pd.Series([0.0, 9.99, 10.0, 55.0, 100.0, float("nan")]))
    assert figure.data["students"].tolist() == [2, 1, 0, 0, 0, 1, 0, 0, 0, 1]


@pytest.mark.parametrize(("best", "last"), [(100.0, 100), (104.0, 110), (110.0, 110), (131.0, 140)])
def test_scores_above_all_the_points_have_bars_of_their_own(best: float, last: int) -> None:
    data = figures.score_distribution(pd.Series([50.0, best])).data
    assert data["percent_to"].max() == last
    assert data["students"].sum() == 2


@pytest.mark.parametrize("count", [1, 4, 30, 2000])
def test_the_histogram_has_a_title_units_and_whole_numbers_of_students(count: int) -> None:
    figure = figures.score_distribution(pd.Series([42.0] * count))
    root = ET.fromstring(figure.svg)
    assert root.get("role") == "img"
    assert "Median 42 %" in str(root.get("aria-label"))
    assert root.findtext("title") == figure.title
    assert {"Score, percent of the points", "Number of students"} <= set(texts(figure))
    ticks = [element.text for element in root.iter("text") if element.get("text-anchor") == "end"]
    assert all(str(tick).isdigit() for tick in ticks[: -1 if count else None])


def test_without_scores_there_is_a_sentence_and_no_picture() -> None:
    figure = figures.score_distribution(pd.Series([], dtype="float64"))
    assert (str(figure.svg), figure.text) == ("", "Nobody has a score yet.")
    assert figures.exercise_shares(shares(), 0).svg == ""


def test_the_shares_of_an_exercise_add_up_to_the_submissions() -> None:
    figure = figures.exercise_shares(shares(), 12)
    assert figure.data.to_dict("records") == [{"exercise": "fit", "full": 5, "partial": 3, "none": 2, "unscored": 2}]
    assert "fit: 5 all points, 3 some points, 2 no points, 2 not graded yet" in figure.text


def test_a_name_with_markup_stays_text() -> None:
    hostile = '<script>alert(1)</script>"&'
    figure = figures.exercise_shares(shares(exercise=[hostile]), 10)
    assert "<script" not in figure.svg
    assert hostile in texts(figure)


def test_the_bar_of_the_largest_group_stays_below_the_name_of_the_median() -> None:
    root = ET.fromstring(figures.score_distribution(pd.Series([42.0] * 5)).svg)
    places = {element.get("class"): float(str(element.get("y"))) for element in root.iter("text")}
    assert places["marked"] + 12 < places["value"]
