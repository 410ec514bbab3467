"""Item analysis: how hard each exercise and test is, and how well it tells students apart. Pure functions on frames."""

from __future__ import annotations

import numpy as np
import pandas as pd

from chainrule.report import reliability
from chainrule.report.discrimination import MINIMUM, point_biserial, rest_scores
from chainrule.report.reliability import Reliability
from chainrule.report.responses import GRADED, Responses, exercise_matrix

EXERCISE_COLUMNS = [
    *("exercise", "graded", "mean_points", "difficulty", "discrimination", "reason", "full", "none"),
    "alpha_without",
]
CERTAIN = 10
"""With fewer students than this, no remark is made on a discrimination: it may well be chance."""

LOW = 0.2
"""A discrimination below this is called low (Ebel 1965; docs/references.md)."""


def exercises(table: pd.DataFrame, order: pd.Series) -> tuple[pd.DataFrame, Reliability]:
    """One row per exercise of `order`, from rows of student, exercise, points, max_points, fraction (NaN: not graded).

    graded          how many have a score
    difficulty      their mean fraction of the points: 1 is easy, 0 is hard
    discrimination  correlation of the fraction with the rest score, NaN where undefined
    reason          why it is undefined, else empty
    full, none      share with all the points, with none
    alpha_without   Cronbach's alpha of the other exercises

    And the reliability of the sum of points over all exercises of the table.
    """
    points, fraction = exercise_matrix(table, "points"), exercise_matrix(table, "fraction")
    reachable = table.drop_duplicates("exercise").set_index("exercise")["max_points"].reindex(points.columns)
    rest = rest_scores(points.to_numpy(), reachable.to_numpy(dtype="float64"))
    value, reason = point_biserial(fraction.to_numpy(), rest)
    whole = reliability.alpha(points.to_numpy())
    analysis = pd.DataFrame(
        {
            "graded": fraction.notna().sum(),
            "mean_points": points.where(fraction.notna()).mean(),
            "difficulty": fraction.mean(),
            "discrimination": value,
            "reason": reason,
            "full": _share(fraction >= 1 - 1e-9, fraction),
            "none": _share(fraction <= 1e-9, fraction),
            "alpha_without": whole.without,
        },
        index=points.columns,
    )
    analysis = analysis.reindex(order.astype("str")).rename_axis("exercise").reset_index()
    analysis["reason"] = analysis["reason"].astype("object").fillna("too few students")
    return analysis.fillna({"graded": 0}).astype({"graded": "int64"})[EXERCISE_COLUMNS], whole


def _share(true: pd.DataFrame, known: pd.DataFrame) -> pd.Series:
    count = known.notna().sum()
    return true.sum() / count.where(count > 0)


def tests(answers: Responses) -> tuple[pd.DataFrame, Reliability]:
    """One row per test: how often each status, pass rate, seconds, discrimination; and the reliability over all tests.

    An ungraded outcome counts for nothing but `ungraded`. The discrimination is the point-biserial correlation of
    passing with the rest score: the share of the points of all other tests, or, where the tests have no points, of
    the tests themselves. `seconds` is the median, `seconds_95` the 95th percentile. `remark` names tests that never
    fail or never pass, or that the strong pass no more often than the weak.
    """
    table = answers.tests.copy()
    table["graded"] = table[list(GRADED)].sum(axis=1)
    table["pass_rate"] = table["passed"] / table["graded"].where(table["graded"] > 0)
    weights = answers.weights if answers.weights.any() else np.ones(len(table))
    table["discrimination"], table["reason"] = point_biserial(
        answers.passed, rest_scores(answers.passed * weights, weights)
    )
    whole = reliability.alpha(answers.passed)
    table["alpha_without"] = whole.without
    table["seconds"], table["seconds_95"] = _quantiles(answers.seconds, (0.5, 0.95))
    enough, certain = table["graded"] >= MINIMUM, table["graded"] >= CERTAIN
    table["remark"] = np.select(
        [
            enough & (table["pass_rate"] == 1),
            enough & (table["pass_rate"] == 0),
            certain & (table["discrimination"] < 0),
            certain & (table["discrimination"] < LOW),
        ],
        ["never fails", "never passes", "negative", "low"],
        "",
    )
    return table, whole


def _quantiles(values: np.ndarray, levels: tuple[float, ...]) -> list[np.ndarray]:
    """Of each column of (n, k), linearly interpolated, NaN where a column is empty."""
    if not len(values):
        return [np.full(values.shape[1], np.nan) for _ in levels]
    ordered, count = np.sort(values, axis=0), (~np.isnan(values)).sum(axis=0)  # NaN sorts to the end
    found = []
    for level in levels:
        place = level * np.maximum(count - 1, 0)
        low, high = np.floor(place).astype("int64"), np.ceil(place).astype("int64")
        below, above = (np.take_along_axis(ordered, at[None, :], axis=0)[0] for at in (low, high))
        found.append(below + (above - below) * (place - low))
    return found


_OWN_NUMBER = r"-?\d+\.\d+(?:e[+-]?\d+)?"


def misconceptions(outcomes: pd.DataFrame) -> pd.DataFrame:
    """exercise, misconception, students: the recognised mistakes, the most frequent first.

    A message may hold numbers of the student's own: they are left out, so that one mistake is one row.
    """
    named = outcomes[outcomes["misconception"].notna()]
    texts = named["misconception"].astype("category")
    plain = texts.cat.categories.astype("str").to_series().str.replace(_OWN_NUMBER, "…", regex=True)
    named = named.assign(misconception=texts.astype("object").map(plain).astype("str"))
    named = named[named["misconception"] != ""].drop_duplicates(["exercise", "misconception", "student"])
    table = named.groupby(["exercise", "misconception"], observed=True).size().rename("students").reset_index()
    return table.sort_values(
        ["students", "exercise", "misconception"], ascending=[False, True, True], ignore_index=True
    )
