"""The notebooks of the course: each read once, and its solution run once."""

from __future__ import annotations

import contextlib
import io
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from chainrule.course import Course
from chainrule.notebook import cells, text

ROOT = Path(__file__).resolve().parents[2]
ASSIGNMENTS = sorted(path.stem for path in (ROOT / "source").glob("*.md"))


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
    """By the clock or of processor time, whichever is less: other tests may keep the machine busy."""


@dataclass
class Notebook:
    """One assignment: its text, the notebook with its solutions, and the points its headings state."""

    name: str
    text: str
    cells: dict[str, Any]
    stated: dict[str, int]
    graders: Path
    folder: Path
    _executed: Executed | None = None

    @property
    def executed(self) -> Executed:
        if self._executed is None:
            self._executed = _run(self.cells, self.folder)
        return self._executed


@pytest.fixture(scope="session")
def course() -> Course:
    return Course(ROOT)


@pytest.fixture(scope="session")
def read(course: Course) -> Callable[[str], Notebook]:
    """`read("a01_linear_models")`: the notebook of an assignment, the same object each time."""

    @cache
    def notebook(name: str) -> Notebook:
        source = course.text(name).read_text(encoding="utf-8")
        stated = re.findall(r"^### Exercise \d · `(\w+)` \((\d+) points\)$", source, re.MULTILINE)
        parsed = dict(text.parse(source, course.text(name), course.graders(name)))
        points = {exercise: int(worth) for exercise, worth in stated}
        return Notebook(name, source, parsed, points, course.graders(name), course.source(name))

    return notebook


@pytest.fixture(scope="session", params=ASSIGNMENTS)
def notebook(request: pytest.FixtureRequest, read: Callable[[str], Notebook]) -> Notebook:
    return read(request.param)


def _run(notebook: dict[str, Any], folder: Path) -> Executed:
    """The solution, run from top to bottom in the notebook's folder; warnings are errors here, as in every test."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    run, start, before = Executed(), (time.perf_counter(), time.process_time()), Path.cwd()
    os.chdir(folder)
    try:
        for number, cell in enumerate(notebook["cells"]):
            if cell["cell_type"] != "code":
                continue
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                exec(compile(cells.visible(cell["source"]), f"cell {number}", "exec"), run.namespace)
            run.printed[cells.grade_id(cell) or f"cell {number}"] = output.getvalue()
            for figure in map(pyplot.figure, pyplot.get_fignums()):
                figure.canvas.draw()  # what the inline backend does; text that cannot be set fails here
                for axes in figure.axes:
                    others = (other for other in figure.axes if other is not axes)
                    shared = any(axes.get_shared_y_axes().joined(axes, other) for other in others)
                    run.axes.append((axes.get_title(), axes.get_xlabel(), axes.get_ylabel(), axes.axison, shared))
            pyplot.close("all")
    finally:
        os.chdir(before)
        matplotlib.rcdefaults()
    run.seconds = min(time.perf_counter() - start[0], time.process_time() - start[1])
    return run
