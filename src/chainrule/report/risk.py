"""Who may need support over the course: stated rules, each with its reason in words. A sign to look, no verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from chainrule.report.grades import NO_SUBMISSION, UNSCORED

MISSED = 2
"""So many assignments whose due date has passed, without a hand-in, are a sign."""

LOW, LOWEST = 0.5, 0.25
"""A mean share of the points below LOW that is also in this lowest part of the class is a sign, from ENOUGH scores on.

Of a hard course half of the class is below LOW; a list of half the class helps nobody.
"""

FALL = 0.15
"""So much lower, beside the class's median, the last RECENT scores must be than the ENOUGH or more before them."""

RECENT, ENOUGH = 2, 2

RULES = (
    f"{MISSED} or more assignments whose due date has passed were not handed in;",
    f"the mean share of the points graded so far is below {100 * LOW:.0f} % and in the lowest quarter of the class, "
    f"over {ENOUGH} assignments or more;",
    f"the last {RECENT} scores lie, beside the class’s median, {100 * FALL:.0f} percentage points or more below those "
    f"before them ({ENOUGH} or more).",
)
"""The rules as the page states them."""

COLUMNS = ["student", "last_name", "first_name", "signs", "missed", "due", "mean_share", "fall", "reasons"]


@dataclass(frozen=True)
class Progress:
    """One assignment: `students` has student, status and share, the share of the points graded so far (NaN: none)."""

    assignment: str
    due: datetime | None
    students: pd.DataFrame


def shares(rows: pd.DataFrame) -> pd.Series:
    """By student: points over the points that can be had in the exercises that have a score, of `grades.points`."""
    known = rows[rows["points"].notna()]
    sums = known.groupby("student", observed=True)[["points", "max_points"]].sum()
    return (sums["points"] / sums["max_points"].where(sums["max_points"] > 0)).rename("share")


def support(students: pd.DataFrame, course: Sequence[Progress], now: datetime) -> pd.DataFrame:
    """One row per student for whom a rule holds; most signs first. `now` and the due dates are in UTC, without zone.

    `course` is in the order in which the assignments were due; where there is no due date none can be missed.
    """
    if students.empty or not course:
        return pd.DataFrame(columns=COLUMNS)
    ids = students["student"]
    by = [part.students.set_index("student").reindex(ids) for part in course]
    names = np.array([part.assignment for part in course])
    absent = np.column_stack([part["status"].fillna(NO_SUBMISSION).eq(NO_SUBMISSION).to_numpy() for part in by])
    share = np.column_stack(
        [part["share"].where(~part["status"].isin(UNSCORED)).to_numpy(dtype="float64") for part in by]
    )
    due = np.array([part.due is not None and part.due < now for part in course])
    missed = absent & due
    scores = (~np.isnan(share)).sum(axis=1)
    mean = np.divide(np.nansum(share, axis=1), scores, out=np.full(len(ids), np.nan), where=scores > 0)
    enough = scores >= ENOUGH
    line = np.quantile(mean[enough], LOWEST) if enough.any() else 0.0
    fall = _fall(share)
    missing, low, falling = missed.sum(axis=1) >= MISSED, enough & (mean < LOW) & (mean <= line), fall >= FALL
    table = students[["student", "last_name", "first_name"]].assign(
        signs=missing.astype("int64") + low + falling,
        missed=missed.sum(axis=1),
        due=int(due.sum()),
        mean_share=mean,
        fall=fall,
    )
    table["reasons"] = _joined(
        (missing, lambda i: _missed(names[missed[i]], int(due.sum()))),
        (low, lambda i: f"{100 * mean[i]:.0f} % of the points on average in {scores[i]} assignments"),
        (falling, lambda i: f"the last {RECENT} scores are {100 * fall[i]:.0f} {_LOWER}"),
    )
    table = table[table["signs"] > 0]
    return table.sort_values(["signs", "missed", "student"], ascending=[False, False, True], ignore_index=True)


_LOWER = "percentage points lower beside the class’s median"


def _joined(*signs: tuple[np.ndarray, Callable[[int], str]]) -> list[str]:
    """For each student the texts of the signs that hold."""
    return ["; ".join(text(i) for holds, text in signs if holds[i]) for i in range(len(signs[0][0]))]


def _fall(share: np.ndarray) -> np.ndarray:
    """(n,): by how much the last RECENT scores lie lower beside the class's median than the ones before; or NaN."""
    order = np.sort(share, axis=0)
    count = (~np.isnan(share)).sum(axis=0)
    columns = np.arange(share.shape[1])
    middle = np.maximum(count - 1, 0)
    median = (order[middle // 2, columns] + order[(middle + 1) // 2, columns]) / 2
    beside = share - median
    known = ~np.isnan(beside)
    behind = np.cumsum(known[:, ::-1], axis=1)[:, ::-1]  # how many scores there are from here on
    recent, earlier = known & (behind <= RECENT), known & (behind > RECENT)
    enough = (recent.sum(axis=1) == RECENT) & (earlier.sum(axis=1) >= ENOUGH)
    return np.where(enough, _mean(beside, earlier) - _mean(beside, recent), np.nan)


def _mean(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    means: np.ndarray = np.where(where, values, 0.0).sum(axis=1) / np.maximum(where.sum(axis=1), 1)
    return means


def _missed(names: np.ndarray, due: int) -> str:
    if len(names) == due:
        return f"has handed in none of the {due} assignments due so far"
    return f"has not handed in {', '.join(names)} ({len(names)} of the {due} due so far)"
