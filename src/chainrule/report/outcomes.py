"""The outcomes of hidden tests: the one table of the gradebook that is large."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sqlalchemy import Connection, case, func, select

from chainrule.gradebook import OUTCOME, RUN
from chainrule.report.columns import Columns, category, clean, cleaned, fetch_raw, numbers, renamed, texts

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
    columns = fetch_raw(connection, query)
    students, exercise = _owners(columns, runs, exercises)
    order = np.lexsort((np.array(columns["id"], dtype="int64"), students.codes))
    known = category(columns["misconception"])
    frame = pd.DataFrame(
        {
            "student": students.take(order),
            "exercise": exercise.take(order),
            **{name: category(columns[name]).take(order) for name in ("test", "title")},
            **{name: numbers(columns[name])[order] for name in ("points", "max_points")},
            "status": category(columns["status"]).take(order),
            "misconception": renamed(known.codes, [cleaned(text) for text in known.categories]).take(order),
            "seconds": numbers(columns["seconds"])[order],
        }
    )
    return frame, _incidents(frame, columns, order)


def _owners(columns: Columns, runs: pd.DataFrame, exercises: pd.DataFrame) -> tuple[pd.Categorical, pd.Categorical]:
    """Whose outcome it is, and of which exercise by the report's names: one whose cell is gone keeps its own."""
    by_run = runs.sort_values("run", ignore_index=True)
    run = np.searchsorted(by_run["run"].to_numpy(), np.array(columns["run_id"], dtype="int64"))
    students, notebooks = category(by_run["student"].tolist()), category(by_run["notebook"].tolist())
    cells, own = category(columns["test_cell"]), category(columns["exercise"])
    combined = (notebooks.codes[run].astype("int64") * len(cells.categories) + cells.codes) * len(own.categories)
    codes, found = pd.factorize(combined + own.codes)
    rows = exercises[["notebook", "cell", "exercise"]].itertuples(index=False)
    names = {(notebook, cell): name for notebook, cell, name in rows}
    place, own_code = np.divmod(found, max(1, len(own.categories)))
    notebook_code, cell_code = np.divmod(place, max(1, len(cells.categories)))
    named = [
        str(names.get((notebooks.categories[n], cells.categories[c]), own.categories[e]))
        for n, c, e in zip(notebook_code, cell_code, own_code, strict=True)
    ]
    return pd.Categorical.from_codes(students.codes[run], categories=students.categories), renamed(codes, named)


def _incidents(frame: pd.DataFrame, columns: Columns, order: np.ndarray) -> pd.DataFrame:
    places = np.flatnonzero(~frame["status"].isin(ORDINARY).to_numpy())
    rows = frame.iloc[places][INCIDENT_COLUMNS[:4]].reset_index(drop=True).astype("str")
    said = {name: texts([columns[name][i] for i in order[places]]) for name in ("message", "detail")}
    return rows.assign(**{name: clean(column) for name, column in said.items()})
