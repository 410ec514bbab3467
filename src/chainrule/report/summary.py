"""The headline numbers of one assignment."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from chainrule.report.frames import Frames
from chainrule.report.grades import NO_SUBMISSION, UNSCORED


@dataclass(frozen=True)
class Summary:
    """The headline numbers of one assignment.

    mean, sd (of the sample), median, low and high (quartiles) are of the students with a score, in percent. Of the
    `enrolled`, `submitted` handed in; `scored` of these have a score and `complete` of these miss no mark. `waiting`
    counts answers to mark, `attention` students, `weak` submissions that were graded in tier C.
    """

    assignment: str
    enrolled: int
    submitted: int
    scored: int
    complete: int
    waiting: int
    attention: int
    late: int
    weak: int
    mean: float
    sd: float
    low: float
    median: float
    high: float
    mean_points: float
    max_points: float


def summarise(frames: Frames, students: pd.DataFrame, table: pd.DataFrame, attention: pd.DataFrame) -> Summary:
    """`students` is grades.grades, `table` grades.points, `attention` attention.attention."""
    scores = students[~students["status"].isin(UNSCORED)]
    unmarked = (scores["waiting"] > 0) | (scores["ungraded"] > 0)
    return Summary(
        assignment=frames.assignment,
        enrolled=len(students),
        submitted=int((students["status"] != NO_SUBMISSION).sum()),
        scored=len(scores),
        complete=int((~unmarked).sum()),
        waiting=int(table["waiting"].sum()),
        attention=int(attention["student"].nunique()),
        late=int((students["late_seconds"] > 0).sum()),
        weak=frames.weak,
        mean=scores["percent"].mean(),
        sd=scores["percent"].std(),
        low=float(scores["percent"].quantile(0.25)),
        median=scores["percent"].median(),
        high=float(scores["percent"].quantile(0.75)),
        mean_points=scores["score"].mean(),
        max_points=float(frames.exercises["max_points"].sum()),
    )
