"""A class of attackers, graded by one command: nobody else's grade changes, and nothing is left."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.attacks.attack import left
from tests.attacks.submissions import ATTACKS, Attack, hand_in
from tests.processes import marked, until

from chainrule import gradebook
from chainrule.autograde import autograde
from chainrule.course import Course

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(900)]  # the first one grades the class, in a minute or more
EACH = [pytest.param(number, attack, id=attack.name) for number, attack in enumerate(ATTACKS)]


@dataclass(frozen=True)
class Class:
    """What came out of grading all attacks in one run, and the secrets that lay around."""

    course: Any
    rows: dict[str, Any]
    canaries: tuple[str, ...]


@pytest.fixture(scope="module")
def graded(attacked: Any) -> Class:
    course, canaries = attacked.course, attacked.canaries
    course.submit("0-before", twice=f"def twice(x):\n    return 2 * x  # {canaries['submission']}")
    for number, attack in enumerate(ATTACKS):
        hand_in(course, f"{number:02}", attack)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADING_TOKEN", canaries["environment"])
        summary = autograde(Course(course.root), "t1", workers=2)
    return Class(course, {row.student: row for row in summary.rows}, tuple(canaries.values()))


@pytest.mark.parametrize(("number", "attack"), EACH)
def test_it_has_the_score_that_it_deserves(graded: Class, number: int, attack: Attack) -> None:
    student = f"{number:02}"
    assert graded.rows[student].error == ""
    grades = graded.course.grades()[student]
    assert grades["test_twice"] == (attack.deserves[0], False)
    assert grades["test_thrice"] == (attack.deserves[1], False) or attack.deserves[1] is None


@pytest.mark.parametrize(("number", "attack"), EACH)
def test_it_shows_no_secret(graded: Class, number: int, attack: Attack) -> None:
    student = f"{number:02}"
    told = graded.rows[student].error + json.dumps([vars(note) for note in graded.rows[student].notes])
    if not graded.rows[student].error:
        with gradebook.connect(graded.course.db_url) as connection:
            (run,) = gradebook.load(connection, "t1", student)
        told += " ".join(f"{test.message} {test.misconception}" for _, test in run.outcomes)
        for cell in graded.course.graded(student):
            kept = [output for output in cell.get("outputs", ()) if "chainrule" not in output.get("metadata", {})]
            told += json.dumps(cell | {"outputs": kept})
    for secret in (*graded.canaries, "31337", "62674"):
        assert secret not in told


@pytest.fixture(scope="module")
def pages(graded: Class) -> Path:
    """The folder of the students' pages, as one command makes them of the whole class."""
    command = [sys.executable, "-m", "nbgrader", "generate_feedback", "t1"]
    subprocess.run(command, cwd=graded.course.root, check=True, capture_output=True)
    return Path(graded.course.root, "feedback")


@pytest.mark.parametrize(("number", "attack"), EACH)
def test_its_page_shows_no_secret(graded: Class, pages: Path, number: int, attack: Attack) -> None:
    page = (pages / f"{number:02}" / "t1/t1.html").read_text(encoding="utf-8")
    for secret in (*graded.canaries, "31337", "62674"):
        assert secret not in page


def test_a_page_does_show_what_its_own_student_wrote(graded: Class, pages: Path) -> None:
    """The control: the search finds what is there."""
    assert any(secret in (pages / "0-before/t1/t1.html").read_text(encoding="utf-8") for secret in graded.canaries)


def test_nobody_elses_grade_changes(graded: Class) -> None:
    assert graded.course.grades()["0-before"]["test_twice"] == (3.0, False)
    with sqlite3.connect(graded.course.root / "gradebook.db") as connection:
        changed = connection.execute("SELECT id FROM grade WHERE manual_score IS NOT NULL").fetchall()
    connection.close()
    assert changed == []


def test_links_in_a_submission_are_not_followed_into_what_staff_keep(graded: Class) -> None:
    for path in (graded.course.root / "autograded").rglob("*"):
        if path.is_file() and path.suffix != ".ipynb":
            assert not any(secret.encode() in path.read_bytes() for secret in graded.canaries), path.name


def test_nothing_is_left(graded: Class) -> None:
    assert left() == []
    assert until(lambda: not marked(str(graded.course.root)))
