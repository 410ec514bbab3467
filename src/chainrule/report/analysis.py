"""Everything that the report says of one assignment: its tables and figures, from its frames. No files, no database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from chainrule.report import attention, changes, clusters, figures, grades, items, reliability, timing
from chainrule.report.changes import Changes, Previous
from chainrule.report.figures import Figure
from chainrule.report.frames import Frames
from chainrule.report.responses import exercise_matrix, responses
from chainrule.report.summary import Summary, summarise


@dataclass(frozen=True)
class Analysis:
    """What the functions of the same names return.

    exercises  items.exercises beside kind, max_points, and how many scores are ungraded and waiting
    scored     grades.points of the students who are in the statistics
    wide       one row per student, one column per exercise with its points; empty where there is no score
    outcomes   of all students, as loaded
    """

    summary: Summary
    wide: pd.DataFrame
    scored: pd.DataFrame
    outcomes: pd.DataFrame
    exercises: pd.DataFrame
    tests: pd.DataFrame
    reliability: pd.DataFrame
    misconceptions: pd.DataFrame
    clusters: pd.DataFrame
    changed: Changes
    grading: pd.DataFrame
    attention: pd.DataFrame
    figures: Mapping[str, Figure]

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """By the stems of their CSV files, those of the figures among them."""
        return {
            "exercises": self.wide,
            "tests": self.outcomes,
            "attention": self.attention,
            "exercise_analysis": self.exercises,
            "test_analysis": self.tests,
            "reliability": self.reliability,
            "misconceptions": self.misconceptions,
            "failing_together": self.clusters,
            "grading_time": self.grading,
            "changes": self.changed.students,
            "changes_by_exercise": self.changed.exercises,
            **{f"figures/{name}": figure.data for name, figure in self.figures.items()},
        }


def analyse(data: Frames, table: pd.DataFrame, students: pd.DataFrame, before: Previous, now: datetime) -> Analysis:
    """`table` is grades.points, `students` grades.grades; `now` is in UTC, without zone."""
    order = data.exercises["exercise"]
    rows = grades.scored(table, students)
    by_exercise, of_exercises = items.exercises(rows, order)
    counts = rows.groupby("exercise")[["ungraded", "waiting"]].sum()
    exercises = data.exercises.merge(by_exercise, on="exercise").join(counts, on="exercise")
    exercises = exercises.fillna({"ungraded": 0, "waiting": 0}).astype({"ungraded": "int64", "waiting": "int64"})
    outcomes = grades.scored(data.outcomes, students)
    answers = responses(outcomes, order)
    tests, of_tests = items.tests(answers)
    concerns = attention.attention(data, students, table, now)
    summary = summarise(data, students, rows, concerns)
    wide = _wide(table, data)
    drawn = (
        figures.score_distribution(students.loc[~students["status"].isin(grades.UNSCORED), "percent"]),
        figures.hand_in(data.submissions["timestamp"], data.due, len(students)),
        figures.exercise_shares(by_exercise, summary.scored),
        figures.slowest_tests(tests),
    )
    return Analysis(
        summary=summary,
        wide=wide,
        scored=rows,
        outcomes=data.outcomes,
        exercises=exercises,
        tests=tests,
        reliability=reliability.table({"exercises": ("points", of_exercises), "hidden tests": ("tests", of_tests)}),
        misconceptions=items.misconceptions(outcomes),
        clusters=clusters.clusters(answers),
        changed=changes.changes(before, students, wide),
        grading=timing.grading_time(data.runs),
        attention=concerns,
        figures={figure.name: figure for figure in drawn},
    )


def _wide(table: pd.DataFrame, data: Frames) -> pd.DataFrame:
    wide = exercise_matrix(table, "points")
    return data.students.join(wide.reindex(columns=data.exercises["exercise"].tolist()), on="student")
