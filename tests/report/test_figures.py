"""Figures say in text what they show, have axes with units, and cannot carry markup."""

from __future__ import annotations

from datetime import datetime
from xml.etree import ElementTree as ET

import numpy as np
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


DUE = datetime(2026, 3, 2, 12)


def times(*hours: float) -> pd.Series:
    """Hand-ins so many hours from the due date."""
    return pd.Series([pd.Timestamp(DUE) + pd.Timedelta(hours=hour) for hour in hours])


def numbers(path: str) -> list[tuple[float, float]]:
    """The corners of a step curve as the path draws them."""
    start, *steps = path.replace("V", "H").removeprefix("M").split("H")
    x, y = map(float, start.split())
    corners = [(x, y)]
    for place, height in zip(steps[0::2], steps[1::2], strict=False):
        corners.append((float(place), float(height)))
    return corners


def test_the_curve_of_hand_ins_counts_everybody_who_came_by_then() -> None:
    figure = figures.hand_in(times(-30, -2, -2, 1.5), DUE, 8)
    assert figure.data.to_dict("records") == [
        {"hours_from_due": -30.0, "students": 1, "percent": 12.5},
        {"hours_from_due": -2.0, "students": 3, "percent": 37.5},
        {"hours_from_due": 1.5, "students": 4, "percent": 50.0},
    ]
    assert (
        "4 of 8 students have handed in, 3 of them by the due date (2 in its last 24 hours) and 1 after" in figure.text
    )
    assert "The middle one came 2 h before it" in figure.text


def test_the_curve_of_hand_ins_rises_to_the_share_that_handed_in() -> None:
    figure = figures.hand_in(times(*np.linspace(-100, 50, 700)), DUE, 1000)
    path = next(element for element in ET.fromstring(figure.svg).iter("path"))
    heights = [y for _, y in numbers(str(path.get("d")))]
    assert heights == sorted(heights, reverse=True)
    assert heights[0] == pytest.approx(228, abs=0.5), "nobody at the beginning"
    assert heights[-1] == pytest.approx(228 - 0.7 * 198, abs=0.2), "70 % at the end"
    assert {"Time from the due date, days (− before it)", "Students handed in, percent", "due"} <= set(texts(figure))


def test_one_very_early_hand_in_does_not_squeeze_the_others() -> None:
    figure = figures.hand_in(times(-2000, -20, -10, -1), DUE, 4)
    assert figure.data["hours_from_due"].min() == -2000
    ticks = [int(text.replace("−", "-")) for text in texts(figure) if text.lstrip("−").isdigit()]
    assert min(ticks) == -14
    path = next(element for element in ET.fromstring(figure.svg).iter("path"))
    assert numbers(str(path.get("d")))[0][1] == pytest.approx(228 - 198 / 4, abs=0.1), "who came before is counted"


@pytest.mark.parametrize(
    ("timestamps", "due", "text"),
    [
        (times(-1), None, "There is no due date to compare with."),
        (pd.Series([], dtype="datetime64[ns]"), DUE, "Nobody has handed in yet."),
        (pd.Series([pd.NaT, pd.NaT]), DUE, "Nobody has handed in yet."),
    ],
)
def test_without_a_due_date_or_hand_ins_there_is_no_curve(
    timestamps: pd.Series, due: datetime | None, text: str
) -> None:
    figure = figures.hand_in(timestamps, due, 3)
    assert (str(figure.svg), figure.text) == ("", text)


def test_the_slowest_tests_come_first_with_their_95th_percentile() -> None:
    tests = pd.DataFrame(
        {
            "exercise": "fit",
            "test": [f"t{i}" for i in range(12)],
            "title": [f"It holds {i}" for i in range(11)] + [""],
            "seconds": [*np.arange(11) / 10, np.nan],
            "seconds_95": [*np.arange(11) / 5, np.nan],
        }
    )
    figure = figures.slowest_tests(tests)
    assert figure.data["test"].tolist() == [f"t{i}" for i in range(10, 0, -1)]
    assert "The slowest, of fit (It holds 10), takes 1 s; one run in twenty takes more than 2 s." in figure.text
    assert "Time of one run of the test, seconds" in texts(figure)
    assert figures.slowest_tests(tests.tail(1)).svg == ""


def course_scores(count: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "assignment": [f"a{i:02}_name" for i in range(count)],
            "scored": 10,
            "mean": np.linspace(80, 60, count),
            "sd": 10.0,
            "low": 50.0,
            "median": 70.0,
            "high": 90.0,
        }
    )


def test_the_trend_shows_every_assignment_that_has_a_score() -> None:
    scores = course_scores(18)
    scores.loc[3, ["scored", "mean", "sd", "low", "median", "high"]] = [0, *[np.nan] * 5]
    figure = figures.trend(scores)
    assert "Mean scores of 17 assignments" in figure.text
    assert "a00_name: mean 80 %, middle half 50 to 90 %" in figure.text
    assert {"a00", "a17", "Assignment", "Score, percent of the points"} <= set(texts(figure))
    spreads = [r for r in ET.fromstring(figure.svg).iter("rect") if r.get("class") == "spread"]
    assert len(spreads) == 1 + 17, "the legend's and one for each"
    assert len(figure.data) == 18


def test_names_that_share_a_stem_are_not_cut_to_it() -> None:
    scores = course_scores(5).assign(assignment=["hw_1", "hw_2", "hw_3", "hw_4", "hw_5"])
    assert {"hw_1", "hw_5"} <= set(texts(figures.trend(scores)))


def test_completion_counts_every_student_once() -> None:
    states = pd.DataFrame({"assignment": ["a"], "complete": [5], "waiting": [3], "ungraded": [0], "missing": [2]})
    figure = figures.completion(states)
    assert "a: 5 graded completely, 3 partly graded, 2 nothing handed in" in figure.text
    rects = [r for r in ET.fromstring(figure.svg).iter("rect") if float(str(r.get("height"))) == 18]
    widths = {r.get("class"): float(str(r.get("width"))) + 1 for r in rects}
    assert widths["complete"] / sum(widths.values()) == pytest.approx(0.5, abs=0.01)
    assert set(widths) == {"complete", "waiting", "missing"}


def test_the_map_has_a_cell_for_each_exercise_and_names_the_hardest() -> None:
    frame = pd.DataFrame(
        {
            "assignment": ["a01", "a01", "a02"],
            "exercise": ["gd", "fit", "m1"],
            "difficulty": [0.31, 1.0, np.nan],
        }
    )
    figure = figures.difficulty_map(frame)
    cells = [r for r in ET.fromstring(figure.svg).iter("rect") if r.find("title") is not None]
    assert [(c.get("class"), c.findtext("title")) for c in cells] == [
        ("heat-1", "gd: 31 %"),
        ("heat-4", "fit: 100 %"),
        ("unscored", "m1: too few scores"),
    ]
    assert "The hardest: gd in a01 31 %; fit in a01 100 %." in figure.text
    assert figure.data["place"].tolist() == [1, 2, 1]


@pytest.mark.parametrize(("value", "level"), [(0.0, 0), (0.19, 0), (0.2, 1), (0.6, 3), (0.79, 3), (0.8, 4), (1.2, 4)])
def test_the_colour_of_a_cell_is_that_of_the_legend(value: float, level: int) -> None:
    frame = pd.DataFrame({"assignment": ["a01"], "exercise": ["gd"], "difficulty": [value]})
    cell = next(r for r in ET.fromstring(figures.difficulty_map(frame).svg).iter("rect") if r.find("title") is not None)
    assert cell.get("class") == f"heat-{level}"


def test_every_figure_says_in_its_label_and_description_what_it_shows() -> None:
    drawn = [
        figures.hand_in(times(-3, 1), DUE, 2),
        figures.trend(course_scores(3)),
        figures.score_distribution(pd.Series([50.0]), "total_distribution", "Totals"),
        figures.exercise_shares(shares(), 10),
    ]
    for figure in drawn:
        root = ET.fromstring(figure.svg)
        assert root.get("aria-label") == f"{figure.title}. {figure.text}"
        assert (root.findtext("title"), root.findtext("desc")) == (figure.title, figure.text)
        assert len(figure.data)


def test_empty_courses_have_sentences_instead_of_figures() -> None:
    none = course_scores(0)
    assert figures.trend(none).text == "Nobody has a score yet."
    empty = pd.DataFrame(columns=["assignment", "complete", "waiting", "ungraded", "missing"])
    assert figures.completion(empty).svg == ""
    assert figures.difficulty_map(pd.DataFrame(columns=["assignment", "exercise", "difficulty"])).svg == ""
