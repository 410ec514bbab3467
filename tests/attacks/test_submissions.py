"""A hostile submission has the score that it deserves, costs nobody else anything, and shows no secret."""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chainrule import gradebook, sandbox
from chainrule.autograde import autograde
from chainrule.course import Course
from chainrule.errors import StudentProcessError
from chainrule.model import Limits
from tests.attacks.submissions import ATTACKS, Attack

GRADER = '''
"""A number times two. {canary}"""
from chainrule import check
from chainrule.grader import points

ANSWER = "{canary}"

@points(1)
def test_at_zero(student):
    """It is right at zero."""
    check.close(student.twice(0.0), 0.0)  # {canary}

@points(2)
def test_elsewhere(student, rng):
    """It is right elsewhere."""
    check.close(student.twice(31337.125), 62674.25)
    x = float(rng.normal())
    check.close(student.twice(x), 2 * x)
'''
IN_PROCESS = """
# {canary}
import numpy as np
assert twice(1.5) == 3.0
np.testing.assert_allclose(twice(31337.125), 62674.25)
"""


@dataclass(frozen=True)
class Class:
    """What came out of grading all attacks in one run, and the secrets that lay around."""

    course: Any
    rows: dict[str, Any]
    before: list[Any]
    canaries: tuple[str, ...]


@pytest.fixture(scope="module")
def graded(released_classroom: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Class]:
    course = released_classroom.copy(tmp_path_factory.mktemp("attacked") / "course")
    canary = f"canary-of-{secrets.token_hex(8)}"
    marks = tuple(f"{canary}-{what}" for what in ("hidden", "gradebook", "environment", "submission"))
    (course.root / "graders/t1/test_twice.py").write_text(GRADER.format(canary=marks[0]))
    with sqlite3.connect(course.root / "gradebook.db") as connection:
        connection.execute("INSERT INTO student (id, first_name) VALUES ('zoe', ?)", [marks[1]])
    connection.close()
    course.submit("0-before", twice=f"def twice(x):\n    open('/tmp/left', 'w').write('{marks[3]}')\n    return 2 * x")
    for number, attack in enumerate(ATTACKS):
        _hand_in(course, f"{number:02}", attack)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADING_TOKEN", marks[2])
        summary = autograde(Course(course.root), "t1", workers=2)
    yield Class(course, {row.student: row for row in summary.rows}, _grade_rows(course), marks)


def _hand_in(course: Any, student: str, attack: Attack) -> None:
    source = attack.twice.replace("{course}", str(course.root))
    course.submit(student, attack.change, twice=source)
    path = course.root / "submitted" / student / "t1/t1.ipynb"
    for name, content in attack.files.items():
        (path.parent / name).parent.mkdir(parents=True, exist_ok=True)
        (path.parent / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    if attack.raw is not None:
        attack.raw(path, course.root)


def _grade_rows(course: Any) -> list[Any]:
    with sqlite3.connect(course.root / "gradebook.db") as connection:
        found = connection.execute("SELECT id, auto_score, manual_score FROM grade ORDER BY id").fetchall()
    connection.close()
    return found


EACH = [pytest.param(number, attack, id=attack.name) for number, attack in enumerate(ATTACKS)]


@pytest.mark.parametrize(("number", "attack"), EACH)
def test_it_has_the_score_that_it_deserves(graded: Class, number: int, attack: Attack) -> None:
    student = f"{number:02}"
    assert attack.error in graded.rows[student].error
    if attack.error:
        return
    assert graded.rows[student].error == ""
    grades = graded.course.grades()[student]
    assert (grades["test_twice"][0], grades["test_thrice"][0]) == attack.deserves
    assert not grades["test_twice"][1], "a human would have to look at it"


@pytest.mark.parametrize(("number", "attack"), EACH)
def test_it_shows_no_secret(graded: Class, number: int, attack: Attack) -> None:
    """Neither in the notebook as it was run nor in what the student is told. (Staff are shown lines of the test.)"""
    student = f"{number:02}"
    if attack.error:
        assert not any(secret in graded.rows[student].error for secret in graded.canaries)
        return
    told = json.dumps([vars(note) for note in graded.rows[student].notes])
    with gradebook.connect(graded.course.db_url) as connection:
        (run,) = gradebook.load(connection, "t1", student)
    told += " ".join(f"{test.message} {test.misconception}" for _, test in run.outcomes)
    for cell in graded.course.graded(student):
        kept = [output for output in cell.get("outputs", ()) if "chainrule" not in output.get("metadata", {})]
        told += json.dumps(cell | {"outputs": kept})
    for secret in (*graded.canaries, "31337", "62674"):
        assert secret not in told
    assert "evil-module\n" not in told


def test_a_class_of_attackers_changes_nobody_elses_grade(graded: Class) -> None:
    assert graded.course.grades()["0-before"]["test_twice"] == (3.0, False)
    assert [row for row in graded.before if row[2] is not None] == []
    assert _grade_rows(graded.course) == graded.before


def test_links_in_a_submission_are_not_followed_into_what_staff_keep(graded: Class) -> None:
    for path in (graded.course.root / "autograded").rglob("*"):
        if path.is_file() and path.suffix != ".ipynb":
            assert not any(secret.encode() in path.read_bytes() for secret in graded.canaries), path.name


def test_nothing_is_left_of_a_class_of_attackers(graded: Class) -> None:
    assert [name for name in os.listdir("/tmp") if name.startswith("attack-left")] == []
    own = [path for path in Path("/proc").glob("[0-9]*/cmdline") if _holds(path, str(graded.course.root))]
    assert own == []


def _holds(path: Path, text: str) -> bool:
    try:
        return text.encode() in path.read_bytes()
    except OSError:
        return False


@pytest.mark.parametrize(
    "attack", [pytest.param(attack, id=attack.name) for attack in ATTACKS if attack.in_process]
)
def test_it_works_where_the_tests_run_in_the_students_process(attack: Attack) -> None:
    """The control: tests and answer in one process, as in plain nbgrader (inside a jail all the same)."""
    canary = f"canary-of-{secrets.token_hex(8)}"
    with sandbox.start(None, Limits()) as child:
        child.connection.limit(60)
        _run(child, "import numpy as np")
        _run(child, attack.twice)
        outputs = _run(child, IN_PROCESS.format(canary=canary))
        shown = json.dumps(outputs + _run(child, "print(open('/tmp/seen').read())"))
    assert canary in shown or not any(output["output_type"] == "error" for output in outputs)


def _run(child: Any, source: str) -> list[dict[str, Any]]:
    outputs: list[dict[str, Any]] = []
    try:
        child.connection.request("run", source, on_output=outputs.append)
    except StudentProcessError as error:
        outputs.append({"output_type": "error", "ename": type(error).__name__})
    return outputs
