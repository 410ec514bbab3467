"""Hidden tests of nbgrader's own kind run in the student's process; from then on a page repeats nothing of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.plugins.pieces import b64, display, error, exercise, outcome, png, stream, words

from chainrule.plugins.feedback_outputs import HIDDEN_FAILED, Output, Outputs
from chainrule.plugins.hidden import Delimiters, Secrets

SEEN = "31337"
HIDDEN = "### BEGIN HIDDEN TESTS\nassert f(31337) == 1\n### END HIDDEN TESTS"
VISIBLE = 'assert f(1) == 1, "f(1) should be 1"'
MARKS = Delimiters()
Cell = dict[str, Any]


def told(*cells: Cell, score: float = 0.0) -> str:
    """What the page says of the last of these test cells, after the others; all of its lead and outputs."""
    outputs = Outputs(Secrets.of(cells, MARKS), MARKS)
    lead, shown = [outputs.of_foreign_tests(cell, score, 2.0) for cell in cells][-1]
    return " ".join([lead, *(output.text for output in shown)])


def ran(source: str, *outputs: Any) -> Cell:
    return {"cell_type": "code", "source": source, "outputs": list(outputs), "metadata": {}}


OTHERS = [
    pytest.param(error("E", f"saw {SEEN}", "Cell In[9], line 1"), id="forged traceback"),
    pytest.param(error(f"E{SEEN}", "", "Cell In[9], line 1"), id="name of an exception"),
    pytest.param(error("ValueError", f"saw {SEEN}", "Cell In[9], line 1"), id="text of a known exception"),
    pytest.param(error("NameError", f"name 'x{SEEN}' is not defined", "Cell In[9], line 1"), id="name in an exception"),
    pytest.param(error("AssertionError", f"f(1) should be 1 {SEEN}", "Cell In[9], line 1"), id="text of an assert"),
    pytest.param(stream(SEEN), id="print"),
    pytest.param(stream(SEEN, "stderr"), id="standard error"),
    pytest.param(display(text__plain=SEEN), id="display"),
]


@pytest.mark.parametrize("output", OTHERS)
@pytest.mark.parametrize("source", [f"{VISIBLE}\n{HIDDEN}", f"{HIDDEN}\n{VISIBLE}"], ids=["before", "after"])
def test_a_cell_with_hidden_lines_says_nothing_of_its_process(output: Any, source: str) -> None:
    """Wherever they stand in it: the whole cell lies in the process while its first line runs."""
    assert SEEN not in told(ran(source, output))


@pytest.mark.parametrize("output", OTHERS)
@pytest.mark.parametrize("score", [0.0, 1.0, 2.0])
def test_nor_does_a_visible_cell_after_it(output: Any, score: float) -> None:
    assert SEEN not in told(ran(HIDDEN), ran(VISIBLE, output), score=score)


@pytest.mark.parametrize("output", OTHERS)
def test_before_it_all_of_this_is_shown(output: Any) -> None:
    """The control: there is nothing hidden in the process yet."""
    picture = output["output_type"] == "display_data"  # of a test cell only pictures are shown
    assert (SEEN in told(ran(VISIBLE, output), score=1.0 if "name" in output else 0.0)) is not picture


def test_a_text_of_the_instructors_visible_lines_is_shown() -> None:
    failed = error("AssertionError", "f(1) should be 1", "Cell In[9], line 1")
    assert told(ran(f"{VISIBLE}\n{HIDDEN}", failed)) == "A test failed. AssertionError: f(1) should be 1"
    undefined = error("NameError", "name 'f' is not defined", "Cell In[9], line 1")
    assert told(ran(f"%time 1\n{VISIBLE}\n{HIDDEN}", undefined)).endswith("NameError: name 'f' is not defined")


def test_a_text_of_hidden_lines_is_not() -> None:
    hidden = HIDDEN.replace("== 1", f'== 1, "not for {SEEN}"')
    failed = error("AssertionError", f"not for {SEEN}", "Cell In[9], line 1")
    assert SEEN not in told(ran(f"{VISIBLE}\n{hidden}", failed))


def test_without_a_text_the_known_kind_of_an_error_is_said() -> None:
    known, own = (error(name, "x", "Cell In[9], line 1") for name in ("IndexError", "Mine"))
    source = f"{VISIBLE}\n{HIDDEN}"
    assert told(ran(source, known)) == "A test failed. Your code raised IndexError."
    assert told(ran(source, own)) == "A test failed. Your code raised an error."
    assert told(ran(source, error("IndexError", "x", "Cell In[9], line 3"))) == HIDDEN_FAILED


@pytest.mark.parametrize("source", ["if x:", "x <- function(a) { a }"])
def test_lines_that_are_no_python_have_no_texts(source: str) -> None:
    undefined = error("NameError", "name 'x' is not defined", "Cell In[9], line 1")
    assert told(ran(f"{source}\n{HIDDEN}", undefined)) == "A test failed. Your code raised NameError."


def test_of_an_exercise_with_a_grader_behind_it_nothing_is_shown_either(
    feedback: Callable[..., str], cell: Callable[..., Cell]
) -> None:
    """Its visible checks run in the same process."""
    drawn = display(image__png=b64(png()))
    checks = [stream(f"✓ {SEEN}"), drawn, error("ValueError", SEEN)]

    def page(*before: Cell) -> str:
        own = cell("code", "def line_grad(): ...", "line_grad", solution=True)
        check = cell("code", "line_grad()", "test_line_grad", points=6, outputs=checks)
        return feedback([*before, own, check], results=[exercise(outcome("a"), outcome("b"))])

    text = page(cell("code", HIDDEN, "test_f", points=2))
    assert SEEN not in words(text)
    assert "<img" not in text


def test_without_hidden_tests_before_it_they_are_shown() -> None:
    """The control of the test above."""
    checks = ran("line_grad()", stream(f"✓ {SEEN}"))
    assert Outputs(Secrets.of([checks], MARKS), MARKS).of_exercise(checks) == [Output("text", f"✓ {SEEN}")]
