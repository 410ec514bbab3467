"""`grade("line_grad")` in a source notebook: the whole hidden report of an exercise, for its author."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

from chainrule.check import Failed
from chainrule.course import Course
from chainrule.errors import CourseError
from chainrule.model import Exercise, ExerciseResult, Job, Status


def grade(exercise: str) -> None:
    """Run the hidden tests of an exercise against the notebook it is called in, and print the report.

    Raises `Failed` if a test fails, `CourseError` if there is no grader file. It is called between BEGIN and END HIDDEN
    TESTS: the line is removed from what students get.
    """
    from IPython import get_ipython

    from chainrule.graderprocess import GraderProcess
    from chainrule.worker.serve import Server

    assignment, path = _grader_file(exercise)
    process = GraderProcess(path.parent)
    ours, theirs = socket.socketpair()
    results: list[ExerciseResult] = []
    job = Job("", assignment, "", "", {}, ())

    def run() -> None:
        with theirs:
            results.append(process.grade(Exercise(exercise, f"test_{exercise}", 0.0, path), job, theirs))

    try:
        worker = threading.Thread(target=run)
        worker.start()
        shell: Any = get_ipython()
        Server(ours, shell).serve()
        worker.join()
    finally:
        process.close()
        ours.close()
    _print(results[0])


def _grader_file(exercise: str) -> tuple[str, Path]:
    course = Course.find()
    here = Path.cwd().resolve()
    for assignment in course.assignments():
        path = course.graders(assignment) / f"test_{exercise}.py"
        if path.exists() and assignment in (here.name, *(p.name for p in here.parents)):
            return assignment, path
    found = [a for a in course.assignments() if (course.graders(a) / f"test_{exercise}.py").exists()]
    if len(found) == 1:
        return found[0], course.graders(found[0]) / f"test_{exercise}.py"
    raise CourseError(f"No grader file test_{exercise}.py for this notebook in {course.root / 'graders'}.")


def _print(result: ExerciseResult) -> None:
    for outcome in result.outcomes:
        sign = "✓" if outcome.status is Status.PASSED else "✗"
        print(f"{sign} {outcome.points:g}/{outcome.max_points:g}  {outcome.title}")
        if outcome.status is not Status.PASSED:
            print(f"      {outcome.message}\n      {outcome.detail}")
    if result.misconception:
        print(f"Misconception: {result.misconception}")
    if not all(outcome.status is Status.PASSED for outcome in result.outcomes):
        raise Failed("The solution does not pass its own grader.")
