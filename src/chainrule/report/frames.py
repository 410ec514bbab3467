"""What is known of one assignment, loaded from the gradebook into data frames by few set-based queries."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import nbgrader.api as nb
import pandas as pd
from sqlalchemy import Connection, Select, case, func, inspect, select

from chainrule.gradebook import OUTCOME, RUN

NOTE_COLUMNS = ["student", "notebook", "kind", "message", "cell"]
OUTCOME_COLUMNS = ["student", "exercise", "test", "title", "points", "max_points", "status", "misconception", "seconds"]
INCIDENT_COLUMNS = ["student", "exercise", "title", "status", "message", "detail"]
DETAIL_CHARACTERS = 4000


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


def assignments(connection: Connection) -> list[str]:
    """Names of the assignments in the gradebook."""
    return sorted(connection.execute(select(nb.Assignment.name)).scalars())


def load(connection: Connection, assignment: str, order: dict[str, int] | None = None) -> Frames:
    """Everything about `assignment`. `order` places grade_ids as in the notebook; others follow by name."""
    due = connection.execute(select(nb.Assignment.duedate).where(nb.Assignment.name == assignment)).scalar()
    exercises = _exercises(connection, assignment, order or {})
    runs, notes = _runs(connection, assignment)
    outcomes, incidents = _outcomes(connection, assignment, runs, exercises)
    return Frames(
        assignment=assignment,
        due=due,
        students=students(connection),
        exercises=exercises.drop(columns="cell_id"),
        submissions=_submissions(connection, assignment, due),
        grades=_grades(connection, assignment, exercises),
        runs=runs,
        notes=notes,
        outcomes=outcomes,
        incidents=incidents,
    )


def _read(
    connection: Connection, query: Select[Any], *, text: tuple[str, ...] = (), number: tuple[str, ...] = ()
) -> pd.DataFrame:
    """The query's rows; `text` columns without NULL, `number` columns as floats with NaN for NULL."""
    frame = pd.read_sql(query, connection)
    frame[list(text)] = frame[list(text)].astype("str").fillna("")
    return frame.astype(dict.fromkeys(number, "float64"))


def _clean(texts: pd.Series) -> pd.Series:
    """Control characters (all but tab and newline) replaced: they break CSV readers and pages."""
    return texts.str.replace(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "\N{REPLACEMENT CHARACTER}", regex=True)


def students(connection: Connection) -> pd.DataFrame:
    """student, last_name, first_name of everybody in the gradebook, in the order of ids."""
    query = select(nb.Student.id.label("student"), nb.Student.last_name, nb.Student.first_name).order_by(nb.Student.id)
    frame = _read(connection, query, text=("student", "last_name", "first_name"))
    return frame.assign(last_name=_clean(frame["last_name"]), first_name=_clean(frame["first_name"]))


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


def _submissions(connection: Connection, assignment: str, due: datetime | None) -> pd.DataFrame:
    """Late is counted as nbgrader does: after the due date and the student's extension."""
    submitted = nb.SubmittedAssignment.__table__
    penalty = nb.SubmittedNotebook.__table__
    query = (
        select(
            submitted.c.student_id.label("student"),
            submitted.c.timestamp,
            submitted.c.extension,
            func.coalesce(func.sum(penalty.c.late_submission_penalty), 0.0).label("penalty"),
        )
        .join(nb.Assignment, nb.Assignment.id == submitted.c.assignment_id)
        .outerjoin(penalty, penalty.c.assignment_id == submitted.c.id)
        .where(nb.Assignment.name == assignment)
        .group_by(submitted.c.id, submitted.c.student_id, submitted.c.timestamp, submitted.c.extension)
    )
    frame = _read(connection, query, text=("student",), number=("penalty",))
    frame["timestamp"] = pd.to_datetime(frame["timestamp"])
    late = pd.Series(0.0, index=frame.index)
    if due is not None:
        deadline = pd.Timestamp(due) + pd.to_timedelta(frame.pop("extension")).fillna(pd.Timedelta(0))
        late = (frame["timestamp"] - deadline).dt.total_seconds().clip(lower=0).fillna(0.0)
    return frame.assign(late_seconds=late)[["student", "timestamp", "late_seconds", "penalty"]]


def _grades(connection: Connection, assignment: str, exercises: pd.DataFrame) -> pd.DataFrame:
    grade, submitted = nb.Grade.__table__, nb.SubmittedAssignment.__table__
    notebook = nb.SubmittedNotebook.__table__
    query = (
        select(
            submitted.c.student_id.label("student"),
            grade.c.cell_id,
            grade.c.auto_score.label("auto"),
            grade.c.manual_score.label("manual"),
            grade.c.extra_credit.label("extra"),
            grade.c.needs_manual_grade.label("flagged"),
        )
        .join(notebook, notebook.c.id == grade.c.notebook_id)
        .join(submitted, submitted.c.id == notebook.c.assignment_id)
        .join(nb.Assignment, nb.Assignment.id == submitted.c.assignment_id)
        .where(nb.Assignment.name == assignment)
    )
    frame = _read(connection, query, text=("student",), number=("auto", "manual", "extra"))
    frame = frame.merge(exercises[["cell_id", "exercise"]], on="cell_id", how="inner")
    frame["flagged"] = frame["flagged"].astype("bool")
    return frame[["student", "exercise", "auto", "manual", "extra", "flagged"]]


def _runs(connection: Connection, assignment: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    columns = ["run", "student", "notebook", "graded_at", "seconds", "isolation"]
    if not inspect(connection).has_table(RUN.name):
        return pd.DataFrame(columns=columns), pd.DataFrame(columns=NOTE_COLUMNS)
    c = RUN.c
    query = select(c.id.label("run"), c.student, c.notebook, c.graded_at, c.seconds, c.isolation, c.notes).where(
        c.assignment == assignment
    )
    frame = _read(connection, query, text=("student", "notebook", "isolation", "notes"), number=("seconds",))
    rows = [
        (run.student, run.notebook, *(str(note.get(key, "")) for key in ("kind", "message", "cell")))
        for run in frame[frame["notes"].str.len() > 2].itertuples()
        for note in json.loads(str(run.notes))
    ]
    notes = pd.DataFrame(rows, columns=NOTE_COLUMNS).astype("str")
    return frame[columns], notes.assign(message=_clean(notes["message"]), cell=_clean(notes["cell"]))


def _outcomes(
    connection: Connection, assignment: str, runs: pd.DataFrame, exercises: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The outcomes and, with their texts, the incidents among them.

    This is the big table, so it is read once, with texts only where they are needed, and sorted here: asked to sort,
    SQLite walks over the outcomes of all assignments instead of using the index.
    """
    if runs.empty:
        return pd.DataFrame(columns=OUTCOME_COLUMNS), pd.DataFrame(columns=INCIDENT_COLUMNS)
    o = OUTCOME.c
    ordinary = o.status.in_(["passed", "failed"])
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
    frame = _read(connection, query, number=("points", "max_points", "seconds"))
    words = ["exercise", "test_cell", "test", "title", "status", "misconception"]
    frame[words] = frame[words].astype("category")
    frame["misconception"] = _clean_categories(frame["misconception"])
    frame = frame.merge(
        runs[["run", "student", "notebook"]].astype({"student": "category"}), left_on="run_id", right_on="run"
    )
    frame = _named(frame, exercises).sort_values(["student", "id"], ignore_index=True)
    incidents = frame.loc[~frame["status"].isin(["passed", "failed"]), INCIDENT_COLUMNS].reset_index(drop=True)
    incidents = incidents.astype(dict.fromkeys(INCIDENT_COLUMNS, "str"))
    texts = {name: _clean(incidents[name].fillna("")) for name in ("message", "detail")}
    return frame[OUTCOME_COLUMNS], incidents.assign(**texts)


def _clean_categories(texts: pd.Series) -> pd.Series:
    cleaned = _clean(texts.cat.categories.to_series().astype("str"))
    # Two texts may become equal, so this maps values and does not rename categories.
    return texts.map(dict(zip(texts.cat.categories, cleaned, strict=True))).astype("category")


def _named(frame: pd.DataFrame, exercises: pd.DataFrame) -> pd.DataFrame:
    """Exercises by the report's names; an exercise whose cell has left the gradebook keeps its own."""
    names = exercises.rename(columns={"exercise": "name", "cell": "test_cell"})[["notebook", "test_cell", "name"]]
    frame = frame.merge(names, on=["notebook", "test_cell"], how="left")
    return frame.assign(exercise=frame["name"].fillna(frame["exercise"].astype("str")).astype("category"))
