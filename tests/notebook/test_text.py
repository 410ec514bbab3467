"""An author's text becomes the notebook they mean, or an error that names the line."""

import re
from pathlib import Path

import nbformat
import pytest
from nbgrader.nbgraderformat import MetadataValidator

from chainrule.errors import SourceError
from chainrule.notebook.text import parse

PATH = Path("source/a01.md")

ASSIGNMENT = """# Lines

The loss is $L$.


A second cell.

```python
import numpy as np
```

```python solution="slope"
def slope(x):
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION
```

```python test="slope" points=5.5
slope(1)
```

```markdown answer="m1" points=6
### BEGIN SOLUTION
Because of the chain rule.
### END SOLUTION

### BEGIN MARK SCHEME
6 points for the rule.
### END MARK SCHEME
```

```python locked="show" tags="hide-input,plot"
print(slope(3))
```
"""


@pytest.fixture
def graders(tmp_path):
    folder = tmp_path / "graders" / "a01"
    folder.mkdir(parents=True)
    (folder / "test_slope.py").write_text(
        "from chainrule.grader import points\n\n\n"
        "@points(3)\ndef test_a(student): ...\n\n\n@points(2.5, seeds=1)\ndef test_b(student): ...\n"
    )
    return folder


def sources(text):
    return [cell["source"] for cell in parse(text, PATH)["cells"]]


def error(text, graders=None):
    with pytest.raises(SourceError) as caught:
        parse(text, PATH, graders)
    return caught.value


# --- what the text means


def test_an_assignment_becomes_a_notebook_that_nbformat_and_nbgrader_accept(graders):
    notebook = nbformat.from_dict(parse(ASSIGNMENT, PATH, graders))
    nbformat.validate(notebook)
    MetadataValidator().validate_nb(notebook)
    assert [cell.cell_type for cell in notebook.cells] == ["markdown", "markdown", *["code"] * 3, "markdown", "code"]


def test_each_role_has_its_metadata(graders):
    cells = parse(ASSIGNMENT, PATH, graders)["cells"]
    common = {"schema_version": 3, "task": False}
    assert [cell["metadata"] for cell in cells] == [
        {},
        {},
        {},
        {"nbgrader": {"grade_id": "slope", "grade": False, "solution": True, "locked": False, **common}},
        {
            "nbgrader": {"grade_id": "test_slope", "grade": True, "solution": False, "locked": True, "points": 5.5}
            | common
        },
        {"nbgrader": {"grade_id": "m1", "grade": True, "solution": True, "locked": False, "points": 6, **common}},
        {
            "nbgrader": {"grade_id": "show", "grade": False, "solution": False, "locked": True, **common},
            "tags": ["hide-input", "plot"],
            "jupyter": {"source_hidden": True},
        },
    ]


def test_a_task_is_a_locked_markdown_cell_with_points():
    (cell,) = parse('```markdown task="t1" points=2\nDo it.\n```', PATH)["cells"]
    meta = cell["metadata"]["nbgrader"]
    assert (meta["task"], meta["grade"], meta["locked"], meta["points"]) == (True, False, True, 2)
    MetadataValidator().validate_cell(nbformat.from_dict(cell))


def test_a_test_cell_names_its_grader_in_a_hidden_region(graders):
    assert parse(ASSIGNMENT, PATH, graders)["cells"][4]["source"] == (
        "slope(1)\n### BEGIN HIDDEN TESTS\nfrom chainrule.grader import grade\n\n"
        'grade("slope")  # graders/a01/test_slope.py\n### END HIDDEN TESTS'
    )


def test_a_hidden_region_written_by_hand_stays_as_it_is(tmp_path):
    code = "f()\n### BEGIN HIDDEN TESTS\nassert f() == 1\n### END HIDDEN TESTS"
    text = f'```python solution="f"\n```\n\n```python test="f" points=1\n{code}\n```\n'
    assert parse(text, PATH, tmp_path)["cells"][1]["source"] == code


def test_the_rubric_of_an_answer_leaves_with_its_solution():
    """nbgrader refuses a mark scheme that is left in an answer once its solution is cleared."""
    assert sources(ASSIGNMENT)[5] == (
        "### BEGIN SOLUTION\nBecause of the chain rule.\n\n"
        "### BEGIN MARK SCHEME\n6 points for the rule.\n### END MARK SCHEME\n### END SOLUTION"
    )


def test_two_blank_lines_divide_prose_and_one_does_not():
    assert sources("a\n\nb\n\n\nc\n\n\n\n\nd\n") == ["a\n\nb", "c", "d"]


@pytest.mark.parametrize("fence", ["```text", "~~~", "```sh", "    ```python", "  ~~~python", "````markdownish"])
def test_other_fences_and_indented_ones_are_prose_whatever_they_hold(fence):
    indent, run = re.match(r"( *)(`+|~+)", fence).groups()
    text = f"before\n\n{fence}\n{indent}x\n\n\n{indent}y\n{indent}{run}\n\nafter"
    assert sources(text) == [text]


def test_a_python_fence_inside_a_prose_fence_is_no_cell():
    text = "````text\n```python\nx\n```\n````"
    assert sources(text) == [text]


@pytest.mark.parametrize("fence", ["````", "~~~", "`````"])
def test_code_may_hold_fences_inside_a_longer_or_other_fence(fence):
    assert sources(f"{fence}python\nx = '''\n```\ny\n```\n'''\n{fence}") == ["x = '''\n```\ny\n```\n'''"]


def test_an_indented_fence_in_code_does_not_end_the_cell():
    assert sources("```python\nif x:\n  '''\n  ```\n  '''\n```") == ["if x:\n  '''\n  ```\n  '''"]


def test_an_indented_fence_that_nothing_closes_swallows_no_cell():
    assert sources("- list\n\n  ```\n\n```python\n1\n```\n\n  ```\n") == ["- list\n\n  ```", "1", "  ```"]


def test_windows_line_ends_and_inline_fences_are_harmless():
    assert sources("a\r\n\r\n\r\nb\r\n```x``` c\r\n```python\r\n1\r\n```\r\n") == ["a", "b\n```x``` c", "1"]


def test_ids_are_those_of_the_cells_and_do_not_move_with_them(graders):
    ids = [cell["id"] for cell in parse(ASSIGNMENT, PATH, graders)["cells"]]
    assert ids[0] == "lines"
    assert ids[3:] == ["slope", "test-slope", "m1", "show"]
    moved = [cell["id"] for cell in parse("New first cell.\n\n\n" + ASSIGNMENT, PATH, graders)["cells"]]
    assert moved[1:] == ids


def test_ids_are_unique_and_short_enough_for_nbformat():
    long = "x" * 90
    cells = f'```markdown locked="m1"\n```\n\n```python locked="{long}"\n```'
    notebook = parse(f"## m1\n\n\n## m1\n\n{cells}\n\n## {long}\n\n\n## 7 · é\n", PATH)
    nbformat.validate(nbformat.from_dict(notebook))
    ids = [cell["id"] for cell in notebook["cells"]]
    assert ids[:3] == ["m1-2", "m1-3", "m1"]
    assert ids[-1] == "e"


# --- errors


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('x\n\n```python solutoin="f"\n```', 3, "Unknown attribute 'solutoin'"),
        ("```python hello\n```", 1, "Cannot read 'hello'"),
        ('```python solution="f" solution="g"\n```', 1, "given twice"),
        ('```python solution="f" locked="g"\n```', 1, "one role"),
        ('```python solution="a b"\n```', 1, "not an id"),
        ('```python solution=""\n```', 1, "not an id"),
        ('```markdown solution="f"\n```', 1, "belongs on a fence ```python"),
        ('```python task="t" points=1\n```', 1, "belongs on a fence ```markdown"),
        ('```julia solution="f"\n```', 1, "'julia' cannot be a cell with a role"),
        ('\n```python test="f"\n```', 2, "needs points"),
        ('```python test="f" points=many\n```', 1, "points=many is not a number"),
        ('```python test="f" points=-1\n```', 1, "points=-1 is not a number"),
        ('```python test="f" points=nan\n```', 1, "points=nan is not a number"),
        ('```python solution="f" points=1\n```', 1, "has no points"),
        ("```python points=1\n```", 1, "Points need a role"),
        ('```python solution="f"\n```\n\n```python locked="f"\n```', 4, "already taken in line 1"),
        ('```python locked="test_f"\n```\n\n```python test="f" points=1\n```', 4, "already taken in line 1"),
        ("x\n\n```python\ny\n", 3, "never closed"),
        ("x\n\n```text\ny\n", 3, "never closed"),
    ],
)
def test_a_bad_fence_is_an_error_with_its_line(text, line, words):
    found = error(text)
    assert found.line == line
    assert words in str(found)
    assert str(found).startswith(f"{PATH}:{line}: ")


RUBRIC = "### BEGIN MARK SCHEME\nr\n### END MARK SCHEME\n"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('```python solution="f"\n\n### BEGIN SOLUTION\n```', 3, "never closed"),
        ('```python solution="f"\n### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION\n```', 3, "inside another"),
        ('```python solution="f"\n### END SOLUTION\n```', 2, "without a BEGIN"),
        ("```python\n1\n### BEGIN SOLUTION\n### END SOLUTION\n```", 3, "SOLUTION region belongs in a solution"),
        ("a\n### BEGIN SOLUTION\n### END SOLUTION", 2, "not in a plain markdown cell"),
        ('```python locked="f"\n### BEGIN HIDDEN TESTS\n### END HIDDEN TESTS\n```', 2, "belongs in a test"),
        ('```python autograder="f" points=1\n### BEGIN HIDDEN TESTS\n```', 2, "never closed"),
        ('```python solution="f"\n### BEGIN MARK SCHEME\n### END MARK SCHEME\n```', 2, "belongs in an answer"),
        (
            'a\n\n```markdown answer="m" points=1\nyes\n```',
            3,
            "needs a rubric between ### BEGIN MARK SCHEME and ### END",
        ),
        ('```markdown answer="m" points=1\n### BEGIN MARK SCHEME\n\n### END MARK SCHEME\n```', 1, "needs a rubric"),
        (
            f'```markdown answer="m" points=1\nWhy?\n### BEGIN SOLUTION\n### END SOLUTION\n{RUBRIC}```',
            1,
            "released with 'Why",
        ),
        ('```python test="f" points=1\n```', 1, 'no solution="f" before it'),
        (
            '```python solution="f"\n```\n\n```python test="f" points=1\n```',
            4,
            "has no grader: write graders/a01/test_f.py",
        ),
        ('```python solution="slope"\n```\n```python test="slope" points=8\n```', 3, "worth 8 points, but .* to 5.5"),
    ],
)
def test_a_text_that_is_no_assignment_is_an_error_with_its_line(text, line, words, graders):
    found = error(text, graders)
    assert found.line == line
    assert re.search(words, str(found))


@pytest.mark.parametrize(
    ("code", "line", "words"),
    [
        ("def test_a(:\n", 1, "not Python"),
        ("n = 3\n@points(n)\ndef test_a(): ...\n", 2, "as a number"),
        ("@grader.points()\ndef test_a(): ...\n", 1, "as a number"),
    ],
)
def test_a_grader_whose_points_cannot_be_read_is_an_error_in_the_grader(graders, code, line, words):
    grader = graders / "test_slope.py"
    grader.write_text(code)
    found = error(ASSIGNMENT, graders)
    assert (found.path, found.line) == (grader, line)
    assert words in str(found)


def test_a_grader_is_read_and_never_run(graders):
    (graders / "test_slope.py").write_text("raise SystemExit\n@grader.points(5.5)\ndef test_a(): ...\n")
    parse(ASSIGNMENT, PATH, graders)
