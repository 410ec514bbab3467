"""Of a submission only what is the student's is graded, and the notes say what was put right."""

import copy
from pathlib import Path

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.notebook.cells import released
from chainrule.notebook.intake import merge
from chainrule.notebook.text import parse

TEXT = """Read this.

```python locked="start"
import math
```

```python solution="f"
def f():
    ### BEGIN SOLUTION
    return 1
    ### END SOLUTION
```

```python test="f" points=3
f()
```

```markdown answer="m1" points=6
### BEGIN SOLUTION
Because.
### BEGIN MARK SCHEME
6
### END MARK SCHEME
### END SOLUTION
```
"""
TRUTH = parse(TEXT, Path("a01.md"))


@pytest.fixture
def submitted():
    """The release, as a student gets it: Read this · start · f · test_f · m1."""
    return copy.deepcopy(released(TRUTH))


def merged(submitted, truth=TRUTH):
    notebook, notes = merge(truth, submitted)
    nbformat.validate(nbformat.from_dict(notebook))
    return [cell["source"] for cell in notebook["cells"]], [(note.kind, note.cell) for note in notes]


HIDDEN = TRUTH["cells"][3]["source"]
STUB = "def f():\n    # YOUR CODE HERE\n    raise NotImplementedError()"


def test_an_honest_submission_gives_the_students_answers_in_our_notebook_without_a_note(submitted):
    submitted["cells"][2]["source"] = "f = int"
    submitted["cells"][4]["source"] = "My answer."
    assert merged(submitted) == (["Read this.", "import math", "f = int", HIDDEN, "My answer."], [])


def test_metadata_and_points_are_ours(submitted):
    submitted["cells"][3]["metadata"]["nbgrader"] |= {"points": 100, "grade": False}
    submitted["cells"][3]["metadata"]["evil"] = True
    notebook, notes = merge(TRUTH, submitted)
    assert [cell["metadata"] for cell in notebook["cells"]] == [cell["metadata"] for cell in TRUTH["cells"]]
    assert [(note.kind, note.cell) for note in notes] == [("metadata", "test_f")]
    assert "points" in notes[0].message


def test_an_edited_test_or_locked_cell_is_set_back(submitted):
    submitted["cells"][1]["source"] = "import evil"
    submitted["cells"][3]["source"] = "pass"
    sources, notes = merged(submitted)
    assert sources == ["Read this.", "import math", STUB, HIDDEN, "YOUR ANSWER HERE"]
    assert notes == [("restored", "start"), ("restored", "test_f")]


def test_white_space_around_a_locked_cell_is_no_edit(submitted):
    submitted["cells"][1]["source"] += "\n\n"
    assert merged(submitted)[1] == []


def test_hidden_tests_that_a_student_writes_are_set_back(submitted):
    submitted["cells"][3]["source"] += "\n### BEGIN HIDDEN TESTS"
    assert merged(submitted)[1] == [("restored", "test_f")]
    assert merged(submitted)[0][3] == HIDDEN


def test_the_first_of_two_test_cells_counts_and_the_second_is_left_out(submitted):
    submitted["cells"].insert(4, copy.deepcopy(submitted["cells"][3]))
    sources, notes = merged(submitted)
    assert sources.count(HIDDEN) == 1
    assert notes == [("duplicate", "test_f")]


def test_the_second_half_of_a_split_solution_still_runs(submitted):
    submitted["cells"].insert(3, submitted["cells"][2] | {"source": "more = 1"})
    notebook, notes = merge(TRUTH, submitted)
    assert [cell["source"] for cell in notebook["cells"]][2:5] == [STUB, "more = 1", HIDDEN]
    assert notebook["cells"][3]["metadata"] == {}
    assert [note.kind for note in notes] == ["duplicate"]


def test_missing_cells_are_put_back_in_their_place(submitted):
    del submitted["cells"][1:4]
    sources, notes = merged(submitted)
    assert sources == ["import math", STUB, HIDDEN, "Read this.", "YOUR ANSWER HERE"]
    assert notes == [("missing", "start"), ("missing", "f"), ("missing", "test_f")]


def test_a_missing_test_cell_goes_behind_the_nearest_cell_before_it_wherever_that_is(submitted):
    first, start, f, _, m1 = submitted["cells"]
    submitted["cells"] = [m1, f, first, start]
    assert merged(submitted)[0] == ["YOUR ANSWER HERE", STUB, HIDDEN, "Read this.", "import math"]


def test_an_empty_notebook_becomes_the_release_without_its_prose(submitted):
    submitted["cells"] = []
    assert merged(submitted)[0] == ["import math", STUB, HIDDEN, "YOUR ANSWER HERE"]


def test_a_missing_solution_keeps_its_stub_when_the_truth_is_a_release(submitted):
    truth = released(TRUTH)
    del submitted["cells"][2]
    assert merged(submitted, truth)[0][2] == STUB


def test_a_solution_is_never_put_back_solved(submitted):
    del submitted["cells"][4], submitted["cells"][2]
    assert "return 1" not in str(merged(submitted))
    assert "Because" not in str(merged(submitted))


def test_extra_cells_stay_where_they_are_without_metadata(submitted):
    extra = {"cell_type": "code", "source": "mine", "id": "f", "outputs": [], "execution_count": None}
    claim = {"grade": True, "solution": False, "points": 50, "grade_id": "mine", "locked": True, "schema_version": 3}
    submitted["cells"].insert(2, extra | {"metadata": {"nbgrader": claim, "tags": ["raises-exception"]}})
    notebook, notes = merge(TRUTH, submitted)
    assert (notebook["cells"][2]["source"], notebook["cells"][2]["metadata"]) == ("mine", {})
    assert notebook["cells"][3]["id"] == "f"  # ours keep their ids
    assert notes == ()


def test_a_cell_of_another_type_takes_ours(submitted):
    submitted["cells"][2] |= {"cell_type": "markdown", "source": "f = 1"}
    submitted["cells"][2].pop("outputs")
    notebook, notes = merge(TRUTH, submitted)
    assert (notebook["cells"][2]["cell_type"], notebook["cells"][2]["source"]) == ("code", "f = 1")
    assert [(note.kind, note.cell) for note in notes] == [("metadata", "f")]
    nbformat.validate(nbformat.from_dict(notebook))


def test_a_picture_in_an_answer_reaches_the_marker(submitted):
    submitted["cells"][4]["attachments"] = {"a.png": {"image/png": "AA=="}}
    assert merge(TRUTH, submitted)[0]["cells"][4]["attachments"] == {"a.png": {"image/png": "AA=="}}


def test_the_kernel_and_the_outputs_are_never_the_students(submitted):
    submitted["metadata"] = {"kernelspec": {"name": "evil"}}
    submitted["cells"][2] |= {"outputs": [{"output_type": "error"}], "execution_count": 7}
    notebook, _ = merge(TRUTH, submitted)
    assert notebook["metadata"] == TRUTH["metadata"]
    assert all(cell.get("outputs", []) == [] for cell in notebook["cells"])


def test_merging_changes_neither_notebook(submitted):
    truth, before = copy.deepcopy(TRUTH), copy.deepcopy(submitted)
    del submitted["cells"][3], before["cells"][3]
    notebook, _ = merge(TRUTH, submitted)
    for cell in notebook["cells"]:
        cell["metadata"]["touched"] = cell["source"] = ""
    assert (truth, before) == (TRUTH, submitted)


@st.composite
def tampered(draw):
    """Submissions made of released and foreign cells in any order and number, with any part of them changed."""
    pool = [*released(TRUTH)["cells"], {"cell_type": "code", "metadata": {}, "source": "extra", "id": "x"}]
    cells = []
    for _ in range(draw(st.integers(0, 10))):
        cell = copy.deepcopy(draw(st.sampled_from(pool)))
        if draw(st.booleans()):
            cell["source"] = draw(st.sampled_from(["", "extra", "### BEGIN HIDDEN TESTS", "### END SOLUTION"]))
        if draw(st.booleans()):
            cell["cell_type"] = draw(st.sampled_from(["code", "markdown", "raw"]))
        if "nbgrader" in cell["metadata"] and draw(st.booleans()):
            key = draw(st.sampled_from(["grade_id", "points", "grade", "solution", "locked"]))
            values = ["f", "test_f", "other", "", None, True, False, 7, ["f"], {}]
            cell["metadata"]["nbgrader"][key] = draw(st.sampled_from(values))
        cells.append(cell)
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


@settings(max_examples=300, deadline=None)
@given(tampered())
def test_no_tampering_changes_what_is_ours(submitted):
    notebook, _ = merge(TRUTH, submitted)
    nbformat.validate(nbformat.from_dict(notebook))
    ours = {cell["id"]: cell for cell in TRUTH["cells"] if cell["metadata"]}
    found = [cell for cell in notebook["cells"] if cell["metadata"]]
    assert sorted(cell["id"] for cell in found) == sorted(ours)
    for cell in found:
        truth = ours[cell["id"]]
        assert (cell["metadata"], cell["cell_type"]) == (truth["metadata"], truth["cell_type"])
        if not truth["metadata"]["nbgrader"]["solution"]:
            assert cell["source"] == truth["source"]
        else:
            assert "return 1" not in cell["source"]
            assert "Because" not in cell["source"]
    given, kept = ([cell["source"] for cell in n["cells"]].count("extra") for n in (submitted, notebook))
    assert kept <= given
