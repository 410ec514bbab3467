"""Makes the courses that are graded: one text, one release, the same submissions for every grader."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import chainrule
from chainrule.course import Course
from chainrule.notebook import cells
from chainrule.notebook.build import build
from chainrule.notebook.regions import HIDDEN_TESTS, body

MATERIAL = Path(__file__).parent / "material"

PLAIN = 'c = get_config()\nc.CourseDirectory.course_id = "bench"\n'
OURS = f"from chainrule.plugins import configure\n\n{PLAIN}configure(c)\n"

WRONG_EVERY = 7
"""Of seven students one has all right, each of the others has one of six exercises wrong."""

Notebook = dict[str, Any]


@dataclass(frozen=True)
class Assignment:
    """A released assignment in the course folder `template`, which is copied for every measurement."""

    name: str
    template: Path
    truth: Notebook
    released: Notebook

    @property
    def exercises(self) -> list[str]:
        found = cells.exercises(self.truth, self.template / "graders" / self.name)
        return [exercise.id for exercise in found]

    def wrong(self, number: int) -> str | None:
        """The exercise that student `number` has wrong."""
        index = number % WRONG_EVERY
        return self.exercises[index] if index < len(self.exercises) and len(self.exercises) > 1 else None

    def points(self, number: int) -> float:
        """What student `number` deserves: each exercise is right or wrong in all its tests."""
        found = cells.exercises(self.truth, self.template / "graders" / self.name)
        return sum(exercise.points for exercise in found if exercise.id != self.wrong(number))

    def submission(self, number: int) -> Notebook:
        """What student `number` hands in."""
        solutions = {cells.grade_id(cell): cell["source"] for cell in self.truth["cells"] if cells.is_solution(cell)}
        notebook: Notebook = json.loads(json.dumps(self.released))
        for cell in notebook["cells"]:
            name = cells.grade_id(cell)
            if name not in solutions:
                continue
            source = re.sub(r"(?m)^ *### (BEGIN|END) SOLUTION\n?", "", solutions[name])
            cell["source"] = f"{source}\n\n# student {number}"
            if name == self.wrong(number):
                cell["source"] = f"def {name}(*_):\n    return -1.0\n\n# student {number}"
        return notebook

    def course(self, root: Path, numbers: Iterable[int], config: str) -> Path:
        """A course folder of its own with the submissions of these students, nothing graded yet."""
        shutil.copytree(self.template, root)
        (root / "nbgrader_config.py").write_text(config)
        if config == PLAIN:
            shutil.rmtree(root / "graders")
        for number in numbers:
            folder = root / "submitted" / student(number) / self.name
            folder.mkdir(parents=True)
            (folder / f"{self.name}.ipynb").write_text(json.dumps(self.submission(number)))
            (folder / "timestamp.txt").write_text("2025-03-01 12:00:00 UTC")
        return root


def student(number: int) -> str:
    return f"student{number:05d}"


def hidden_tests(assignment: Assignment) -> dict[str, tuple[float, str]]:
    """Points and hidden tests of each exercise, as nbgrader runs them."""
    return {
        cells.exercise_id(cells.grade_id(cell)): (
            float(cells.nbgrader(cell)["points"]),
            body(cell["source"], HIDDEN_TESTS),
        )
        for cell in assignment.truth["cells"]
        if cells.is_autograded(cell)
    }


def make(name: str, folder: Path, **constants: int) -> Assignment:
    """Build and release an assignment of bench/material. `constants` replace those of its first cell."""
    template = folder / name
    (template / "source").mkdir(parents=True)
    text = (MATERIAL / f"{name}.md").read_text()
    for constant, value in constants.items():
        text, count = re.subn(rf"(?m)^{constant} = .*$", f"{constant} = {value}", text)
        if count != 1:
            raise ValueError(f"{name}.md sets {constant} {count} times, not once.")
    (template / "source" / f"{name}.md").write_text(text)
    shutil.copytree(MATERIAL / name, template / "graders" / name)
    (template / "nbgrader_config.py").write_text(OURS)
    [source] = build(Course(template))
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", name]
    subprocess.run(command, cwd=template, env=environment(), check=True, capture_output=True, text=True)
    released = template / "release" / name / f"{name}.ipynb"
    return Assignment(name, template, *(_joined(path) for path in (source, released)))


def environment(**more: str) -> dict[str, str]:
    """For a command of a measurement: this chainrule, the programs of this Python, no settings of the user."""
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith(("JUPYTER", "PYTEST"))},
        "PYTHONPATH": str(Path(chainrule.__file__).parents[1]),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        **more,
    }


def _joined(path: Path) -> Notebook:
    notebook: Notebook = json.loads(path.read_text())
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    return notebook
