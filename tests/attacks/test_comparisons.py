"""A comparison in a grader that a student's answer makes slow ends all the same, and is the student's loss."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.attacks import submissions

from chainrule import grading
from chainrule.model import Graded
from chainrule.notebook import intake

GRADER = '''
"""What many people would write: a bare assert, of which pytest explains the difference."""
from chainrule.grader import points

@points(1)
def test_text(student):
    """The text is right."""
    assert student.twice("text") == "\\n".join(f"line {n} of a text that is long" for n in range(1000))

@points(1)
def test_list(student):
    """The list is right."""
    assert student.twice("list") == [f"line {n} of a text that is long" for n in range(1000)]

@points(1)
def test_dict(student):
    """The numbers are right."""
    assert student.twice("dict") == {n: n for n in range(1000)}
'''
SIMILAR = """
def twice(x):
    lines = [f"line {n} of a text, that is long {n % 7}" for n in range(1000)]
    return {"text": "\\n".join(lines), "list": lines, "dict": {n: n + 1 for n in range(1000)}}[x]
"""
LONG = """
def twice(x):
    return {"text": "ab" * 1_900_000, "list": ["ab"] * 190_000, "dict": {n: "ab" * 5 for n in range(60_000)}}[x]
"""
LINES = """
def twice(x):
    return {"text": "a\\n" * 1_000_000, "list": [["a"]] * 60_000, "dict": {str(n): [n] for n in range(30_000)}}[x]
"""


@pytest.fixture(scope="module", params=["", "true"], ids=["", "on CI"])
def course(
    released_classroom: Any, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Any]:
    """Pytest says more, at any length, where the variable CI is set."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CI", request.param)
        yield from _course(released_classroom, tmp_path_factory)


def _course(released_classroom: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    course = released_classroom.copy(tmp_path_factory.mktemp("slow") / "course")
    (course.root / "graders/t1/test_twice.py").write_text(GRADER)
    yield course
    grading.close()


@pytest.mark.thorough
@pytest.mark.parametrize("source", [SIMILAR, LONG, LINES], ids=["similar", "long", "many lines"])
def test_it_takes_a_bounded_time(course: Any, source: str) -> None:
    truth = intake.read_notebook(course.root / "source/t1/t1.ipynb")
    course.submit("ada", twice=source)
    begin = time.monotonic()
    result = submissions.graded(course, truth, course.root / "submitted/ada/t1/t1.ipynb")
    assert isinstance(result, Graded)
    assert time.monotonic() - begin < 60
    assert [exercise.points for exercise in result.exercises] == [0.0, 3.0]
