"""`chainrule regrade --dry-run` says who gains and loses and why, computes nothing twice and writes nothing."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from tests.regrade.lines import Forbidden, command, everything, release, told

from chainrule.course import Course
from chainrule.notebook.build import build
from chainrule.regrade import Difference, Regrade


def test_a_dry_run_says_who_gains_who_loses_and_why(looked: tuple[Difference, Path]) -> None:
    found, _ = looked
    assert found.totals == {"gain": 1, "lose": 1, "unchanged": 1, "new": 0, "failed": 0}
    students = told(found)
    assert (students["bob"].gain, students["cyd"].gain, students["ada"].gain) == (2.0, -3.0, 0.0)
    assert [student.student for student in found.students][:2] == ["cyd", "bob"]
    (cell,) = students["cyd"].cells
    assert (cell.exercise, cell.points, cell.manual) == ("line_grad", (5.0, 2.0), None)
    tests = {test.test: test for test in cell.tests}
    differences, added = tests["test_finite_differences"], tests["test_direction"]
    assert [status and status.value for status in differences.status] == ["passed", "failed"]
    assert (differences.why, differences.max_points) == ("verdict changed", (5.0, 3.0))
    assert (added.why, added.points) == ("added", (None, 2.0))
    assert set(cell.why) == {"verdict changed", "added"}


def test_marks_by_hand_are_shown_as_kept(looked: tuple[Difference, Path]) -> None:
    (cell,) = told(looked[0])["ada"].cells
    assert (cell.manual, cell.gain) == (7.5, 0.0)
    assert {test.why for test in cell.tests} == {"points changed", "added"}


def test_a_second_look_computes_nothing(edited: Path, looked: tuple[Difference, Path]) -> None:
    with Regrade(Course(edited), "lines", executor=Forbidden()) as run:
        assert told(run.compare()) == told(looked[0])


def test_a_dry_run_works_while_another_program_writes_the_gradebook(edited: Path) -> None:
    other = sqlite3.connect(edited / "gradebook.db")
    other.execute("BEGIN IMMEDIATE")
    with Regrade(Course(edited), "lines", executor=Forbidden()) as run:
        assert run.compare().totals["gain"] == 1
    other.close()


def test_the_table_and_the_csv_name_test_points_and_verdict(edited: Path, tmp_path: Path) -> None:
    result = command(edited, "regrade", "lines", "--dry-run", "--csv", str(tmp_path / "diff.csv"))
    assert "test_finite_differences passed -> failed, 5 -> 3 points" in result.stdout
    assert "the mark by hand, 7.5, is kept" in result.stdout
    assert "\x1b[" not in result.stdout
    lines = (tmp_path / "diff.csv").read_text().splitlines()
    assert any("cyd" in line and "test_direction" in line and "added" in line for line in lines)


@pytest.mark.parametrize(("points", "differences", "raises"), [(10, 7, False), (4, 1, True)])
def test_a_dry_run_after_changed_points_says_them_and_writes_into_its_own_folder_alone(
    course: Path, points: int, differences: int, raises: bool
) -> None:
    """Worth more, plainly; worth less, with --raise-only: of 8 points bob has 3, of 4 the graders give 3 again."""
    text, path = course / "source/lines.md", course / "graders/lines/test_line_grad.py"
    text.write_text(text.read_text().replace('test="line_grad" points=8', f'test="line_grad" points={points}'))
    path.write_text(path.read_text().replace("@points(5)", f"@points({differences})"))
    build(Course(course))
    release(course, force=True)
    ours = {*(course / ".chainrule").rglob("*")}
    before = everything(course)
    with Regrade(Course(course), "lines", workers=2, raise_only=raises) as run:
        found = run.compare()
    assert everything(course) == before
    assert {file.relative_to(course).parts[:2] for file in {*(course / ".chainrule").rglob("*")} - ours} == {
        (".chainrule", "regrade")
    }
    assert found.raise_only == raises
    (cyd,) = told(found)["cyd"].cells
    assert (cyd.max_points, cyd.points) == ((8.0, points), (5.0, 2.5 if raises else 7.0))
    (bob,) = told(found)["bob"].cells
    assert (bob.points, bob.kept, bob.is_worth_less) == ((3.0, 3.0), False, raises)
    assert (cyd.kept, cyd.computed) == ((True, 1.0) if raises else (False, None))


@pytest.mark.slow
def test_points_changed_in_the_source_are_shown_as_such(course: Path) -> None:
    text, path = course / "source/lines.md", course / "graders/lines/test_line_grad.py"
    text.write_text(text.read_text().replace('test="line_grad" points=8', 'test="line_grad" points=10'))
    path.write_text(path.read_text().replace("@points(5)", "@points(7)"))
    assert command(course, "build").returncode == 0
    unreleased = command(course, "regrade", "lines", "--dry-run").stdout
    assert "gives test_line_grad 10 points, the gradebook 8" in unreleased
    assert "add up to 10 points, test_line_grad has 8" in unreleased
    generate = [sys.executable, "-m", "nbgrader", "generate_assignment", "lines", "--force"]
    subprocess.run(generate, cwd=course, check=True, capture_output=True)
    shown = command(course, "regrade", "lines", "--dry-run")
    assert "8 -> 10 points for test_line_grad" in shown.stdout
    assert "1 gain, 0 lose, 2 unchanged" in shown.stdout  # ada's mark by hand counts, bob has the 3 of the fit


@pytest.mark.slow
def test_a_new_exercise_after_submissions_is_an_advice_and_loses_nothing(course: Path) -> None:
    text = course / "source/lines.md"
    more = '\n```python solution="more"\nmore = 1\n```\n\n```python test="more" points=1\nprint(more)\n'
    more += "### BEGIN HIDDEN TESTS\nassert more == 1\n### END HIDDEN TESTS\n```\n"
    text.write_text(text.read_text() + more)
    assert command(course, "build").returncode == 0
    generate = [sys.executable, "-m", "nbgrader", "generate_assignment", "lines", "--force"]
    assert subprocess.run(generate, cwd=course, capture_output=True).returncode != 0  # nbgrader's RuntimeError
    before = everything(course)
    shown = command(course, "regrade", "lines", "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "test_more is in" in shown.stdout
    assert "RuntimeError" in shown.stdout
    assert "0 gain, 0 lose, 3 unchanged" in shown.stdout
    assert everything(course) == before
