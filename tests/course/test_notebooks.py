"""Every notebook keeps what the course promises about every notebook."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from chainrule.course import Course
from chainrule.notebook import cells, regions, rules

ROOT = Path(__file__).resolve().parents[2]


def _nbgrader(cell: dict[str, Any]) -> dict[str, Any]:
    return dict(cell["metadata"].get("nbgrader", {}))


def test_100_points_are_88_automatic_and_12_manual(notebook: Any) -> None:
    graded = [meta for meta in map(_nbgrader, notebook.cells["cells"]) if meta.get("grade")]
    automatic = {meta["grade_id"]: meta["points"] for meta in graded if not meta["solution"]}
    manual = {meta["grade_id"]: meta["points"] for meta in graded if meta["solution"]}
    assert automatic == {f"test_{name}": points for name, points in notebook.stated.items()}
    assert manual == {"m1": 6, "m2": 6}
    assert sum(automatic.values()) == 88


def test_graders_give_the_points_of_their_cells(notebook: Any) -> None:
    for name, points in notebook.stated.items():
        assert rules.sum_of_points(notebook.graders / f"test_{name}.py") == points, name


@pytest.mark.parametrize("name", ["m1", "m2"])
def test_rubrics_of_written_answers_add_up_to_their_points(notebook: Any, name: str) -> None:
    cell = next(cell for cell in notebook.cells["cells"] if cells.grade_id(cell) == name)
    lines = re.findall(r"^\* \*\*(\d)\*\*", cells.rubric(cell["source"]), re.MULTILINE)
    assert sum(map(int, lines)) == 6
    assert len(regions.body(cell["source"], regions.SOLUTION)) > 300, "a model answer is given"


def test_the_committed_notebook_is_the_text(notebook: Any, course: Course) -> None:
    from chainrule.notebook.build import build

    assert build(course, [notebook.name], check=True) == []


def test_solution_runs_top_to_bottom_in_under_a_minute(notebook: Any) -> None:
    """Without a warning, too: warnings are errors in tests."""
    assert notebook.executed.seconds < 60


def test_every_check_cell_says_that_it_holds(notebook: Any) -> None:
    for name in notebook.stated:
        assert notebook.executed.printed[f"test_{name}"].count("✓") >= 1, name


def test_no_check_cell_prints_a_solution_line(notebook: Any) -> None:
    solutions = {
        line.strip()
        for cell in notebook.cells["cells"]
        for line in regions.body(cell["source"], regions.SOLUTION).splitlines()
        if len(line.strip()) > 12
    }
    printed = "\n".join(notebook.executed.printed.values())
    assert not [line for line in solutions if line in printed]


def test_check_cells_draw_nothing(notebook: Any) -> None:
    """A student reads the check, not the code of a picture: pictures have cells of their own."""
    for cell in notebook.cells["cells"]:
        if cells.is_autograded(cell):
            assert "plt." not in cells.visible(cell["source"]), cells.grade_id(cell)


def test_every_picture_has_a_title_and_named_axes(notebook: Any) -> None:
    assert len(notebook.executed.axes) >= 5, "one picture per idea"
    for title, x, y, drawn, shares_y in notebook.executed.axes:
        if drawn:
            assert title or x, "axes without title and labels"
            assert x or shares_y, title
            assert y or shares_y, title


def test_each_exercise_tells_the_size_of_its_answer(notebook: Any) -> None:
    prose = "\n".join(cell["source"] for cell in notebook.cells["cells"] if cell["cell_type"] == "markdown")
    for section in prose.split("### Exercise ")[1:]:
        assert re.search(r"\*(About [\w ]+ lines?( each)?|One line each|One line)\.\*", section), section[:60]


def test_functions_state_shapes_in_their_docstrings(notebook: Any) -> None:
    for cell in notebook.cells["cells"]:
        if not _nbgrader(cell).get("solution") or cell["cell_type"] != "code":
            continue
        for node in ast.parse(cell["source"]).body:
            if isinstance(node, ast.FunctionDef):
                assert "->" in (ast.get_docstring(node) or ""), node.name


def test_symbols_and_data_have_different_names(notebook: Any) -> None:
    """What a locked cell named `…_symbols` binds belongs to SymPy: no other cell may bind it at top level."""
    bound = {
        number: {
            node.id
            for statement in ast.parse(cells.visible(cell["source"])).body
            if isinstance(statement, ast.Assign | ast.AnnAssign | ast.For | ast.With)
            for target in getattr(statement, "targets", [getattr(statement, "target", None)])
            if target
            for node in ast.walk(target)
            if isinstance(node, ast.Name)
        }
        for number, cell in enumerate(notebook.cells["cells"])
        if cell["cell_type"] == "code"
    }
    for number, names in bound.items():
        if cells.grade_id(notebook.cells["cells"][number]).endswith("_symbols"):
            for other, elsewhere in bound.items():
                both = names & elsewhere
                assert other == number or not both, (both, notebook.cells["cells"][other]["source"][:80])


def test_every_source_of_the_notebook_is_in_the_references(notebook: Any) -> None:
    references = (ROOT / "docs" / "references.md").read_text(encoding="utf-8")
    sources = notebook.text.split("*Sources.*")[1]
    names = set(re.findall(r"\b([A-Z]\w+(?:-[A-Z]\w+)?)(?=,| and| 1| 2)", re.sub(r"\*[^*]+\*", "", sources)))
    assert len(names) >= 4
    assert not {name for name in names if name not in references}
