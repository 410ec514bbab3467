"""Proves a course's graders: the self-test matrix of every exercise, and that nothing leaks into the release.

For each exercise the notebook's solution runs up to it once; each variant (stub, alternative, misconception, a file
to try) takes the place of the student's answer in a fork of that process and meets the real hidden tests.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chainrule.course import Course
from chainrule.errors import CourseError, StudentProcessError, UnknownName
from chainrule.grader import bank
from chainrule.graderprocess import GraderProcess, grader_process
from chainrule.model import Exercise, ExerciseResult, Job, Limits, Status
from chainrule.notebook import cells, intake
from chainrule.sandbox import Connection, imported, start

Notebook = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """One row of the matrix: a variant, what it scored, whether that is as it must be, and what was said."""

    name: str
    points: float | None
    max_points: float
    ok: bool
    message: str = ""
    expected: str = ""
    named: bool = False
    result: ExerciseResult | None = None


@dataclass(frozen=True)
class ExerciseReport:
    """The matrix of one exercise. `problems` are what is wrong besides the entries; `margins` are the thresholds that
    the solution met, (what, number, bound), each where it was closest.
    """

    exercise: str
    max_points: float
    solution: Entry
    stub: Entry
    alternatives: tuple[Entry, ...]
    misconceptions: tuple[Entry, ...]
    problems: tuple[str, ...] = ()
    margins: tuple[tuple[str, float, float], ...] = ()

    @property
    def entries(self) -> tuple[Entry, ...]:
        return (self.solution, self.stub, *self.alternatives, *self.misconceptions)

    @property
    def ok(self) -> bool:
        return not self.problems and all(entry.ok for entry in self.entries)


@dataclass(frozen=True)
class AssignmentReport:
    assignment: str
    exercises: tuple[ExerciseReport, ...] = ()
    problems: tuple[str, ...] = field(default=())

    @property
    def ok(self) -> bool:
        return not self.problems and all(report.ok for report in self.exercises)


def verify(
    course: Course,
    assignment: str,
    *,
    repeat: int = 1,
    exercises: Collection[str] = (),
    on_exercise: Callable[[ExerciseReport], None] | None = None,
) -> AssignmentReport:
    """Run the matrix of every exercise of an assignment, or of those named in `exercises`. The solution is graded
    `repeat` times, with other seeds each.

    Raises `UnknownName` for an exercise that is not there, `CourseError` if the assignment has no notebook,
    `GraderError` if its graders cannot be started.
    """
    reports: list[ExerciseReport] = []
    problems: list[str] = []
    known: list[str] = []
    for path in course.notebooks(assignment):
        notebook = intake.read_notebook(path)
        limits, _ = course.limits(path)
        for exercise in cells.exercises(notebook, course.graders(assignment)):
            known.append(exercise.id)
            if exercises and exercise.id not in exercises:
                continue
            reports.append(_Matrix(course, assignment, notebook, exercise, limits).report(repeat))
            if on_exercise is not None:
                on_exercise(reports[-1])
        problems += _leaks(notebook, course.graders(assignment))
        problems += _without_grader(notebook, course.graders(assignment))
    unused = {bank_path.stem.removeprefix("test_") for bank_path in course.graders(assignment).glob("test_*.py")}
    for name in exercises:
        if name not in known:
            raise UnknownName("exercise", name, known, assignment)
    for name in sorted(unused - set(known)):
        problems.append(f"graders/{assignment}/test_{name}.py belongs to no test cell of the notebook.")
    if not reports and not problems:
        problems.append(f"graders/{assignment} holds no grader file, so there is nothing to verify.")
    return AssignmentReport(assignment, tuple(reports), tuple(problems))


def try_file(course: Course, assignment: str, exercise: str, file: Path) -> ExerciseResult:
    """Grade one exercise with the definitions in `file` in place of the student's answer.

    Raises `UnknownName` for an unknown exercise and `CourseError` for an unreadable file.
    """
    try:
        source = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(f"{file} cannot be read ({error}). Give a Python file with your definitions.") from None
    known: list[str] = []
    for path in course.notebooks(assignment):
        notebook = intake.read_notebook(path)
        for found in cells.exercises(notebook, course.graders(assignment)):
            known.append(found.id)
            if found.id == cells.exercise_id(exercise):
                return _Matrix(course, assignment, notebook, found, course.limits(path)[0]).graded(source)
    raise UnknownName("exercise", exercise, known, assignment)


class _Matrix:
    """One exercise in its notebook."""

    def __init__(self, course: Course, assignment: str, notebook: Notebook, exercise: Exercise, limits: Limits) -> None:
        self.notebook, self.exercise, self.limits = notebook, exercise, limits
        self.files = course.source(assignment)
        self.process: GraderProcess = grader_process(exercise.grader.parent)
        self.job = Job(course.id, assignment, "verify", "", notebook, (exercise,))
        code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        end = next(i for i, cell in enumerate(code) if cells.grade_id(cell) == exercise.test_cell)
        own = set(cells.solution_cells(notebook, exercise.id))
        begin = next((i for i, cell in enumerate(code[:end]) if cells.grade_id(cell) in own), end)
        self.before, self.between, self.test = code[:begin], code[begin:end], code[end]
        self.own = own

    def report(self, repeat: int) -> ExerciseReport:
        entries = bank.read(self.exercise.grader)
        solution = "\n\n".join(cell["source"] for cell in self.between if cells.grade_id(cell) in self.own)
        with self._base() as base:
            outcome, problems, margins = self._solution(base, repeat)
            stub = self._grade(base, cells.stub(solution) if self.own else "")
            alternatives = tuple(
                _full(entry.name, self._grade(base, f"{solution}\n\n{entry.source}"), entry.text)
                for entry in entries.alternatives
            )
            misconceptions = tuple(
                _named(entry, self._grade(base, f"{solution}\n\n{entry.source}")) for entry in entries.misconceptions
            )
        zero = Entry("stub", stub.points, stub.max_points, stub.points == 0, _message(stub), result=stub)
        problems += self._sums()
        return ExerciseReport(
            exercise=self.exercise.id,
            max_points=self.exercise.points,
            solution=outcome,
            stub=zero,
            alternatives=alternatives,
            misconceptions=misconceptions,
            problems=tuple(problems),
            margins=margins,
        )

    def graded(self, source: str) -> ExerciseResult:
        with self._base() as base:
            return self._grade(base, source)

    def _solution(self, base: Connection, repeat: int) -> tuple[Entry, list[str], tuple[tuple[str, float, float], ...]]:
        problems: list[str] = []
        worst: Entry | None = None
        closest: dict[str, tuple[str, float, float]] = {}
        for k in range(repeat):
            result = self._grade(base, None, student=f"verify-{k}")
            entry = _full("solution", result, "")
            for met in (margin for outcome in result.outcomes for margin in outcome.margins):
                closest[met[0]] = min(closest.get(met[0], met), met, key=lambda each: abs(each[1] - each[2]))
            if worst is None or not entry.ok:
                worst = entry
            if not entry.ok:
                break
        assert worst is not None
        failure = self._visible(base)
        if failure:
            problems.append(f"The visible check fails for the solution: {failure}")
        return worst, problems, tuple(closest.values())

    def _sums(self) -> list[str]:
        tests = self.process.tests.get(self.exercise.id)
        if tests is None:
            return [self.process.broken.get(self.exercise.id, "The grader file holds no test.")]
        total = sum(test["points"] for test in tests)
        if abs(total - self.exercise.points) < 1e-9:
            return []
        return [
            f"The tests of {self.exercise.grader.name} add up to {total:g} points, "
            f"the test cell gives {self.exercise.points:g}."
        ]

    # -- running ------------------------------------------------------------------------------------------------------

    @contextmanager
    def _base(self) -> Iterator[Connection]:
        """A process in which the solution has run up to the exercise."""
        with start(self.files, self.limits, libraries=imported(self.notebook)) as child:
            child.connection.limit(300.0)
            for cell in self.before:
                child.connection.request("run", cells.visible(cell["source"]), on_output=_ignore)
            yield child.connection

    @contextmanager
    def _answered(self, base: Connection, source: str | None, student: str = "") -> Iterator[tuple[Connection, str]]:
        """A fork in which the answer stands (`None`: the solution's cells), and why its cell failed, if it did."""
        base.limit(300.0)
        with base.forked() as fork:
            fork.limit(120.0)
            missing, placed = "", False
            for cell in self.between:
                text = cell["source"]
                if source is not None and cells.grade_id(cell) in self.own:
                    text, placed = ("" if placed else source), True
                missing = missing or _run(fork, text)
            if source is not None and not placed:
                missing = missing or _run(fork, source)
            yield fork, missing

    def _grade(self, base: Connection, source: str | None, student: str = "verify") -> ExerciseResult:
        job = Job(self.job.course, self.job.assignment, student, "", {}, (self.exercise,))
        try:
            with self._answered(base, source) as (fork, missing):
                fork.deadline = None
                return self.process.grade(self.exercise, job, fork.sock, missing=missing)
        except StudentProcessError as error:
            ours, theirs = socket.socketpair()
            theirs.close()
            with ours:
                return self.process.grade(self.exercise, job, ours, missing=f"Its cell ended the process: {error}")

    def _visible(self, base: Connection) -> str:
        with self._answered(base, None) as (fork, _):
            return _run(fork, cells.visible(self.test["source"]))


def _ignore(output: dict[str, Any]) -> None: ...


def _run(connection: Connection, source: str) -> str:
    """Run a cell; the error that ended it in a few words, or an empty text."""
    errors: list[str] = []

    def keep(output: dict[str, Any]) -> None:
        if output.get("output_type") == "error":
            errors.append(f"Its cell stopped with {output.get('ename')}: {str(output.get('evalue'))[:300]}")

    connection.request("run", source, on_output=keep)
    return errors[0] if errors else ""


def _message(result: ExerciseResult) -> str:
    """What is said about the first test that was not passed."""
    return next((outcome.message for outcome in result.outcomes if outcome.status is not Status.PASSED), "")


def _full(name: str, result: ExerciseResult, title: str) -> Entry:
    ok = result.points is not None and abs(result.points - result.max_points) < 1e-9
    return Entry(name, result.points, result.max_points, ok, _message(result), title, result=result)


def _named(entry: bank.Variant, result: ExerciseResult) -> Entry:
    said = result.misconception or ""
    # A message with holes is filled by the run: compare what stands before the first hole.
    named = bool(said) and (said == entry.message or ("{" in entry.message and _fits(entry.message, said)))
    lost = result.points is not None and result.points < result.max_points
    message = said or _message(result)
    return Entry(entry.name, result.points, result.max_points, named and lost, message, entry.message, named, result)


def _fits(template: str, text: str) -> bool:
    import re

    pattern = "".join(".*" if part.startswith("{") else re.escape(part) for part in re.split(r"(\{\w+\})", template))
    return re.fullmatch(pattern, text, re.DOTALL) is not None


def _leaks(notebook: Notebook, graders: Path) -> list[str]:
    """Lines of solutions, mark schemes, hidden tests and misconceptions that the released notebook would hold."""
    released = cells.released(notebook)
    shown = "\n".join(cell["source"] for cell in released["cells"])
    lines = {line.strip() for line in shown.splitlines()}
    secret: set[str] = set()
    for cell, public in zip(notebook["cells"], released["cells"], strict=True):
        kept = {line.strip() for line in public["source"].splitlines()}
        secret |= {line.strip() for line in cell["source"].splitlines()} - kept
    problems = [
        f"The release shows a line of a hidden part: {line!r}" for line in sorted(secret & lines) if len(line) > 20
    ]
    for path in sorted(graders.glob("test_*.py")):
        for entry in bank.read(path).misconceptions:
            if len(entry.message) > 12 and entry.message in shown:
                problems.append(f"The release shows the message of {path.stem}.{entry.name}: {entry.message!r}")
    return problems


def _without_grader(notebook: Notebook, graders: Path) -> list[str]:
    """Test cells that call `grade(…)` but have no file."""
    return [
        f"{cells.grade_id(cell)} calls grade(…), but graders/{graders.name}/ has no file for it."
        for cell in notebook["cells"]
        if cells.is_autograded(cell)
        and "grade(" in cell["source"].replace(cells.visible(cell["source"]), "")
        and not (graders / f"test_{cells.exercise_id(cells.grade_id(cell))}.py").is_file()
    ]
