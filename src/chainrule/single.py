"""Grades one notebook file outside any gradebook: `chainrule grade`."""

from __future__ import annotations

from pathlib import Path

from chainrule import grading
from chainrule.course import Course
from chainrule.errors import CourseError, UnknownName
from chainrule.model import Graded, Job
from chainrule.notebook import cells, intake


def grade_file(course: Course, path: Path, assignment: str | None = None, student: str = "") -> Graded:
    """Grade a submitted notebook against the source notebook of its assignment.

    The assignment is the one that has a notebook of this name, unless given. Raises `SubmissionError` if the file is no
    notebook, `CourseError` or `UnknownName` if its assignment cannot be told.
    """
    submitted = intake.read_notebook(path)
    assignment, original = _source(course, path, assignment)
    truth = intake.read_notebook(original)
    notebook, notes = intake.merge(truth, submitted)
    exercises = cells.exercises(notebook, course.graders(assignment))
    if not exercises:
        raise CourseError(
            f"{assignment} has no exercise with a file in {course.graders(assignment)}: nothing to grade."
        )
    limits, seconds = course.limits(original)
    files = course.source(assignment)
    job = Job(course.id, assignment, student, original.stem, notebook, exercises, files, limits, seconds)
    graded = grading.grade(job)
    return Graded(**{**vars(graded), "notes": (*notes, *graded.notes)})


def _source(course: Course, path: Path, assignment: str | None) -> tuple[str, Path]:
    if assignment is not None:
        notebooks = course.notebooks(course.require(assignment))
        named = [notebook for notebook in notebooks if notebook.stem == path.stem]
        if not named and len(notebooks) > 1:
            raise UnknownName("notebook", path.stem, [notebook.stem for notebook in notebooks], assignment)
        return assignment, (named or notebooks)[0]
    found = [
        (name, notebook)
        for name in course.assignments()
        for notebook in sorted(course.source(name).glob("*.ipynb"))
        if notebook.stem == path.stem
    ]
    if len(found) != 1:
        what = "no assignment has" if not found else "several assignments have"
        raise CourseError(f"{what.capitalize()} a notebook {path.stem}.ipynb. Say which with --assignment.")
    return found[0]
