"""`chainrule autograde` gives a class the scores that `nbgrader autograde` gives it, in parallel."""

from __future__ import annotations

import json
import multiprocessing
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chainrule import gradebook
from chainrule.autograde import Row, Summary, autograde
from chainrule.course import Course
from chainrule.errors import CourseError, GradebookError, UnknownName

FULL = {"test_twice": (3.0, False), "test_thrice": (3.0, False), "test_four": (2.0, False), "why": (None, True)}


def cell_of(notebook: dict[str, Any], name: str) -> dict[str, Any]:
    return next(cell for cell in notebook["cells"] if cell["id"] == name)


def fill(classroom: Any) -> None:
    """A class of eight, each with another accident."""
    classroom.submit("ada")
    classroom.submit("bob", twice="def twice(x):\n    return x + 2")
    classroom.submit("cyd", thrice="import os\nos._exit(0)")
    classroom.submit("dan", raw="{ this is no JSON")
    classroom.submit("eve", lambda nb: nb["cells"].insert(5, json.loads(json.dumps(cell_of(nb, "test_twice")))))
    classroom.submit("fay", lambda nb: nb["cells"].remove(cell_of(nb, "test_thrice")), why="YOUR ANSWER HERE")
    classroom.submit("gus", lambda nb: cell_of(nb, "test_twice")["metadata"]["nbgrader"].update(points=300))
    classroom.submit("hal", four="def four():\n    return 5")


@dataclass(frozen=True)
class Both:
    """The same class graded by the two commands."""

    ours: Any
    theirs: Any
    summary: Summary
    seen: list[tuple[str, int, int]]


@pytest.fixture(scope="module")
def both(released_classroom: Any, tmp_path_factory: pytest.TempPathFactory) -> Both:
    ours = released_classroom.copy(tmp_path_factory.mktemp("ours") / "course")
    fill(ours)
    theirs = ours.copy(tmp_path_factory.mktemp("theirs") / "course")
    command = [sys.executable, "-m", "nbgrader", "autograde", "t1"]
    subprocess.run(command, cwd=theirs.root, check=True, capture_output=True)
    seen: list[tuple[str, int, int]] = []

    def progress(row: Row, done: int, total: int) -> None:
        seen.append((row.student, done, total))

    summary = autograde(Course(ours.root), "t1", workers=2, progress=progress)
    return Both(ours, theirs, summary, seen)


def outcomes(classroom: Any) -> dict[str, list[tuple[Any, ...]]]:
    with gradebook.connect(classroom.db_url) as connection:
        return {
            run.student: [
                (cell, test.exercise, test.test, test.points, test.status, test.message, test.misconception)
                for cell, test in run.outcomes
            ]
            for run in gradebook.load(connection, "t1")
        }


def notes(row: Row) -> set[str]:
    return {note.kind for note in row.notes}


@pytest.fixture
def quick(classroom: Any) -> Iterator[Any]:
    """A class that takes no time: no submission of it can be read."""
    for student in ("ada", "bob", "cyd"):
        classroom.submit(student, raw="{")
    yield classroom
    assert multiprocessing.active_children() == []


def test_everyone_gets_the_score_they_deserve(both: Both) -> None:
    grades = both.ours.grades()
    assert grades == {
        "ada": FULL,
        "bob": FULL | {"test_twice": (0.0, False)},
        "cyd": FULL | {"test_thrice": (0.0, False)},
        "dan": dict.fromkeys(FULL, (0.0, False)),
        "eve": FULL,
        "fay": FULL | {"why": (0.0, False)},
        "gus": FULL,
        "hal": FULL | {"test_four": (0.0, False)},
    }


def test_nbgrader_autograde_gives_the_same_scores_and_records(both: Both) -> None:
    assert both.ours.grades() == both.theirs.grades()
    assert outcomes(both.ours) == outcomes(both.theirs)


def test_nbgrader_autograde_writes_the_same_notebooks(both: Both) -> None:
    for student in both.ours.grades():
        pair = [
            [(cell["cell_type"], cell["source"], cell["metadata"]) for cell in classroom.graded(student)]
            for classroom in (both.ours, both.theirs)
        ]
        assert pair[0] == pair[1]


def test_the_summary_says_what_the_gradebook_says(both: Both) -> None:
    rows = {row.student: row for row in both.summary.rows}
    assert list(rows) == sorted(rows)
    assert {student: (row.points, row.max_points) for student, row in rows.items()} == {
        "ada": (8.0, 13.0),
        "bob": (5.0, 13.0),
        "cyd": (5.0, 13.0),
        "dan": (0.0, 13.0),
        "eve": (8.0, 13.0),
        "fay": (8.0, 13.0),
        "gus": (8.0, 13.0),
        "hal": (6.0, 13.0),
    }
    assert rows["ada"].needs_manual
    assert not rows["fay"].needs_manual
    assert not both.summary.failed


def test_whoever_has_an_accident_has_a_note(both: Both) -> None:
    kinds = {row.student: notes(row) for row in both.summary.rows}
    assert {student: found for student, found in kinds.items() if found} == {
        "cyd": {"crashed"},
        "dan": {"unreadable"},
        "eve": {"duplicate"},
        "fay": {"missing"},
        "gus": {"metadata"},
    }


def test_the_misconception_is_named(both: Both) -> None:
    assert {test[-1] for test in outcomes(both.ours)["bob"] if test[1] == "twice"} == {"Plus 2, not times 2."}


def test_progress_is_told_of_every_student_once(both: Both) -> None:
    assert sorted(student for student, _, _ in both.seen) == [row.student for row in both.summary.rows]
    assert [(done, total) for _, done, total in both.seen] == [(number, 8) for number in range(1, 9)]


def test_graded_notebooks_hold_no_hidden_test_of_an_exercise_with_a_grader(both: Both) -> None:
    for student in both.ours.grades():
        sources = [cell["source"] for cell in both.ours.graded(student) if cell["id"] in ("test_twice", "test_thrice")]
        assert sources == ["print(twice(1.0))", "print(thrice(1.0))"]


def test_staff_see_the_report_of_an_exercise_in_its_test_cell(both: Both) -> None:
    (cell,) = (cell for cell in both.ours.graded("bob") if cell["id"] == "test_twice")
    assert "Plus 2, not times 2." in "".join(cell["outputs"][-1]["data"]["text/plain"])


def test_what_was_graded_is_skipped_until_something_newer_is_collected(both: Both, tmp_path: Path) -> None:
    classroom = both.ours.copy(tmp_path / "course")
    assert all(row.skipped for row in autograde(Course(classroom.root), "t1").rows)
    classroom.submit("bob", time="2025-03-02 12:00:00 UTC")
    rows = autograde(Course(classroom.root), "t1", workers=1).rows
    assert [row.student for row in rows if not row.skipped] == ["bob"]
    assert classroom.grades()["bob"] == FULL


def test_force_grades_again_and_changes_nothing(both: Both, tmp_path: Path) -> None:
    classroom = both.ours.copy(tmp_path / "course")
    summary = autograde(Course(classroom.root), "t1", force=True, students=["ada", "eve"], workers=2)
    assert [(row.student, row.skipped) for row in summary.rows] == [("ada", False), ("eve", False)]
    assert classroom.grades() == both.ours.grades()
    assert outcomes(classroom) == outcomes(both.ours)


def test_a_manual_score_survives_and_the_cell_waits_for_a_human(both: Both, tmp_path: Path) -> None:
    classroom = both.ours.copy(tmp_path / "course")
    with sqlite3.connect(classroom.root / "gradebook.db") as raw:
        raw.execute("UPDATE grade SET manual_score = 1.5 WHERE auto_score = 3.0")
    raw.close()
    (row,) = autograde(Course(classroom.root), "t1", force=True, students=["ada"], workers=1).rows
    assert (row.points, row.needs_manual) == (1.5 + 1.5 + 2.0, True)
    assert classroom.grades()["ada"]["test_twice"] == (3.0, True)


def test_a_worker_that_dies_costs_nobody_a_point(classroom: Any) -> None:
    for student in ("ada", "bob", "cyd"):
        classroom.submit(student, four="import time\ntime.sleep(3)\ndef four():\n    return 4")
    before = {child.pid for child in multiprocessing.active_children()}

    def kill_a_worker() -> None:
        while not (workers := [child for child in multiprocessing.active_children() if child.pid not in before]):
            time.sleep(0.05)
        time.sleep(2)
        workers[0].kill()

    killer = threading.Thread(target=kill_a_worker)
    killer.start()
    summary = autograde(Course(classroom.root), "t1", workers=2)
    killer.join()
    assert [(row.student, row.points, row.error) for row in summary.rows] == [
        (student, 8.0, "") for student in ("ada", "bob", "cyd")
    ]


def test_a_submission_that_kills_its_worker_twice_is_ungraded_never_zero(classroom: Any) -> None:
    classroom.submit("ada")
    stop = threading.Event()

    def kill_them_all() -> None:
        while not stop.wait(0.3):
            for child in multiprocessing.active_children():
                child.kill()

    killer = threading.Thread(target=kill_them_all)
    killer.start()
    try:
        (row,) = autograde(Course(classroom.root), "t1", workers=1).rows
    finally:
        stop.set()
        killer.join()
    assert not row.error
    assert notes(row) == {"ungraded"}
    assert classroom.grades()["ada"]["test_twice"] == (None, True)
    assert {test[4].value for test in outcomes(classroom)["ada"]} == {"ungraded"}


def test_ctrl_c_leaves_every_student_written_or_not(quick: Any) -> None:
    def interrupt(row: Row, done: int, total: int) -> None:
        signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        autograde(Course(quick.root), "t1", workers=1, progress=interrupt)
    assert signal.getsignal(signal.SIGINT) is before
    written = {path.name for path in (quick.root / "autograded").iterdir()}
    assert 0 < len(written) < 3
    assert set(outcomes(quick)) == written
    rows = autograde(Course(quick.root), "t1", workers=1).rows
    assert {row.student for row in rows if row.skipped} == written
    assert set(outcomes(quick)) == {"ada", "bob", "cyd"}


def test_a_locked_gradebook_ends_the_run_and_writes_nothing(quick: Any) -> None:
    config = quick.root / "nbgrader_config.py"
    config.write_text(f"{config.read_text()}\nc.CourseDirectory.db_url = '{quick.db_url}?timeout=0.2'\n")
    other = sqlite3.connect(quick.root / "gradebook.db")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(GradebookError, match="is locked: another program"):
        autograde(Course(quick.root), "t1", workers=1)
    other.close()
    assert not list((quick.root / "autograded").glob("*/t1"))


def test_a_gradebook_of_another_version_says_how_to_upgrade_it(quick: Any) -> None:
    with sqlite3.connect(quick.root / "gradebook.db") as raw:
        raw.execute("ALTER TABLE student DROP COLUMN lms_user_id")
    raw.close()
    with pytest.raises(GradebookError, match="nbgrader db upgrade"):
        autograde(Course(quick.root), "t1")


def test_a_file_under_another_name_is_a_row_that_says_so(classroom: Any) -> None:
    classroom.submit("ada", name="t1 (2).ipynb")
    classroom.submit("bob", raw="{")
    ada, bob = autograde(Course(classroom.root), "t1", workers=1).rows
    assert "holds t1 (2), but t1.ipynb is expected" in ada.error
    assert not bob.error


def test_an_unknown_assignment_names_the_nearest(quick: Any) -> None:
    with pytest.raises(UnknownName, match="Did you mean 't1'"):
        autograde(Course(quick.root), "t2")


def test_an_unknown_student_names_the_nearest(quick: Any) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'ada'"):
        autograde(Course(quick.root), "t1", students=["adda"])


def test_an_assignment_that_was_never_generated_says_what_to_run(quick: Any) -> None:
    (quick.root / "source/t2").mkdir()
    with pytest.raises(CourseError, match=r"does not know t2\. Run `nbgrader generate_assignment t2` first"):
        autograde(Course(quick.root), "t2")


def test_a_course_without_a_gradebook_says_what_to_run(quick: Any) -> None:
    (quick.root / "gradebook.db").unlink()
    with pytest.raises(CourseError, match=r"no gradebook yet\. Run `nbgrader generate_assignment t1` first"):
        autograde(Course(quick.root), "t1")
    assert not (quick.root / "gradebook.db").exists()


def test_no_submissions_says_what_to_run(classroom: Any) -> None:
    with pytest.raises(CourseError, match="nbgrader collect t1"):
        autograde(Course(classroom.root), "t1")


def test_a_broken_configuration_is_named(quick: Any) -> None:
    (quick.root / "nbgrader_config.py").write_text("c = get_config(\n")
    with pytest.raises(CourseError, match=r"nbgrader_config.py cannot be loaded: SyntaxError"):
        autograde(Course(quick.root), "t1")


def test_a_course_that_does_not_turn_us_on_is_graded_all_the_same(classroom: Any) -> None:
    (classroom.root / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'tiny'\n")
    classroom.submit("ada", twice="def twice(x):\n    return x + 2")
    autograde(Course(classroom.root), "t1", workers=1)
    assert classroom.grades()["ada"] == FULL | {"test_twice": (0.0, False)}


def test_a_source_that_was_edited_after_the_release_changes_no_grade(classroom: Any) -> None:
    classroom.submit("ada")
    path = classroom.root / "source/t1/t1.ipynb"
    notebook = json.loads(path.read_text())
    test = cell_of(notebook, "test_twice")
    test["metadata"]["nbgrader"]["points"] = 30
    test["source"] = "raise ValueError"
    notebook["cells"].remove(cell_of(notebook, "test_thrice"))
    path.write_text(json.dumps(notebook))
    autograde(Course(classroom.root), "t1", workers=1)
    assert classroom.grades()["ada"] == FULL
