"""What is known of one assignment, loaded from the gradebook into data frames by few set-based queries."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import nbgrader.api as nb
import pandas as pd
from sqlalchemy import Connection, Select, func, inspect, select

from chainrule.gradebook import RUN
from chainrule.model import is_weak
from chainrule.report import outcomes
from chainrule.report.columns import clean, fetch, fetch_large, numbers, renamed, texts

NOTE_COLUMNS = ["student", "notebook", "kind", "message", "cell"]


@dataclass(frozen=True)
class Frames:
    """One assignment. Every frame has a plain index; `student` and `exercise` are the keys between them.

    students     student, last_name, first_name: everybody in the gradebook
    exercises    exercise, notebook, cell, kind (autograded, written, task), max_points; in the notebook's order
    submissions  student, timestamp, late_seconds, penalty
    grades       student, exercise, auto, manual, extra, flagged; NaN where there is no score
    runs         run, student, notebook, graded_at, seconds, isolation
    notes        student, notebook, kind, message, cell
    outcomes     student, exercise, test, title, points, max_points, status, misconception, seconds
    incidents    student, exercise, title, status, message, detail: of the outcomes that neither passed nor failed
    """

    assignment: str
    due: datetime | None
    students: pd.DataFrame
    exercises: pd.DataFrame
    submissions: pd.DataFrame
    grades: pd.DataFrame
    runs: pd.DataFrame
    notes: pd.DataFrame
    outcomes: pd.DataFrame
    incidents: pd.DataFrame

    @property
    def weak(self) -> int:
        """How many submissions were graded in tier C, where nothing shuts the student's code in."""
        return int(self.runs.loc[[is_weak(text) for text in self.runs["isolation"]], "student"].nunique())


def assignments(connection: Connection) -> list[str]:
    """Names of the assignments in the gradebook."""
    return sorted(connection.execute(select(nb.Assignment.name)).scalars())


def load(connection: Connection, assignment: str, order: dict[str, int] | None = None) -> Frames:
    """Everything about `assignment`. `order` places grade_ids as in the notebook; others follow by name."""
    due = connection.execute(select(nb.Assignment.duedate).where(nb.Assignment.name == assignment)).scalar()
    exercises = _exercises(connection, assignment, order or {})
    runs, notes = _runs(connection, assignment)
    notebooks = _notebooks(connection, assignment)
    found, incidents = outcomes.load(connection, assignment, runs, exercises)
    return Frames(
        assignment=assignment,
        due=due,
        students=students(connection),
        exercises=exercises.drop(columns="cell_id"),
        submissions=_submissions(connection, assignment, due, notebooks),
        grades=_grades(connection, exercises, notebooks),
        runs=runs,
        notes=notes,
        outcomes=found,
        incidents=incidents,
    )


def _read(
    connection: Connection, query: Select[Any], *, text: tuple[str, ...] = (), number: tuple[str, ...] = ()
) -> pd.DataFrame:
    """The query's rows; `text` columns without NULL, `number` columns as floats with NaN for NULL."""
    made: dict[str, Any] = dict(fetch(connection, query))
    made |= {name: texts(made[name]) for name in text} | {name: numbers(made[name]) for name in number}
    return pd.DataFrame(made)


def students(connection: Connection) -> pd.DataFrame:
    """student, last_name, first_name of everybody in the gradebook, in the order of ids."""
    query = select(nb.Student.id.label("student"), nb.Student.last_name, nb.Student.first_name)
    frame = _read(connection, query, text=("student", "last_name", "first_name"))
    frame = frame.sort_values("student", ignore_index=True)  # here, since every database has an order of its own
    return frame.assign(last_name=clean(frame["last_name"]), first_name=clean(frame["first_name"]))


def _exercises(connection: Connection, assignment: str, order: dict[str, int]) -> pd.DataFrame:
    """The graded cells. A cell is written if nbgrader lists the same grade_id as a solution cell (or it is text)."""
    base = nb.BaseCell.__table__
    graded, tasks, solutions = nb.GradeCell.__table__, nb.TaskCell.__table__, nb.BaseCell.__table__.alias("solutions")
    query = (
        select(
            base.c.id.label("cell_id"),
            nb.Notebook.name.label("notebook"),
            base.c.name.label("cell"),
            base.c.type,
            graded.c.cell_type,
            func.coalesce(graded.c.max_score, tasks.c.max_score).label("max_points"),
            solutions.c.id.label("solution"),
        )
        .join(nb.Notebook, nb.Notebook.id == base.c.notebook_id)
        .join(nb.Assignment, nb.Assignment.id == nb.Notebook.assignment_id)
        .outerjoin(graded, graded.c.id == base.c.id)
        .outerjoin(tasks, tasks.c.id == base.c.id)
        .outerjoin(
            solutions,
            (solutions.c.notebook_id == base.c.notebook_id)
            & (solutions.c.name == base.c.name)
            & (solutions.c.type == "SolutionCell"),
        )
        .where(nb.Assignment.name == assignment, base.c.type.in_(["GradeCell", "TaskCell"]))
    )
    frame = _read(connection, query, text=("notebook", "cell", "type", "cell_type"), number=("max_points",))
    written = frame["solution"].notna() | (frame["cell_type"] == "markdown")
    frame["kind"] = written.map({True: "written", False: "autograded"}).astype("str")
    frame.loc[frame["type"] == "TaskCell", "kind"] = "task"
    frame["place"] = frame["cell"].map(order).fillna(len(order)).astype("int64")
    frame = frame.sort_values(["notebook", "place", "cell"], ignore_index=True)
    frame["exercise"] = _exercise_names(frame)
    return frame[["cell_id", "exercise", "notebook", "cell", "kind", "max_points"]]


def _exercise_names(cells: pd.DataFrame) -> pd.Series:
    """`test_line_grad` is the exercise line_grad; where that is not unique, the notebook's name goes before."""
    short = cells["cell"].str.removeprefix("test_")
    long = cells["notebook"] + "/" + cells["cell"]
    return short.mask(short.duplicated(keep=False), long)


def _submissions(
    connection: Connection, assignment: str, due: datetime | None, notebooks: pd.DataFrame
) -> pd.DataFrame:
    """Late is counted as nbgrader does: after the due date and the student's extension."""
    submitted = nb.SubmittedAssignment.__table__
    query = (
        select(submitted.c.id, submitted.c.student_id.label("student"), submitted.c.timestamp, submitted.c.extension)
        .join(nb.Assignment, nb.Assignment.id == submitted.c.assignment_id)
        .where(nb.Assignment.name == assignment)
    )
    frame = _read(connection, query, text=("student",)).sort_values("student", ignore_index=True)
    frame["timestamp"] = pd.to_datetime(frame["timestamp"])
    late = pd.Series(0.0, index=frame.index)
    if due is not None:
        # In microseconds: a due date in a far century stands for none, and nanoseconds do not reach it.
        extension = pd.to_timedelta(frame["extension"]).fillna(pd.Timedelta(0)).astype("timedelta64[us]")
        deadline = pd.Timestamp(due).as_unit("us") + extension
        late = (frame["timestamp"].astype("datetime64[us]") - deadline).dt.total_seconds().clip(lower=0).fillna(0.0)
    penalty = frame["id"].map(notebooks.groupby("submission")["penalty"].sum()).fillna(0.0).astype("float64")
    return frame.assign(late_seconds=late, penalty=penalty)[["student", "timestamp", "late_seconds", "penalty"]]


def _notebooks(connection: Connection, assignment: str) -> pd.DataFrame:
    """notebook_id, submission (its id), student, penalty of each submitted notebook."""
    table, submitted = nb.SubmittedNotebook.__table__, nb.SubmittedAssignment.__table__
    of_assignment = select(nb.Notebook.id).join(nb.Assignment, nb.Assignment.id == nb.Notebook.assignment_id)
    # Asked in one go, SQLite reads the submitted notebooks of all assignments.
    released = connection.execute(of_assignment.where(nb.Assignment.name == assignment)).scalars().all()
    query = (
        select(
            table.c.id.label("notebook_id"),
            submitted.c.id.label("submission"),
            submitted.c.student_id.label("student"),
            table.c.late_submission_penalty.label("penalty"),
        )
        .join(submitted, submitted.c.id == table.c.assignment_id)
        .where(table.c.notebook_id.in_(released))
    )
    return _read(connection, query, text=("student",), number=("penalty",))


def _grades(connection: Connection, exercises: pd.DataFrame, notebooks: pd.DataFrame) -> pd.DataFrame:
    """By the ids of the cells, so that nbgrader's index serves: joined to the assignment, SQLite reads all grades."""
    grade = nb.Grade.__table__
    query = select(
        grade.c.notebook_id,
        grade.c.cell_id,
        grade.c.auto_score.label("auto"),
        grade.c.manual_score.label("manual"),
        grade.c.extra_credit.label("extra"),
        grade.c.needs_manual_grade.label("flagged"),
    ).where(grade.c.cell_id.in_(exercises["cell_id"].tolist()))
    text, number = fetch_large(
        connection, query, text=("notebook_id", "cell_id"), number=("auto", "manual", "extra"), whole=("flagged",)
    )
    students, names = notebooks.set_index("notebook_id")["student"], exercises.set_index("cell_id")["exercise"]
    return pd.DataFrame(
        {
            "student": _mapped(text["notebook_id"], students),
            "exercise": _mapped(text["cell_id"], names),
            **{name: number[name] for name in ("auto", "manual", "extra")},
            "flagged": number["flagged"].astype("bool"),
        }
    )


def _mapped(keys: pd.Categorical, values: pd.Series) -> pd.Series:
    """`values[key]` for each key, looked up once for equal ones, as categories."""
    return pd.Series(renamed(keys.codes, values[keys.categories].tolist()))


def _runs(connection: Connection, assignment: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    columns = ["run", "student", "notebook", "graded_at", "seconds", "isolation"]
    if not inspect(connection).has_table(RUN.name):
        return pd.DataFrame(columns=columns), pd.DataFrame(columns=NOTE_COLUMNS)
    c = RUN.c
    query = (
        select(c.id.label("run"), c.student, c.notebook, c.graded_at, c.seconds, c.isolation, c.notes)
        .where(c.assignment == assignment)
        .order_by(c.id)  # else equal runs come in whatever order the database likes
    )
    frame = _read(connection, query, text=("student", "notebook", "isolation", "notes"), number=("seconds",))
    rows = [
        (run.student, run.notebook, *(str(note.get(key, "")) for key in ("kind", "message", "cell")))
        for run in frame[frame["notes"].str.len() > 2].itertuples()
        for note in json.loads(str(run.notes))
    ]
    notes = pd.DataFrame(rows, columns=NOTE_COLUMNS).astype("str")
    return frame[columns], notes.assign(message=clean(notes["message"]), cell=clean(notes["cell"]))
