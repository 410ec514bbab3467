"""The notebook of the first assignment keeps what the course promises about every notebook."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from chainrule.course import Course
from chainrule.notebook import cells, regions, rules

A01 = "a01_linear_models"
EXERCISES = {
    "empirical_risk": 8,
    "line_loss": 6,
    "line_grad": 14,
    "fit_line": 12,
    "normal_equations": 14,
    "level_curve": 12,
    "lstsq_cost": 8,
    "gd_line": 10,
    "r_squared": 4,
}


def _nbgrader(cell: dict[str, Any]) -> dict[str, Any]:
    return dict(cell["metadata"].get("nbgrader", {}))


def test_100_points_are_88_automatic_and_12_manual(a01: dict[str, Any]) -> None:
    graded = [meta for meta in map(_nbgrader, a01["cells"]) if meta.get("grade")]
    automatic = {meta["grade_id"]: meta["points"] for meta in graded if not meta["solution"]}
    manual = {meta["grade_id"]: meta["points"] for meta in graded if meta["solution"]}
    assert automatic == {f"test_{name}": points for name, points in EXERCISES.items()}
    assert manual == {"m1": 6, "m2": 6}
    assert sum(automatic.values()) == 88


def test_headings_state_the_points_that_are_given(a01_text: str) -> None:
    stated = dict(re.findall(r"^### Exercise \d · `(\w+)` \((\d+) points\)$", a01_text, re.MULTILINE))
    assert {name: int(points) for name, points in stated.items()} == EXERCISES


def test_graders_give_the_points_of_their_cells(course: Course) -> None:
    for name, points in EXERCISES.items():
        assert rules.sum_of_points(course.graders(A01) / f"test_{name}.py") == points, name


@pytest.mark.parametrize("name", ["m1", "m2"])
def test_rubrics_of_written_answers_add_up_to_their_points(a01: dict[str, Any], name: str) -> None:
    cell = next(cell for cell in a01["cells"] if cells.grade_id(cell) == name)
    lines = re.findall(r"^\* \*\*(\d)\*\*", cells.rubric(cell["source"]), re.MULTILINE)
    assert sum(map(int, lines)) == 6
    assert len(regions.body(cell["source"], regions.SOLUTION)) > 300, "a model answer is given"


def test_the_committed_notebook_is_the_text(a01: dict[str, Any], course: Course) -> None:
    from chainrule.notebook.build import build

    assert build(course, [A01], check=True) == []


def test_solution_runs_top_to_bottom_in_under_a_minute(a01_run: Any) -> None:
    """Without a warning, too: warnings are errors in tests."""
    assert a01_run.seconds < 60


def test_every_check_cell_says_that_it_holds(a01_run: Any) -> None:
    for name in EXERCISES:
        printed = a01_run.printed[f"test_{name}"]
        assert printed.count("✓") >= 1, name
        assert "✗" not in printed


def test_no_code_of_the_solution_is_printed(a01: dict[str, Any], a01_run: Any) -> None:
    solutions = {
        line.strip()
        for cell in a01["cells"]
        for line in regions.body(cell["source"], regions.SOLUTION).splitlines()
        if len(line.strip()) > 12
    }
    printed = "\n".join(a01_run.printed.values())
    assert not [line for line in solutions if line in printed]


def test_every_picture_has_a_title_and_named_axes(a01_run: Any) -> None:
    assert len(a01_run.axes) >= 12
    for title, x, y, drawn, shares_y in a01_run.axes:
        assert title
        if drawn:
            assert x, title
            assert y or shares_y, title


def test_axes_have_units_where_the_spring_has_them(a01_run: Any) -> None:
    labels = {label for _, x, y, _, _ in a01_run.axes for label in (x, y)}
    for quantity, unit in (("load", "(N)"), ("length", "(cm)"), ("slope $", "(cm/N)"), ("loss", "(cm²)")):
        assert all(unit in label for label in labels if label.startswith(quantity) and "score" not in label), quantity


def test_symbols_and_data_have_different_names(a01: dict[str, Any]) -> None:
    """`x`, `y`, `N`, `D`, `T`, `phi0`, `phi1` are symbols of SymPy: no other cell may bind them at top level."""
    import ast

    symbols = {"x", "y", "N", "D", "T", "phi0", "phi1"}
    for cell in a01["cells"]:
        if cell["cell_type"] != "code" or "symbols" in cells.grade_id(cell):
            continue
        for statement in ast.parse(cells.visible(cell["source"])).body:
            targets = getattr(statement, "targets", [getattr(statement, "target", None)])
            bound = {node.id for target in targets if target for node in ast.walk(target) if isinstance(node, ast.Name)}
            assert not bound & symbols, cell["source"][:80]


def test_the_prose_gives_no_answer_away(a01: dict[str, Any]) -> None:
    """Not the cost of exercise 7, nor the closed form of exercise 4, nor the routine that exercise 5 asks for."""
    shown = "\n".join(cell["source"] for cell in cells.released(a01)["cells"])
    assert not re.search(r"D\^\{?[23]|D\*\*[23]|ND\b", shown)
    assert not re.search(r"lstsq\(|pinv\(|cholesky\(|\.eigh\(|\\frac\{\\sum|np\.cov|polyfit", shown)


def test_each_exercise_tells_the_size_of_its_answer(a01: dict[str, Any]) -> None:
    prose = "\n".join(cell["source"] for cell in a01["cells"] if cell["cell_type"] == "markdown")
    for section in prose.split("### Exercise ")[1:]:
        assert re.search(r"\*(About \w+ lines?|One line each)\.\*", section), section[:60]


def test_functions_state_shapes_in_their_docstrings(a01: dict[str, Any]) -> None:
    import ast

    for cell in a01["cells"]:
        if not _nbgrader(cell).get("solution") or cell["cell_type"] != "code":
            continue
        for node in ast.parse(cell["source"]).body:
            if isinstance(node, ast.FunctionDef):
                assert "->" in (ast.get_docstring(node) or ""), node.name


def test_every_source_of_the_notebook_is_in_the_references(a01_text: str) -> None:
    references = (Path(__file__).resolve().parents[2] / "docs" / "references.md").read_text(encoding="utf-8")
    sources = a01_text.split("*Sources.*")[1]
    names = set(re.findall(r"\b([A-Z]\w+(?:-[A-Z]\w+)?)(?=,| and| 1| 2)", re.sub(r"\*[^*]+\*", "", sources)))
    assert len(names) > 15
    assert not {name for name in names if name not in references}
