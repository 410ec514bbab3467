"""From frames to tables of grades: one row a student, one row a student and exercise."""

from __future__ import annotations

import numpy as np
import pandas as pd

from chainrule.report.frames import Frames

NO_SUBMISSION = "no submission"
NOT_GRADED = "not graded"
UNREADABLE = "unreadable"
NEEDS_GRADING = "needs grading"
LATE = "late"
GRADED = "graded"
COLUMNS = [
    *("student", "last_name", "first_name", "status", "score", "max_score", "percent"),
    *("auto_score", "manual_score", "extra_credit", "late_penalty", "late_seconds", "timestamp", "ungraded", "waiting"),
    "isolation",
]
UNSCORED = (NO_SUBMISSION, NOT_GRADED, UNREADABLE)
"""These say nothing about the exercises: such students are left out of means and item statistics."""


def points(frames: Frames) -> pd.DataFrame:
    """One row per submission and exercise: student, exercise, kind, points, max_points, fraction, ungraded, waiting.

    `points` is nbgrader's score (a manual score goes before an automatic one, plus extra credit), but NaN while there
    is neither. `ungraded` marks a missing automatic score or a fault of ours; `waiting` what a human has to mark or
    (after a regrade of something marked by hand) look at again.
    """
    table = frames.submissions[["student"]].merge(frames.exercises, how="cross")
    table = table.join(_scores(frames))
    table["points"] = table["manual"].fillna(table["auto"]) + table["extra"].fillna(0.0)
    faults = frames.incidents.loc[frames.incidents["status"] == "ungraded", ["student", "exercise"]]
    faulty = np.isin(table.index, _places(frames, faults.astype("category")))
    autograded = table["kind"] == "autograded"
    unmarked = table["manual"].isna()
    table["ungraded"] = autograded & unmarked & (table["auto"].isna() | faulty)
    table.loc[table["ungraded"], "points"] = np.nan
    flagged = table["flagged"].eq(True)
    table["waiting"] = (~autograded & table["points"].isna()) | (flagged & ~unmarked)
    table["fraction"] = table["points"] / table["max_points"].where(table["max_points"] > 0)
    return table[["student", "exercise", "kind", "points", "max_points", "fraction", "ungraded", "waiting"]]


def _places(frames: Frames, rows: pd.DataFrame) -> np.ndarray:
    """Where the table of `points` has each of the rows of student and exercise, both categories; −1 if nowhere."""
    submission, exercise = (
        pd.Index(keys[name]).get_indexer(rows[name].cat.categories)[rows[name].cat.codes]
        for name, keys in (("student", frames.submissions), ("exercise", frames.exercises))
    )
    return np.where((submission >= 0) & (exercise >= 0), submission * len(frames.exercises) + exercise, -1)


def _scores(frames: Frames) -> pd.DataFrame:
    """auto, manual, extra and flagged for the table of `points`."""
    places = _places(frames, frames.grades)
    source = np.full(len(frames.submissions) * len(frames.exercises), -1)
    source[places[places >= 0]] = np.flatnonzero(places >= 0)
    scores = frames.grades[["auto", "manual", "extra", "flagged"]]
    return scores.reindex(source).set_axis(pd.RangeIndex(len(source)))


def grades(frames: Frames, table: pd.DataFrame, collected: frozenset[str] = frozenset()) -> pd.DataFrame:
    """One row per student of the gradebook, in the order of their ids.

    `table` is `points(frames)`. `score` is what nbgrader exports: the sum, less its late penalty, at least 0. A student
    in `collected` whose submission the gradebook does not know yet is not graded, rather than without a submission.
    `isolation` is what stood around the student's code, one of each kind if notebooks differ.
    """
    maximum = float(frames.exercises["max_points"].sum())
    by = frames.grades.groupby("student", observed=True)
    sums = pd.DataFrame(
        {
            "auto_score": by["auto"].sum(),
            "manual_score": by["manual"].sum(min_count=1),
            "extra_credit": by["extra"].sum(),
        }
    )
    raw = frames.grades["manual"].fillna(frames.grades["auto"]).fillna(0.0) + frames.grades["extra"].fillna(0.0)
    sums["raw"] = raw.groupby(frames.grades["student"], observed=True).sum()
    counts = table.groupby("student")[["ungraded", "waiting"]].sum()
    frame = frames.students.merge(frames.submissions, on="student", how="left")
    frame = frame.join(sums, on="student").join(counts, on="student")
    submitted = frame["student"].isin(frames.submissions["student"])
    frame["score"] = (frame["raw"].fillna(0.0) - frame["penalty"].fillna(0.0)).clip(lower=0).where(submitted)
    frame["max_score"] = maximum
    frame["percent"] = 100 * frame["score"] / maximum if maximum > 0 else np.nan
    counted = ["ungraded", "waiting"]
    frame[counted] = frame[counted].fillna(0).astype("int64")
    frame["status"] = _status(frames, frame, submitted, collected)
    frame["isolation"] = _isolations(frames, frame)
    return frame.rename(columns={"penalty": "late_penalty"})[COLUMNS]


def _isolations(frames: Frames, frame: pd.DataFrame) -> pd.Series:
    told: dict[str, set[str]] = {}
    for student, isolation in zip(frames.runs["student"], frames.runs["isolation"], strict=True):
        told.setdefault(student, set()).add(isolation)
    texts = ["; ".join(sorted(told.get(student, ()))) for student in frame["student"]]
    return pd.Series(texts, index=frame.index, dtype="str")


def _status(frames: Frames, frame: pd.DataFrame, submitted: pd.Series, collected: frozenset[str]) -> np.ndarray:
    unreadable = frame["student"].isin(frames.notes.loc[frames.notes["kind"] == "unreadable", "student"])
    scored = frames.grades.loc[frames.grades["auto"].notna() | frames.grades["manual"].notna(), "student"]
    graded = frame["student"].isin(scored) | frame["student"].isin(frames.runs["student"])
    return np.select(
        [
            ~submitted & frame["student"].isin(collected),
            ~submitted,
            unreadable,
            ~graded & bool(len(frames.exercises)),
            (frame["ungraded"] > 0) | (frame["waiting"] > 0),
            frame["late_seconds"] > 0,
        ],
        [NOT_GRADED, NO_SUBMISSION, UNREADABLE, NOT_GRADED, NEEDS_GRADING, LATE],
        GRADED,
    )


def scored(table: pd.DataFrame, students: pd.DataFrame) -> pd.DataFrame:
    """The rows, of `points` or of outcomes, that say something about the exercises.

    Those are the rows of students whose submission could be read and is graded, by `students`, which is `grades`.
    """
    return table[table["student"].isin(students.loc[~students["status"].isin(UNSCORED), "student"])]
