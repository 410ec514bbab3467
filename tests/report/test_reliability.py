"""Alpha is the one of other formulas, of a published example, and says what it left out."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule.report.reliability import alpha, table

NAN = float("nan")

ATTITUDE = np.array(
    [
        text.split()
        for text in (
            "43 63 71 61 81 43 58 71 72 67 64 67 69 68 77 81 74 65 65 50 50 64 53 40 63 66 78 48 85 82",
            "51 64 70 63 78 55 67 75 82 61 53 60 62 83 77 90 85 60 70 58 40 61 66 37 54 77 75 57 85 82",
            "30 51 68 45 56 49 42 50 72 45 53 47 57 83 54 50 64 65 46 68 33 52 52 42 42 66 58 44 71 39",
            "39 54 69 47 66 44 56 55 67 47 58 39 42 45 72 72 69 75 57 54 34 62 50 58 48 63 74 45 71 59",
            "61 63 76 54 71 54 66 70 71 62 58 59 55 59 79 60 79 55 75 64 43 66 63 50 66 88 80 51 77 64",
            "92 73 86 84 83 49 68 66 83 80 67 74 63 77 77 54 79 80 85 78 64 80 80 57 75 76 78 83 74 78",
            "45 47 48 35 47 34 35 41 31 41 34 41 25 35 46 36 63 60 46 52 33 41 37 49 33 72 49 38 55 39",
        )
    ],
    dtype="float64",
).T
"""Survey of 30 departments: rating, complaints, privileges, learning, raises, critical, advance (references.md)."""


def test_alpha_of_the_attitude_survey_is_the_published_one() -> None:
    found = alpha(ATTITUDE)
    assert round(found.alpha, 2) == 0.84
    assert [round(value, 2) for value in found.without] == [0.81, 0.80, 0.83, 0.80, 0.80, 0.86, 0.84]
    assert (found.items, found.students, found.reason) == (7, 30, "")


def test_alpha_is_the_ratio_of_mean_covariance_that_an_independent_formula_gives() -> None:
    rng = np.random.default_rng(5)
    scores = rng.normal(size=(50, 1)) + rng.normal(size=(50, 6)) * np.array([1, 2, 1, 0.5, 3, 1])
    covariance = np.cov(scores, rowvar=False)
    k, variance = 6, np.diag(covariance).mean()
    mean = (covariance.sum() - np.trace(covariance)) / (k * (k - 1))
    found = alpha(scores)
    assert found.alpha == pytest.approx(k * mean / (variance + (k - 1) * mean), abs=1e-12)
    assert found.error == pytest.approx(scores.sum(axis=1).std(ddof=1) * np.sqrt(1 - found.alpha), abs=1e-12)
    for item in range(k):
        assert found.without[item] == pytest.approx(alpha(np.delete(scores, item, axis=1)).alpha, abs=1e-12)


def test_of_right_or_wrong_items_it_is_formula_20_of_kuder_and_richardson() -> None:
    """By hand: 5 students, 4 items; p = .8 .6 .4 .2, Σ pq = 0.8, sums 4 3 2 1 0 have variance 2: 4/3 · (1 − 0.4)."""
    scores = np.tril(np.ones((5, 4)), -1)
    found = alpha(scores)
    p = scores.mean(axis=0)
    assert 4 / 3 * (1 - (p * (1 - p)).sum() / scores.sum(axis=1).var()) == pytest.approx(0.8)
    assert found.alpha == pytest.approx(0.8, abs=1e-12)


def test_equal_items_have_alpha_one_and_no_error_and_unrelated_ones_none() -> None:
    column = np.array([[1.0], [2.0], [4.0]])
    assert alpha(np.repeat(column, 3, axis=1)).alpha == pytest.approx(1.0)
    assert alpha(np.repeat(column, 3, axis=1)).error == pytest.approx(0.0, abs=1e-6)
    independent = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype="float64")
    assert alpha(independent).alpha == pytest.approx(0.0, abs=1e-12)


def test_items_few_have_a_score_in_are_left_out_before_the_students_who_miss_one() -> None:
    scores = np.array(
        [
            [1, 2, 3, NAN],
            [2, 2, 1, NAN],
            [3, 1, 2, NAN],
            [0, 0, 1, 5],
            [1, NAN, 1, NAN],
            [NAN, NAN, NAN, NAN],
        ]
    )
    found = alpha(scores)
    assert (found.items, found.items_left_out, found.students, found.students_left_out) == (3, 1, 4, 2)
    assert found.alpha == pytest.approx(alpha(scores[:4, :3]).alpha)
    assert np.isnan(found.without[3])
    assert np.isfinite(found.without[:3]).all()


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        (np.zeros((0, 0)), "fewer than two items"),
        (np.zeros((5, 1)), "fewer than two items"),
        (np.array([[1.0, 2.0], [3.0, 1.0]]), "too few students with all scores"),
        (np.full((4, 3), NAN), "fewer than two items"),
        (np.ones((4, 3)), "all sums are equal"),
        (np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]), "all sums are equal"),
    ],
)
def test_an_undefined_alpha_is_blank_and_says_why(scores: np.ndarray, reason: str) -> None:
    found = alpha(scores)
    assert found.reason == reason
    assert np.isnan([found.alpha, found.error, *found.without]).all()


def test_of_two_items_none_can_be_left_out() -> None:
    assert np.isnan(alpha(np.array([[1.0, 2.0], [3.0, 1.0], [4.0, 4.0]])).without).all()


def test_a_constant_item_stays_in_and_lowers_nothing_else() -> None:
    scores = np.column_stack([ATTITUDE, np.full(30, 7.0)])
    found = alpha(scores)
    assert found.items == 8
    assert found.alpha == pytest.approx(8 / 7 * 6 / 7 * alpha(ATTITUDE).alpha)
    assert found.without[7] == pytest.approx(alpha(ATTITUDE).alpha)


def test_the_table_has_a_row_for_each_kind_of_items() -> None:
    frame = table({"exercises": ("points", alpha(ATTITUDE)), "hidden tests": ("tests", alpha(np.zeros((0, 0))))})
    assert frame["items"].tolist() == ["exercises", "hidden tests"]
    assert frame["reason"].tolist() == ["", "fewer than two items"]
