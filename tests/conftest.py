"""Fixtures that more than one folder of tests uses."""

from __future__ import annotations

import json
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest


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


@pytest.fixture
def feedback(tmp_path: Path, empty_gradebook: Path) -> Callable[..., str]:
    """feedback(cells, …) runs nbgrader's generate_feedback with our exporter on one submission, and returns the page.

    `cells` are nbformat cells as `cell(…)` makes them. `scores` maps the grade_id of a graded cell to the columns of
    its grade (default: full marks). `results` (model.ExerciseResult) and `notes` (model.Note) are what chainrule
    stored; without `results` its tables are missing.
    """
    shutil.copy(empty_gradebook, tmp_path / "gradebook.db")
    return lambda cells, **rest: _generate(tmp_path, cells, **rest)


@pytest.fixture
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
) -> str:
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
