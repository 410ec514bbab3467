"""How far the score of an assignment is one thing measured several times: Cronbach's alpha."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from chainrule.report.discrimination import MINIMUM

COVERED = 0.5
"""An item counts if at least this share of the students has a score in it."""

COLUMNS = ["items", "of", "items_used", "items_left_out", "students", "students_left_out", "alpha", "error", "reason"]


@dataclass(frozen=True)
class Reliability:
    """Alpha of some items over some students.

    alpha              Cronbach's, NaN where it is undefined for `reason`
    error              standard error of measurement of the sum, sd · √(1 − alpha), in the items' unit
    without            (k,) alpha of the others if this item is left out; NaN for items not used or where undefined
    items, students    how many were used; the others are `…_left_out`
    """

    alpha: float
    error: float
    without: np.ndarray
    items: int
    items_left_out: int
    students: int
    students_left_out: int
    reason: str


def alpha(scores: np.ndarray) -> Reliability:
    """Cronbach's alpha k/(k−1) · (1 − Σ var(item) / var(sum)) of an (n, k) matrix with NaN where there is no score.

    The rule is listwise: first the items in which fewer than half of the students have a score are left out (what is
    still to be marked), then the students who have no score in one of the others. Items that are all right or all
    wrong stay in. For items of 0 and 1 this is Kuder and Richardson's formula 20 (Cronbach 1951; docs/references.md).
    """
    known = ~np.isnan(scores)
    anybody = known.any(axis=1)
    used = known[anybody].mean(axis=0) >= COVERED if anybody.any() else np.zeros(scores.shape[1], dtype=bool)
    whole = anybody & known[:, used].all(axis=1)
    kept = scores[np.ix_(whole, used)]
    without = np.full(scores.shape[1], np.nan)
    value, error, reason = float("nan"), float("nan"), _undefined(kept)
    if not reason:
        centred = kept - kept.mean(axis=0)
        sums = centred.sum(axis=1, keepdims=True)
        own, shared = (centred**2).sum(axis=0) / (len(kept) - 1), (centred * sums).sum(axis=0) / (len(kept) - 1)
        total = float(shared.sum())
        value = float(_alpha(kept.shape[1], own.sum(), np.array(total)))
        error = float(np.sqrt(total * max(1 - value, 0.0)))
        rest = total - 2 * shared + own  # var(sum − item) = var(sum) − 2 cov(item, sum) + var(item)
        without[used] = _alpha(kept.shape[1] - 1, own.sum() - own, rest)
    return Reliability(
        alpha=value,
        error=error,
        without=without,
        items=int(used.sum()),
        items_left_out=int((~used).sum()),
        students=int(whole.sum()),
        students_left_out=int((~whole).sum()),
        reason=reason,
    )


def _undefined(scores: np.ndarray) -> str:
    students, items = scores.shape
    if items < 2:
        return "fewer than two items"
    if students < MINIMUM:
        return "too few students with all scores"
    return "all sums are equal" if np.ptp(scores.sum(axis=1)) < 1e-9 else ""


def _alpha(items: int, parts: np.ndarray, total: np.ndarray) -> np.ndarray:
    """NaN for a single item and where the sum does not vary."""
    defined = (total > 1e-12) & (items > 1)
    ratio = np.divide(parts, total, out=np.full(np.shape(total), np.nan), where=defined)
    values: np.ndarray = items / max(items - 1, 1) * (1 - ratio)
    return values


def table(parts: dict[str, tuple[str, Reliability]]) -> pd.DataFrame:
    """One row per kind of items: name, unit, and the numbers of its Reliability."""
    rows = [
        {
            "items": name,
            "of": unit,
            "items_used": part.items,
            "items_left_out": part.items_left_out,
            "students": part.students,
            "students_left_out": part.students_left_out,
            "alpha": part.alpha,
            "error": part.error,
            "reason": part.reason,
        }
        for name, (unit, part) in parts.items()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)
