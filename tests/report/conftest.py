"""Gradebooks made through nbgrader's own API, with chainrule's tables beside."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from nbgrader.api import Gradebook
from sqlalchemy import text

from chainrule import gradebook
from chainrule.course import Course
from chainrule.model import ExerciseResult, Graded, Note, Outcome, Status

ASSIGNMENT = "a01_linear_models"
DUE = "2026-03-02 12:00:00"
TESTS = {
    "line_grad": (
        ("It agrees with central differences of the loss", 5.0),
        ("It is zero at the least-squares line", 3.0),
    ),
    "gd": (("It takes exactly n steps", 2.0), ("The loss falls on a quadratic", 4.0), ("It leaves w0 as it was", 2.0)),
    "fit": (("It recovers a noiseless line", 6.0),),
    "ridge": (("It agrees with the closed form", 5.0), ("It shrinks with λ", 3.0)),
}
"""The autograded exercises: titles and points of their tests."""
WRITTEN = {"m1": 6.0, "m2": 4.0}
HALF = "Half the true gradient: d(u²) = 2u du."
HOSTILE = '<img src=x onerror="alert(1)">'


class Classroom:
    """A course folder whose gradebook a test fills."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.book = Gradebook(f"sqlite:///{root / 'gradebook.db'}", "maths")
        self.book.db.execute(text("PRAGMA synchronous = OFF"))  # nbgrader commits after each row

    @property
    def course(self) -> Course:
        return Course(self.root)

    def assignment(self, name: str = ASSIGNMENT, due: str | None = DUE, points: dict[str, float] | None = None) -> None:
        """An assignment of one notebook `name`: TESTS and WRITTEN, or the autograded cells of `points`."""
        book = self.book
        book.add_assignment(name, **({"duedate": due} if due else {}))
        book.add_notebook(name, name)
        autograded = points if points is not None else {e: sum(p for _, p in tests) for e, tests in TESTS.items()}
        for exercise, value in autograded.items():
            book.add_solution_cell(exercise, name, name)
            book.add_grade_cell(f"test_{exercise}", name, name, max_score=value, cell_type="code")
        for exercise, value in WRITTEN.items() if points is None else ():
            book.add_grade_cell(exercise, name, name, max_score=value, cell_type="markdown")
            book.add_solution_cell(exercise, name, name)

    def submit(
        self,
        student: str,
        scores: dict[str, float | None],
        *,
        assignment: str = ASSIGNMENT,
        timestamp: str = "2026-03-01 20:00:00",
        manual: dict[str, float] | None = None,
    ) -> None:
        """A submission with automatic scores by cell (None: no score yet) and manual ones."""
        with self.book.db.no_autoflush:  # SQLAlchemy warns about nbgrader's half-made object otherwise
            self.book.add_submission(assignment, student, timestamp=timestamp)
        for cell, score in {**scores, **dict.fromkeys(manual or {})}.items():
            grade = self.book.find_grade(cell, assignment, assignment, student)
            grade.auto_score = score
            grade.manual_score = (manual or {}).get(cell)
            grade.needs_manual_grade = grade.auto_score is None and grade.manual_score is None
        self.book.db.commit()

    def store(
        self,
        student: str,
        exercises: tuple[ExerciseResult, ...],
        notes: tuple[Note, ...] = (),
        assignment: str = ASSIGNMENT,
    ) -> None:
        graded = Graded(assignment, student, assignment, {}, exercises, notes, 2.5, "process")
        with self.book.engine.begin() as connection:
            gradebook.save(connection, graded, "hash")


def result(exercise: str, statuses: list[Status], misconception: str | None = None, detail: str = "") -> ExerciseResult:
    """An exercise of TESTS whose tests ended as given."""
    outcomes = tuple(
        Outcome(
            exercise,
            f"test_{index}",
            title,
            points if status is Status.PASSED else 0.0,
            points,
            status,
            "" if status is Status.PASSED else "The result differs.",
            detail,
            misconception if status is Status.FAILED else None,
            0.01 * (index + 1),
        )
        for index, ((title, points), status) in enumerate(zip(TESTS[exercise], statuses, strict=True))
    )
    total = sum(points for _, points in TESTS[exercise])
    return ExerciseResult(exercise, f"test_{exercise}", total, outcomes, misconception)


@pytest.fixture(scope="session")
def empty_gradebook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gradebook without anything in it. nbgrader runs alembic to make one, so it is made once."""
    path = tmp_path_factory.mktemp("gradebook") / "gradebook.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        Gradebook(f"sqlite:///{path}", "maths").close()
    return path


@pytest.fixture
def classroom(tmp_path: Path, empty_gradebook: Path) -> Iterator[Classroom]:
    """An empty course."""
    root = tmp_path / "course"
    (root / "source").mkdir(parents=True)
    shutil.copy(empty_gradebook, root / "gradebook.db")
    room = Classroom(root)
    yield room
    room.book.close()


@pytest.fixture(scope="session")
def full_course(tmp_path_factory: pytest.TempPathFactory, empty_gradebook: Path) -> Course:
    """A class of 32, seeded, where everything happens that a report has to show. Read only."""
    root = tmp_path_factory.mktemp("full") / "course"
    (root / "source").mkdir(parents=True)
    (root / "nbgrader_config.py").write_text('c = get_config()\nc.CourseDirectory.course_id = "maths-of-dl"\n')
    shutil.copy(empty_gradebook, root / "gradebook.db")
    room = Classroom(root)
    fill(room)
    room.book.close()
    return room.course


def fill(room: Classroom) -> None:
    rng = np.random.default_rng(7)
    room.assignment()
    room.assignment("a02_foreign", due=None, points={"loss": 3.0, "accuracy": 2.0})
    hardness = {"line_grad": 0.3, "gd": -0.6, "fit": -1.5, "ridge": 0.9}
    family = ["Abel", "Bernoulli", "Cauchy", "Dirichlet", "Euler", "Frobenius", "Gauß", "Hölder", "Itô", "Jacobi"]
    for i in range(32):
        student = f"s{i:02d}"
        names = {"last_name": family[i % 10], "first_name": f"N. {i}"}
        if i == 0:
            names = {"last_name": HOSTILE, "first_name": '=HYPERLINK("http://x","y")'}
        room.book.add_student(student, **names)
        if i == 31:
            continue
        skill = rng.normal()
        results = []
        for exercise, tests in TESTS.items():
            passed = [bool(skill + 0.8 * rng.normal() > hardness[exercise]) for _ in tests]
            statuses = [Status.PASSED if ok else Status.FAILED for ok in passed]
            named = (
                None if all(passed) else {"line_grad": HALF, "gd": "One step too many.", "ridge": None}.get(exercise)
            )
            results.append(result(exercise, statuses, named if rng.random() < 0.6 else None))
        odd(room, student, i, results)
        if i % 3 == 0:
            room.submit(student, {"test_loss": 3.0 * (i % 2), "test_accuracy": 2.0}, assignment="a02_foreign")


def odd(room: Classroom, student: str, i: int, results: list[ExerciseResult]) -> None:
    """The submission of student i, with what is special about it."""
    notes: list[Note] = []
    if i == 4:
        detail = "Traceback (most recent call last):\n  File \"test_gd.py\", line 31\nKeyError: 'lr'"
        results[1] = result("gd", [Status.UNGRADED] * 3, detail=detail)
        notes.append(Note("ungraded", "gd could not be graded.", "test_gd"))
    if i == 6:
        results[2] = result("fit", [Status.CRASHED])
        notes.append(Note("crashed", "The process ended in this cell (os._exit).", "fit"))
    if i == 9:
        results[1] = result("gd", [Status.TIMEOUT, Status.TIMEOUT, Status.PASSED])
    if i == 11:
        notes.append(Note("missing", "A test cell was deleted; it was put back.", "test_ridge"))
    if i == 12:
        notes.append(Note("duplicate", "A test cell was there twice.", "test_fit"))
    unreadable = i == 15
    if unreadable:
        # It is graded as if nothing had been written.
        results = [result(exercise, [Status.FAILED] * len(tests)) for exercise, tests in TESTS.items()]
        notes = [Note("unreadable", "The file is not JSON. Ask the student to save and submit it again.")]
    scores: dict[str, float | None] = {r.test_cell: r.points for r in results}
    manual = {"m1": float(2 + i % 5), "m2": float(i % 5)} if i < 24 and not unreadable else {}
    timestamp = {3: "2026-03-02 15:20:00", 17: "2026-03-04 18:00:00"}.get(i, "2026-03-01 20:00:00")
    room.submit(student, scores, manual=manual, timestamp=timestamp)
    room.store(student, tuple(results), tuple(notes))


@pytest.fixture
def make_classroom(tmp_path: Path, empty_gradebook: Path) -> Iterator[Callable[[str], Classroom]]:
    """Makes empty courses in folders of their own."""
    rooms: list[Classroom] = []

    def make(name: str) -> Classroom:
        root = tmp_path / name
        (root / "source").mkdir(parents=True)
        shutil.copy(empty_gradebook, root / "gradebook.db")
        rooms.append(Classroom(root))
        return rooms[-1]

    yield make
    for room in rooms:
        room.book.close()
