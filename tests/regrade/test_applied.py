"""What a regrade writes is what it showed; marks by hand stay, and with `--raise-only` nobody loses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.regrade.lines import ANSWERS, MARK, Forbidden, command, line_grad, query, regrade, scores, submit, told

from chainrule import gradebook
from chainrule.autograde import autograde
from chainrule.course import Course
from chainrule.notebook import cells
from chainrule.regrade import Difference, Regrade, ledger


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
