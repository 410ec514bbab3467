"""Tests that fail for the same students: likely one difficulty behind several tests."""

from __future__ import annotations

import numpy as np
import pandas as pd

from chainrule.report.discrimination import MINIMUM
from chainrule.report.responses import Responses

THRESHOLD = 0.6
"""Any two tests of a cluster have at least this phi coefficient."""

MOST_TESTS = 400
"""Of an assignment with more tests only those that fail most are compared: the work grows with the square."""

COLUMNS = ["cluster", "students", "tests", "exercises", "scope", "phi", "exercise", "test", "title", "failed"]


def phi(failed: np.ndarray) -> np.ndarray:
    """(k, k): the phi coefficients (Pearson's correlation of two right-or-wrong items) of the columns of (n, k).

    `failed` has 1, 0, and NaN where there is no outcome; each pair is compared over the students who have both. NaN
    where one of the two does not vary among these. Unlike the share of common failures (Jaccard), phi is 0 for two
    hard tests that fail independently of each other.
    """
    known = ~np.isnan(failed)
    ones, seen = _packed(failed == 1), _packed(known)
    n, both, first = _common(seen, seen), _common(ones, ones), _common(ones, seen)
    second = first.T
    spread = first * (n - first) * second * (n - second)
    same: np.ndarray = np.divide(
        n * both - first * second, np.sqrt(spread), out=np.full(n.shape, np.nan), where=spread > 1e-9
    )
    return same


def _packed(true: np.ndarray) -> np.ndarray:
    """(k, n/64): the columns of (n, k) as bits."""
    padded = np.zeros((true.shape[1], -(-len(true) // 64) * 64), dtype=bool)
    padded[:, : len(true)] = true.T
    return np.packbits(padded, axis=1).view(np.uint64)


def _common(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(k, k): in how many places rows of `a` and `b` are both true.

    Counted in bits rather than by a product of matrices: that starts BLAS's threads, which on a busy machine take
    half a second to agree that they are done.
    """
    counts = [np.bitwise_count(row & b).sum(axis=1, dtype="int64") for row in a]
    return np.array(counts, dtype="float64").reshape(len(a), len(b))


def clusters(answers: Responses) -> pd.DataFrame:
    """One row per test of a cluster: the clusters that fail for the most students first, their tests as graded.

    Complete linkage: the two clusters that are the most alike in their least similar tests become one, down to
    THRESHOLD, so that any two tests of a cluster agree to that degree. `students` fail every test of the cluster;
    clusters of fewer than MINIMUM such students are left out. `scope` is "whole exercise" where the cluster is all the
    tests of one exercise, else "one exercise" or "several exercises". `phi` is the smallest one in the cluster.
    """
    failed = 1.0 - answers.passed
    counts, graded = np.nansum(failed, axis=0), (~np.isnan(failed)).sum(axis=0)
    varied = np.flatnonzero((counts > 0) & (counts < graded))
    varied = np.sort(varied[np.argsort(-counts[varied], kind="stable")][:MOST_TESTS])
    if len(varied) < 2:
        return _table([])
    similar = phi(failed[:, varied])
    label = _linked(similar)
    found: list[tuple[int, list[dict[str, object]]]] = []
    for number in np.unique(label):
        own = np.flatnonzero(label == number)
        together = int((failed[:, varied[own]] == 1).all(axis=1).sum())
        if len(own) >= 2 and together >= MINIMUM:
            smallest = float(np.nanmin(similar[np.ix_(own, own)]))
            found.append((together, _cluster(answers.tests, varied[own], counts, together, smallest)))
    found.sort(key=lambda entry: (-entry[0], -len(entry[1])))
    return _table([rows for _, rows in found])


def _linked(similar: np.ndarray) -> np.ndarray:
    """(k,) the cluster of each test, by the place of its first one.

    Not by SciPy, which takes longer to import than the whole assignment to analyse.
    """
    least = np.where(np.isnan(similar), -1.0, similar)  # of any two tests of two clusters; at first each test is one
    least = np.minimum(least, least.T)
    np.fill_diagonal(least, -np.inf)
    label = np.arange(len(least))
    while True:
        first, second = divmod(int(least.argmax()), len(least))
        if least[first, second] < THRESHOLD - 1e-9:
            return label
        label[label == second] = first
        least[first] = least[:, first] = np.minimum(least[first], least[second])
        least[second] = least[:, second] = -np.inf


def _cluster(
    tests: pd.DataFrame, own: np.ndarray, counts: np.ndarray, together: int, smallest: float
) -> list[dict[str, object]]:
    names = tests["exercise"].astype("str")
    exercises = names.iloc[own].unique()
    if len(exercises) > 1:
        scope = "several exercises"
    else:
        scope = "whole exercise" if len(own) == int((names == exercises[0]).sum()) else "one exercise"
    return [
        {
            "students": together,
            "tests": len(own),
            "exercises": ", ".join(exercises),
            "scope": scope,
            "phi": smallest,
            "exercise": names.iloc[place],
            "test": str(tests["test"].iloc[place]),
            "title": str(tests["title"].iloc[place]),
            "failed": int(counts[place]),
        }
        for place in own
    ]


def _table(found: list[list[dict[str, object]]]) -> pd.DataFrame:
    rows = [{"cluster": number, **row} for number, tests in enumerate(found, start=1) for row in tests]
    return pd.DataFrame(rows, columns=COLUMNS)
