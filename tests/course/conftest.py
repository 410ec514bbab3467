"""The notebook a01_linear_models, as the course promises it: read once, and its solution run once."""

from __future__ import annotations

import contextlib
import io
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from chainrule.course import Course
from chainrule.notebook import cells, text

ROOT = Path(__file__).resolve().parents[2]
A01 = "a01_linear_models"


def pytest_configure(config: pytest.Config) -> None:
    # Tests of the oracles import grader files, outside the session that knows their marker.
    config.addinivalue_line("markers", "points(n): what a hidden test is worth")


@dataclass
class Executed:
    """What a run of the visible cells of a solution left behind."""

    namespace: dict[str, Any] = field(default_factory=dict)
    printed: dict[str, str] = field(default_factory=dict)
    axes: list[tuple[str, str, str, bool, bool]] = field(default_factory=list)
    """Of each pair of axes: title, label of x, label of y, whether it is drawn, whether it shares its y axis."""
    seconds: float = 0.0


@pytest.fixture(scope="session")
def course() -> Course:
    return Course(ROOT)


@pytest.fixture(scope="session")
def a01_text(course: Course) -> str:
    return course.text(A01).read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def a01(course: Course, a01_text: str) -> dict[str, Any]:
    """The notebook with its solutions."""
    return dict(text.parse(a01_text, course.text(A01), course.graders(A01)))


@pytest.fixture(scope="session")
def a01_run(a01: dict[str, Any]) -> Executed:
    """The solution, run from top to bottom; warnings are errors here, as in every test."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    run, start = Executed(), time.perf_counter()
    for number, cell in enumerate(a01["cells"]):
        if cell["cell_type"] != "code":
            continue
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            exec(compile(cells.visible(cell["source"]), f"cell {number}", "exec"), run.namespace)
        run.printed[cells.grade_id(cell) or f"cell {number}"] = output.getvalue()
        for figure in map(pyplot.figure, pyplot.get_fignums()):
            figure.canvas.draw()  # what the inline backend does; text that cannot be set fails here
            for axes in figure.axes:
                shared = any(axes.get_shared_y_axes().joined(axes, other) for other in figure.axes if other is not axes)
                run.axes.append((axes.get_title(), axes.get_xlabel(), axes.get_ylabel(), axes.axison, shared))
        pyplot.close("all")
    run.seconds = time.perf_counter() - start
    matplotlib.rcdefaults()
    return run
