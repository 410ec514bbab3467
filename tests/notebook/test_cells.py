"""What we say of a notebook's cells is what nbgrader says of them."""

import copy

import jsonschema
import nbformat
import pytest
from nbgrader.nbgraderformat.common import SchemaMismatchError
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearHiddenTests,
    ClearMarkScheme,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    LockCells,
)

from chainrule.errors import SourceError
from chainrule.notebook.cells import exercise_id, exercises, released, rubric, solution_cells, stub, visible
from chainrule.notebook.intake import read_notebook
from chainrule.notebook.regions import RegionError
from chainrule.notebook.text import parse

TEXT = """
```python locked="start"
import math
```

```python solution="first"
def first():
    '''Says one.'''
    ### BEGIN SOLUTION
    return 1
    ### END SOLUTION
```

```python solution="first_again"
again = 1
```

```python test="first" points=3
first()
```

```python solution="seconds"
### BEGIN SOLUTION
a = 1
### END SOLUTION
b = 2
### BEGIN SOLUTION
c = 3
### END SOLUTION
```

```python autograder="second" points=2
assert a == 1
```

```python answer="by_hand" points=1
### BEGIN MARK SCHEME
# one
### END MARK SCHEME
```

```python autograder="test_nothing" points=0
```

```markdown answer="m1" points=6
### BEGIN MARK SCHEME
Look for the chain rule.
### END MARK SCHEME
### BEGIN SOLUTION
Because.
### END SOLUTION
```

```markdown task="t1" points=2
Draw it.
### BEGIN MARK SCHEME
It is drawn.
### END MARK SCHEME
```
"""


@pytest.fixture
def notebook(tmp_path):
    return parse(TEXT, tmp_path / "a01.md")


def by_nbgrader(notebook):
    """The notebook after generate_assignment's preprocessors, in its order; without the one that needs a gradebook."""
    node, resources = nbformat.from_dict(copy.deepcopy(notebook)), {}
    steps = [LockCells, ClearSolutions, ClearOutput, CheckCellMetadata, ComputeChecksums]
    for step in [*steps, ClearHiddenTests, ClearMarkScheme, ComputeChecksums, CheckCellMetadata]:
        node, resources = step().preprocess(node, resources)
    return node


def test_released_is_what_generate_assignment_makes_of_our_notebook(notebook):
    assert released(notebook) == by_nbgrader(notebook)


def test_released_is_what_generate_assignment_makes_of_its_own_notebooks(shipped):
    node = nbformat.read(shipped, as_version=4)
    try:
        expected = by_nbgrader(node)
    except RuntimeError:
        with pytest.raises(SourceError):
            released(node)
    except (jsonschema.ValidationError, SchemaMismatchError):
        pass  # nbgrader refuses its metadata: there is no release to compare with
    else:
        assert released(node) == expected


def test_released_leaves_its_argument_as_it_was(notebook):
    before = copy.deepcopy(notebook)
    released(notebook)
    assert notebook == before


def test_nothing_that_students_must_not_see_is_released(notebook):
    text = str(released(notebook))
    for secret in ("return 1", "again = 1", "c = 3", "grade(", "chain rule", "Because", "is drawn"):
        assert secret in str(notebook)
        assert secret not in text
    sources = {cell["id"]: cell["source"] for cell in released(notebook)["cells"]}
    assert sources["m1"] == "YOUR ANSWER HERE"
    assert sources["by_hand"] == "# YOUR CODE HERE\nraise NotImplementedError()"
    assert sources["first"].endswith("    # YOUR CODE HERE\n    raise NotImplementedError()")


@pytest.mark.parametrize(
    "source", ["### BEGIN SOLUTION", "### BEGIN HIDDEN TESTS\n### END HIDDEN TESTS", "### BEGIN MARK SCHEME"]
)
def test_released_refuses_the_regions_that_nbgrader_refuses(source, notebook):
    notebook["cells"][0]["source"] = source
    with pytest.raises(RuntimeError):
        by_nbgrader(notebook)
    with pytest.raises(SourceError, match=r"Cell 1 \(start\)"):
        released(notebook)


def test_exercises_are_the_test_cells_with_a_grader_in_the_notebooks_order(notebook, tmp_path):
    for name in ("second", "first", "m1", "start"):
        (tmp_path / f"test_{name}.py").touch()
    found = exercises(notebook, tmp_path)
    assert [(e.id, e.test_cell, e.points, e.grader.name) for e in found] == [
        ("first", "test_first", 3, "test_first.py"),
        ("second", "second", 2, "test_second.py"),
    ]


def test_a_test_cell_is_named_after_its_exercise_with_or_without_prefix():
    assert exercise_id("test_line_grad") == exercise_id("line_grad") == "line_grad"


@pytest.mark.parametrize(
    ("exercise", "cells"),
    [("first", ["first", "first_again"]), ("second", ["seconds"]), ("nothing", []), ("unknown", [])],
)
def test_the_solution_cells_of_an_exercise_lie_between_its_test_and_the_one_before(notebook, exercise, cells):
    assert solution_cells(notebook, exercise) == cells


def test_visible_drops_hidden_tests_and_only_these():
    assert (
        visible("a\n# BEGIN HIDDEN TESTS\nb\n# END HIDDEN TESTS\nc\n### BEGIN SOLUTION") == "a\nc\n### BEGIN SOLUTION"
    )
    with pytest.raises(RegionError):
        visible("### BEGIN HIDDEN TESTS")


def test_a_stub_keeps_what_is_outside_the_regions_and_their_indentation():
    assert stub("if x:\n    # BEGIN SOLUTION\n    y\n    # END SOLUTION\nz") == (
        "if x:\n    # YOUR CODE HERE\n    raise NotImplementedError()\nz"
    )
    assert stub("all of it", "markdown") == "YOUR ANSWER HERE"


def test_the_rubric_is_what_stands_in_the_mark_scheme(notebook):
    sources = {cell["id"]: cell["source"] for cell in notebook["cells"]}
    assert rubric(sources["m1"]) == "Look for the chain rule."
    assert rubric(sources["first"]) == ""


def test_our_words_for_a_notebook_read_from_disk_are_the_same(shipped, tmp_path):
    """What the bounded reader drops decides nothing about grading."""
    node = nbformat.read(shipped, as_version=4)
    for name in ("correct_squares", "squares"):
        (tmp_path / f"test_{name}.py").touch()
    assert exercises(read_notebook(shipped), tmp_path) == exercises(node, tmp_path)
