"""A student is shown no hidden input, by whatever way the tested function tries to bring it home."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chainrule import gradebook
from chainrule.autograde import autograde
from chainrule.course import Course
from tests.attacks.leaks import LATER, LEAKS

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


@pytest.fixture(scope="module")
def told(released_classroom: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """Of each leak what reaches the student: messages, the notebook as it was run, the feedback page."""
    course = released_classroom.copy(tmp_path_factory.mktemp("leaks") / "course")
    (course.root / "graders/t1/test_twice.py").write_text(GRADER)
    for number, source in enumerate(LEAKS.values()):
        course.submit(f"{number:02}", _look_later, twice=f"import os\n{source}")
    summary = autograde(Course(course.root), "t1", workers=2)
    assert [row.error for row in summary.rows if row.error] == []
    command = [sys.executable, "-m", "nbgrader", "generate_feedback", "t1"]
    subprocess.run(command, cwd=course.root, check=True, capture_output=True)
    return {name: _told(course, f"{number:02}") for number, name in enumerate(LEAKS)}


def _look_later(notebook: dict[str, Any]) -> None:
    cell = {"cell_type": "code", "id": "later", "metadata": {}, "source": LATER, "outputs": [], "execution_count": None}
    notebook["cells"].append(cell)


def _told(course: Any, student: str) -> dict[str, str]:
    with gradebook.connect(course.db_url) as connection:
        (run,) = gradebook.load(connection, "t1", student)
    outputs = [output for cell in course.graded(student) for output in cell.get("outputs", ())]
    return {
        "message": " ".join(f"{test.message} {test.misconception}" for _, test in run.outcomes),
        "notebook": json.dumps([output for output in outputs if "chainrule" not in output.get("metadata", {})]),
        "feedback": Path(course.root, "feedback", student, "t1/t1.html").read_text(),
    }


@pytest.mark.parametrize("leak", LEAKS)
def test_no_hidden_input_reaches_the_student(told: dict[str, dict[str, str]], leak: str) -> None:
    for place, text in told[leak].items():
        found = SECRET.search(text)
        assert found is None, f"{place}: {text[max(0, found.start() - 100) : found.end() + 50]}"
