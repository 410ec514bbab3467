"""A large synthetic course: gradebook only, inserted in bulk, with what real ones hold: texts, faults, gaps, ties."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from nbgrader import api
from nbgrader.api import Gradebook
from sqlalchemy import Connection, Engine, event, insert

from chainrule import gradebook
from chainrule.model import Status
from chainrule.startup import find_alembic

START = datetime(2026, 3, 2, 12)
FAMILY = (
    "Abel Bernoulli Cauchy Dirichlet Euler Frobenius Gauß Hölder Itô Jacobi Kovalevskaya Łukasiewicz Nöther".split()
)
GIVEN = "Ada Bo Chen Dolores Émilie Fatima Grigori Hypatia İbrahim Jürgen Katherine Maryam Nils Olga Søren".split()
PARTS = "gradient loss step fit ridge softmax entropy backward momentum jacobian hessian batch scale margin".split()
PROMISES = (
    "It agrees with central differences of the loss at random points",
    "It is zero at the least-squares solution",
    "It leaves its arguments as they were",
    "It takes an array of any shape, also an empty one",
    "It stays finite for large arguments (|x| up to 10⁴)",
)
MISTAKES = (
    "Half the true gradient: d(u²) = 2u du.",
    "The mean is taken over the features, not over the examples.",
    "One step too many: the loop runs n + 1 times.",
    "The sign is that of the ascent; the loss grows from {value:.4f} on.",
)
MESSAGE = "Expected the result to agree with the definition within 1e-6, relative; it differs at {count} of 64 places."
DETAIL = """Traceback (most recent call last):
  File "test_{exercise}.py", line {line}, in {test}
    check.close(student.{exercise}(x, y, lr={value:.3f}), expected, rtol=1e-6)
  File "cell", line 7, in {exercise}
    return (y - x @ w) / scale
ValueError: operands could not be broadcast together with shapes (64,) ({count},)"""
MANY = 2000
"""Rows that go to the database at a time."""


@dataclass(frozen=True)
class Size:
    """`students` times `assignments` times about 30 outcomes; one submission in forty is missing."""

    students: int = 2000
    assignments: int = 18
    tests: tuple[int, ...] = (4, 4, 4, 4, 4, 4, 4, 3)
    written: int = 2

    @property
    def names(self) -> list[str]:
        return [f"a{number + 1:02d}_{PARTS[number % len(PARTS)]}" for number in range(self.assignments)]


def make(root: Path, size: Size, db_url: str | None = None, seed: int = 0) -> int:
    """A course folder `root` with such a gradebook, at `db_url` or in the folder. Returns the number of outcomes."""
    (root / "source").mkdir(parents=True)
    config = 'c = get_config()\nc.CourseDirectory.course_id = "synthetic"\n'
    if db_url is not None:
        config += f"c.CourseDirectory.db_url = {db_url!r}\n"
    (root / "nbgrader_config.py").write_text(config)
    return fill(db_url or f"sqlite:///{root / 'gradebook.db'}", size, seed)


def fill(db_url: str, size: Size, seed: int = 0) -> int:
    """Fill the empty or missing gradebook `db_url`. Returns the number of outcomes. One seed makes one course."""
    find_alembic()
    Gradebook(db_url, "synthetic").close()
    engine = gradebook.engine(db_url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous = OFF"))
    rng = np.random.default_rng(seed)
    skills = rng.normal(size=size.students)
    try:
        with engine.begin() as connection:
            gradebook.METADATA.create_all(connection)
            _insert(connection, api.Student.__table__, _students(size.students))
            outcomes = sum(
                _assignment(connection, rng, size, number, name, skills) for number, name in enumerate(size.names)
            )
        _settle(engine)
    finally:
        engine.dispose()
    return outcomes


def _settle(engine: Engine) -> None:
    """Have a PostgreSQL look through its new rows now, which it else does within minutes, beside what is measured."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


def student(number: int) -> str:
    return f"student{number:05d}"


def _students(count: int) -> Iterator[dict[str, Any]]:
    for i in range(count):
        yield {
            "id": student(i),
            "last_name": FAMILY[i % len(FAMILY)],
            "first_name": GIVEN[i // len(FAMILY) % len(GIVEN)],
            "email": f"{student(i)}@example.org",
        }


def _insert(connection: Connection, table: Any, rows: Iterator[dict[str, Any]] | list[dict[str, Any]]) -> None:
    batch = []
    for row in rows:
        batch.append(row)
        if len(batch) == MANY:
            connection.execute(insert(table), batch)
            batch = []
    if batch:
        connection.execute(insert(table), batch)


@dataclass(frozen=True)
class _Test:
    exercise: str
    test: str
    title: str
    points: float
    hardness: float


class _Assignment:
    """One assignment and the rows of its submissions. Ids are made here, so that nothing has to be read back."""

    def __init__(self, rng: np.random.Generator, size: Size, number: int, name: str) -> None:
        self.rng, self.name, self.key = rng, name, f"{number:03d}"
        self.due = START + timedelta(weeks=number)
        self.first_run = 1 + number * size.students
        self.exercises = [f"{PARTS[(number + i) % len(PARTS)]}_{i}" for i in range(len(size.tests))]
        self.written = [f"m{i + 1}" for i in range(size.written)]
        self.tests = [
            _Test(
                exercise,
                f"test_{PROMISES[i].split()[1]}_{i}",
                f"{PROMISES[i]} ({exercise})",
                float(1 + i),
                float(rng.normal() - 0.6),
            )
            for exercise, count in zip(self.exercises, size.tests, strict=True)
            for i in range(count)
        ]

    def cell(self, name: str) -> str:
        return f"{self.key}-{name}"

    def points(self, exercise: str) -> float:
        return sum(test.points for test in self.tests if test.exercise == exercise)


def _assignment(
    connection: Connection, rng: np.random.Generator, size: Size, number: int, name: str, skills: np.ndarray
) -> int:
    made = _Assignment(rng, size, number, name)
    _cells(connection, made)
    handed_in = rng.permutation(np.flatnonzero(rng.random(size.students) > 1 / 40)).tolist()
    passed = skills[:, None] + 0.8 * rng.normal(size=(size.students, len(made.tests))) > [
        test.hardness for test in made.tests
    ]
    status = np.where(passed, "passed", "failed").astype("<U8")
    chance = rng.random(status.shape)
    for kind, below in ((Status.UNGRADED, 0.002), (Status.CRASHED, 0.001), (Status.TIMEOUT, 0.0005)):
        status[chance < below] = kind.value
    _submissions(connection, made, handed_in)
    _grades(connection, made, handed_in, status)
    _insert(connection, gradebook.RUN, [_run(made, i) for i in handed_in])
    _insert(connection, gradebook.OUTCOME, _outcomes(made, handed_in, status))
    return len(handed_in) * len(made.tests)


def _cells(connection: Connection, made: _Assignment) -> None:
    connection.execute(
        insert(api.Assignment.__table__).values(id=made.key, name=made.name, duedate=made.due, course_id="synthetic")
    )
    connection.execute(insert(api.Notebook.__table__).values(id=made.key, name=made.name, assignment_id=made.key))
    graded = {f"test_{exercise}": made.points(exercise) for exercise in made.exercises}
    graded |= dict.fromkeys(made.written, 6.0)
    solutions = [*made.exercises, *made.written]
    cells = [(made.cell(name), name, "GradeCell") for name in graded]
    cells += [(made.cell(f"s-{name}"), name, "SolutionCell") for name in solutions]
    keys = ("id", "name", "type")
    rows = [dict(zip(keys, cell, strict=True)) | {"notebook_id": made.key} for cell in cells]
    _insert(connection, api.BaseCell.__table__, rows)
    kind = {name: "markdown" if name in made.written else "code" for name in graded}
    _insert(
        connection,
        api.GradeCell.__table__,
        [{"id": made.cell(name), "max_score": points, "cell_type": kind[name]} for name, points in graded.items()],
    )
    _insert(connection, api.SolutionCell.__table__, [{"id": made.cell(f"s-{name}")} for name in solutions])


def _submissions(connection: Connection, made: _Assignment, students: list[int]) -> None:
    hours = made.rng.exponential(30.0, len(students)) - 3.0
    rows = [
        {
            "id": f"{made.key}-{i}",
            "assignment_id": made.key,
            "student_id": student(i),
            "timestamp": made.due - timedelta(hours=round(before, 3)),
            "extension": timedelta(days=1) if i % 50 == 0 else None,
        }
        for i, before in zip(students, hours.tolist(), strict=True)
    ]
    _insert(connection, api.SubmittedAssignment.__table__, rows)
    notebooks = [
        {
            "id": row["id"],
            "assignment_id": row["id"],
            "notebook_id": made.key,
            "late_submission_penalty": 1.0 if before < 0 else None,
        }
        for row, before in zip(rows, hours.tolist(), strict=True)
    ]
    _insert(connection, api.SubmittedNotebook.__table__, notebooks)


def _grades(connection: Connection, made: _Assignment, students: list[int], status: np.ndarray) -> None:
    def rows() -> Iterator[dict[str, Any]]:
        for i in students:
            scores: dict[str, float | None] = dict.fromkeys(made.exercises, 0.0)
            for test, ended in zip(made.tests, status[i].tolist(), strict=True):
                before = scores[test.exercise]
                if ended == Status.UNGRADED or before is None:
                    scores[test.exercise] = None
                elif ended == Status.PASSED:
                    scores[test.exercise] = before + test.points
            for exercise, score in scores.items():
                yield _grade(made, i, f"test_{exercise}", score, None)
            for place, name in enumerate(made.written):
                yield _grade(made, i, name, None, float((i + place) % 7) if i % 9 else None)

    _insert(connection, api.Grade.__table__, rows())


def _grade(made: _Assignment, i: int, name: str, auto: float | None, manual: float | None) -> dict[str, Any]:
    return {
        "id": f"{made.key}-{i}-{name}",
        "notebook_id": f"{made.key}-{i}",
        "cell_id": made.cell(name),
        "auto_score": auto,
        "manual_score": manual,
        "needs_manual_grade": auto is None and manual is None,
    }


def _run(made: _Assignment, i: int) -> dict[str, Any]:
    notes = [{"kind": "missing", "message": "A test cell was deleted; it was put back.", "cell": "test_x"}]
    return {
        "id": made.first_run + i,
        "assignment": made.name,
        "student": student(i),
        "notebook": made.name,
        "graded_at": made.due + timedelta(hours=1, seconds=i),
        "seconds": 2.5 + i % 7 / 10,
        "isolation": "A",
        "grader_hash": "0" * 64,
        "versions": json.dumps({"chainrule": "0.1.0", "numpy": "2.4.6"}),
        "notes": json.dumps(notes if i % 97 == 0 else []),
    }


def _outcomes(made: _Assignment, students: list[int], status: np.ndarray) -> Iterator[dict[str, Any]]:
    rng = made.rng
    for i in students:
        seconds = rng.exponential(0.02, len(made.tests)).tolist()
        counts = rng.integers(1, 64, len(made.tests)).tolist()
        wrong: set[str] = set()  # a mistake is recognised once, in the first test that finds it
        for test, ended, duration, count in zip(made.tests, status[i].tolist(), seconds, counts, strict=True):
            failed = ended == Status.FAILED
            named = failed and test.exercise not in wrong and count % 2 == 0
            if failed:
                wrong.add(test.exercise)
            said = {"exercise": test.exercise, "test": test.test, "line": count, "value": duration, "count": count}
            yield {
                "run_id": made.first_run + i,
                "exercise": test.exercise,
                "test_cell": f"test_{test.exercise}",
                "test": test.test,
                "title": test.title,
                "points": test.points if ended == Status.PASSED else 0.0,
                "max_points": test.points,
                "status": ended,
                "message": "" if ended == Status.PASSED else MESSAGE.format(count=count),
                "detail": "" if ended == Status.PASSED else DETAIL.format(**said),
                "misconception": MISTAKES[count % len(MISTAKES)].format(value=duration) if named else None,
                "seconds": duration,
            }
