"""Runs each grader as its user does, as a command, and takes the time and the scores."""

from __future__ import annotations

import json
import shutil
import site
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.courses import OURS, PLAIN, Assignment, environment, hidden_tests, student

OTTER_TEST = """\
from otter.test_files import test_case

OK_FORMAT = False
name = "{name}"
points = {points}


@test_case(points={points}, hidden=True)
def test_hidden(env):
    exec({source!r}, env)
"""


class WrongScores(AssertionError):
    """A grader gave other points than the submissions deserve: its time means nothing."""


@dataclass(frozen=True)
class Timing:
    """One measurement. `finished`: seconds from the start at which the results of each submission were there."""

    wall: float
    finished: tuple[float, ...]

    @property
    def rate(self) -> float:
        """Seconds a submission once it runs."""
        if len(self.finished) < 2:
            return self.wall
        return (self.finished[-1] - self.finished[0]) / (len(self.finished) - 1)

    def of_class(self, size: int) -> float:
        """Seconds for a class: as measured, and at the rate of the measured ones for what is missing."""
        return self.wall + self.rate * (size - len(self.finished))


Contender = Callable[[Assignment, Sequence[int], Path], Timing]
"""Grades the submissions of these students in a new folder."""


def chainrule(workers: int) -> Contender:
    """`chainrule autograde`."""

    def grade(assignment: Assignment, numbers: Sequence[int], folder: Path) -> Timing:
        root = assignment.course(folder, numbers, OURS)
        arguments = ["chainrule.cli", "autograde", assignment.name, "--workers", str(workers)]
        return _with_nbgrader(assignment, numbers, root, arguments)

    return grade


def nbgrader() -> Contender:
    """Stock `nbgrader autograde`: one submission after the other, by design."""

    def grade(assignment: Assignment, numbers: Sequence[int], folder: Path) -> Timing:
        root = assignment.course(folder, numbers, PLAIN)
        return _with_nbgrader(assignment, numbers, root, ["nbgrader", "autograde", assignment.name])

    return grade


def otter(workers: int, venv: Path) -> Contender:
    """`otter run`, which grades one notebook: as many at a time as there are workers."""

    def grade(assignment: Assignment, numbers: Sequence[int], folder: Path) -> Timing:
        archive = _otter_archive(assignment, folder, venv)
        for number in numbers:
            (folder / student(number)).mkdir()
            path = folder / student(number) / f"{assignment.name}.ipynb"
            path.write_text(json.dumps(assignment.submission(number)))

        def one(number: int) -> float:
            place = folder / student(number)
            command = [venv / "bin/otter", "run", f"{assignment.name}.ipynb", "-a", archive, "--no-logo"]
            run(command, place, environment(JUPYTER_DATA_DIR=str(folder / "jupyter")))
            return time.monotonic() - begin

        begin = time.monotonic()
        with ThreadPoolExecutor(workers) as pool:
            finished = sorted(pool.map(one, numbers))
        wall = time.monotonic() - begin
        _check(assignment, {number: _otter_score(folder / student(number) / "results.json") for number in numbers})
        return Timing(wall, tuple(finished))

    return grade


def install_otter(venv: Path) -> None:
    """otter-grader in an environment of its own, which sees numpy, torch and ipykernel of ours."""
    done = venv / "done"
    requirements = Path(__file__).with_name("requirements-otter.txt")
    if done.exists() and done.read_text() == requirements.read_text():
        return
    shutil.rmtree(venv, ignore_errors=True)
    venv.parent.mkdir(parents=True, exist_ok=True)
    run([sys.executable, "-m", "venv", "--without-pip", venv], venv.parent)
    python = venv / "bin/python"
    run([sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "-r", requirements], venv.parent)
    [place] = venv.glob("lib/python*/site-packages")
    (place / "ours.pth").write_text("\n".join(site.getsitepackages()))
    done.write_text(requirements.read_text())


def run(command: Sequence[str | Path], folder: Path, env: dict[str, str] | None = None) -> None:
    """Run a command; if it fails, its last words are in the error."""
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    if done.returncode:
        words = f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}".strip()
        raise RuntimeError(f"{' '.join(map(str, command))} failed with status {done.returncode}:\n{words}")


def finished_students(root: Path, assignment: str, begin: float) -> tuple[float, ...]:
    """When the graded notebook of each student was written, from `begin` (of `time.time`) on."""
    paths = root.glob(f"autograded/*/{assignment}/{assignment}.ipynb")
    return tuple(sorted(path.stat().st_mtime - begin for path in paths))


def check_scores(assignment: Assignment, numbers: Sequence[int], root: Path) -> None:
    """Raises `WrongScores` unless the gradebook has what each student deserves."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as gradebook:
        found = {row.student.id: row.score for row in gradebook.assignment_submissions(assignment.name)}
    _check(assignment, {number: found.get(student(number)) for number in numbers})


def _with_nbgrader(assignment: Assignment, numbers: Sequence[int], root: Path, arguments: list[str]) -> Timing:
    begin, clock = time.time(), time.monotonic()
    run([sys.executable, "-m", *arguments], root, environment())
    wall = time.monotonic() - clock
    check_scores(assignment, numbers, root)
    return Timing(wall, finished_students(root, assignment.name, begin))


def _check(assignment: Assignment, scores: dict[int, float | None]) -> None:
    for number, score in scores.items():
        deserved = assignment.points(number)
        if score is None or abs(score - deserved) > 1e-6:
            raise WrongScores(f"{student(number)} has {score} points in {assignment.name} and deserves {deserved:g}.")


def _otter_archive(assignment: Assignment, folder: Path, venv: Path) -> Path:
    tests = folder / "tests"
    tests.mkdir(parents=True)
    for name, (points, source) in hidden_tests(assignment).items():
        (tests / f"{name}.py").write_text(OTTER_TEST.format(name=name, points=points, source=source))
    archive = folder / "autograder.zip"
    command = [venv / "bin/otter", "generate", "-t", tests, "-o", archive, "--no-requirements", "--no-environment"]
    run(command, folder)
    return archive


def _otter_score(path: Path) -> float | None:
    if not path.exists():
        return None
    return float(sum(test.get("score", 0.0) for test in json.loads(path.read_text())["tests"]))
