"""Item analysis gives the values that a hand, NumPy and SciPy give."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from chainrule.report import items
from chainrule.report.discrimination import rest_scores
from chainrule.report.responses import Responses, responses


def table(points: dict[str, list[float]], maxima: dict[str, float]) -> pd.DataFrame:
    rows = [
        (f"s{i}", exercise, value, maxima[exercise], value / maxima[exercise])
        for exercise, values in points.items()
        for i, value in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=["student", "exercise", "points", "max_points", "fraction"])


def outcomes(rows: list[tuple[str, str, str, str, str | None]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["student", "exercise", "test", "status", "misconception"])
    return frame.assign(title=frame["test"] + " holds", points=1.0, max_points=1.0, seconds=0.5)


def test_difficulty_is_the_mean_fraction_of_the_points() -> None:
    """By hand: fractions 1, 0.5, 0 and 0.5 have mean 0.5; a quarter has all the points, a quarter none."""
    frame, _ = items.exercises(table({"a": [4, 2, 0, 2], "b": [1, 1, 0, 0]}, {"a": 4, "b": 1}), pd.Series(["a", "b"]))
    first = frame.iloc[0]
    assert (first["difficulty"], first["mean_points"], first["full"], first["none"]) == (0.5, 2.0, 0.25, 0.25)
    assert list(frame["exercise"]) == ["a", "b"]


def test_discrimination_is_the_correlation_with_the_rest_and_not_with_the_total() -> None:
    rng = np.random.default_rng(1)
    skill = rng.normal(size=40)
    points = {e: list(np.clip(np.round(3 + skill + rng.normal(size=40)), 0, 6)) for e in ("a", "b", "c")}
    frame, _ = items.exercises(table(points, dict.fromkeys(points, 6.0)), pd.Series(list(points)))
    for exercise, value in zip(frame["exercise"], frame["discrimination"], strict=True):
        rest = np.sum([values for name, values in points.items() if name != exercise], axis=0)
        assert value == pytest.approx(stats.pearsonr(points[exercise], rest).statistic, abs=1e-12)
        total = np.sum(list(points.values()), axis=0)
        assert value < stats.pearsonr(points[exercise], total).statistic


def test_discrimination_of_a_right_or_wrong_exercise_is_the_point_biserial_correlation() -> None:
    right = [1.0, 0.0, 1.0, 1.0, 0.0, 1.0]
    other = [5.0, 1.0, 4.0, 2.0, 3.0, 5.0]
    frame, _ = items.exercises(table({"a": right, "b": other}, {"a": 1.0, "b": 5.0}), pd.Series(["a", "b"]))
    expected = stats.pointbiserialr(np.array(right, dtype=bool), other).statistic
    assert frame["discrimination"].tolist() == pytest.approx([expected, expected], abs=1e-12)


def test_a_student_without_a_score_in_an_exercise_is_left_out_of_it_and_compared_by_the_rest_they_have() -> None:
    nan = float("nan")
    frame = table({"a": [1, 0, 1, nan], "b": [4, 1, nan, 2], "c": [2, 1, 2, 0]}, {"a": 1, "b": 4, "c": 2})
    points = np.array([[1, 4, 2], [0, 1, 1], [1, nan, 2], [nan, 2, 0]])
    assert rest_scores(points, np.array([1.0, 4.0, 2.0]))[:, 0].tolist() == [1.0, 2 / 6, 1.0, 2 / 6]
    first = items.exercises(frame, pd.Series(["a"]))[0].iloc[0]
    assert first["graded"] == 3
    assert first["discrimination"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        ({"a": [1.0, 0.0], "b": [1.0, 0.0]}, "too few students"),
        ({"a": [1.0, 1.0, 1.0], "b": [0.0, 1.0, 0.0]}, "everyone scored the same"),
        ({"a": [1.0, 0.0, 1.0], "b": [1.0, 1.0, 1.0]}, "all rest scores are equal"),
        ({"a": [1.0, 0.0, 1.0]}, "no other scores to compare with"),
        ({"a": [float("nan")] * 3, "b": [1.0, 0.0, 1.0]}, "too few students"),
    ],
)
def test_an_undefined_discrimination_is_blank_and_says_why(points: dict[str, list[float]], reason: str) -> None:
    first = items.exercises(table(points, dict.fromkeys(points, 1.0)), pd.Series(list(points)))[0].iloc[0]
    assert np.isnan(first["discrimination"])
    assert first["reason"] == reason


def test_an_exercise_nobody_has_a_score_for_has_no_statistics() -> None:
    first = items.exercises(table({"a": []}, {"a": 1.0}), pd.Series(["a"]))[0].iloc[0]
    assert first["graded"] == 0
    assert first[["difficulty", "discrimination", "full", "none"]].isna().all()


def test_an_ungraded_outcome_counts_neither_as_passed_nor_as_failed() -> None:
    statuses = ["passed", "failed", "timeout", "crashed", "ungraded"]
    frame = outcomes([(f"s{i}", "a", "t", status, None) for i, status in enumerate(statuses)])
    row = items.tests(responses(frame, pd.Series(["a"])))[0].iloc[0]
    assert row["graded"] == 4
    assert row["pass_rate"] == 0.25
    assert [row[status] for status in statuses] == [1, 1, 1, 1, 1]


def test_tests_that_never_fail_or_never_pass_are_named_if_enough_students_were_graded() -> None:
    rows = [(f"s{i}", "a", test, status, None) for i in range(3) for test, status in (("p", "passed"), ("f", "failed"))]
    remarks = items.tests(responses(outcomes([*rows, ("s0", "a", "few", "passed", None)]), pd.Series(["a"])))[
        0
    ].set_index("test")
    assert remarks["remark"].to_dict() == {"p": "never fails", "f": "never passes", "few": ""}


def test_tests_are_listed_by_exercise_as_in_the_notebook_and_then_as_graded() -> None:
    rows = [
        ("s0", exercise, test, "passed", None) for exercise, test in (("b", "z"), ("a", "y"), ("b", "x"), ("a", "w"))
    ]
    listed = items.tests(responses(outcomes(rows), pd.Series(["b", "a"])))[0]
    assert list(zip(listed["exercise"], listed["test"], strict=True)) == [
        ("b", "z"),
        ("b", "x"),
        ("a", "y"),
        ("a", "w"),
    ]


def test_a_misconception_is_counted_once_for_each_student_and_the_most_frequent_comes_first() -> None:
    rows = [
        ("s0", "a", "t1", "failed", "Half."),
        ("s0", "a", "t2", "failed", "Half."),
        ("s1", "b", "t1", "failed", "Sign."),
        ("s2", "b", "t1", "failed", "Sign."),
        ("s3", "b", "t1", "passed", None),
        ("s4", "b", "t1", "failed", ""),
    ]
    ranked = items.misconceptions(outcomes(rows))
    assert ranked.to_dict("records") == [
        {"exercise": "b", "misconception": "Sign.", "students": 2},
        {"exercise": "a", "misconception": "Half.", "students": 1},
    ]


def test_no_outcomes_give_empty_tables() -> None:
    assert items.tests(responses(outcomes([]), pd.Series(["a"])))[0].empty
    assert items.misconceptions(outcomes([])).empty


def test_a_message_with_numbers_of_the_students_own_is_one_mistake() -> None:
    frame = outcomes(
        [
            ("ada", "fit", "t", "failed", "At x+1e6 your slope moves from 1.5 to -0.25."),
            ("bob", "fit", "t", "failed", "At x+1e6 your slope moves from 2.75 to 1.0e-3."),
        ]
    )

    assert items.misconceptions(frame).to_dict("records") == [
        {"exercise": "fit", "misconception": "At x+1e6 your slope moves from … to ….", "students": 2}
    ]


def matrix(passed: np.ndarray, weights: list[float] | None = None) -> Responses:
    """Outcomes of students by tests of one exercise; NaN is an ungraded one."""
    n, k = passed.shape
    rows = [
        (f"s{i:03}", "a", f"t{j:02}", {1.0: "passed", 0.0: "failed"}.get(passed[i, j], "ungraded"), None)
        for i in range(n)
        for j in range(k)
    ]
    frame = outcomes(rows)
    return responses(frame.assign(max_points=(weights or [1.0] * k) * n), pd.Series(["a"]))


def test_the_discrimination_of_a_test_is_the_point_biserial_correlation_with_the_points_of_the_other_tests() -> None:
    rng = np.random.default_rng(3)
    passed = (rng.normal(size=(60, 1)) + rng.normal(size=(60, 5)) > [-1, 0, 0.5, 1, 0]).astype("float64")
    weights = [1.0, 2.0, 3.0, 1.0, 5.0]
    table, _ = items.tests(matrix(passed, weights))
    for j, value in enumerate(table["discrimination"]):
        rest = np.delete(passed * weights, j, axis=1).sum(axis=1)
        assert value == pytest.approx(stats.pointbiserialr(passed[:, j] == 1, rest).statistic, abs=1e-12)


def test_a_student_without_an_outcome_of_a_test_is_left_out_of_it_alone() -> None:
    passed = np.array([[1, 1, 1], [0, 0, 1], [1, 0, np.nan], [np.nan, 1, 0], [0, 1, 0], [1, 1, 1]], dtype="float64")
    table, whole = items.tests(matrix(passed))
    keep = [0, 1, 2, 4, 5]
    rest = [1.0, 0.5, 0.0, 0.5, 1.0]
    assert table["discrimination"][0] == pytest.approx(stats.pearsonr(passed[keep, 0], rest).statistic, abs=1e-12)
    assert (whole.students, whole.students_left_out) == (4, 2)


def test_where_tests_have_no_points_the_rest_score_counts_the_tests() -> None:
    passed = np.array([[1, 1, 1], [0, 0, 1], [1, 0, 0], [0, 0, 0]], dtype="float64")
    table, _ = items.tests(matrix(passed, [0.0, 0.0, 0.0]))
    expected = stats.pearsonr(passed[:, 0], passed[:, 1:].sum(axis=1)).statistic
    assert table["discrimination"][0] == pytest.approx(expected, abs=1e-12)


def test_a_test_the_strong_fail_is_remarked_on_only_among_enough_students() -> None:
    right = np.tile([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]], (items.CERTAIN, 1))
    assert items.tests(matrix(right))[0]["remark"].tolist()[2] == "negative"
    assert items.tests(matrix(right[: items.CERTAIN - 2]))[0]["remark"].tolist() == ["", "", ""]


def test_median_and_95th_percentile_of_the_seconds_are_those_of_numpy() -> None:
    rng = np.random.default_rng(6)
    frame = outcomes([(f"s{i}", "a", test, "passed", None) for i in range(37) for test in ("t", "u")])
    frame = frame.assign(seconds=rng.exponential(size=74))
    frame.loc[[0, 9], "seconds"] = np.nan
    table, _ = items.tests(responses(frame, pd.Series(["a"])))
    for test, row in table.set_index("test").iterrows():
        known = frame.loc[frame["test"] == test, "seconds"].dropna()
        assert [row["seconds"], row["seconds_95"]] == pytest.approx(np.quantile(known, [0.5, 0.95]))


def test_statistics_of_two_thousand_students_and_thirty_tests_take_milliseconds() -> None:
    """The bound is loose for a busy machine: measured 5 to 20 ms each."""
    import time

    from chainrule.report import clusters

    rng = np.random.default_rng(8)
    passed = (rng.normal(size=(2000, 1)) + rng.normal(size=(2000, 30)) > 0).astype("float64")
    answers = matrix(passed)
    clusters.clusters(answers)  # imports SciPy
    for statistic in (items.tests, clusters.clusters):
        best = min(_seconds(statistic, answers, time.process_time) for _ in range(5))
        assert best < 0.25, f"{statistic.__name__} took {best:.3f} s"


def _seconds(statistic: Callable[[Responses], object], answers: Responses, clock: Callable[[], float]) -> float:
    start = clock()
    statistic(answers)
    return clock() - start
