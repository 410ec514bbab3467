"""What a second run grades again, and what of it stays as it was."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import replace
from typing import Any

import pytest

from chainrule.autograde import Summary, autograde
from chainrule.course import Course
from chainrule.errors import CourseError
from chainrule.journal import Journal
from chainrule.model import ExerciseResult, Status

WRONG = "def twice(x):\n    return x"


@pytest.fixture
def graded(classroom: Any, at_once: Any) -> Any:
    """Three students, graded."""
    for student in ("ada", "bob", "cyd"):
        classroom.submit(student)
    grade(classroom, at_once)
    assert at_once.asked == ["ada", "bob", "cyd"]
    at_once.asked.clear()
    return classroom


def grade(classroom: Any, at_once: Any, **options: Any) -> Summary:
    return autograde(Course(classroom.root), "t1", executor=at_once, **options)


def twice(classroom: Any) -> dict[str, tuple[float | None, bool]]:
    return {student: grades["test_twice"] for student, grades in classroom.grades().items()}


def query(classroom: Any, text: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(classroom.root / "gradebook.db") as raw:
        found = raw.execute(text).fetchall()
    raw.close()
    return found


def test_nothing_is_graded_twice(graded: Any, at_once: Any) -> None:
    assert all(row.skipped for row in grade(graded, at_once).rows)
    assert at_once.asked == []


def test_a_changed_submission_is_graded_again_without_a_newer_time(graded: Any, at_once: Any) -> None:
    graded.submit("bob", twice=WRONG)
    grade(graded, at_once)
    assert at_once.asked == ["bob"]
    assert twice(graded) == {"ada": (3.0, False), "bob": (0.0, False), "cyd": (3.0, False)}


def test_a_file_beside_the_notebook_is_part_of_the_submission(graded: Any, at_once: Any) -> None:
    (graded.root / "submitted/bob/t1/data.txt").write_text("1")
    grade(graded, at_once)
    assert at_once.asked == ["bob"]
    assert (graded.root / "autograded/bob/t1/data.txt").read_text() == "1"


def test_changed_graders_and_an_instructors_file_regrade_everybody(graded: Any, at_once: Any) -> None:
    grader = graded.root / "graders/t1/test_twice.py"
    for path, text in ((grader, f"{grader.read_text()}\n# better\n"), (graded.root / "source/t1/data.txt", "1")):
        path.write_text(text)
        grade(graded, at_once)
        assert at_once.asked == ["ada", "bob", "cyd"]
        at_once.asked.clear()


def test_new_points_in_the_release_regrade_everybody(graded: Any, at_once: Any) -> None:
    path = graded.root / "source/t1/t1.ipynb"
    notebook = json.loads(path.read_text())
    (test,) = (cell for cell in notebook["cells"] if cell["id"] == "test_twice")
    test["metadata"]["nbgrader"]["points"] = 30
    path.write_text(json.dumps(notebook))
    grade(graded, at_once)
    assert at_once.asked == []  # not released
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", "t1", "--force"]
    subprocess.run(command, cwd=graded.root, check=True, capture_output=True)
    grade(graded, at_once)
    assert twice(graded)["ada"] == (30.0, False)


def test_marks_and_comments_by_hand_survive_a_regrade_and_the_cell_waits(graded: Any, at_once: Any) -> None:
    query(graded, "UPDATE grade SET manual_score = 1, extra_credit = 2, needs_manual_grade = 0")
    query(graded, "UPDATE comment SET manual_comment = 'Good.'")
    everything = "SELECT manual_score, extra_credit FROM grade UNION ALL SELECT manual_comment, 0 FROM comment"
    before = query(graded, everything)
    assert all(row.skipped for row in grade(graded, at_once).rows)
    assert twice(graded)["ada"] == (3.0, False)
    grade(graded, at_once, force=True)
    assert at_once.asked == ["ada", "bob", "cyd"]
    assert twice(graded)["ada"] == (3.0, True)
    assert query(graded, everything) == before


def test_what_nbgrader_itself_graded_is_skipped_by_its_rule(graded: Any, at_once: Any) -> None:
    query(graded, "DELETE FROM chainrule_written")  # as nbgrader's autograde does with the students it grades
    assert all(row.skipped for row in grade(graded, at_once).rows)
    graded.submit("cyd", twice=WRONG, time="2025-03-02 12:00:00 UTC")
    grade(graded, at_once)
    assert at_once.asked == ["cyd"]
    query(graded, "DELETE FROM chainrule_written")
    (graded.root / "graders/t1/more.py").write_text("")
    grade(graded, at_once)
    assert at_once.asked == ["cyd", "ada", "bob", "cyd"]


@pytest.mark.slow
def test_nbgraders_own_regrade_stands(graded: Any, at_once: Any) -> None:
    command = [sys.executable, "-m", "nbgrader", "autograde", "t1", "--force", "--student", "bob"]
    subprocess.run(command, cwd=graded.root, check=True, capture_output=True)
    before = query(graded, "SELECT * FROM chainrule_run ORDER BY id")
    assert all(row.skipped for row in grade(graded, at_once).rows)
    assert query(graded, "SELECT * FROM chainrule_run ORDER BY id") == before


def test_what_a_fault_of_ours_left_ungraded_is_tried_again(classroom: Any, at_once: Any) -> None:
    classroom.submit("ada")

    class Faulty(Executor):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            future = at_once.submit(fn, *args)
            first, *others = future.result().exercises
            fault = ExerciseResult(**{**vars(first), "outcomes": (replace(first.outcomes[0], status=Status.UNGRADED),)})
            broken: Future[Any] = Future()
            broken.set_result(replace(future.result(), exercises=(fault, *others)))
            return broken

    autograde(Course(classroom.root), "t1", executor=lambda _: Faulty())
    assert twice(classroom) == {"ada": (None, True)}
    grade(classroom, at_once)
    assert at_once.asked == ["ada", "ada"]
    assert twice(classroom) == {"ada": (3.0, False)}


def test_what_the_journal_knows_is_not_graded_again(classroom: Any, at_once: Any) -> None:
    for student in ("ada", "bob"):
        classroom.submit(student)
    other = sqlite3.connect(classroom.root / "gradebook.db")
    config = classroom.root / "nbgrader_config.py"
    config.write_text(f"{config.read_text()}\nc.CourseDirectory.db_url = '{classroom.db_url}?timeout=0.2'\n")
    grade(classroom, at_once, students=["ada"], force=True)

    class Locking(Executor):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            other.execute("BEGIN IMMEDIATE")
            return at_once.submit(fn, *args)

    with pytest.raises(Exception, match="is locked"):
        autograde(Course(classroom.root), "t1", executor=lambda _: Locking())
    other.close()
    assert at_once.asked == ["ada", "bob"]
    assert [row.skipped for row in grade(classroom, at_once).rows] == [True, False]
    assert at_once.asked == ["ada", "bob"]
    assert twice(classroom) == {"ada": (3.0, False), "bob": (3.0, False)}
    assert (classroom.root / ".chainrule/journal/t1.jsonl").read_bytes() == b""


def test_a_second_run_at_the_same_time_is_refused(graded: Any, at_once: Any) -> None:
    with Journal(graded.root, "t1"), pytest.raises(CourseError, match="Another `chainrule autograde t1`"):
        grade(graded, at_once)


def test_a_failure_while_writing_costs_only_its_student(classroom: Any, at_once: Any) -> None:
    for student in ("ada", "bob", "cyd"):
        classroom.submit(student)
    (classroom.root / "submitted/bob/t1/timestamp.txt").write_text("tomorrow")
    ada, bob, cyd = grade(classroom, at_once, workers=3).rows
    assert "timestamp.txt is no time. Correct it, or remove it." in bob.error
    assert (ada.points, cyd.points, bob.points) == (8.0, 8.0, None)
    assert set(classroom.grades()) == {"ada", "cyd"}
    assert not (classroom.root / "autograded/bob/t1").exists()


def test_students_links_are_not_followed(classroom: Any, at_once: Any) -> None:
    classroom.submit("ada")
    (classroom.root / "submitted/ada/t1/mine.txt").symlink_to(classroom.root / "gradebook.db")
    assert not grade(classroom, at_once).failed
    assert {path.name for path in (classroom.root / "autograded/ada/t1").iterdir()} == {"t1.ipynb", "timestamp.txt"}


@pytest.mark.slow
def test_scores_do_not_depend_on_workers_or_order(classroom: Any) -> None:
    answers = {"ada": {}, "bob": {"twice": WRONG}, "cyd": {"thrice": "def thrice(x):\n    return x + 3"}, "dan": {}}
    for student, given in answers.items():
        classroom.submit(student, **given)
    told = """SELECT student, test, points, message, misconception
        FROM chainrule_outcome o JOIN chainrule_run r ON r.id = run_id"""
    found = []
    for workers, groups in ((2, [["ada", "bob", "cyd", "dan"]]), (1, [["dan"], ["bob", "cyd"], ["ada"]])):
        for students in groups:
            autograde(Course(classroom.root), "t1", students=students, workers=workers, force=True)
        found.append((classroom.grades(), sorted(query(classroom, told), key=repr)))
    assert found[0] == found[1]


@pytest.mark.slow
def test_what_nbgraders_converter_wrote_is_skipped_too_and_written_again_if_that_was_not_finished(
    classroom: Any, at_once: Any
) -> None:
    for path in (classroom.root / "graders/t1").iterdir():
        path.unlink()
    classroom.submit("ada", four="def four():\n    return 4")
    assert [row.skipped for row in grade(classroom, at_once).rows] == [False]
    assert [row.skipped for row in grade(classroom, at_once).rows] == [True]
    query(
        classroom, "UPDATE chainrule_written SET fingerprint = '', folder = ''"
    )  # as it is while the converter writes
    (classroom.root / "autograded/ada/t1/t1.ipynb").unlink()
    assert [row.skipped for row in grade(classroom, at_once).rows] == [False]
    assert classroom.grades()["ada"]["test_four"] == (2.0, False)
    assert at_once.asked == ["ada", "ada"]
