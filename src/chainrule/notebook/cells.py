"""What the cells of a notebook are: exercises, solutions, hidden parts; and how nbgrader releases them."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chainrule.errors import SourceError
from chainrule.model import Exercise
from chainrule.notebook import regions
from chainrule.notebook.written import CODE_STUB, TEXT_STUB


def nbgrader(cell: Mapping[str, Any]) -> Mapping[str, Any]:
    """nbgrader's metadata of a cell, empty if it has none."""
    found = cell["metadata"].get("nbgrader")
    return found if isinstance(found, Mapping) else {}


def grade_id(cell: Mapping[str, Any]) -> str:
    """The grade_id of a cell, empty if it has none."""
    found = nbgrader(cell).get("grade_id")
    return found if isinstance(found, str) else ""


def is_grade(cell: Mapping[str, Any]) -> bool:
    return bool(nbgrader(cell).get("grade", False))


def is_solution(cell: Mapping[str, Any]) -> bool:
    return bool(nbgrader(cell).get("solution", False))


def is_locked(cell: Mapping[str, Any]) -> bool:
    """Whether students may not edit the cell, by nbgrader's rule: a solution never, a test always."""
    return not is_solution(cell) and (is_grade(cell) or bool(nbgrader(cell).get("locked", False)))


def is_task(cell: Mapping[str, Any]) -> bool:
    return bool(nbgrader(cell).get("task", False))


def is_nbgrader(cell: Mapping[str, Any]) -> bool:
    """Whether nbgrader knows the cell: it has an id and one of the flags."""
    return bool(grade_id(cell)) and (is_grade(cell) or is_solution(cell) or is_locked(cell) or is_task(cell))


def is_autograded(cell: Mapping[str, Any]) -> bool:
    """Whether it is a test cell: code, graded, not the student's."""
    return bool(grade_id(cell)) and cell["cell_type"] == "code" and is_grade(cell) and not is_solution(cell)


def exercise_id(grade_id: str) -> str:
    """The exercise of a test cell: "test_line_grad" and "line_grad" give "line_grad"."""
    return grade_id.removeprefix("test_")


def exercises(notebook: Mapping[str, Any], graders: Path) -> tuple[Exercise, ...]:
    """The exercises that have a grader file, in the notebook's order."""
    found = []
    for cell in notebook["cells"]:
        if is_autograded(cell):
            name = grade_id(cell)
            grader = graders / f"test_{exercise_id(name)}.py"
            if grader.is_file():
                points = float(nbgrader(cell).get("points", 0))
                found.append(Exercise(exercise_id(name), name, points, grader))
    return tuple(found)


def solution_cells(notebook: Mapping[str, Any], exercise: str) -> list[str]:
    """The grade_ids of the code cells to be solved between the test cell before and the exercise's own.

    Empty if the notebook has no such exercise, or nothing to solve for it.
    """
    found: list[str] = []
    for cell in notebook["cells"]:
        if is_autograded(cell):
            if exercise_id(grade_id(cell)) == exercise:
                return found
            found = []
        elif cell["cell_type"] == "code" and is_solution(cell) and not is_grade(cell):
            found.append(grade_id(cell))
    return []


def visible(source: str) -> str:
    """The source without its hidden tests. Raises `RegionError` if a region is nested or unclosed."""
    return regions.replace(source, regions.HIDDEN_TESTS)


def stub(source: str, cell_type: str = "code") -> str:
    """The source of a solution cell as released: its solution regions, or else all of it, replaced by nbgrader's stub.

    Raises `RegionError` if a region is nested or unclosed.
    """
    text = CODE_STUB if cell_type == "code" else TEXT_STUB
    return regions.replace(source, regions.SOLUTION, text) if regions.has(source, regions.SOLUTION) else text


def rubric(source: str) -> str:
    """The mark scheme of a written answer or a task, empty if it has none."""
    return regions.body(source, regions.MARK_SCHEME)


def released(notebook: Mapping[str, Any]) -> dict[str, Any]:
    """The notebook as `nbgrader generate_assignment` releases it, with nbgrader's default settings.

    Raises `SourceError` where nbgrader refuses a region.
    """
    result = copy.deepcopy(dict(notebook))
    result["metadata"].pop("celltoolbar", None)
    for number, cell in enumerate(result["cells"], start=1):
        try:
            _release(cell)
        except regions.RegionError as error:
            raise SourceError(f"Cell {number} ({grade_id(cell) or 'without grade_id'}): {error}") from None
    return result


def _release(cell: dict[str, Any]) -> None:
    source = cell["source"]
    if is_solution(cell):
        source = stub(source, cell["cell_type"])
    for name, belongs in (
        (regions.SOLUTION, is_solution(cell)),
        (regions.HIDDEN_TESTS, is_grade(cell)),
        (regions.MARK_SCHEME, is_task(cell)),
    ):
        if regions.has(source, name) and not belongs:
            raise regions.RegionError(f"a {name} region does not belong in this kind of cell.", 0)
        source = regions.replace(source, name)
    cell["source"] = source
    if is_solution(cell) or is_locked(cell):
        cell["metadata"]["deletable"] = False
        if is_locked(cell):
            cell["metadata"]["editable"] = False
        cell["metadata"]["nbgrader"] |= {"cell_type": cell["cell_type"], "checksum": checksum(cell)}
    if cell["cell_type"] == "code":
        cell |= {"execution_count": None, "outputs": []}
        for key in ("collapsed", "scrolled"):
            cell["metadata"].pop(key, None)


def checksum(cell: Mapping[str, Any]) -> str:
    """nbgrader's checksum of a cell. An answer whose checksum is the released one was not touched."""
    parts = [cell["source"], cell["cell_type"], str(is_grade(cell)), str(is_solution(cell)), str(is_locked(cell))]
    parts.append(grade_id(cell))
    if is_grade(cell):
        parts.append(str(float(nbgrader(cell)["points"])))
    return hashlib.md5("".join(parts).encode(), usedforsecurity=False).hexdigest()
