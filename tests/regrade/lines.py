"""A class to regrade: real submissions of the small case, graded by real processes.

Of `line_grad` (8 points), ada's answer is right, bob's lacks the factor 2, cyd's returns a column; the grader is then
edited so that bob gains and cyd loses.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

from chainrule.course import Course
from chainrule.notebook import cells
from chainrule.regrade import Difference, Regrade
from chainrule.regrade.difference import StudentChange

GRAD = """def line_grad(phi, x, y):
    r = phi[0] + phi[1] * x - y
    return {}
"""
ANSWERS = {
    "ada": GRAD.format("np.array([2 * np.mean(r), 2 * np.mean(r * x)])"),
    "bob": GRAD.format("np.array([np.mean(r), np.mean(r * x)])"),
    "cyd": GRAD.format("np.array([2 * np.mean(r), 2 * np.mean(r * x)]) + 1e-3 * (len(x) == 5)"),
}
"""bob has the 3 points of the fit alone, cyd the 5 of the differences."""

DESCEND = (
    'def descend(grad, w, lr, n):\n    for _ in range(n):\n        w = w - lr * grad(w)\n    return w\nslope = "2*u"\n'
)

LENIENT = '''
@points(2)
def test_direction(student, rng):
    """It points the right way."""
    x, y, phi = rng.normal(size=9), rng.normal(size=9), rng.normal(size=2)
    got, r = student.line_grad(phi, x, y), phi[0] + phi[1] * x - y
    assert np.dot(got, [r.mean(), (r * x).mean()]) > 0
'''


MARK = """UPDATE grade SET manual_score = {}, needs_manual_grade = FALSE WHERE id IN (SELECT g.id FROM grade g
    JOIN base_cell c ON c.id = g.cell_id JOIN submitted_notebook s ON s.id = g.notebook_id
    JOIN submitted_assignment a ON a.id = s.assignment_id WHERE c.name = '{}' AND student_id = '{}')"""


def release(root: Path, **options: Any) -> None:
    """nbgrader's generate_assignment, with `options` of its own and of its course folder."""
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import Config

    settings = Config()
    settings.CourseDirectory.root, settings.CourseDirectory.assignment_id = str(root), "lines"
    settings.ClearMarkScheme.enforce_metadata = False
    if "db_url" in options:
        settings.CourseDirectory.db_url, settings.CourseDirectory.course_id = options.pop("db_url"), "small"
    GenerateAssignment(coursedir=CourseDirectory(config=settings), config=settings, **options).start()


def submit(root: Path, student: str, answer: str) -> None:
    notebook = json.loads((root / "release/lines/lines.ipynb").read_text())
    for cell in notebook["cells"]:
        cell["source"] = {"line_grad": answer, "descend": DESCEND, "m1": "Down."}.get(
            cells.grade_id(cell), cell["source"]
        )
    folder = root / "submitted" / student / "lines"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lines.ipynb").write_text(json.dumps(notebook))


def edit_grader(root: Path) -> None:
    """Finite differences give 5 -> 3 points, a new test 2 (all pass it): bob gains 2, cyd 0; then make cyd lose."""
    path = root / "graders/lines/test_line_grad.py"
    text = path.read_text().replace("@points(5)", "@points(3)")
    # The fit is now tested at 9 points in place of 5, and the differences at 5: cyd's answer is wrong at 5 alone.
    text = text.replace("rng.normal(size=9), rng.normal(size=9)", "rng.normal(size=5), rng.normal(size=5)")
    path.write_text(text + LENIENT)


def query(root: Path, text: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(root / "gradebook.db") as raw:
        found = raw.execute(text).fetchall()
    raw.close()
    return found


def scores(root: Path) -> dict[tuple[str, str], tuple[Any, ...]]:
    rows = query(
        root,
        """SELECT student_id, c.name, auto_score, manual_score, needs_manual_grade
            FROM grade g JOIN base_cell c ON c.id = g.cell_id JOIN submitted_notebook s ON s.id = g.notebook_id
            JOIN submitted_assignment a ON a.id = s.assignment_id""",
    )
    return {row[:2]: row[2:] for row in rows}


def line_grad(root: Path) -> dict[str, float]:
    return {student: found[0] for (student, cell), found in scores(root).items() if cell == "test_line_grad"}


def told(found: Difference) -> dict[str, StudentChange]:
    return {student.student: student for student in found.students}


def everything(root: Path) -> dict[str, str]:
    """A digest of every file of the course but our own folder, and when it was changed."""
    return {
        str(path.relative_to(root)): f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.stat().st_mtime_ns}"
        for path in root.rglob("*")
        if path.is_file() and ".chainrule" not in path.parts
    }


class Forbidden:
    """An executor that must not be asked for."""

    def __call__(self, workers: int) -> Any:
        raise AssertionError("Something was computed again.")


def regrade(root: Path, reason: str = "Direction counts.", **options: Any) -> tuple[Difference, tuple[Any, ...]]:
    """Compare and apply, from what the dry run computed alone."""
    with Regrade(Course(root), "lines", executor=Forbidden(), **options) as run:
        found = run.compare()
        run.may_apply(found, reason)
        return found, run.apply(reason).rows


def command(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "chainrule.cli", *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=200,
        stdin=subprocess.DEVNULL,
        env=os.environ | {"JUPYTERHUB_USER": "prof"},
    )
