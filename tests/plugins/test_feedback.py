"""The feedback page says what a student needs, and nothing that is hidden."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.plugins.pieces import b64, display, error, exercise, outcome, png, stream, words
from traitlets.config import Config

from chainrule.model import Note, Status
from chainrule.plugins.feedback_outputs import HIDDEN_FAILED
from chainrule.plugins.feedback_words import duration, points
from chainrule.plugins.hidden import Delimiters, raised_in_the_open
from chainrule.plugins.staff import staff_output

Feedback = Callable[..., str]
MakeCell = Callable[..., dict[str, Any]]

CANARY = "canary_c8a1f3"
HIDDEN = f"### BEGIN HIDDEN TESTS\nassert line_loss([1, 2], {CANARY}, 0) == 7.25\n### END HIDDEN TESTS"


@pytest.fixture
def notebook(cell: MakeCell) -> list[dict[str, Any]]:
    """An exercise with heading, solution and test cell."""
    return [
        cell("markdown", "# Assignment\n\nprose\n\n## 3 · The **gradient** of `line_loss`\n\nmore prose"),
        cell("code", "def line_grad(phi, x, y):\n    return phi & x < 1", "line_grad", solution=True),
        cell("code", f"check.close(1, 1)\n{HIDDEN}", "test_line_grad", points=6, outputs=[stream("✓ shape\n")]),
    ]


def test_score_parts_and_late_penalty_stand_at_the_top(feedback: Feedback, cell: MakeCell, notebook: Any) -> None:
    notebook.append(cell("markdown", "my reasons", "m1", points=6, solution=True))
    page = feedback(
        notebook,
        scores={"test_line_grad": {"auto_score": 4.5}, "m1": {"auto_score": None, "needs_manual_grade": True}},
        results=[exercise(outcome("a"), outcome("b", Status.FAILED, points=1.5))],
        penalty=1.0,
    )
    text = words(page)
    assert "3.5 of 12 points so far" in text
    assert "Exercises 4.5 of 6" in text
    assert "Written answers 0 of 6 (1 to be graded)" in text
    assert "Late penalty −1" in text
    assert "Handed in 1 Mar 2025, 15:05 UTC" in text
    assert "Deadline 1 Mar 2025, 12:00 UTC" in text
    assert "Late 3 hours 5 minutes" in text
    assert "A person has still to give up to 6 of these points." in text
    assert "Ada Lovelace (ada)" in text
    assert "graded 2 Mar 2025, 09:30 UTC" in text


def test_every_failed_test_says_what_differs_and_says_it_once(feedback: Feedback, notebook: Any) -> None:
    failed = [
        outcome("first", Status.FAILED, message="Expected shape (2,), got (1, 2)."),
        outcome("second", Status.TIMEOUT, message="It took more than 10 s."),
        outcome("third", Status.FAILED, message="Expected shape (2,), got (1, 2)."),
    ]
    page = feedback(notebook, scores={"test_line_grad": {"auto_score": 0}}, results=[exercise(*failed)])
    text = words(page)
    assert page.count("Expected shape (2,), got (1, 2).") == 1
    assert "✗ Title of first. failed, 0 of 3 points Expected shape" in text
    assert "✗ Title of second. took too long, 0 of 3 points It took more than 10 s." in text
    assert "✗ Title of third. failed, 0 of 3 points Differs as above." in text


def test_an_exercise_is_summed_up_in_a_line(feedback: Feedback, notebook: Any) -> None:
    page = feedback(
        notebook,
        scores={"test_line_grad": {"auto_score": 3}},
        results=[exercise(outcome("a"), outcome("b", Status.FAILED, message="No."))],
    )
    assert "◐ Partly : 3 of 6 points , 1 of 2 tests passed" in words(page)


WORTH = {"a": 1, "b": 9, "c": 5, "d": 7, "e": 3}


def test_where_most_points_are_missing_is_said_first(feedback: Feedback, cell: MakeCell) -> None:
    """Not of what a person has still to read, and not where there is hardly a choice."""
    cells = [cell("code", "assert f", f"test_{name}", points=worth) for name, worth in WORTH.items()]
    cells.append(cell("markdown", "mine", "m1", points=50, solution=True))
    none = {f"test_{name}": {"auto_score": 0} for name in WORTH} | {"m1": {"needs_manual_grade": True}}
    assert "Most points are missing in test_b (9), test_d (7), test_c (5): look there first." in words(
        feedback(cells, scores=none)
    )


def test_named_misconceptions_are_shown_once_each(feedback: Feedback, notebook: Any) -> None:
    named = "Half the true gradient: d(u²) = 2u du."
    failed = [outcome(name, Status.FAILED, message=named, misconception=named) for name in ("a", "b")]
    failed.append(outcome("c", Status.FAILED, message="Other shape.", misconception="Transposed."))
    page = feedback(notebook, scores={"test_line_grad": {"auto_score": 0}}, results=[exercise(*failed)])
    assert page.count(named) == 1
    assert f"What to look at {named} Transposed." in words(page)


def test_the_title_is_the_heading_above_in_plain_words(feedback: Feedback, notebook: Any) -> None:
    page = feedback(notebook, results=[exercise(outcome("a"), outcome("b"))])
    assert "<h1>Assignment</h1>" in page
    assert ">3 · The gradient of line_loss</h2>" in page


def test_points_in_a_heading_and_backticks_in_a_message_are_set_well(feedback: Feedback, notebook: Any) -> None:
    notebook[0]["source"] = "### Exercise 3 · `line_grad` (6 points)"
    failed = outcome("a", Status.FAILED, message="`line_grad` gave `<b>`.")
    page = feedback(notebook, scores={"test_line_grad": {"auto_score": 3}}, results=[exercise(failed, outcome("b"))])
    assert ">Exercise 3 · line_grad</h2>" in page
    assert "<code>line_grad</code> gave <code>&lt;b&gt;</code>." in page


def test_outputs_belong_to_the_exercise_under_whose_heading_they_are(
    feedback: Feedback, cell: MakeCell, notebook: Any
) -> None:
    """What the course itself shows between the headings is left out; what follows the last one is told at the end."""
    cells = [
        cell("markdown", "## Theory"),
        cell("code", "demo()", outputs=[stream("provided demo")]),
        *notebook,
        cell("code", "try_out()", outputs=[stream("tried out below")]),
        cell("markdown", "## Finale"),
        cell("code", "plot()", outputs=[stream("the finale")]),
    ]
    text = words(feedback(cells, results=[exercise(outcome("a"), outcome("b"))]))
    assert "provided demo" not in text
    assert text.index("tried out below") < text.index("The rest of your notebook") < text.index("the finale")


def test_an_untouched_written_answer_is_said_so(feedback: Feedback, cell: MakeCell) -> None:
    cells = [cell("markdown", "YOUR ANSWER HERE", "m1", points=6, solution=True)]
    text = words(feedback(cells, scores={"m1": {"auto_score": 0}}, comments={"m1": "No response."}))
    assert "This question has no answer yet" in text
    assert "No response." not in text


def test_an_ungraded_exercise_is_said_to_be_our_fault(feedback: Feedback, notebook: Any) -> None:
    results = [exercise(outcome("a", Status.UNGRADED, points=0, message=CANARY, detail=CANARY))]
    waiting = {"test_line_grad": {"auto_score": None, "needs_manual_grade": True}}
    page = feedback(notebook, scores=waiting, results=results, notes=[Note("ungraded", CANARY, "test_line_grad")])
    assert "A fault on our side kept this exercise from being graded. A person will look at it" in words(page)
    assert "– of 6 points" in words(page)
    assert CANARY not in page


def test_an_untouched_placeholder_is_told_kindly_and_alone(feedback: Feedback, cell: MakeCell, notebook: Any) -> None:
    notebook[1] = cell("code", "# YOUR CODE HERE\nraise NotImplementedError()", "line_grad", solution=True)
    failed = [outcome("a", Status.FAILED, message="Your function raised NotImplementedError.", misconception="Odd.")]
    page = words(feedback(notebook, scores={"test_line_grad": {"auto_score": 0}}, results=[exercise(*failed)]))
    assert "this exercise is not answered yet" in page
    assert "Your function raised" not in page
    assert "Odd." not in page


def test_notes_are_told_in_words_for_students(feedback: Feedback, notebook: Any) -> None:
    notes = [
        Note("restored", f"staff text {CANARY}", "test_line_grad"),
        Note("timeout", "staff text", "line_grad"),
        Note("something new", CANARY),
    ]
    page = feedback(notebook, results=[exercise(outcome("a"), outcome("b"))], notes=notes)
    text = words(page)
    assert "had been changed; its original text was used (3 · The gradient of line_loss)." in text
    assert "A cell ran for too long and was stopped" in text
    assert CANARY not in page


def test_an_unreadable_notebook_is_said_so_and_nothing_is_blamed(feedback: Feedback, notebook: Any) -> None:
    """The cells on file are those that were handed out; a mark or a word of a person would be shown."""
    unreadable = [Note("unreadable", f"/srv/{CANARY}/x.ipynb is not JSON")]
    page = feedback(notebook, scores={"test_line_grad": {"auto_score": 0}}, results=[], notes=unreadable)
    assert "We could not read your notebook" in words(page)
    assert "The gradient of line_loss" not in page
    assert CANARY not in page


def test_written_answers_are_text_with_points_and_comment(feedback: Feedback, cell: MakeCell) -> None:
    cells = [
        cell("markdown", "## Why?"),
        cell("markdown", "Because **a** < b\nand\n### BEGIN MARK SCHEME\ncanary\n### END MARK SCHEME", "m1",
             points=6, solution=True),
    ]  # fmt: skip
    page = feedback(cells, scores={"m1": {"manual_score": 4, "auto_score": None}}, comments={"m1": "Good <start>!"})
    assert "<p>Because <strong>a</strong> &lt; b\nand" in page
    assert "Good &lt;start&gt;!" in page
    assert "4 of 6 points" in words(page)
    assert "canary" not in page


def test_a_task_shows_what_was_written_below_it(feedback: Feedback, cell: MakeCell) -> None:
    cells = [
        cell("markdown", "Plot it.\n### BEGIN MARK SCHEME\ncanary\n### END MARK SCHEME", "t1", points=3, task=True),
        cell("markdown", "My plot shows a line."),
        cell("code", "plot(x)", outputs=[stream("drawn")]),
        cell("markdown", "## Next part"),
        cell("markdown", "Not an answer."),
        cell("code", "assert line", "test_line", points=1),
    ]
    page = words(feedback(cells, scores={"t1": {"auto_score": None, "needs_manual_grade": True}}))
    assert "My plot shows a line." in page
    assert "plot(x)" in page
    assert "drawn" in page
    assert "Not an answer" not in page
    assert "canary" not in page


def test_a_mark_set_by_a_person_is_said_so(feedback: Feedback, notebook: Any) -> None:
    page = feedback(
        notebook,
        scores={"test_line_grad": {"auto_score": 3, "manual_score": 5, "extra_credit": 1}},
        results=[exercise(outcome("a"), outcome("b", Status.FAILED, message="No."))],
        comments={"line_grad": "I saw what you meant."},
    )
    assert "A person set this mark; the tests gave 3." in words(page)
    assert "Extra credit: 1, included." in words(page)
    assert "I saw what you meant." in words(page)


def test_nothing_for_staff_and_nothing_hidden_is_on_the_page(feedback: Feedback, cell: MakeCell, notebook: Any) -> None:
    """outcome.detail, hidden regions, staff reports, values and tracebacks of a test cell stay out."""
    result = exercise(outcome("a", Status.FAILED, message="Sign?", detail=f"got {CANARY}"), outcome("b"))
    unmarked = staff_output(result)
    unmarked["metadata"] = {}
    notebook[2]["outputs"] += [
        staff_output(result),
        unmarked,
        {"output_type": "execute_result", "data": {"text/plain": CANARY}, "metadata": {}, "execution_count": 1},
        error("AssertionError", "visible check", f"----> 2 assert {CANARY}"),
    ]
    notebook.append(cell("code", "print(In[2])", outputs=[stream(f"assert line_loss([1, 2], {CANARY}, 0) == 7.25")]))
    page = feedback(notebook, scores={"test_line_grad": {"auto_score": 3}}, results=[result])
    assert CANARY not in page
    assert "HIDDEN TESTS" not in page
    assert "✓ shape" in page
    assert "AssertionError: visible check" in page
    assert "it quotes a hidden test" in page


def test_own_code_text_and_pictures_are_shown(feedback: Feedback, notebook: Any) -> None:
    picture = b64(png())
    notebook[1]["outputs"] = [
        stream("epoch 1\repoch 2\n"),
        display(image__png=picture, text__plain="<Figure>"),
        error("NameError", "name 'q' is not defined", "\x1b[0;31mNameError\x1b[0m", "  my line"),
    ]
    page = feedback(notebook, results=[exercise(outcome("a"), outcome("b"))])
    assert "return phi &amp; x &lt; 1" in page
    assert f'src="data:image/png;base64,{picture}"' in page
    assert "epoch 2" in page
    assert "epoch 1" not in page
    assert "NameError\n  my line" in page
    assert "&lt;Figure&gt;" not in page


def test_outputs_of_other_kinds_are_text_or_named(feedback: Feedback, notebook: Any) -> None:
    notebook[1]["outputs"] = [
        display(text__html="<b>bold</b>", text__plain="bold as text"),
        display(application__pdf="JVBERi0="),
    ]
    page = feedback(notebook, results=[exercise(outcome("a"), outcome("b"))])
    assert "bold as text" in page
    assert "<b>bold" not in page
    assert "An output that this page does not show (application/pdf)." in page


def test_folders_of_the_grading_machine_are_left_out(feedback: Feedback, notebook: Any) -> None:
    where = "/srv/secret/.venv/lib/python3.11/site-packages/numpy/core.py:3: RuntimeWarning"
    notebook[1]["outputs"] = [stream(where, "stderr"), error("ValueError", "x", f"File {where}")]
    page = feedback(notebook, results=[exercise(outcome("a"), outcome("b"))])
    assert "…/site-packages/numpy/core.py:3" in page
    assert "secret" not in page


def test_huge_outputs_are_cut(feedback: Feedback, notebook: Any) -> None:
    notebook[1]["outputs"] = [stream("x" * 5_000_000), *[display(text__html="<i>") for _ in range(500)]]
    page = feedback(notebook, results=[exercise(outcome("a"), outcome("b"))])
    assert "the middle is left out" in page
    assert "More was printed or drawn than fits on this page." in page
    assert len(page) < 120_000


def test_a_foreign_notebook_works_from_scores_and_comments(feedback: Feedback, cell: MakeCell) -> None:
    """Without tables of ours: visible test source, score per cell, no hidden line, no traceback that quotes one."""
    visible = error(
        "AssertionError",
        "f(2) should be 4",
        "AssertionError   Traceback (most recent call last)",
        f"Cell In[2], line 1\n----> 1 assert f(2) == 4\n      3 {CANARY}",
    )
    hidden = error("AssertionError", f"expected {CANARY}", f"Cell In[3], line 3\n----> 3 assert {CANARY}")
    source = f"assert f(2) == 4, 'f(2) should be 4'\n{HIDDEN}"
    cells = [
        cell("code", "def f(x): return x", "f", solution=True, outputs=[stream("mine")]),
        cell("code", source, "test_f", points=2, outputs=[visible, stream(CANARY)]),
        cell("code", f"assert f(0) == 0\n{HIDDEN}", "test_f_hidden", points=2, outputs=[hidden]),
        cell("code", "assert True", "test_ok", points=1),
        cell("code", "print(stolen)", outputs=[stream(f"stolen {CANARY}")]),
    ]
    zero = {"auto_score": 0}
    page = feedback(cells, scores={"test_f": zero, "test_f_hidden": zero}, comments={"f": "See me."})
    text = words(page)
    assert "1 of 5 points" in text
    assert "assert f(2) == 4" in page
    assert "A test failed. AssertionError: f(2) should be 4" in text
    assert HIDDEN_FAILED in text
    assert "All tests passed." in text
    assert "See me." in text
    assert "mine" in text
    assert CANARY not in page
    assert "HIDDEN TESTS" not in page


def test_other_delimiters_of_a_course_are_respected(feedback: Feedback, cell: MakeCell) -> None:
    config = Config()
    config.ClearHiddenTests.begin_test_delimeter = "VVV"
    config.ClearHiddenTests.end_test_delimeter = "^^^"
    source = f"assert shown\n# VVV\nassert {CANARY}\n# ^^^\nassert also_shown"
    page = feedback([cell("code", source, "test_f", points=2)], config=config)
    assert CANARY not in page
    assert "assert shown" in page
    assert "assert also_shown" in page


def test_a_warning_that_cost_a_foreign_cell_its_points_is_named(feedback: Feedback, cell: MakeCell) -> None:
    cells = [cell("code", "assert f(1)", "test_f", points=2, outputs=[stream("RuntimeWarning", "stderr")])]
    assert "text on the error stream" in words(feedback(cells, scores={"test_f": {"auto_score": 0}}))


@pytest.mark.parametrize(
    ("source", "traceback", "open_"),
    [
        ("assert a", "anything", True),
        (HIDDEN, "Cell In[4], line 2", False),
        (f"assert a\n{HIDDEN}", "Cell In[4], line 1\n  x\nCell In[2], line 3, in f", True),
        (f"assert a\n{HIDDEN}", "Cell In[4], line 1\nCell In[4], line 3, in helper", False),
        (f"assert a\n{HIDDEN}", "a traceback without lines", False),
        (f"assert a\n{HIDDEN}", "<ipython-input-4> in <module>\n----> 1 assert a", True),
        ("assert a\n### BEGIN HIDDEN TESTS\nassert b", "Cell In[4], line 3", False),
    ],
)
def test_an_error_counts_as_visible_only_if_its_lines_are(source: str, traceback: str, open_: bool) -> None:
    assert raised_in_the_open(source, traceback, Delimiters()) is open_


def test_points_and_times_are_written_as_people_do() -> None:
    assert [points(value) for value in (7.0, 7.5, 6.333, -2.0, -0.001, 100.0)] == ["7", "7.5", "6.33", "−2", "0", "100"]
    assert [duration(seconds) for seconds in (0, 59, 60, 3600, 90061)] == ["", "", "1 minute", "1 hour", "1 day 1 hour"]
