"""`chainrule regrade`: who gains and loses and why before anything is written, and then exactly that is written.

Real submissions of the small case, graded by real processes. Of `line_grad` (8 points), ada's answer is right, bob's
lacks the factor 2, cyd's returns a column; the grader is then edited so that bob gains and cyd loses.
"""

from __future__ import annotations

import hashlib
import json
import os
import pty
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chainrule import gradebook
from chainrule.autograde import autograde
from chainrule.course import Course
from chainrule.errors import CourseError
from chainrule.notebook import cells
from chainrule.regrade import Difference, Regrade, ledger
from chainrule.regrade.difference import StudentChange

GRAD = """def line_grad(phi, x, y):
    r = phi[0] + phi[1] * x - y
    return {}
"""
ANSWERS = {
    "ada": GRAD.format("np.array([2 * np.mean(r), 2 * np.mean(r * x)])"),
    "bob": GRAD.format("np.array([np.mean(r), np.mean(r * x)])"),
    "cyd": GRAD.format("np.array([2 * np.mean(r), 2 * np.mean(r * x)]) + 1e-3 * (len(x) == 5)"),
}
"""bob has the 3 points of the fit alone, cyd the 5 of the differences."""

DESCEND = (
    'def descend(grad, w, lr, n):\n    for _ in range(n):\n        w = w - lr * grad(w)\n    return w\nslope = "2*u"\n'
)

LENIENT = '''
@points(2)
def test_direction(student, rng):
    """It points the right way."""
    x, y, phi = rng.normal(size=9), rng.normal(size=9), rng.normal(size=2)
    got, r = student.line_grad(phi, x, y), phi[0] + phi[1] * x - y
    assert np.dot(got, [r.mean(), (r * x).mean()]) > 0
'''


MARK = """UPDATE grade SET manual_score = {}, needs_manual_grade = 0 WHERE id IN (SELECT g.id FROM grade g
    JOIN base_cell c ON c.id = g.cell_id JOIN submitted_notebook s ON s.id = g.notebook_id
    JOIN submitted_assignment a ON a.id = s.assignment_id WHERE c.name = '{}' AND student_id = '{}')"""


def submit(root: Path, student: str, answer: str) -> None:
    notebook = json.loads((root / "release/lines/lines.ipynb").read_text())
    for cell in notebook["cells"]:
        cell["source"] = {"line_grad": answer, "descend": DESCEND, "m1": "Down."}.get(
            cells.grade_id(cell), cell["source"]
        )
    folder = root / "submitted" / student / "lines"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lines.ipynb").write_text(json.dumps(notebook))


def edit_grader(root: Path) -> None:
    """Finite differences give 5 -> 3 points, a new test 2 (all pass it): bob gains 2, cyd 0; then make cyd lose."""
    path = root / "graders/lines/test_line_grad.py"
    text = path.read_text().replace("@points(5)", "@points(3)")
    # The fit is now tested at 9 points in place of 5, and the differences at 5: cyd's answer is wrong at 5 alone.
    text = text.replace("rng.normal(size=9), rng.normal(size=9)", "rng.normal(size=5), rng.normal(size=5)")
    path.write_text(text + LENIENT)


def query(root: Path, text: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(root / "gradebook.db") as raw:
        found = raw.execute(text).fetchall()
    raw.close()
    return found


def scores(root: Path) -> dict[tuple[str, str], tuple[Any, ...]]:
    rows = query(
        root,
        """SELECT student_id, c.name, auto_score, manual_score, needs_manual_grade
            FROM grade g JOIN base_cell c ON c.id = g.cell_id JOIN submitted_notebook s ON s.id = g.notebook_id
            JOIN submitted_assignment a ON a.id = s.assignment_id""",
    )
    return {row[:2]: row[2:] for row in rows}


def line_grad(root: Path) -> dict[str, float]:
    return {student: found[0] for (student, cell), found in scores(root).items() if cell == "test_line_grad"}


def told(found: Difference) -> dict[str, StudentChange]:
    return {student.student: student for student in found.students}


def everything(root: Path) -> dict[str, str]:
    """A digest of every file of the course but our own folder, and when it was changed."""
    return {
        str(path.relative_to(root)): f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.stat().st_mtime_ns}"
        for path in root.rglob("*")
        if path.is_file() and ".chainrule" not in path.parts
    }


@pytest.fixture(scope="module")
def graded_once(tmp_path_factory: pytest.TempPathFactory, empty_gradebook: Path) -> Path:
    """The small course, released; three submissions, graded; bob's written answer and ada's exercise marked by hand."""
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import Config

    from chainrule.notebook.build import build

    root = tmp_path_factory.mktemp("regrade") / "course"
    cases = Path(__file__).parent / "cases" / "small"
    (root / "source").mkdir(parents=True)
    (root / "graders/lines").mkdir(parents=True)
    shutil.copy(cases / "lines.md", root / "source")
    for path in cases.glob("test_*.py"):
        shutil.copy(path, root / "graders/lines")
    build(Course(root))
    (root / "nbgrader_config.py").write_text(
        "from chainrule.plugins import configure\n"
        "c = get_config()\nconfigure(c)\nc.CourseDirectory.course_id = 'small'\n"
    )
    shutil.copy(empty_gradebook, root / "gradebook.db")
    settings = Config()
    settings.CourseDirectory.root, settings.CourseDirectory.assignment_id = str(root), "lines"
    settings.ClearMarkScheme.enforce_metadata = False
    GenerateAssignment(coursedir=CourseDirectory(config=settings), config=settings).start()
    for student, answer in ANSWERS.items():
        submit(root, student, answer)
    assert not autograde(Course(root), "lines", workers=2).failed
    assert line_grad(root) == {"ada": 8.0, "bob": 3.0, "cyd": 5.0}
    query(root, MARK.format(4, "m1", "bob"))
    query(root, MARK.format(7.5, "test_line_grad", "ada"))
    return root


@pytest.fixture
def course(graded_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(graded_once, tmp_path / "course"))


@pytest.fixture(scope="module")
def edited_once(graded_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after the grader was edited and a dry run had a look."""
    root = Path(shutil.copytree(graded_once, tmp_path_factory.mktemp("edited") / "course"))
    edit_grader(root)
    return root


@pytest.fixture(scope="module")
def looked(edited_once: Path) -> tuple[Difference, Path]:
    """A dry run, and the course after it."""
    before = everything(edited_once)
    with Regrade(Course(edited_once), "lines", workers=2) as run:
        found = run.compare()
    assert everything(edited_once) == before
    return found, edited_once


@pytest.fixture
def edited(looked: tuple[Difference, Path], tmp_path: Path) -> Iterator[Path]:
    """The course after the dry run, in the same place: what is known of a job holds where its grader is."""
    root = looked[1]
    shutil.copytree(root, tmp_path / "kept")
    yield root
    shutil.rmtree(root)
    shutil.copytree(tmp_path / "kept", root)


class Forbidden:
    """An executor that must not be asked for."""

    def __call__(self, workers: int) -> Any:
        raise AssertionError("Something was computed again.")


def regrade(root: Path, reason: str = "Direction counts.", **options: Any) -> tuple[Difference, tuple[Any, ...]]:
    """Compare and apply, from what the dry run computed alone."""
    with Regrade(Course(root), "lines", executor=Forbidden(), **options) as run:
        found = run.compare()
        run.may_apply(found, reason)
        return found, run.apply(reason).rows


def command(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "chainrule.cli", *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=200,
        stdin=subprocess.DEVNULL,
        env=os.environ | {"JUPYTERHUB_USER": "prof"},
    )


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


def test_what_is_applied_is_what_was_shown(edited: Path, looked: tuple[Difference, Path]) -> None:
    before = scores(edited)
    _, rows = regrade(edited)
    assert [(row.student, row.error) for row in rows] == [("ada", ""), ("bob", ""), ("cyd", "")]
    assert line_grad(edited) == {"ada": 8.0, "bob": 5.0, "cyd": 2.0}
    after = scores(edited)
    assert {key: row for key, row in after.items() if key[1] != "test_line_grad"} == {
        key: row for key, row in before.items() if key[1] != "test_line_grad"
    }
    assert all(row.skipped for row in autograde(Course(edited), "lines", executor=Forbidden()).rows)
    with Regrade(Course(edited), "lines", workers=2) as run:
        again = run.compare()
    assert again.totals["unchanged"] == 3
    assert not any(student.cells for student in again.students)


def test_marks_by_hand_survive_and_only_what_changed_under_them_waits_for_a_look(edited: Path) -> None:
    query(edited, MARK.format(6, "test_line_grad", "cyd"))
    regrade(edited)
    after = scores(edited)
    assert after["bob", "m1"] == (None, 4.0, 0)  # the answer and its automatic score are what they were
    assert after["ada", "test_line_grad"] == (8.0, 7.5, 0)
    assert after["cyd", "test_line_grad"] == (2.0, 6.0, 1)
    (entry,) = (entry for entry in ledger(Course(edited), "lines", "cyd"))
    assert (entry.points_from, entry.points_to, entry.manual) == (5.0, 2.0, 6.0)


def test_a_mark_by_hand_waits_when_the_answer_is_another(edited: Path) -> None:
    submit(edited, "bob", ANSWERS["ada"])
    with Regrade(Course(edited), "lines", workers=2) as run:
        (cell,) = told(run.compare())["bob"].cells
        assert "answer changed" in cell.why
        run.apply("Late files.")
    assert scores(edited)["bob", "m1"] == (None, 4.0, 1)


def test_every_changed_score_is_in_the_ledger(edited: Path) -> None:
    old = query(edited, "SELECT DISTINCT grader_hash FROM chainrule_run")
    regrade(edited)
    new = query(edited, "SELECT DISTINCT grader_hash FROM chainrule_run")
    entries = ledger(Course(edited), "lines")
    assert [(entry.student, entry.exercise, entry.cell, entry.points_from, entry.points_to) for entry in entries] == [
        ("bob", "line_grad", "test_line_grad", 3.0, 5.0),
        ("cyd", "line_grad", "test_line_grad", 5.0, 2.0),
    ]
    assert {(entry.graders_from, entry.graders_to) for entry in entries} == {(old[0][0], new[0][0])}
    assert old != new
    assert {(entry.reason, entry.notebook, entry.manual) for entry in entries} == {("Direction counts.", "lines", None)}
    assert all(entry.who and entry.version and entry.at.tzinfo for entry in entries)


def test_raise_only_lowers_nobody_and_all_records_agree(edited: Path) -> None:
    found, _ = regrade(edited, raise_only=True)
    (cell,) = told(found)["cyd"].cells
    assert (cell.kept, cell.points, cell.computed, cell.gain) == (True, (5.0, 5.0), 2.0, 0.0)
    assert found.totals == {"gain": 1, "lose": 0, "unchanged": 2, "new": 0, "failed": 0}
    assert line_grad(edited) == {"ada": 8.0, "bob": 5.0, "cyd": 5.0}
    with gradebook.connect(f"sqlite:///{edited / 'gradebook.db'}") as connection:
        (cyd,) = gradebook.load(connection, "lines", "cyd")
        (bob,) = gradebook.load(connection, "lines", "bob")
    kept = [outcome for test_cell, outcome in cyd.outcomes if test_cell == "test_line_grad"]
    assert sum(outcome.points for outcome in kept) == 5.0
    assert [(outcome.test, outcome.max_points) for outcome in kept] == [
        ("test_finite_differences", 5.0),
        ("test_zero_at_the_fit", 3.0),
    ]
    assert len(bob.outcomes) == len(cyd.outcomes) + 1
    assert [note.message for note in cyd.notes if note.kind == "kept"] == [
        "line_grad: 5 points are kept; the present graders give 2."
    ]
    graded = json.loads((edited / "autograded/cyd/lines/lines.ipynb").read_text())
    (cell_,) = (cell for cell in graded["cells"] if cells.grade_id(cell) == "test_line_grad")
    assert "5 of 8 points" in "".join(cell_["outputs"][-1]["data"]["text/plain"])
    entry = ledger(Course(edited), "lines", "cyd")[0]
    assert (entry.points_from, entry.points_to, entry.computed) == (5.0, 5.0, 2.0)


@pytest.mark.slow
def test_feedback_and_report_after_raise_only_say_the_kept_points(edited: Path) -> None:
    regrade(edited, raise_only=True)
    run = [sys.executable, "-m", "nbgrader", "generate_feedback", "lines", "--student", "cyd"]
    subprocess.run(run, cwd=edited, check=True, capture_output=True)
    page = (edited / "feedback/cyd/lines/lines.html").read_text()
    assert "points are kept" not in page  # for staff
    assert "It points the right way" not in page
    assert "It agrees with central differences" in page
    assert command(edited, "report", "lines", "--out", "report").returncode == 0
    rows = [path.read_text() for path in (edited / "report").rglob("*.csv")]
    assert any("cyd" in row and "test_finite_differences" in row for row in rows)


def test_only_the_students_asked_for_are_touched(edited: Path) -> None:
    regrade(edited, students=["bob"])
    assert line_grad(edited) == {"ada": 8.0, "bob": 5.0, "cyd": 5.0}
    assert [entry.student for entry in ledger(Course(edited))] == ["bob"]


def test_a_submission_that_changed_since_it_was_shown_is_not_written(edited: Path) -> None:
    with Regrade(Course(edited), "lines", workers=2) as run:
        run.compare()
        submit(edited, "bob", ANSWERS["ada"])
        rows = {row.student: row for row in run.apply("Direction counts.").rows}
    assert "changed meanwhile" in rows["bob"].error
    assert line_grad(edited) == {"ada": 8.0, "bob": 3.0, "cyd": 2.0}


def test_without_a_reason_no_score_changes(edited: Path) -> None:
    before = everything(edited)
    with pytest.raises(CourseError, match="Give --reason TEXT"):
        regrade(edited, reason=" ")
    assert everything(edited) == before


def test_without_a_terminal_nothing_is_written_unless_told_so(edited: Path) -> None:
    before = everything(edited)
    refused = command(edited, "regrade", "lines", "--reason", "Direction counts.")
    assert refused.returncode == 1
    assert "Nothing was written" in refused.stderr
    assert everything(edited) == before
    done = command(edited, "regrade", "lines", "--reason", "=1+1", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["version"], document["totals"]["gain"]) == (1, 1)
    assert line_grad(edited)["cyd"] == 2.0
    (entry,) = json.loads(command(edited, "audit", "lines", "--student", "bob", "--json").stdout)["entries"]
    assert (entry["who"], entry["from" if "from" in entry else "points_from"]) == ("prof", 3.0)
    table = command(edited, "audit", "--csv").stdout
    assert "'=1+1" in table  # no spreadsheet runs it
    assert "3 -> 5" in command(edited, "audit").stdout


@pytest.mark.parametrize(("answer", "points", "status"), [("n", 5.0, 1), ("y", 2.0, 0)])
def test_on_a_terminal_it_asks(edited: Path, answer: str, points: float, status: int) -> None:
    ours, theirs = pty.openpty()
    run = subprocess.Popen(
        [sys.executable, "-m", "chainrule.cli", "regrade", "lines", "--reason", "Direction counts."],
        cwd=edited,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    os.write(ours, f"{answer}\n".encode())
    _, said = run.communicate(timeout=200)
    os.close(ours)
    os.close(theirs)
    assert b"Write this?" in said
    assert run.returncode == status
    assert line_grad(edited)["cyd"] == points


def test_the_table_and_the_csv_name_test_points_and_verdict(edited: Path, tmp_path: Path) -> None:
    result = command(edited, "regrade", "lines", "--dry-run", "--csv", str(tmp_path / "diff.csv"))
    assert "test_finite_differences passed -> failed, 5 -> 3 points" in result.stdout
    assert "the mark by hand, 7.5, is kept" in result.stdout
    assert "\x1b[" not in result.stdout
    lines = (tmp_path / "diff.csv").read_text().splitlines()
    assert any("cyd" in line and "test_direction" in line and "added" in line for line in lines)


def test_autograde_force_is_in_the_ledger_and_a_first_grading_is_not(course: Path) -> None:
    assert ledger(Course(course)) == []
    edit_grader(course)
    submit(course, "dan", ANSWERS["ada"])
    autograde(Course(course), "lines", force=True, workers=2)
    assert [(entry.student, entry.points_from, entry.points_to, entry.reason) for entry in ledger(Course(course))] == [
        ("bob", 3.0, 5.0, "autograde --force"),
        ("cyd", 5.0, 2.0, "autograde --force"),
    ]


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
