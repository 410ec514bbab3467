"""Our tables beside nbgrader's, in the same database, and what else we ask of the gradebook.

nbgrader's tables stay the authority on scores. `chainrule_run` holds one row for each graded notebook of a submission,
`chainrule_outcome` one for each of its hidden tests; a regrade replaces them. No statement is SQLite's own: any
database that nbgrader can use will do.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Engine,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    delete,
    insert,
    inspect,
    make_url,
    select,
)
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, SQLAlchemyError

from chainrule.errors import GradebookError
from chainrule.model import Graded, Note, Outcome, Status, remarks

METADATA = MetaData()

RUN = Table(
    "chainrule_run",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("assignment", String(128), nullable=False),
    Column("student", String(128), nullable=False),
    Column("notebook", String(128), nullable=False),
    Column("graded_at", DateTime, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("isolation", String(64), nullable=False),
    Column("grader_hash", String(64), nullable=False),
    Column("versions", Text, nullable=False),
    Column("notes", Text, nullable=False),
    UniqueConstraint("assignment", "student", "notebook"),
)

OUTCOME = Table(
    "chainrule_outcome",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("run_id", Integer, ForeignKey("chainrule_run.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("exercise", String(128), nullable=False),
    Column("test_cell", String(128), nullable=False),
    Column("test", String(255), nullable=False),
    Column("title", Text, nullable=False),
    Column("points", Float, nullable=False),
    Column("max_points", Float, nullable=False),
    Column("status", String(16), nullable=False),
    Column("message", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("misconception", Text),
    Column("seconds", Float, nullable=False),
)


class NoGradebook(GradebookError):
    """There is no gradebook yet."""


@dataclass(frozen=True)
class Run:
    """What is stored of one graded notebook. `outcomes` are in the order of the notebook, with their test cells."""

    assignment: str
    student: str
    notebook: str
    graded_at: datetime
    seconds: float
    isolation: str
    grader_hash: str
    versions: Mapping[str, str]
    notes: tuple[Note, ...]
    outcomes: tuple[tuple[str, Outcome], ...]

    @property
    def remarks(self) -> tuple[Note, ...]:
        """The notes, and what the isolation says."""
        return remarks(self.notes, self.isolation)


@dataclass(frozen=True)
class ReleasedCell:
    """A cell as `nbgrader generate_assignment` recorded it: with hidden tests, without solutions."""

    name: str
    cell_type: str
    locked: bool
    source: str
    checksum: str | None
    grade: bool = False
    solution: bool = False
    task: bool = False
    points: float | None = None


def save(
    connection: Connection,
    graded: Graded,
    grader_hash: str,
    versions: Mapping[str, str] | None = None,
    graded_at: datetime | None = None,
) -> None:
    """Store `graded` in place of what is stored of the same notebook. The caller commits."""
    METADATA.create_all(connection)
    store(connection, graded, grader_hash, versions or {}, graded_at)


def store(
    connection: Connection,
    graded: Graded,
    grader_hash: str,
    versions: Mapping[str, str],
    graded_at: datetime | None = None,
) -> None:
    """`save` where the tables are known to exist."""
    forget(connection, graded.assignment, graded.student, graded.name)
    run = connection.execute(
        insert(RUN).values(
            assignment=graded.assignment,
            student=graded.student,
            notebook=graded.name,
            graded_at=(graded_at or datetime.now(UTC)).astimezone(UTC).replace(tzinfo=None),
            seconds=graded.seconds,
            isolation=graded.isolation,
            grader_hash=grader_hash,
            versions=json.dumps(dict(versions), sort_keys=True),
            notes=json.dumps([vars(note) for note in graded.notes]),
        )
    )
    assert run.inserted_primary_key is not None
    (run_id,) = run.inserted_primary_key
    rows = [
        {
            "run_id": run_id,
            "exercise": result.exercise,
            "test_cell": result.test_cell,
            "test": outcome.test,
            "title": outcome.title,
            "points": 0.0 if result.ungraded else outcome.points,
            "max_points": outcome.max_points,
            "status": (Status.UNGRADED if result.ungraded else outcome.status).value,
            "message": _storable(outcome.message),
            "detail": _storable(outcome.detail),
            "misconception": outcome.misconception and _storable(outcome.misconception),
            "seconds": outcome.seconds,
        }
        for result in graded.exercises
        for outcome in result.outcomes
    ]
    if rows:
        connection.execute(insert(OUTCOME), rows)


def load(connection: Connection, assignment: str, student: str | None = None, notebook: str | None = None) -> list[Run]:
    """The stored runs of an assignment, of a student or notebook if given; none if nothing was graded yet."""
    if not inspect(connection).has_table(RUN.name):
        return []
    chosen = RUN.c.assignment == assignment
    if student is not None:
        chosen &= RUN.c.student == student
    if notebook is not None:
        chosen &= RUN.c.notebook == notebook
    outcomes: dict[int, list[tuple[str, Outcome]]] = {}
    for row in connection.execute(select(OUTCOME).join(RUN).where(chosen).order_by(OUTCOME.c.id)).mappings():
        stored = [name for name in Outcome.__dataclass_fields__ if name in OUTCOME.c]
        fields = {name: row[name] for name in stored} | {"status": Status(row["status"])}
        outcomes.setdefault(row["run_id"], []).append((row["test_cell"], Outcome(**fields)))
    return [
        Run(
            **{
                name: row[name] for name in ("assignment", "student", "notebook", "seconds", "isolation", "grader_hash")
            },
            graded_at=row["graded_at"].replace(tzinfo=UTC),
            versions=json.loads(row["versions"]),
            notes=tuple(Note(**note) for note in json.loads(row["notes"])),
            outcomes=tuple(outcomes.get(row["id"], ())),
        )
        for row in connection.execute(select(RUN).where(chosen).order_by(RUN.c.student, RUN.c.notebook)).mappings()
    ]


def notebooks(connection: Connection, assignment: str) -> list[str] | None:
    """Names of the assignment's notebooks as released, or None if nbgrader does not know the assignment."""
    from nbgrader.api import Assignment, Notebook

    key = connection.execute(select(Assignment.id).where(Assignment.name == assignment)).scalar()
    if key is None:
        return None
    rows = connection.execute(select(Notebook.name).where(Notebook.assignment_id == key).order_by(Notebook.name))
    return [str(name) for name in rows.scalars()]


def released(connection: Connection, assignment: str, notebook: str) -> dict[str, ReleasedCell]:
    """The cells nbgrader recorded of a notebook, by grade_id."""
    from nbgrader import api

    key = (
        select(api.Notebook.id)
        .join(api.Assignment, api.Assignment.id == api.Notebook.assignment_id)
        .where(api.Assignment.name == assignment, api.Notebook.name == notebook)
        .scalar_subquery()
    )
    base, source = api.BaseCell.__table__, api.SourceCell.__table__
    grade, task = api.GradeCell.__table__, api.TaskCell.__table__
    roles: dict[str, dict[str, object]] = {}
    for table in (grade, task):
        query = (
            select(base.c.name, table.c.max_score).join(table, table.c.id == base.c.id).where(base.c.notebook_id == key)
        )
        for name, points in connection.execute(query):
            roles[name] = {"grade": table is grade, "task": table is task, "points": points}
    solution = api.SolutionCell.__table__
    query = select(base.c.name).join(solution, solution.c.id == base.c.id).where(base.c.notebook_id == key)
    for name in connection.execute(query).scalars():
        roles.setdefault(name, {})["solution"] = True
    columns = (source.c.name, source.c.cell_type, source.c.locked, source.c.source, source.c.checksum)
    return {
        row["name"]: ReleasedCell(**row, **roles.get(row["name"], {}))  # type: ignore[arg-type]
        for row in connection.execute(select(*columns).where(source.c.notebook_id == key)).mappings()
    }


def score(connection: Connection, assignment: str, student: str) -> tuple[float, float, bool] | None:
    """Points, maximum, and whether a human still has to look: nbgrader's own sums. None without a submission."""
    from nbgrader.api import Assignment, SubmittedAssignment

    found = connection.execute(
        select(SubmittedAssignment.score, SubmittedAssignment.max_score, SubmittedAssignment.needs_manual_grade)
        .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
        .where(Assignment.name == assignment, SubmittedAssignment.student_id == student)
    ).one_or_none()
    return None if found is None else (float(found[0] or 0.0), float(found[1] or 0.0), bool(found[2]))


@contextmanager
def connect(db_url: str) -> Iterator[Connection]:
    """A connection to an existing gradebook, in one transaction. What goes wrong is a `GradebookError`."""
    opened = engine(db_url)
    try:
        with transaction(opened) as connection:
            yield connection
    finally:
        opened.dispose()


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction of many. What goes wrong is a `GradebookError`."""
    try:
        with engine.begin() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise explain(error, engine.url.render_as_string(hide_password=False)) from error


def check(connection: Connection, db_url: str) -> None:
    """Raise `GradebookError` unless the database has all tables and columns that this version of nbgrader uses.

    A database of a server may be there before nbgrader has filled it: that is `NoGradebook`.
    """
    from nbgrader.api import Base

    there = inspect(connection)
    tables = set(there.get_table_names())
    if not tables:
        raise NoGradebook(f"There is no gradebook in {place(db_url)}. Run `nbgrader generate_assignment` first.")
    for name, table in Base.metadata.tables.items():
        present = {column["name"] for column in there.get_columns(name)} if name in tables else set()
        missing = sorted(set(table.columns.keys()) - present)
        if missing:
            what = f"column {name}.{missing[0]}" if name in tables else f"table {name}"
            raise GradebookError(_other_version(db_url, f"it has no {what}"))


def explain(error: BaseException, db_url: str) -> GradebookError:
    """What a database error means for the person at the keyboard, and what to do."""
    where = place(db_url)
    cause = str(error.orig) if isinstance(error, DatabaseError) else str(error)
    cause = (cause.strip().splitlines() or [type(error).__name__])[0]
    words = cause.lower()
    if "locked" in words or "lock timeout" in words:
        return GradebookError(
            f"The gradebook {where} is locked: another program is writing to it (a second autograde, formgrader, a "
            "database browser). Let it finish or close it, then run the command again; what was graded is kept."
        )
    missing = "does not exist" in words and ("relation" in words or "column" in words)
    if missing or any(part in words for part in ("no such table", "no such column", "has no column")):
        return GradebookError(_other_version(db_url, cause))
    if any(part in words for part in ("not a database", "malformed", "encrypted")):
        return GradebookError(
            f"The gradebook {where} is damaged or not a database ({cause}). Restore it from a backup."
        )
    if "readonly" in words or "read-only" in words or "unable to open" in words:
        return GradebookError(f"The gradebook {where} cannot be written ({cause}). Check who owns it and its folder.")
    if "disk" in words and "full" in words:
        return GradebookError(f"The disk of the gradebook {where} is full. Make room, then run the command again.")
    return GradebookError(f"The gradebook {where} cannot be used: {cause}")


def place(db_url: str) -> str:
    """The file of an SQLite gradebook, or its address without the password."""
    try:
        url = make_url(db_url)
    except ArgumentError:
        return db_url
    return str(url.database) if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)


def engine(db_url: str) -> Engine:
    """For many transactions with an existing gradebook. Dispose of it in the end."""
    try:
        url = make_url(db_url)
        made = create_engine(url)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise GradebookError(f"CourseDirectory.db_url {place(db_url)!r} cannot be used: {error}") from error
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).is_file():
        # Connecting would create an empty file.
        raise NoGradebook(f"There is no gradebook {url.database}. Run `nbgrader generate_assignment` first.")
    return made


def forget(connection: Connection, assignment: str, student: str, notebook: str) -> None:
    """Remove what is stored of a notebook."""
    old = (RUN.c.assignment == assignment) & (RUN.c.student == student) & (RUN.c.notebook == notebook)
    # By hand: SQLite ignores ON DELETE CASCADE unless each connection asks for it, and nbgrader's do not.
    connection.execute(delete(OUTCOME).where(OUTCOME.c.run_id.in_(select(RUN.c.id).where(old))))
    connection.execute(delete(RUN).where(old))


def _other_version(db_url: str, finding: str) -> str:
    return (
        f"The gradebook {place(db_url)} is of another version of nbgrader ({finding}). "
        "Make a backup of it, then run `nbgrader db upgrade`."
    )


def _storable(text: str) -> str:
    """PostgreSQL stores no NUL and neither stores half a surrogate pair; both can come out of students' code."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
