"""The outcomes of hidden tests: the one table of the gradebook that is large."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, case, func, select

from chainrule.gradebook import OUTCOME, RUN
from chainrule.report.columns import category, clean, cleaned, fetch_large, renamed

OUTCOME_COLUMNS = ["student", "exercise", "test", "title", "points", "max_points", "status", "misconception", "seconds"]
INCIDENT_COLUMNS = ["student", "exercise", "title", "status", "message", "detail"]
DETAIL_CHARACTERS = 4000
ORDINARY = ("passed", "failed")
"""What else a test may end with is an incident."""


def load(
    connection: Connection, assignment: str, runs: pd.DataFrame, exercises: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The outcomes and, with their texts, the incidents among them, in the order of students and as graded.

    The table is read once, with long texts only where they are needed, and sorted here: asked to sort, SQLite walks
    over the outcomes of all assignments instead of using the index.
    """
    if runs.empty:
        return pd.DataFrame(columns=OUTCOME_COLUMNS), pd.DataFrame(columns=INCIDENT_COLUMNS)
    o = OUTCOME.c
    ordinary = o.status.in_(ORDINARY)
    query = (
        select(
            *(o.id, o.run_id, o.exercise, o.test_cell, o.test, o.title, o.points, o.max_points, o.status),
            *(o.misconception, o.seconds),
            case((ordinary, None), else_=o.message).label("message"),
            case((ordinary, None), else_=func.substr(o.detail, 1, DETAIL_CHARACTERS)).label("detail"),
        )
        .join(RUN, RUN.c.id == o.run_id)
        .where(RUN.c.assignment == assignment)
    )
    text, number = fetch_large(
        connection,
        query,
        text=("exercise", "test_cell", "test", "title", "status", "misconception", "message", "detail"),
        number=("points", "max_points", "seconds"),
        whole=("id", "run_id"),
    )
    text |= _owners(text, number["run_id"], runs, exercises)
    text["misconception"] = _cleaned(text["misconception"])
    order = np.lexsort((number["id"], text["student"].codes))
    columns: dict[str, Any] = text | number
    frame = pd.DataFrame({name: columns[name].take(order) for name in OUTCOME_COLUMNS})
    odd = order[~frame["status"].isin(ORDINARY).to_numpy()]
    incidents = pd.DataFrame({name: text[name].take(odd).astype("str") for name in INCIDENT_COLUMNS}).fillna("")
    return frame, incidents.assign(**{name: clean(incidents[name]) for name in ("message", "detail")})


def _cleaned(column: pd.Categorical) -> pd.Categorical:
    return renamed(column.codes, [cleaned(text) for text in column.categories])


def _owners(
    text: dict[str, pd.Categorical], run_id: np.ndarray, runs: pd.DataFrame, exercises: pd.DataFrame
) -> dict[str, pd.Categorical]:
    """Whose outcome it is, and of which exercise by the report's names: one whose cell is gone keeps its own."""
    by_run = runs.sort_values("run", ignore_index=True)
    run = np.searchsorted(by_run["run"].to_numpy(), run_id)
    students, notebooks = category(by_run["student"].tolist()), category(by_run["notebook"].tolist())
    cells, own = text["test_cell"], text["exercise"]
    shape = (len(notebooks.categories), len(cells.categories), len(own.categories))
    combined = np.ravel_multi_index((notebooks.codes[run], cells.codes, own.codes), shape) if len(run) else run
    codes, found = pd.factorize(combined)
    rows = exercises[["notebook", "cell", "exercise"]].itertuples(index=False)
    names = {(notebook, cell): name for notebook, cell, name in rows}
    named = [
        str(names.get((notebooks.categories[n], cells.categories[c]), own.categories[e]))
        for n, c, e in zip(*np.unravel_index(found, shape), strict=True)
    ]
    return {
        "student": pd.Categorical.from_codes(students.codes[run], categories=students.categories),
        "exercise": renamed(codes, named),
    }
