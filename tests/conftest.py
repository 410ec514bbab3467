"""Fixtures that more than one folder of tests uses."""

from __future__ import annotations

import json
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bench.postgres import NoPostgres, Server, server


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--attacks",
        choices=("quick", "all"),
        default="quick",
        help="which of tests/attacks to try: a part that takes a minute, or all",
    )


@pytest.fixture(scope="session")
def empty_gradebook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gradebook without rows, to be copied: making one takes seconds."""
    from nbgrader.api import Gradebook

    path = tmp_path_factory.mktemp("gradebook") / "gradebook.db"
    with pytest.MonkeyPatch.context() as patch:
        # nbgrader runs `alembic` when it makes a gradebook; the virtual environment need not be activated.
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        with Gradebook(f"sqlite:///{path}"):
            pass
    return path


@pytest.fixture(scope="session")
def feedback_in(empty_gradebook: Path) -> Callable[..., str]:
    """feedback_in(folder, cells, …) runs nbgrader's generate_feedback with our exporter on one submission.

    Returns the page.

    `cells` are nbformat cells as `cell(…)` makes them. `scores` maps the grade_id of a graded cell to the columns of
    its grade (default: full marks). `results` (model.ExerciseResult) and `notes` (model.Note) are what chainrule
    stored; without `results` its tables are missing. `also` is given the open gradebook last.
    """

    def generate(folder: Path, cells: Sequence[dict[str, Any]], **rest: Any) -> str:
        shutil.copy(empty_gradebook, folder / "gradebook.db")
        return _generate(folder, cells, **rest)

    return generate


@pytest.fixture
def feedback(tmp_path: Path, feedback_in: Callable[..., str]) -> Callable[..., str]:
    """`feedback_in` in a folder of this test's own."""
    return lambda cells, **rest: feedback_in(tmp_path, cells, **rest)


@pytest.fixture(scope="session")
def cell() -> Callable[..., dict[str, Any]]:
    """cell("code", source, grade_id, points=…, solution=…, outputs=…, …) is one cell of an autograded notebook."""
    return _cell


def _cell(
    cell_type: str, source: str, grade_id: str = "", outputs: Sequence[dict[str, Any]] = (), **meta: Any
) -> dict[str, Any]:
    made: dict[str, Any] = {"cell_type": cell_type, "metadata": {}, "source": source}
    if cell_type == "code":
        made |= {"outputs": list(outputs), "execution_count": None}
    if grade_id:
        flags = {"grade": "points" in meta and not meta.get("task"), "solution": False, "task": False, "locked": False}
        made["metadata"]["nbgrader"] = {"schema_version": 3, "grade_id": grade_id, **flags, **meta}
    return made


def _generate(
    root: Path,
    cells: Sequence[dict[str, Any]],
    *,
    scores: dict[str, dict[str, Any]] | None = None,
    comments: dict[str, str] | None = None,
    results: Sequence[Any] | None = None,
    notes: Sequence[Any] = (),
    student: str = "ada",
    names: tuple[str, str] = ("Ada", "Lovelace"),
    notebook: str = "a01_linear_models",
    penalty: float | None = None,
    config: Any = None,
    also: Callable[[Any], object] = lambda gradebook: None,
) -> str:
    from nbgrader.api import Gradebook
    from nbgrader.converters import GenerateFeedback
    from nbgrader.coursedir import CourseDirectory
    from nbgrader.preprocessors import GetGrades
    from traitlets.config import Config

    from chainrule import gradebook
    from chainrule.model import Graded
    from chainrule.plugins.feedback import FeedbackExporter

    assignment = "a01"
    folder = root / "autograded" / student / assignment
    folder.mkdir(parents=True)
    document = {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    (folder / f"{notebook}.ipynb").write_text(json.dumps(document), encoding="utf-8")
    _fill(root / "gradebook.db", assignment, notebook, student, names, cells, scores or {}, comments or {}, penalty)
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        also(book)
    if results is not None:
        graded = Graded(assignment, student, notebook, {}, tuple(results), tuple(notes))
        with gradebook.connect(f"sqlite:///{root / 'gradebook.db'}") as connection:
            gradebook.save(connection, graded, "hash", graded_at=datetime(2025, 3, 2, 9, 30, tzinfo=UTC))
    settings = Config()
    settings.GenerateFeedback.exporter_class = FeedbackExporter
    settings.GenerateFeedback.preprocessors = [GetGrades]
    settings.CourseDirectory.root = str(root)
    settings.CourseDirectory.assignment_id = assignment
    settings.CourseDirectory.db_url = f"sqlite:///{root / 'gradebook.db'}"
    settings.merge(config or Config())
    GenerateFeedback(coursedir=CourseDirectory(config=settings), config=settings).start()
    return (root / "feedback" / student / assignment / f"{notebook}.html").read_text(encoding="utf-8")


def _fill(
    path: Path,
    assignment: str,
    notebook: str,
    student: str,
    names: tuple[str, str],
    cells: Sequence[dict[str, Any]],
    scores: dict[str, dict[str, Any]],
    comments: dict[str, str],
    penalty: float | None,
) -> None:
    from nbgrader.api import Gradebook
    from sqlalchemy.exc import SAWarning

    with warnings.catch_warnings(), Gradebook(f"sqlite:///{path}") as gradebook:
        # nbgrader's add_submission queries while the new row is half built.
        warnings.filterwarnings("ignore", "Object of type <Submitted", SAWarning)
        gradebook.add_assignment(assignment, duedate=datetime(2025, 3, 1, 12))
        gradebook.add_notebook(notebook, assignment)
        for cell in cells:
            meta = cell["metadata"].get("nbgrader")
            if not meta:
                continue
            name, points = meta["grade_id"], meta.get("points")
            if meta["task"]:
                gradebook.add_task_cell(name, notebook, assignment, max_score=points, cell_type=cell["cell_type"])
            elif meta["grade"]:
                gradebook.add_grade_cell(name, notebook, assignment, max_score=points, cell_type=cell["cell_type"])
            if meta["solution"]:
                gradebook.add_solution_cell(name, notebook, assignment)
        gradebook.add_student(student, first_name=names[0], last_name=names[1])
        stamp = datetime(2025, 3, 1, 15, 5) if penalty is not None else datetime(2025, 2, 28)
        gradebook.add_submission(assignment, student, timestamp=stamp)
        row = gradebook.find_submission_notebook(notebook, assignment, student)
        row.late_submission_penalty = penalty
        for grade in row.grades:
            columns = {"auto_score": grade.max_score, "needs_manual_grade": False} | scores.get(grade.name, {})
            for column, value in columns.items():
                setattr(grade, column, value)
        for comment in row.comments:
            comment.manual_comment = comments.get(comment.name)
        gradebook.db.commit()


# -- a tiny course -------------------------------------------------------------------------------------------------

CONFIG = """
from chainrule.plugins import configure
c = get_config()
configure(c)
c.CourseDirectory.course_id = "tiny"
"""

GRADER = '''
"""A number times {factor}."""
from chainrule import check
from chainrule.grader import misconception, points

@misconception("Plus {factor}, not times {factor}.")
def plus(x):
    return x + {factor}

@points(1)
def test_at_zero(student):
    """It is right at zero."""
    check.close(student.{name}(0.0), 0.0)

@points(2)
def test_elsewhere(student, rng):
    """It is right at random places."""
    x = float(rng.normal())
    check.close(student.{name}(x), {factor} * x)
'''

ANSWERS = {
    "twice": "def twice(x):\n    return 2 * x",
    "thrice": "def thrice(x):\n    return 3 * x",
    "four": "def four():\n    return 4",
    "why": "Because.",
}
"""Full marks, as far as a computer gives them: 3 + 3 + 2 of 13 points, `why` waits for a human."""


def _tiny_source() -> dict[str, Any]:
    def solution(name: str, argument: str, value: str) -> dict[str, Any]:
        source = f"def {name}({argument}):\n    ### BEGIN SOLUTION\n    return {value}\n    ### END SOLUTION"
        return _cell("code", source, name, solution=True)

    def test(name: str, points: int, visible: str, hidden: str) -> dict[str, Any]:
        source = f"{visible}\n### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS"
        return _cell("code", source, f"test_{name}", points=points, locked=True)

    cells = [
        _cell("markdown", "# Tiny"),
        _cell("code", "import numpy as np", "imports", locked=True),
        solution("twice", "x", "2 * x"),
        test("twice", 3, "print(twice(1.0))", 'grade("twice")'),
        solution("thrice", "x", "3 * x"),
        test("thrice", 3, "print(thrice(1.0))", 'grade("thrice")'),
        solution("four", "", "4"),
        test("four", 2, "assert four() is not None", "assert four() == 4"),
        _cell("markdown", "YOUR ANSWER HERE", "why", points=5, solution=True),
    ]
    for number, made in enumerate(cells):
        made["id"] = made["metadata"].get("nbgrader", {}).get("grade_id", f"cell-{number}")
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": spec}, "cells": cells}


class Classroom:
    """The tiny course: assignment t1 with two exercises that have graders, one that has none, a written answer."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def db_url(self) -> str:
        return f"sqlite:///{self.root / 'gradebook.db'}"

    def copy(self, root: Path) -> Classroom:
        shutil.copytree(self.root, root)
        return Classroom(root)

    def submit(
        self,
        student: str,
        change: Callable[[dict[str, Any]], object] | None = None,
        *,
        raw: str | None = None,
        name: str = "t1.ipynb",
        release: str = "t1.ipynb",
        time: str = "2025-03-01 12:00:00 UTC",
        **answers: str,
    ) -> None:
        """Collect a submission: full marks but for `answers`; `change` edits the notebook, `raw` replaces it."""
        notebook = json.loads((self.root / "release/t1" / release).read_text())
        for made in notebook["cells"]:
            grade_id = made["metadata"].get("nbgrader", {}).get("grade_id", "")
            made["source"] = (ANSWERS | answers).get(grade_id, made["source"])
        if change is not None:
            change(notebook)
        folder = self.root / "submitted" / student / "t1"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(notebook) if raw is None else raw)
        (folder / "timestamp.txt").write_text(time)

    def grades(self) -> dict[str, dict[str, tuple[float | None, bool]]]:
        """Of each student and cell the automatic score, and whether a human has to look."""
        from nbgrader.api import Gradebook

        with Gradebook(self.db_url) as gradebook:
            return {
                submission.student.id: {
                    grade.name: (grade.auto_score, grade.needs_manual_grade)
                    for notebook in submission.notebooks
                    for grade in notebook.grades
                }
                for submission in gradebook.assignment_submissions("t1")
            }

    def graded(self, student: str) -> list[dict[str, Any]]:
        """The cells of a graded notebook."""
        text = (self.root / "autograded" / student / "t1/t1.ipynb").read_text()
        cells = json.loads(text)["cells"]
        return [cell | {"source": "".join(cell["source"])} for cell in cells]


@pytest.fixture(scope="session")
def released_classroom(tmp_path_factory: pytest.TempPathFactory, empty_gradebook: Path) -> Classroom:
    """The tiny course as `nbgrader generate_assignment` leaves it. Copy it before you change it."""
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import Config

    root = tmp_path_factory.mktemp("tiny")
    for folder in ("source/t1", "graders/t1"):
        (root / folder).mkdir(parents=True)
    (root / "nbgrader_config.py").write_text(CONFIG)
    (root / "source/t1/t1.ipynb").write_text(json.dumps(_tiny_source()))
    for name, factor in (("twice", 2), ("thrice", 3)):
        (root / f"graders/t1/test_{name}.py").write_text(GRADER.format(name=name, factor=factor))
    shutil.copy(empty_gradebook, root / "gradebook.db")
    settings = Config()
    settings.CourseDirectory.root = str(root)
    settings.CourseDirectory.course_id = "tiny"
    settings.CourseDirectory.assignment_id = "t1"
    GenerateAssignment(coursedir=CourseDirectory(config=settings), config=settings).start()
    return Classroom(root)


@pytest.fixture
def classroom(tmp_path: Path, released_classroom: Classroom) -> Classroom:
    """The tiny course, released, without submissions."""
    return released_classroom.copy(tmp_path / "course")


class AtOnce(Executor):
    """Grades without running anything: full points for an exercise whose answer is the right one, else none."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, workers: int) -> AtOnce:
        return self

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.asked.append(args[0].student)
        future: Future[Any] = Future()
        future.set_result(_at_once(args[0]))
        return future


def _at_once(job: Any) -> Any:
    from chainrule.model import ExerciseResult, Graded, Outcome, Status

    text = json.dumps(job.notebook)
    results = []
    for exercise in job.exercises:
        right = f"return {2 if exercise.id == 'twice' else 3} * x" in text
        points, status = (exercise.points, Status.PASSED) if right else (0.0, Status.FAILED)
        outcome = Outcome(exercise.id, "test", "Title", points, exercise.points, status)
        results.append(ExerciseResult(exercise.id, exercise.test_cell, exercise.points, (outcome,)))
    return Graded(job.assignment, job.student, job.name, job.notebook, tuple(results))


@pytest.fixture
def at_once() -> AtOnce:
    """An `executor` for `autograde` that takes no time; `asked` are the students it graded."""
    return AtOnce()


@pytest.fixture
def small_course(tmp_path: Path) -> Path:
    """A course of one assignment `lines`, from tests/cases/small: two exercises with graders and a written answer."""
    from chainrule.course import Course
    from chainrule.notebook.build import build

    root = tmp_path / "course"
    cases = Path(__file__).parent / "cases" / "small"
    (root / "source").mkdir(parents=True)
    (root / "graders" / "lines").mkdir(parents=True)
    shutil.copy(cases / "lines.md", root / "source")
    for path in cases.glob("test_*.py"):
        shutil.copy(path, root / "graders" / "lines")
    build(Course(root))
    return root


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL of the tests' own, whose collation is not that of Python: "ada" comes before "Zoe"."""
    try:
        with server(locale=("--locale-provider=icu", "--icu-locale=en", "--locale=C.UTF-8")) as running:
            yield running
    except NoPostgres as error:  # `make test` installs it where it may: elsewhere only these tests cannot be run
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Debian's Chromium, driven by playwright: one for all tests, since two drivers in a process clash."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install 'chainrule[dev]'")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("needs Debian's package chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()
