"""A student is shown no hidden input, by whatever way the tested function tries to bring it home."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.attacks import submissions
from tests.attacks.leaks import LATER, LEAKS

from chainrule import grading
from chainrule.autograde import autograde
from chainrule.course import Course
from chainrule.notebook import intake

GRADER = '''
"""A number times two."""
from chainrule import check
from chainrule.grader import points

@points(3)
def test_one(student):
    """It is right at one place."""
    check.close(student.twice(31337.125), 62674.25)
'''
SECRET = re.compile(r"31[, ]?337|62674")
LABEL = "Messages name the student's own types, and a type can be made with any name."
SHAPE = "Messages name the shape of a result, and an empty array can have any shape."
STATE = "A snapshot shares files and processes with the notebook, whose later cells run after the hidden tests."
OPEN = {
    "name of an exception": LABEL,
    "type of an object": LABEL,
    "type of an object in a list": LABEL,
    "shape": SHAPE,
    "file for a later cell": STATE,
    "process for a later cell": STATE,
    "thread": "With threads no snapshot is taken: the hidden tests run in the notebook's own process.",
}
"""Known holes. A test that says so fails when its hole is closed: then remove it here."""
OPEN_ON_PAGES = {leak: why for leak, why in OPEN.items() if why in (LABEL, SHAPE)}
"""A page shows no output of cells that are the student's own."""


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
        course.submit(_student(leak), _look_later, twice=f"import os\n{source}")
    yield course
    grading.close()


def _student(leak: str) -> str:
    return f"{list(LEAKS).index(leak):02}"


def _look_later(notebook: dict[str, Any]) -> None:
    cell = {"cell_type": "code", "id": "later", "metadata": {}, "source": LATER, "outputs": [], "execution_count": None}
    notebook["cells"].append(cell)


def _shown(text: str) -> str:
    found = SECRET.search(text)
    return "" if found is None else text[max(0, found.start() - 100) : found.end() + 50]


@pytest.mark.parametrize("leak", each(OPEN))
def test_no_message_and_no_output_holds_it(course: Any, leak: str) -> None:
    truth = intake.read_notebook(course.root / "source/t1/t1.ipynb")
    path = course.root / "submitted" / _student(leak) / "t1/t1.ipynb"
    assert _shown(submissions.told(submissions.graded(course, truth, path))) == ""


@pytest.fixture(scope="module")
def pages(course: Any) -> dict[str, str]:
    """The feedback page of each leak."""
    summary = autograde(Course(course.root), "t1", workers=2)
    assert [row.error for row in summary.rows if row.error] == []
    command = [sys.executable, "-m", "nbgrader", "generate_feedback", "t1"]
    subprocess.run(command, cwd=course.root, check=True, capture_output=True)
    return {leak: Path(course.root, "feedback", _student(leak), "t1/t1.html").read_text() for leak in LEAKS}


@pytest.mark.thorough
@pytest.mark.parametrize("leak", each(OPEN_ON_PAGES))
def test_no_feedback_page_holds_it(pages: dict[str, str], leak: str) -> None:
    assert _shown(pages[leak]) == ""
