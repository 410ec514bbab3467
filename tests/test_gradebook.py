"""What is stored beside nbgrader's tables, and what a gradebook that cannot be used says."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chainrule import gradebook
from chainrule.errors import GradebookError
from chainrule.model import ExerciseResult, Graded, Note, Outcome, Status

WHEN = datetime(2025, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def url(tmp_path: Path, empty_gradebook: Path) -> str:
    shutil.copy(empty_gradebook, tmp_path / "gradebook.db")
    return f"sqlite:///{tmp_path / 'gradebook.db'}"


def graded(*outcomes: Outcome, student: str = "ada", notes: tuple[Note, ...] = ()) -> Graded:
    result = ExerciseResult("twice", "test_twice", 3.0, outcomes)
    return Graded("t1", student, "nb", {}, (result,), notes, 1.5, "none")


def outcome(test: str, points: float, status: Status, **more: str) -> Outcome:
    return Outcome("twice", test, f"Title of {test}", points, 2.0, status, **more)


def test_what_is_saved_is_loaded(url: str) -> None:
    tests = (
        outcome("test_a", 2.0, Status.PASSED),
        outcome("test_b", 0.0, Status.FAILED, message="Off by ½.", detail="got 1", misconception="Half of it."),
    )
    notes = (Note("missing", "It was missing.", "test_twice"),)
    with gradebook.connect(url) as connection:
        gradebook.save(connection, graded(*tests, notes=notes), "f00d", {"numpy": "2.1"}, WHEN)
    with gradebook.connect(url) as connection:
        (run,) = gradebook.load(connection, "t1", "ada")
    assert (run.assignment, run.student, run.notebook) == ("t1", "ada", "nb")
    assert (run.graded_at, run.seconds, run.isolation, run.grader_hash) == (WHEN, 1.5, "none", "f00d")
    assert run.versions == {"numpy": "2.1"}
    assert run.notes == notes
    assert run.outcomes == tuple(("test_twice", test) for test in tests)


def test_a_regrade_replaces_the_rows_of_that_notebook_alone(url: str) -> None:
    passed, failed = outcome("test_a", 2.0, Status.PASSED), outcome("test_a", 0.0, Status.FAILED)
    for student, result in (("ada", failed), ("bob", failed), ("ada", passed)):
        with gradebook.connect(url) as connection:
            gradebook.save(connection, graded(result, student=student), "f00d")
    with gradebook.connect(url) as connection:
        assert [(run.student, run.outcomes[0][1].status) for run in gradebook.load(connection, "t1")] == [
            ("ada", Status.PASSED),
            ("bob", Status.FAILED),
        ]
    count = sqlite3.connect(url.removeprefix("sqlite:///")).execute("SELECT COUNT(*) FROM chainrule_outcome")
    assert count.fetchone() == (2,)


def test_an_ungraded_exercise_is_stored_as_such_in_all_its_tests(url: str) -> None:
    tests = (outcome("test_a", 2.0, Status.PASSED), outcome("test_b", 0.0, Status.UNGRADED))
    with gradebook.connect(url) as connection:
        gradebook.save(connection, graded(*tests), "f00d")
        (run,) = gradebook.load(connection, "t1")
    assert [(test.status, test.points) for _, test in run.outcomes] == [(Status.UNGRADED, 0.0)] * 2


def test_text_that_no_database_takes_is_stored_readably(url: str) -> None:
    with gradebook.connect(url) as connection:
        gradebook.save(connection, graded(outcome("test_a", 0.0, Status.FAILED, detail="a\0b\ud800c")), "f00d")
        (run,) = gradebook.load(connection, "t1")
    assert run.outcomes[0][1].detail == "a\ufffdb?c"


def test_nothing_graded_yet_is_an_empty_list(url: str) -> None:
    with gradebook.connect(url) as connection:
        assert gradebook.load(connection, "t1") == []
        assert gradebook.notebooks(connection, "t1") is None
        assert gradebook.score(connection, "t1", "ada") is None


def test_a_save_that_fails_leaves_what_was_there(url: str) -> None:
    with gradebook.connect(url) as connection:
        gradebook.save(connection, graded(outcome("test_a", 2.0, Status.PASSED)), "f00d")
    with pytest.raises(TypeError), gradebook.connect(url) as connection:
        gradebook.save(connection, graded(outcome("test_a", 0.0, Status.FAILED)), "beef", {"numpy": object()})  # type: ignore[dict-item]
    with gradebook.connect(url) as connection:
        (run,) = gradebook.load(connection, "t1")
    assert run.grader_hash == "f00d"


def test_a_current_gradebook_passes_the_check(url: str) -> None:
    with gradebook.connect(url) as connection:
        gradebook.check(connection, url)


@pytest.mark.parametrize(
    "change", ["ALTER TABLE grade DROP COLUMN extra_credit", "DROP TABLE course"], ids=["column", "table"]
)
def test_a_gradebook_of_another_version_says_how_to_upgrade_it(url: str, change: str) -> None:
    with sqlite3.connect(url.removeprefix("sqlite:///")) as raw:
        raw.execute(change)
    raw.close()
    with gradebook.connect(url) as connection, pytest.raises(GradebookError, match=r"backup.*nbgrader db upgrade"):
        gradebook.check(connection, url)


def test_a_locked_gradebook_says_so(url: str, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "gradebook.db")
    other.execute("BEGIN EXCLUSIVE")
    locked = pytest.raises(GradebookError, match=r"gradebook\.db is locked: another program")
    with locked, gradebook.connect(url + "?timeout=0.1") as connection:
        gradebook.save(connection, graded(), "f00d")
    other.close()


def test_a_file_that_is_no_database_says_so(tmp_path: Path) -> None:
    (tmp_path / "gradebook.db").write_text("This is a text.\n" * 100)
    damaged = pytest.raises(GradebookError, match="damaged or not a database")
    with damaged, gradebook.connect(f"sqlite:///{tmp_path / 'gradebook.db'}") as connection:
        gradebook.load(connection, "t1")


def test_a_missing_gradebook_is_not_created(tmp_path: Path) -> None:
    missing = pytest.raises(gradebook.NoGradebook, match="generate_assignment")
    with missing, gradebook.connect(f"sqlite:///{tmp_path / 'gradebook.db'}"):
        pass
    assert not (tmp_path / "gradebook.db").exists()


def test_an_address_that_is_none_says_so() -> None:
    with pytest.raises(GradebookError, match="db_url"), gradebook.connect("no address"):
        pass


def test_no_message_shows_the_password() -> None:
    assert gradebook.place("postgresql://me:secret@host/grades") == "postgresql://me:***@host/grades"
