"""Tests that fail for the same students are found, and only these."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from chainrule.report import clusters
from chainrule.report.responses import Responses

NAN = float("nan")


def answers(failed: np.ndarray, exercises: list[str] | None = None) -> Responses:
    """`failed` has a column per test."""
    k = failed.shape[1]
    tests = pd.DataFrame(
        {
            "exercise": exercises or [f"e{i}" for i in range(k)],
            "test": [f"t{i}" for i in range(k)],
            "title": [f"It holds {i}" for i in range(k)],
            "max_points": 1.0,
        }
    )
    return Responses(np.array([f"s{i}" for i in range(len(failed))]), tests, 1 - failed, np.zeros(failed.shape))


def groups(failed: np.ndarray, exercises: list[str] | None = None) -> list[tuple[int, list[str]]]:
    table = clusters.clusters(answers(failed, exercises))
    return [(int(rows["students"].iloc[0]), rows["test"].tolist()) for _, rows in table.groupby("cluster")]


def test_phi_is_the_correlation_of_two_columns() -> None:
    failed = (np.random.default_rng(2).random((40, 5)) < [0.2, 0.5, 0.9, 0.4, 0.6]).astype("float64")
    assert clusters.phi(failed) == pytest.approx(np.corrcoef(failed, rowvar=False), abs=1e-12)


def test_phi_compares_each_pair_over_the_students_who_have_both() -> None:
    failed = np.array([[1, 1], [0, 0], [1, 0], [0, 1], [1, NAN], [NAN, 0]], dtype="float64")
    assert clusters.phi(failed)[0, 1] == pytest.approx(0.0)
    kept = np.array([[1, 1], [1, NAN], [1, NAN], [0, 0], [0, 1], [NAN, 1]], dtype="float64")
    assert clusters.phi(kept)[0, 1] == pytest.approx(np.corrcoef([1, 0, 0], [1, 0, 1])[0, 1])


def test_tests_of_one_failing_set_are_one_cluster_and_the_largest_comes_first() -> None:
    failed = np.zeros((20, 6))
    failed[:4, [0, 3]] = 1
    failed[5:14, [1, 2, 5]] = 1
    failed[[0, 6, 15], 4] = 1
    assert groups(failed) == [(9, ["t1", "t2", "t5"]), (4, ["t0", "t3"])]


def test_any_two_tests_of_a_cluster_agree_to_the_stated_degree() -> None:
    """A chain in which neighbours agree and the ends do not is no single cluster."""
    failed = np.zeros((30, 4))
    for column in range(4):
        failed[2 * column : 2 * column + 12, column] = 1
    similar = clusters.phi(failed)
    assert similar[0, 1] > clusters.THRESHOLD > similar[0, 3]
    for number, rows in clusters.clusters(answers(failed)).groupby("cluster"):
        own = [int(test[1:]) for test in rows["test"]]
        assert similar[np.ix_(own, own)].min() >= clusters.THRESHOLD, number
        assert rows["phi"].iloc[0] == pytest.approx(similar[np.ix_(own, own)].min())


@pytest.mark.parametrize("seed", range(8))
def test_the_clusters_are_those_of_scipys_complete_linkage(seed: int) -> None:
    """Of random tests behind which are a few common difficulties."""
    rng = np.random.default_rng(seed)
    common = rng.random((300, 6)) < 0.4
    failed = (common[:, rng.integers(6, size=40)] ^ (rng.random((300, 40)) < rng.random(40) / 5)).astype("float64")
    similar = clusters.phi(failed)
    tree = linkage(squareform(1 - similar, checks=False), method="complete")
    label = fcluster(tree, 1 - clusters.THRESHOLD, criterion="distance")
    told = {tuple(f"t{place}" for place in np.flatnonzero(label == number)) for number in np.unique(label)}
    found = {tuple(tests) for _, tests in groups(failed)}
    assert found == {tests for tests in told if len(tests) > 1}
    assert found


def test_two_hard_tests_that_fail_independently_are_no_cluster() -> None:
    failed = (np.random.default_rng(4).random((500, 2)) < 0.9).astype("float64")
    both, either = (failed.sum(axis=1) == 2).sum(), (failed.sum(axis=1) > 0).sum()
    assert both / either > 0.75, "by the share of common failures they would be one"
    assert groups(failed) == []


def test_the_students_counted_fail_every_test_of_the_cluster() -> None:
    failed = np.zeros((12, 2))
    failed[:5, 0] = 1
    failed[:6, 1] = 1
    table = clusters.clusters(answers(failed))
    assert table["students"].tolist() == [5, 5]
    assert table["failed"].tolist() == [5, 6]


@pytest.mark.parametrize(
    "failed",
    [
        np.zeros((0, 0)),
        np.zeros((5, 3)),
        np.ones((5, 3)),
        np.array([[1.0, 1.0], [0.0, 0.0]]),
        np.array([[1.0], [0.0], [1.0]]),
        np.full((4, 2), NAN),
        np.column_stack([np.r_[np.ones(4), np.zeros(4)], np.zeros(8), np.ones(8)]),
    ],
    ids=["nobody", "never fails", "never passes", "two students", "one test", "nothing graded", "one that varies"],
)
def test_where_nothing_can_be_said_there_is_no_cluster(failed: np.ndarray) -> None:
    assert groups(failed) == []
    assert list(clusters.clusters(answers(failed)).columns) == clusters.COLUMNS


def test_a_cluster_says_whether_it_is_a_whole_exercise() -> None:
    failed = np.zeros((30, 6))
    failed[:9, 0:2] = 1
    failed[10:18, 2] = failed[10:18, 3] = 1
    failed[20:27, 4] = failed[20:27, 5] = 1
    table = clusters.clusters(answers(failed, ["fit", "fit", "gd", "gd", "gd", "ridge"])).drop_duplicates("cluster")
    assert table[["exercises", "scope"]].to_numpy().tolist() == [
        ["fit", "whole exercise"],
        ["gd", "one exercise"],
        ["gd, ridge", "several exercises"],
    ]
