"""The ledger takes rows and gives none back: the database itself refuses to change or remove one."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bench.postgres import Server
from nbgrader.api import Gradebook
from sqlalchemy import text

from chainrule import __version__, audit, gradebook
from chainrule.course import Course
from chainrule.errors import GradebookError, UnknownName
from chainrule.regrade import ledger

CHANGES = (
    audit.Change("nb", "test_twice", 3.0, 1.0),
    audit.Change("nb", "test_thrice", None, 2.0, manual=1.5),
    audit.Change("nb", "why", 2.0, 2.0, computed=0.5),
)

ATTEMPTS = {
    "update": "UPDATE chainrule_audit SET points_to = 99",
    "update of one": "UPDATE chainrule_audit SET reason = '' WHERE id = 1",
    "delete": "DELETE FROM chainrule_audit",
    "delete of one": "DELETE FROM chainrule_audit WHERE id = 1",
}
SQLITE = {
    "replace": "INSERT OR REPLACE INTO chainrule_audit SELECT id, at, 'nobody', assignment, student, notebook,"
    " exercise, cell, points_from, points_to, computed, manual, reason, graders_from, graders_to, version"
    " FROM chainrule_audit",
    "update or replace": "UPDATE OR REPLACE chainrule_audit SET id = 2 WHERE id = 1",
}
POSTGRESQL = {
    "truncate": "TRUNCATE chainrule_audit",
    "on conflict": "INSERT INTO chainrule_audit SELECT * FROM chainrule_audit "
    "ON CONFLICT (id) DO UPDATE SET points_to = 99",
}


@pytest.fixture
def url(tmp_path: Path, empty_gradebook: Path) -> str:
    shutil.copy(empty_gradebook, tmp_path / "gradebook.db")
    return f"sqlite:///{tmp_path / 'gradebook.db'}"


def fill(url: str) -> list[audit.Entry]:
    with gradebook.connect(url) as connection:
        gradebook.METADATA.create_all(connection)
        audit.prepare(connection)
        audit.prepare(connection)  # as each run does
        audit.record(connection, "t1", "ada", CHANGES, reason="Why not.", graders_from={"nb": "old"}, graders_to="new")
    with gradebook.connect(url) as connection:
        return audit.load(connection)


def assert_refused(url: str, statement: str) -> None:
    with pytest.raises(GradebookError, match="append-only"), gradebook.connect(url) as connection:
        connection.execute(text(statement))


def test_what_is_recorded_is_loaded_with_who_and_when(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_USER", "prof")
    begin = datetime.now(UTC)
    first, second, third = fill(url)
    assert begin <= first.at <= datetime.now(UTC)
    assert (first.who, first.assignment, first.student, first.version) == ("prof", "t1", "ada", __version__)
    assert (first.exercise, first.cell, first.points_from, first.points_to) == ("twice", "test_twice", 3.0, 1.0)
    assert (first.graders_from, first.graders_to, first.reason) == ("old", "new", "Why not.")
    assert (second.points_from, second.manual, third.computed, third.exercise) == (None, 1.5, 0.5, "why")


def test_without_a_hub_it_is_the_user_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    import pwd

    monkeypatch.delenv("JUPYTERHUB_USER", raising=False)
    monkeypatch.setenv("USER", "somebody else")
    assert audit.who() == pwd.getpwuid(os.getuid()).pw_name


def test_it_is_filtered_by_assignment_and_student(url: str) -> None:
    fill(url)
    with gradebook.connect(url) as connection:
        audit.record(connection, "t2", "bob", CHANGES[:1], reason="r", graders_from={}, graders_to="new")
    with gradebook.connect(url) as connection:
        assert len(audit.load(connection)) == 4
        assert [entry.student for entry in audit.load(connection, "t2")] == ["bob"]
        assert audit.load(connection, "t2", "ada") == []


def test_a_gradebook_without_a_ledger_has_an_empty_one(url: str) -> None:
    with gradebook.connect(url) as connection:
        assert audit.load(connection) == []


def test_a_name_that_the_gradebook_does_not_know_has_no_empty_ledger(classroom: Any) -> None:
    """It is a typing error, and says so; a student without a changed score has an empty one."""
    with Gradebook(classroom.db_url) as book:
        book.add_student("ada")
    assert ledger(Course(classroom.root), student="ada") == []
    with pytest.raises(UnknownName, match=r"No student 'adda'.*'ada'"):
        ledger(Course(classroom.root), student="adda")


@pytest.mark.parametrize("attempt", [*ATTEMPTS, *SQLITE])
def test_sqlite_refuses_to_change_or_remove_a_row(url: str, attempt: str) -> None:
    before = fill(url)
    assert_refused(url, (ATTEMPTS | SQLITE)[attempt])
    with gradebook.connect(url) as connection:
        assert audit.load(connection) == before


def test_triggers_that_a_kill_prevented_are_made_by_the_next_run(url: str) -> None:
    with gradebook.connect(url) as connection:
        audit.LEDGER.create_all(connection)  # SQLite keeps it, though the run ends here
    fill(url)
    assert_refused(url, ATTEMPTS["delete"])


def test_postgresql_refuses_to_change_or_remove_a_row(postgres: Server) -> None:
    db_url = postgres.create("ledger")
    before = fill(db_url)
    assert len(before) == 3
    for statement in (ATTEMPTS | POSTGRESQL).values():
        assert_refused(db_url, statement)
    with gradebook.connect(db_url) as connection:
        assert audit.load(connection) == before
    assert len(fill(db_url)) == 6
