"""Which students' results are written, and from what: their gradebook rows and their folder in `autograded/`.

Database and file system cannot change in one step. So a student's new folder is first made beside the old one, under a
hidden name. The transaction that changes the rows also changes the student's mark in `chainrule_written`: what was
graded, and a digest of the folder that belongs to it. Then the folders change places. After a crash the mark tells
which folder is right: `repair` puts it in its place, or the student is graded again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    delete,
    insert,
    inspect,
    select,
)

from chainrule.gradebook import METADATA

WRITTEN = Table(
    "chainrule_written",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("assignment", String(128), nullable=False),
    Column("student", String(128), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("folder", String(64), nullable=False),
    UniqueConstraint("assignment", "student"),
)

BEGUN_WITH = Table(
    "chainrule_begun",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("assignment", String(128), nullable=False),
    Column("student", String(128), nullable=False),
    Column("state", Text, nullable=False),
    UniqueConstraint("assignment", "student"),
)
"""What nbgrader's converter found of a student that it is writing: a killed run must not lose what changed."""


@dataclass(frozen=True)
class Mark:
    """The fingerprint of what was graded and the digest of its folder. An empty one: the writing had only begun."""

    fingerprint: str = ""
    folder: str = ""


BEGUN = Mark()

State = Callable[[], dict[str, Any]]
"""Finds out what is to be remembered of a student, as JSON."""


def marks(connection: Connection, assignment: str) -> dict[str, Mark]:
    """The marks of an assignment, by student."""
    rows = connection.execute(
        select(WRITTEN.c.student, WRITTEN.c.fingerprint, WRITTEN.c.folder).where(WRITTEN.c.assignment == assignment)
    )
    return {student: Mark(fingerprint, folder) for student, fingerprint, folder in rows}


def mark(connection: Connection, assignment: str, student: str, found: Mark) -> None:
    """Set a student's mark. The caller commits."""
    connection.execute(delete(WRITTEN).where(_of(assignment, student)))
    connection.execute(insert(WRITTEN).values(assignment=assignment, student=student, **vars(found)))


def begin(connection: Connection, assignment: str, student: str, state: State) -> dict[str, Any]:
    """nbgrader's converter is to write this student. Gives the state before, also if an earlier run was killed in it.

    The caller commits.
    """
    mine = (BEGUN_WITH.c.assignment == assignment) & (BEGUN_WITH.c.student == student)
    known = connection.execute(select(BEGUN_WITH.c.state).where(mine)).scalar()
    found: dict[str, Any] = state() if known is None else json.loads(known)
    if known is None:
        connection.execute(insert(BEGUN_WITH).values(assignment=assignment, student=student, state=json.dumps(found)))
    mark(connection, assignment, student, BEGUN)
    return found


def finish(connection: Connection, assignment: str, student: str, found: Mark) -> None:
    """nbgrader's converter has written this student. The caller commits."""
    mine = (BEGUN_WITH.c.assignment == assignment) & (BEGUN_WITH.c.student == student)
    connection.execute(delete(BEGUN_WITH).where(mine))
    mark(connection, assignment, student, found)


def unmark(connection: Connection, assignment: str, student: str) -> None:
    """nbgrader itself is writing this student: our mark no longer holds, unless it says that we are not done."""
    if inspect(connection).has_table(WRITTEN.name):
        connection.execute(delete(WRITTEN).where(_of(assignment, student), WRITTEN.c.fingerprint != ""))


def digest(folder: Path) -> str:
    """What is in a folder: the content of the notebooks, the names and sizes of the other files. Empty without one."""
    if not folder.is_dir():
        return ""
    found = hashlib.sha256()
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            content = path.read_bytes() if path.suffix == ".ipynb" and path.is_file() else b""
            part = f"{path.relative_to(folder)}\0{path.lstat().st_size}\0{len(content)}\0"
            found.update(part.encode("utf-8", "surrogateescape") + content)
    return found.hexdigest()


@contextmanager
def fresh(folder: Path) -> Iterator[Path]:
    """An empty place beside `folder`, where nbgrader does not look, to make its successor in."""
    place = _new(folder)
    _remove(place)
    try:
        yield place
    except BaseException:
        _remove(place)
        raise


def replace(folder: Path) -> None:
    """Put what was made in the `fresh` place into `folder`."""
    old = folder.with_name(f".{folder.name}.old")
    _remove(old)
    if folder.exists():
        folder.rename(old)
    _new(folder).rename(folder)
    _remove(old)


def repair(folder: Path, found: Mark | None) -> None:
    """After a run that may have been killed: finish what it had begun to write, or undo it."""
    new = _new(folder)
    if new.exists():
        if found is not None and found.folder and digest(new) == found.folder != digest(folder):
            replace(folder)
        _remove(new)
    _remove(folder.with_name(f".{folder.name}.old"))


def _new(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.new")


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _of(assignment: str, student: str) -> ColumnElement[bool]:
    return (WRITTEN.c.assignment == assignment) & (WRITTEN.c.student == student)
