"""A notebook becomes text and that text the same notebook again."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.errors import SourceError
from chainrule.notebook.build import import_notebook
from chainrule.notebook.intake import read_notebook
from chainrule.notebook.text import parse, render

PATH = Path("source/a01.md")


def kept(notebook):
    """What text carries over of a notebook: all but ids, outputs, and metadata that nbgrader ignores or rewrites."""
    cells = []
    for cell in notebook["cells"]:
        meta = cell["metadata"].get("nbgrader") or {}
        flags = {key: bool(meta.get(key)) for key in ("grade", "solution", "task")}
        locked = bool(meta.get("locked")) and not flags["solution"] and not flags["grade"]
        graded = any(flags.values()) or locked
        shown = (flags, locked, meta.get("grade_id"), float(meta["points"]) if "points" in meta else None)
        cells.append((cell["cell_type"], cell["source"], shown if graded else None, cell["metadata"].get("tags") or []))
    return cells


line = st.one_of(
    st.sampled_from(
        ["", "", "```", "````", "~~~", "```python", "  ```", "   ~~~ x", "```markdown", "## h", "- a", "    b"]
    ),
    st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=12),
)
source = st.lists(line, max_size=6).map("\n".join)
tags = st.lists(st.sampled_from(["a", "hide-input", "über"]), unique=True, max_size=2)
points = st.one_of(st.integers(0, 100), st.floats(0, 1e6, allow_nan=False))
HIDDEN = "### BEGIN HIDDEN TESTS\nassert True\n### END HIDDEN TESTS"


@st.composite
def notebooks(draw):
    """Notebooks with cells of every role that nbgrader has, and sources that look like fences."""
    cells = []
    roles = ["plain", "plain", "plain", "solution", "test", "answer", "task", "locked"]
    for number, role in enumerate(draw(st.lists(st.sampled_from(roles), max_size=8))):
        kinds = {"plain": ["code", "markdown", "raw"], "answer": ["code", "markdown"], "locked": ["code", "markdown"]}
        kind = draw(st.sampled_from(kinds.get(role, ["markdown" if role == "task" else "code"])))
        metadata = {}
        if role != "plain":
            flags = {"grade": role in ("test", "answer"), "solution": role in ("solution", "answer")}
            flags |= {"task": role == "task", "locked": role in ("test", "task", "locked")}
            grade_id = f"{draw(st.sampled_from(['x', 'test_x', 'a-b']))}{number}"
            if role == "test" and number and draw(st.booleans()):
                grade_id = f"test_x{number - 1}"
            metadata["nbgrader"] = {**flags, "grade_id": grade_id, "schema_version": 3}
            if role in ("test", "answer", "task"):
                metadata["nbgrader"]["points"] = draw(points)
        if given_tags := draw(tags):
            metadata["tags"] = given_tags
        text = draw(source)
        if role == "test" and draw(st.booleans()):
            text += "\n" + HIDDEN
        cells.append({"cell_type": kind, "metadata": metadata, "source": text})
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def unique_ids(notebook):
    ids = [cell["metadata"]["nbgrader"]["grade_id"] for cell in notebook["cells"] if "nbgrader" in cell["metadata"]]
    return len(ids) == len(set(ids))


@settings(max_examples=300, deadline=None)
@given(notebooks().filter(unique_ids))
def test_a_notebook_survives_the_way_to_text_and_back(notebook):
    assert kept(parse(render(notebook), PATH)) == kept(notebook)


@settings(max_examples=100, deadline=None)
@given(notebooks().filter(unique_ids))
def test_an_imported_text_is_final(notebook):
    """Building and importing it again changes nothing, not even an id."""
    text = render(notebook)
    built = parse(text, PATH)
    assert render(built) == text
    assert parse(render(built), PATH) == built


def test_the_region_added_to_a_test_cell_is_not_written_back():
    text = '```python solution="f"\nf = 1\n```\n\n```python test="f" points=1\nf\n```\n'
    assert "HIDDEN" in parse(text, PATH)["cells"][1]["source"]
    assert render(parse(text, PATH)) == text


def test_a_test_cell_without_hidden_tests_stays_nbgraders_own(tmp_path):
    """A foreign notebook must not come to need a grader by being imported."""
    cells = [
        {"cell_type": "code", "source": "f = 1", "metadata": {"nbgrader": {"solution": True, "grade_id": "f"}}},
        {
            "cell_type": "code",
            "source": "f",
            "metadata": {"nbgrader": {"grade": True, "grade_id": "test_f", "points": 1}},
        },
    ]
    text = render({"cells": cells})
    assert '```python autograder="test_f" points=1' in text
    assert parse(text, PATH, tmp_path)["cells"][1]["source"] == "f"


REFUSED = {
    "bad-markdown-cell-1.ipynb": "markdown",
    "bad-markdown-cell-2.ipynb": "markdown",
    "blank-grade-id.ipynb": "grade_id",
    "blank-points.ipynb": "points",
    "duplicate-grade-ids.ipynb": "already taken",
    "submitted-answer-cell-type-changed.ipynb": "markdown cell cannot be 'solution'",
    "submitted-grade-cell-type-changed.ipynb": "markdown cell cannot be 'autograder'",
    "test-v0-invalid.ipynb": "grade_id None",
    "too-new.ipynb": "code cell cannot be 'task'",
}


def test_nbgraders_own_notebooks_survive_or_are_refused_with_a_reason(shipped):
    if words := REFUSED.get(shipped.name):
        with pytest.raises(SourceError, match=words):
            parse(import_notebook(shipped), PATH)
    else:
        assert kept(parse(import_notebook(shipped), PATH)) == kept(read_notebook(shipped))


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ({"metadata": {"nbgrader": {"grade": True, "grade_id": "f"}}}, "Cell 1 .* needs points"),
        ({"metadata": {"nbgrader": {"locked": True}}}, "grade_id None"),
        ({"metadata": {"tags": ['a"b']}}, "tag"),
        ({"metadata": {"tags": "a"}}, "tags are not a list"),
        ({"cell_type": "markdown", "metadata": {}, "attachments": {"a.png": {}}}, "attachment"),
    ],
)
def test_a_cell_that_text_cannot_hold_is_an_error_with_its_number(cell, words):
    with pytest.raises(SourceError, match=words):
        render({"cells": [{"cell_type": "code", "source": "x", **cell}]})
