"""The course over all its assignments: its figures, its tables, and who may need support."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from chainrule.report import figures, risk
from chainrule.report.changes import Changes
from chainrule.report.discrimination import MINIMUM
from chainrule.report.figures import Figure
from chainrule.report.summary import Summary

NUMBERS = [
    *("assignment", "enrolled", "submitted", "scored", "complete", "late", "waiting", "attention", "weak"),
    *("max_points", "mean", "sd", "low", "median", "high"),
]
"""Of a Summary, as the columns of assignments.csv."""


@dataclass(frozen=True)
class Part:
    """What the course's page takes from one assignment.

    students   grades.grades, and share: of the points graded so far (risk.shares)
    exercises  exercise, graded, difficulty, in the order of the notebook
    review     the way from its page to its review pages, "" if there are none
    """

    summary: Summary
    due: datetime | None
    students: pd.DataFrame
    exercises: pd.DataFrame
    changed: Changes
    review: str = ""


@dataclass(frozen=True)
class Overview:
    """`tables` are by the stems of their CSV files, those of the figures among them."""

    figures: Mapping[str, Figure]
    support: pd.DataFrame
    tables: Mapping[str, pd.DataFrame]


def overview(students: pd.DataFrame, parts: Sequence[Part], percent: pd.Series, now: datetime) -> Overview:
    """`percent` is the total by row of `students`; `now` is in UTC, without zone."""
    numbers = pd.DataFrame([{name: getattr(part.summary, name) for name in NUMBERS} for part in parts], columns=NUMBERS)
    states = numbers.assign(
        waiting=numbers["scored"] - numbers["complete"],
        ungraded=numbers["submitted"] - numbers["scored"],
        missing=numbers["enrolled"] - numbers["submitted"],
    )
    hardness = [_difficulties(part) for part in parts]
    drawn = (
        figures.trend(numbers),
        figures.completion(states),
        figures.difficulty_map(
            pd.concat(hardness, ignore_index=True)
            if hardness
            else pd.DataFrame(columns=["assignment", "exercise", "difficulty"])
        ),
        figures.score_distribution(percent, "total_distribution", "Distribution of the course total"),
    )
    support = risk.support(students, _by_due_date(parts), now)
    tables = {"assignments": numbers, "support": support, **{f"figures/{figure.name}": figure.data for figure in drawn}}
    return Overview({figure.name: figure for figure in drawn}, support, tables)


def _difficulties(part: Part) -> pd.DataFrame:
    """NaN where fewer than MINIMUM students have a score, such as the first marked answers."""
    table = part.exercises
    known = table["difficulty"].where(table["graded"] >= MINIMUM)
    return pd.DataFrame({"assignment": part.summary.assignment, "exercise": table["exercise"], "difficulty": known})


def _by_due_date(parts: Sequence[Part]) -> list[risk.Progress]:
    """Assignments without a due date last; those of one date by name, as `parts` are."""
    ordered = sorted(parts, key=lambda part: (part.due is None, part.due or datetime.min))
    return [
        risk.Progress(part.summary.assignment, part.due, part.students[["student", "status", "share"]])
        for part in ordered
    ]
