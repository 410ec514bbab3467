"""What nbgrader does in place of executing a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from nbformat import from_dict
from nbgrader.preprocessors import Execute

from chainrule import submission
from chainrule.errors import CourseError
from chainrule.model import Graded, Job, Limits
from chainrule.notebook.cells import grade_id
from chainrule.plugins import outputs, staff
from chainrule.plugins.exporter import PLACE

UNLIMITED = 24 * 3600.0

GRADERS: dict[Path, str] = {}
"""The graders of the warm grader processes, by their hash."""


class Grade(Execute):
    """Grades the exercises that have a grader; a notebook without one is executed by nbgrader's own preprocessor.

    It takes nbgrader's options for that (`Execute.timeout` limits a cell here too).
    """

    def __call__(self, nb: Any, resources: Any) -> Any:
        job = self.job(nb, resources)
        if job is None:
            return super().__call__(nb, resources)
        if not self.enabled:
            self.log.warning("%s has graders: its cells are executed, --no-execute or not.", job.name)
        graded = self.graded(job, resources)
        resources[submission.KEY] = replace(graded, notes=submission.notes(nb) + graded.notes)
        show(nb, graded)
        return nb, resources

    def job(self, nb: Any, resources: Mapping[str, Any]) -> Job | None:
        """What is to be graded outside the student's process, if anything."""
        place = resources.get(PLACE)
        if place is None:
            raise CourseError("Autograde.exporter_class is not chainrule's. Call configure(c) last, or do not set it.")
        return submission.job(place, resources["nbgrader"]["student"], nb, self.limits)

    @property
    def limits(self) -> Limits:
        """What a submission may use, as nbgrader's options say it."""
        return Limits(cell=float(self.timeout) if self.timeout and self.timeout > 0 else UNLIMITED)

    def graded(self, job: Job, resources: Mapping[str, Any]) -> Graded:
        """The result that is ready for this very job, or else a fresh one."""
        ready = submission.READY.pop(submission.fingerprint(job), None)
        if ready is not None:
            return ready
        from chainrule import grading  # most nbgrader commands never get here

        digest = submission.grader_hash(resources[PLACE].graders)
        if GRADERS.setdefault(resources[PLACE].graders, digest) != digest:
            grading.close()  # formgrader's server may have graded with the files as they were before
            GRADERS[resources[PLACE].graders] = digest
        converter = self.parent.parent
        coursedir = converter.coursedir
        submitted = coursedir.format_path(coursedir.submitted_directory, job.student, job.assignment)
        keep = converter.exclude_overwriting.get(job.assignment, [])
        with submission.staged(job, Path(submitted), resources[PLACE].source, coursedir.ignore, keep) as whole:
            return grading.grade(whole)


def show(nb: Any, graded: Graded) -> None:
    """Put into the notebook what ran, what it printed, and for staff the report of each exercise."""
    results = {result.test_cell: result for result in graded.exercises}
    for cell, executed in zip(nb.cells, graded.notebook["cells"], strict=True):
        cell.source = executed["source"]
        if cell.cell_type != "code":
            continue
        cell.execution_count = executed.get("execution_count")
        shown = outputs.harmless(executed.get("outputs", ()))
        if result := results.get(grade_id(cell)):
            shown.append(staff.staff_output(result))
        cell.outputs = [from_dict(output) for output in shown]
