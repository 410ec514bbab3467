"""Item analysis: how hard each exercise and test is, and how well it tells students apart. Pure functions on frames."""

from __future__ import annotations

import numpy as np
import pandas as pd

MINIMUM = 3
"""With fewer students than this, a correlation or a pass rate says nothing."""


def exercises(table: pd.DataFrame, order: pd.Series) -> pd.DataFrame:
    """One row per exercise of `order`, from rows of student, exercise, points, max_points, fraction (NaN: not graded).

    graded          how many have a score
    difficulty      their mean fraction of the points: 1 is easy, 0 is hard
    discrimination  correlation of the fraction with the rest score, NaN where undefined
    reason          why it is undefined, else empty
    full, none      share with all the points, with none
    """
    rows = []
    for exercise in order:
        own = table.loc[table["exercise"] == exercise].set_index("student")
        fraction = own["fraction"].dropna()
        value, reason = discrimination(fraction, rest_scores(table, exercise))
        rows.append(
            {
                "exercise": exercise,
                "graded": len(fraction),
                "mean_points": own.loc[fraction.index, "points"].mean(),
                "difficulty": fraction.mean(),
                "discrimination": value,
                "reason": reason,
                "full": (fraction >= 1 - 1e-9).mean() if len(fraction) else np.nan,
                "none": (fraction <= 1e-9).mean() if len(fraction) else np.nan,
            }
        )
    return pd.DataFrame(
        rows,
        columns=["exercise", "graded", "mean_points", "difficulty", "discrimination", "reason", "full", "none"],
    )


def rest_scores(table: pd.DataFrame, exercise: str) -> pd.Series:
    """Each student's share of the points of all other exercises that have a score. NaN if there is none."""
    rest = table[(table["exercise"] != exercise) & table["points"].notna()].groupby("student")
    reachable = rest["max_points"].sum()
    return rest["points"].sum() / reachable.where(reachable > 0)


def discrimination(fraction: pd.Series, rest: pd.Series) -> tuple[float, str]:
    """Pearson's correlation over the students who have both (for right-or-wrong items: the point-biserial one).

    Returns the value and "", or NaN and the reason why it is undefined.
    """
    both = pd.DataFrame({"fraction": fraction, "rest": rest}).dropna()
    if len(both) < MINIMUM:
        return float("nan"), "too few students" if len(fraction) < MINIMUM else "no other scores to compare with"
    for column, reason in (("fraction", "everyone scored the same"), ("rest", "all rest scores are equal")):
        if both[column].max() - both[column].min() < 1e-9:
            return float("nan"), reason
    return float(np.corrcoef(both["fraction"], both["rest"])[0, 1]), ""


def tests(outcomes: pd.DataFrame, order: pd.Series) -> pd.DataFrame:
    """One row per test: how often each status, pass rate, median seconds. Exercises as in `order`, tests as graded.

    An ungraded outcome counts for nothing but `ungraded`. `remark` names tests that never fail or never pass.
    """
    keys = ["exercise", "test"]
    by = outcomes.groupby(keys, sort=False, observed=True)
    table = by.agg(title=("title", "last"), max_points=("max_points", "last"), seconds=("seconds", "median"))
    statuses = outcomes.groupby([*keys, "status"], sort=False, observed=True).size().unstack("status", fill_value=0)
    names = ["passed", "failed", "timeout", "crashed", "ungraded"]
    table = table.join(statuses.reindex(columns=names, fill_value=0))
    table["graded"] = table[names[:-1]].sum(axis=1)
    table["pass_rate"] = table["passed"] / table["graded"].where(table["graded"] > 0)
    enough = table["graded"] >= MINIMUM
    table["remark"] = np.select(
        [enough & (table["pass_rate"] == 1), enough & (table["pass_rate"] == 0)], ["never fails", "never passes"], ""
    )
    table = table.reset_index()
    places = {exercise: place for place, exercise in enumerate(order)}
    by_exercise = table["exercise"].map(places).astype("float64").fillna(len(places)).sort_values(kind="stable").index
    return table.loc[by_exercise].reset_index(drop=True)


_OWN_NUMBER = r"-?\d+\.\d+(?:e[+-]?\d+)?"


def misconceptions(outcomes: pd.DataFrame) -> pd.DataFrame:
    """exercise, misconception, students: the recognised mistakes, the most frequent first.

    A message may hold numbers of the student's own: they are left out, so that one mistake is one row.
    """
    named = outcomes[outcomes["misconception"].notna() & (outcomes["misconception"].astype("str") != "")]
    named = named.assign(misconception=named["misconception"].astype("str").str.replace(_OWN_NUMBER, "…", regex=True))
    counted = named.groupby(["exercise", "misconception"], observed=True)["student"].nunique()
    table = counted.rename("students").reset_index()
    return table.sort_values(
        ["students", "exercise", "misconception"], ascending=[False, True, True], ignore_index=True
    )
