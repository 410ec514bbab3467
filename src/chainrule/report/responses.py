"""Who passed what: the outcomes of an assignment as matrices of students by tests, for statistics by whole columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

STATUSES = ("passed", "failed", "timeout", "crashed", "ungraded")
GRADED = STATUSES[:-1]


@dataclass(frozen=True)
class Responses:
    """n students by k tests. The tests are by exercise as in the notebook, and within one as graded.

    students  (n,) their ids
    tests     k rows: exercise, test, title, max_points, and how often each status occurs
    passed    (n, k) 1 passed, 0 failed, NaN where there is no outcome or an ungraded one
    seconds   (n, k) how long the test took, NaN where there is no outcome
    """

    students: np.ndarray
    tests: pd.DataFrame
    passed: np.ndarray
    seconds: np.ndarray

    @property
    def weights(self) -> np.ndarray:
        """(k,) the points of the tests."""
        return self.tests["max_points"].to_numpy(dtype="float64", na_value=0.0)


def responses(outcomes: pd.DataFrame, order: pd.Series) -> Responses:
    """The matrices of rows of student, exercise, test, title, max_points, status, seconds.

    `order` has the exercises as in the notebook; others follow. Of two rows for one cell the last one counts.
    """
    student, students = pd.factorize(outcomes["student"])
    item, first = _items(outcomes, order)
    last = np.zeros(len(first), dtype="int64")
    last[item] = np.arange(len(outcomes))
    codes = outcomes["status"].astype("category").cat.set_categories(STATUSES).cat.codes.to_numpy("int64")
    known = codes >= 0
    size = len(STATUSES)
    counts = np.bincount(item[known] * size + codes[known], minlength=len(first) * size).reshape(-1, size)
    tests = outcomes[["exercise", "test"]].iloc[first].reset_index(drop=True)
    tests["title"] = outcomes["title"].iloc[last].to_numpy()
    tests["max_points"] = outcomes["max_points"].iloc[last].to_numpy(dtype="float64")
    tests[list(STATUSES)] = counts
    passed, seconds = np.full((2, len(students), len(first)), np.nan)
    graded = known & (codes < len(GRADED))
    passed[student[graded], item[graded]] = codes[graded] == 0
    seconds[student, item] = outcomes["seconds"].to_numpy(dtype="float64")
    return Responses(np.asarray(students), tests, passed, seconds)


def _items(outcomes: pd.DataFrame, order: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """The test of each row as a number in the order of the tests, and the first row of each test."""
    exercise, exercises = pd.factorize(outcomes["exercise"])
    test, names = pd.factorize(outcomes["test"])
    pair, first = np.unique(exercise * max(len(names), 1) + test, return_index=True)
    places = {str(name): place for place, name in enumerate(order)}
    place = np.array([places.get(str(name), len(places)) for name in exercises], dtype="int64")
    sequence = np.lexsort((first, place[exercise[first]])) if len(first) else np.array([], dtype="int64")
    rank = np.empty(len(sequence), dtype="int64")
    rank[sequence] = np.arange(len(sequence))
    return rank[np.searchsorted(pair, exercise * max(len(names), 1) + test)], first[sequence]


def exercise_matrix(table: pd.DataFrame, value: str) -> pd.DataFrame:
    """Students by exercises: the column `value` of rows of student and exercise, NaN where there is none."""
    student, students = pd.factorize(table["student"])
    exercise, exercises = pd.factorize(table["exercise"])
    matrix = np.full((len(students), len(exercises)), np.nan)
    matrix[student, exercise] = table[value].to_numpy(dtype="float64")
    return pd.DataFrame(matrix, index=pd.Index(students, name="student"), columns=[str(name) for name in exercises])
