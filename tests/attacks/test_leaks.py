"""A student is shown no hidden input, by whatever way the tested function tries to bring it home."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.attacks import submissions
from tests.attacks.leaks import FOREIGN, LATER, LEAKS, NEXT

from chainrule import grading
from chainrule.autograde import autograde
from chainrule.course import Course
from chainrule.model import Graded, Limits
from chainrule.notebook import intake
from chainrule.sandbox import start
from chainrule.worker import wire

GRADER = '''
"""A number times two."""
from chainrule import check
from chainrule.grader import points

@points(2)
def test_one(student):
    """It is right at one place."""
    check.close(student.twice(31337.125), 62674.25)

@points(1)
def test_three(student):
    """It is right for a list."""
    check.close(student.twice([31337.125] * 3), [62674.25] * 3)
'''
SECRET = re.compile(r"31[, ]?337|62674|3\.134|3, 1, 3, 3, 7|line 125")
STATE = "A snapshot shares files and processes with the notebook, whose later cells run after the hidden tests."
OPEN = {
    "file for a later cell": STATE,
    "process for a later cell": STATE,
    "thread": "With threads no snapshot is taken: the hidden tests run in the notebook's own process.",
    "error of the next exercise": STATE,
    "print of the next exercise": STATE,
}
"""Known holes of outputs. A test that says so fails when its hole is closed: then remove it here."""
OPEN_ON_PAGES = {leak: OPEN[leak] for leak in NEXT}
"""A page shows the outputs of cells behind an exercise, up to the first hidden tests without a grader (`four`)."""
SENT = (
    "text of an exception",
    "name of an exception",
    "undefined name",
    "type of an object",
    "type of an object in a list",
    "shape",
    "axes of a shape",
    "number of results",
    "changed arguments by name",
    "changed arguments by number",
    "printed characters",
    "number of printed characters",
    "line of an error",
    "line of an error, the fraction",
    "constant ratio",
)
"""Leaks by what a student's process answers."""


def each(holes: dict[str, str]) -> list[Any]:
    return [
        pytest.param(leak, id=leak, marks=[pytest.mark.xfail(reason=holes[leak], strict=True)] if leak in holes else [])
        for leak in LEAKS
    ]


@pytest.fixture(scope="module")
def course(released_classroom: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    course = released_classroom.copy(tmp_path_factory.mktemp("leaks") / "course")
    (course.root / "graders/t1/test_twice.py").write_text(GRADER)
    for leak, source in LEAKS.items():
        following = {"thrice": NEXT[leak]} if leak in NEXT else {}
        course.submit(_student(leak), _look_later, twice=f"import os\n{source}", **following)
    for leak, source in FOREIGN.items():
        course.submit(_student(leak), four=source)
    yield course
    grading.close()


def _student(leak: str) -> str:
    return f"{[*LEAKS, *FOREIGN].index(leak):02}"


def _look_later(notebook: dict[str, Any]) -> None:
    cell = {"cell_type": "code", "id": "later", "metadata": {}, "source": LATER, "outputs": [], "execution_count": None}
    notebook["cells"].append(cell)


def _shown(text: str) -> str:
    found = SECRET.search(text)
    return "" if found is None else text[max(0, found.start() - 100) : found.end() + 50]


@pytest.fixture(scope="module")
def graded(course: Any) -> Callable[[str], Graded]:
    """The result of a leak's submission."""
    truth = intake.read_notebook(course.root / "source/t1/t1.ipynb")

    @cache
    def grade(leak: str) -> Graded:
        result = submissions.graded(course, truth, course.root / "submitted" / _student(leak) / "t1/t1.ipynb")
        assert isinstance(result, Graded)
        return result

    return grade


@pytest.mark.parametrize("leak", LEAKS)
def test_no_message_holds_it(graded: Callable[[str], Graded], leak: str) -> None:
    """Also not the one on an exercise behind it, whose cell found what the hidden tests left in a file."""
    outcomes = [outcome for result in graded(leak).exercises for outcome in result.outcomes]
    assert _shown(" ".join(f"{outcome.message} {outcome.misconception}" for outcome in outcomes)) == ""
    assert any(outcome.message for outcome in outcomes)  # the answer was judged, and something said of it


@pytest.mark.parametrize("leak", SENT)
def test_what_the_process_sends_holds_it(leak: str) -> None:
    """The control: it crosses the border, and a message that believes it would show it."""
    with start(None, Limits()) as child:
        child.connection.limit(60)
        child.connection.request("run", f"import os\n{LEAKS[leak]}", on_output=lambda _: None)
        sent = [31337.125] * 3 if leak == "constant ratio" else 31337.125
        reply = child.connection.request("call", wire.GlobalName("twice"), None, [sent], {})
    told = [repr(reply.value), repr(reply.facts), str(np.shape(reply.value))]
    if reply.error is not None:
        told += [*reply.error["types"], reply.error["text"], f"line {reply.error['line']}"]
    if leak == "constant ratio":
        told = [str(reply.value[0] / 62674.25)]
    if "arguments by number" in leak:
        told = [str(reply.facts["mutated"][0] + 1)]
    assert _shown("\n".join(told)) != ""


@pytest.mark.parametrize("leak", each(OPEN))
def test_no_message_and_no_output_holds_it(graded: Callable[[str], Graded], leak: str) -> None:
    assert _shown(submissions.told(graded(leak))) == ""


@pytest.fixture(scope="module")
def pages(course: Any) -> dict[str, str]:
    """The feedback page of each leak."""
    summary = autograde(Course(course.root), "t1", workers=2)
    assert [row.error for row in summary.rows if row.error] == []
    command = [sys.executable, "-m", "nbgrader", "generate_feedback", "t1"]
    subprocess.run(command, cwd=course.root, check=True, capture_output=True)
    leaks = [*LEAKS, *FOREIGN]
    return {leak: unescape(Path(course.root, "feedback", _student(leak), "t1/t1.html").read_text()) for leak in leaks}


@pytest.mark.thorough
@pytest.mark.parametrize("leak", each(OPEN_ON_PAGES))
def test_no_feedback_page_holds_it(pages: dict[str, str], leak: str) -> None:
    assert _shown(pages[leak]) == ""


@pytest.mark.thorough
@pytest.mark.parametrize("leak", FOREIGN)
def test_no_feedback_page_holds_what_a_test_without_a_grader_compares_with(pages: dict[str, str], leak: str) -> None:
    assert "it compares with 4" not in pages[leak]
    assert "test failed." in pages[leak] or "print" in leak


@pytest.mark.parametrize("leak", FOREIGN)
def test_its_process_knows_it(graded: Callable[[str], Graded], leak: str) -> None:
    """The control: the graded notebook, which staff see, has it."""
    assert "it compares with 4" in submissions.told(graded(leak))
