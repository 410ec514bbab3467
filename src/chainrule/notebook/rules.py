"""What a well-formed text must fulfil to be an assignment, beyond its format."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

from chainrule.errors import SourceError
from chainrule.notebook import regions
from chainrule.notebook.written import TEXT_STUB, WrittenCell

_ALLOWED = {
    "solution": {regions.SOLUTION},
    "test": {regions.HIDDEN_TESTS},
    "autograder": {regions.HIDDEN_TESTS},
    "answer": {regions.SOLUTION, regions.MARK_SCHEME},
    "task": {regions.MARK_SCHEME},
}
_BELONGS = {
    regions.SOLUTION: "a solution or an answer",
    regions.HIDDEN_TESTS: "a test",
    regions.MARK_SCHEME: "an answer or a task",
}


def check(cells: Sequence[WrittenCell], path: Path, graders: Path) -> None:
    """Raises `SourceError` at the first cell that breaks a rule. `graders` is the assignment's folder of graders."""
    solved: set[str] = set()
    for cell in cells:
        _check_regions(cell, path)
        role, name = cell.attributes.role, cell.attributes.name
        if role == "solution":
            solved.add(name)
        elif role == "answer":
            _check_answer(cell, path)
        elif role == "test":
            if name not in solved:
                raise SourceError(
                    f'test="{name}" has no solution="{name}" before it: move it down, or correct the id.',
                    path,
                    cell.line,
                )
            _check_grader(cell, path, graders)


def _check_regions(cell: WrittenCell, path: Path) -> None:
    for name in regions.NAMES:
        try:
            found = regions.find(cell.source, name)
        except regions.RegionError as error:
            raise SourceError(str(error), path, cell.first_line + error.line) from None
        if found and name not in _ALLOWED.get(cell.attributes.role, ()):
            raise SourceError(
                f"A {name} region belongs in {_BELONGS[name]}, not in {_describe(cell)}: nbgrader would refuse it.",
                path,
                cell.first_line + found[0].begin,
            )


def _check_answer(cell: WrittenCell, path: Path) -> None:
    if not regions.body(cell.source, regions.MARK_SCHEME).strip():
        raise SourceError(
            f"{_describe(cell)} needs a rubric between ### BEGIN MARK SCHEME and ### END MARK SCHEME.", path, cell.line
        )
    if cell.cell_type == "markdown" and regions.has(cell.source, regions.SOLUTION):
        left = regions.outside(cell.source, (regions.SOLUTION, regions.MARK_SCHEME)).strip()
        if left:
            first = left.split("\n")[0]
            raise SourceError(
                f"{_describe(cell)} would be released with {first!r} beside {TEXT_STUB!r}: "
                "put the question in the prose above, and all else into the regions.",
                path,
                cell.line,
            )


def _check_grader(cell: WrittenCell, path: Path, graders: Path) -> None:
    name = cell.attributes.name
    grader = graders / f"test_{name}.py"
    if not grader.is_file():
        if not regions.has(cell.source, regions.HIDDEN_TESTS):
            raise SourceError(
                f'test="{name}" has no grader: write {_short(grader)}, or give the cell a HIDDEN TESTS region.',
                path,
                cell.line,
            )
        return
    total, points = sum_of_points(grader), cell.attributes.points or 0
    if abs(total - points) > 1e-9:
        raise SourceError(
            f'test="{name}" is worth {points:g} points, but the tests in {_short(grader)} add up to {total:g}.',
            path,
            cell.line,
        )


def sum_of_points(grader: Path) -> float:
    """The sum of the `@points(n)` of a grader file, read without running it."""
    try:
        tree = ast.parse(grader.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise SourceError(f"This grader is not Python: {error.msg}.", grader, error.lineno) from None
    except (UnicodeDecodeError, ValueError) as error:
        raise SourceError(f"This grader is not UTF-8 text: {error}.", grader) from None
    total = 0.0
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            total += sum(_points(call, grader) for call in node.decorator_list if isinstance(call, ast.Call))
    return total


def _points(call: ast.Call, grader: Path) -> float:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name != "points":
        return 0.0
    given = call.args[0] if call.args else next((k.value for k in call.keywords if k.arg in ("n", "points")), None)
    if isinstance(given, ast.Constant) and isinstance(given.value, int | float):
        return float(given.value)
    raise SourceError("Write the points as a number, as in @points(3): build adds them up.", grader, call.lineno)


def _describe(cell: WrittenCell) -> str:
    role = cell.attributes.role
    return f'{role}="{cell.attributes.name}"' if role else f"a plain {cell.cell_type} cell"


def _short(grader: Path) -> str:
    """The path as it is written in documentation: graders/<assignment>/test_<exercise>.py."""
    return "/".join(grader.parts[-3:])
