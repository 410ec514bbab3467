"""The ledger of changed scores: who changed what, when, from what to what, and why. Rows are only ever added.

The database itself refuses to change or delete a row, with triggers made together with the table (SQLite and
PostgreSQL). Whoever owns the database can still remove the triggers or the table: this guards against accidents and
against a quiet correction, not against the owner.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    inspect,
    select,
    text,
)

from chainrule import __version__
from chainrule.gradebook import RUN
from chainrule.notebook.cells import exercise_id

LEDGER = MetaData()

AUDIT = Table(
    "chainrule_audit",
    LEDGER,
    Column("id", Integer, primary_key=True),
    Column("at", DateTime, nullable=False),
    Column("who", String(128), nullable=False),
    Column("assignment", String(128), nullable=False, index=True),
    Column("student", String(128), nullable=False),
    Column("notebook", String(128), nullable=False),
    Column("exercise", String(128), nullable=False),
    Column("cell", String(128), nullable=False),
    Column("points_from", Float),
    Column("points_to", Float),
    Column("computed", Float),
    Column("manual", Float),
    Column("reason", Text, nullable=False),
    Column("graders_from", String(64), nullable=False),
    Column("graders_to", String(64), nullable=False),
    Column("version", String(32), nullable=False),
)

REFUSAL = "chainrule_audit is append-only: correct a score with another regrade"

SQLITE = (
    "CREATE TRIGGER IF NOT EXISTS chainrule_audit_no_update BEFORE UPDATE ON chainrule_audit "
    f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
    "CREATE TRIGGER IF NOT EXISTS chainrule_audit_no_delete BEFORE DELETE ON chainrule_audit "
    f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
    # INSERT OR REPLACE removes the old row without firing the trigger above.
    "CREATE TRIGGER IF NOT EXISTS chainrule_audit_no_replace BEFORE INSERT ON chainrule_audit "
    "WHEN EXISTS (SELECT 1 FROM chainrule_audit WHERE id = NEW.id) "
    f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
)

POSTGRESQL = (
    "CREATE OR REPLACE FUNCTION chainrule_audit_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$",
    "CREATE TRIGGER chainrule_audit_no_change BEFORE UPDATE OR DELETE ON chainrule_audit "
    "FOR EACH ROW EXECUTE FUNCTION chainrule_audit_append_only()",
    "CREATE TRIGGER chainrule_audit_no_truncate BEFORE TRUNCATE ON chainrule_audit "
    "FOR EACH STATEMENT EXECUTE FUNCTION chainrule_audit_append_only()",
)


@dataclass(frozen=True)
class Change:
    """A score that a program changed: points of one cell, None where there is no score.

    `manual` is the mark by hand that stays and counts in place of it. `computed` is what the graders gave, where a
    raise-only regrade kept more than that.
    """

    notebook: str
    cell: str
    points_from: float | None
    points_to: float | None
    manual: float | None = None
    computed: float | None = None


@dataclass(frozen=True)
class Entry:
    """A row of the ledger. `at` is in UTC; `graders_…` are digests of the graders' folder, empty where unknown."""

    at: datetime
    who: str
    assignment: str
    student: str
    notebook: str
    exercise: str
    cell: str
    points_from: float | None
    points_to: float | None
    computed: float | None
    manual: float | None
    reason: str
    graders_from: str
    graders_to: str
    version: str


def prepare(connection: Connection) -> None:
    """Make the table and its triggers if they are not there. The caller commits."""
    sqlite = connection.dialect.name == "sqlite"
    new = not inspect(connection).has_table(AUDIT.name)
    if new:
        LEDGER.create_all(connection)
    if sqlite:  # each time: SQLite's driver commits a new table at once, and a kill may have come between
        for statement in SQLITE:
            connection.execute(text(statement))
    elif new and connection.dialect.name == "postgresql":
        for statement in POSTGRESQL:
            connection.execute(text(statement))


def record(
    connection: Connection,
    assignment: str,
    student: str,
    changes: Iterable[Change],
    *,
    reason: str,
    graders_from: Mapping[str, str],
    graders_to: str,
) -> None:
    """Add a row for each change. `graders_from` is by notebook. The caller commits, with the scores themselves."""
    common = {
        "at": datetime.now(UTC).replace(tzinfo=None),
        "who": who(),
        "assignment": assignment,
        "student": student,
        "reason": reason.encode("utf-8", "replace").decode(),  # a terminal may give bytes that no database takes
        "graders_to": graders_to,
        "version": __version__,
    }
    rows = [
        {
            **common,
            **vars(change),
            "exercise": exercise_id(change.cell),
            "graders_from": graders_from.get(change.notebook, ""),
        }
        for change in changes
    ]
    if rows:
        connection.execute(insert(AUDIT), rows)


def graders_of(connection: Connection, assignment: str, student: str) -> dict[str, str]:
    """The digests of the graders of a student's stored results, by notebook."""
    mine = (RUN.c.assignment == assignment) & (RUN.c.student == student)
    rows = connection.execute(select(RUN.c.notebook, RUN.c.grader_hash).where(mine))
    return {str(notebook): str(found) for notebook, found in rows}


def load(connection: Connection, assignment: str | None = None, student: str | None = None) -> list[Entry]:
    """The ledger in the order in which it was written; empty if nothing was ever changed."""
    if not inspect(connection).has_table(AUDIT.name):
        return []
    query = select(*(AUDIT.c[field.name] for field in fields(Entry))).order_by(AUDIT.c.id)
    if assignment is not None:
        query = query.where(AUDIT.c.assignment == assignment)
    if student is not None:
        query = query.where(AUDIT.c.student == student)
    rows = connection.execute(query).mappings()
    return [Entry(**{**row, "at": row["at"].replace(tzinfo=UTC)}) for row in rows]


def who() -> str:
    """Who is at the keyboard: JupyterHub's name for them, else the operating system's."""
    hub = os.environ.get("JUPYTERHUB_USER", "")
    if hub:
        return hub[:128]
    try:
        return pwd.getpwuid(os.getuid()).pw_name[:128]
    except KeyError:  # a container may run under a number that has no name
        return f"uid {os.getuid()}"
