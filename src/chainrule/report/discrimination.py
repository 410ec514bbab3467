"""How well an item tells students apart: its correlation with the rest score, for all items at once."""

from __future__ import annotations

import numpy as np

MINIMUM = 3
"""With fewer students than this, a correlation or a pass rate says nothing."""

_SAME = 1e-9


def rest_scores(points: np.ndarray, reachable: np.ndarray) -> np.ndarray:
    """(n, k): each student's share of the points of all items but this one, among the items that have a score.

    `points` is (n, k) with NaN where there is no score, `reachable` (k,) the largest points. NaN if nothing is left.
    """
    known = ~np.isnan(points)
    worth = np.where(known, reachable, 0.0)
    gained = np.where(known, points, 0.0)
    left = worth.sum(axis=1, keepdims=True) - worth
    rest = gained.sum(axis=1, keepdims=True) - gained
    shares: np.ndarray = np.divide(rest, left, out=np.full(points.shape, np.nan), where=left > _SAME)
    return shares


def point_biserial(own: np.ndarray, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(k,) Pearson's correlation of each column of `own` with that of `rest`, and (k,) why it is undefined, else "".

    Over the students who have both; for items that are right or wrong this is the point-biserial correlation. With the
    item itself taken out of the score it is the corrected item-total correlation (Lord and Novick 1968, chapter 15).
    """
    both = ~np.isnan(own) & ~np.isnan(rest)
    count = both.sum(axis=0)
    x, y = _centred(own, both, count), _centred(rest, both, count)
    spread = np.sqrt((x**2).sum(axis=0) * (y**2).sum(axis=0))
    reasons = np.select(
        [
            (~np.isnan(own)).sum(axis=0) < MINIMUM,
            count < MINIMUM,
            np.abs(x).max(axis=0, initial=0.0) < _SAME,
            np.abs(y).max(axis=0, initial=0.0) < _SAME,
        ],
        [
            "too few students",
            "no other scores to compare with",
            "everyone scored the same",
            "all rest scores are equal",
        ],
        "",
    )
    values = np.divide((x * y).sum(axis=0), spread, out=np.full(count.shape, np.nan), where=reasons == "")
    return np.clip(values, -1.0, 1.0), reasons


def _centred(values: np.ndarray, known: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Less the column's mean over the known entries; 0 elsewhere."""
    kept = np.where(known, values, 0.0)
    return np.where(known, kept - kept.sum(axis=0) / np.maximum(count, 1), 0.0)
