"""What is to be known before a regrade is written, as where source, gradebook and graders disagree about points."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from chainrule import gradebook
from chainrule.errors import SubmissionError
from chainrule.notebook import cells, intake

FIXED = (
    "nbgrader cannot add or remove cells once there are submissions: `nbgrader generate_assignment` ends with a "
    "RuntimeError, after it has removed the release folder (keep a copy)."
)


def between(source: Path, recorded: Mapping[str, gradebook.ReleasedCell]) -> list[str]:
    """What the source notebook says otherwise than the gradebook, by which submissions are graded."""
    try:
        notebook = intake.read_notebook(source)
    except SubmissionError:
        return []
    graded = {cells.grade_id(cell): cell for cell in notebook["cells"] if cells.is_grade(cell) or cells.is_task(cell)}
    known = {name: cell for name, cell in recorded.items() if cell.grade or cell.task}
    found = []
    for name, cell in graded.items():
        if name not in recorded:
            found.append(
                f"{name} is in {source} and not in the gradebook, so it is not graded. {FIXED} Put its tests into the "
                "grader of an exercise that is there, or make it an assignment of its own."
            )
        elif (points := float(cells.nbgrader(cell).get("points", 0))) != (now := recorded[name].points or 0.0):
            found.append(
                f"{source} gives {name} {points:g} points, the gradebook {now:g}, which counts. To change it, run "
                "`nbgrader generate_assignment --force` for this assignment, then regrade."
            )
    for name in known:
        if name not in graded:
            found.append(
                f"{name} is in the gradebook and no longer in {source}; it is graded as it was released. {FIXED} "
                "To take it out of the grade, put it back with 0 points, generate the assignment, and regrade."
            )
    return found


def of_points(sums: Mapping[str, tuple[float, float]], graders: Path) -> list[str]:
    """Graders whose tests do not add up to the points of their cell. `sums` are both, by test cell."""
    return [
        f"The tests of {graders / f'test_{cells.exercise_id(cell)}.py'} add up to {tests:g} points, "
        f"{cell} has {points:g}. Change the tests' @points, or the cell's points in the source."
        for cell, (tests, points) in sorted(sums.items())
        if abs(tests - points) > 1e-6
    ]


def of_isolation(weak: int, students: int) -> list[str]:
    """How many were graded in tier C, if any."""
    if not weak:
        return []
    were = f"{weak} of the {students} submissions {'was' if weak == 1 else 'were'}"
    return [f"{were} graded in tier C: nothing shut the students' code in. `chainrule doctor` says what could be done."]
