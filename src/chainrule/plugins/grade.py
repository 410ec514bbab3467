"""What nbgrader does in place of executing a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from nbclient.exceptions import DeadKernelError
from nbformat import from_dict
from nbgrader.preprocessors import Execute
from traitlets import Float

from chainrule import foreign, submission
from chainrule.errors import CourseError
from chainrule.idle import Idle
from chainrule.limits import of_config
from chainrule.model import Graded, Job, Limits
from chainrule.notebook.cells import grade_id, is_grade
from chainrule.plugins import outputs, staff
from chainrule.plugins.as_nbgrader import AsNbgrader
from chainrule.plugins.exporter import PLACE

UNLIMITED = 24 * 3600.0

GRADERS: dict[Path, str] = {}
"""The graders of the warm grader processes, by their hash."""


def _close() -> None:
    from chainrule import grading

    grading.close()


ENGINE = Idle(_close)
"""The warm processes of this process: formgrader's server keeps them between two clicks."""


class Grade(Execute):
    """Runs a notebook in a process of its own and grades the exercises that have a grader.

    It takes nbgrader's options (`Execute.timeout` limits a cell here too). A notebook of another kernel than this
    Python's that has no grader is executed by nbgrader's own preprocessor.
    """

    idle_minutes = Float(
        10.0, min=0.0, help="After so long without a submission to grade, formgrader's server ends its warm processes."
    ).tag(config=True)

    def __call__(self, nb: Any, resources: Any) -> Any:
        place = resources.get(PLACE)
        if place is None:
            raise CourseError("Autograde.exporter_class is not chainrule's. Call configure(c) last, or do not set it.")
        job = self.job_of(place, resources["nbgrader"]["student"], nb)
        if job is None:
            return super().__call__(nb, resources)
        if not self.enabled:
            self.log.warning("%s has graders: its cells are executed, --no-execute or not.", job.name)
        graded = self.graded(job, resources)
        graded = replace(graded, notes=submission.notes(nb) + graded.notes)
        as_nbgrader = AsNbgrader(parent=self)
        if not job.exercises and as_nbgrader.wants("a_dead_kernel_drops_the_submission"):
            for note in graded.notes:
                if note.kind == "crashed":
                    raise DeadKernelError(note.message)
        resources[submission.KEY] = graded
        show(nb, graded, warnings_cost=as_nbgrader.wants("warnings_cost_the_points"))
        return nb, resources

    def job_of(self, place: submission.Place, student: str, nb: Mapping[str, Any]) -> Job | None:
        """What is to be run outside this process, or None: a notebook of another kernel, or if the course wants it."""
        job = submission.job(place, student, nb, self.limits)
        as_nbgrader = AsNbgrader(parent=self)
        if job is not None or not self.enabled or as_nbgrader.stock_kernel or not foreign.is_ours(self._kernel(nb)):
            return job
        return foreign.job(place, student, nb, self.limits, skip_tests=as_nbgrader.wants("the_skip_tag_holds_in_tests"))

    def _kernel(self, nb: Mapping[str, Any]) -> str:
        return str(self.kernel_name or nb["metadata"].get("kernelspec", {}).get("name") or foreign.PYTHON[0])

    @property
    def switches(self) -> dict[str, object]:
        """What else a score depends on: the switches to nbgrader's way, and which kernel runs."""
        switches = AsNbgrader(parent=self)
        chosen: dict[str, object] = {name: switches.wants(name) for name in switches.class_own_traits(config=True)}
        return {**chosen, "kernel_name": str(self.kernel_name), "enabled": bool(self.enabled)}

    @property
    def limits(self) -> Limits:
        """What a submission may use in this course: `c.Limits`, and for a cell nbgrader's `Execute.timeout`, too."""
        cell = float(self.timeout) if self.timeout and self.timeout > 0 else UNLIMITED
        return replace(Limits(cell=cell), **of_config(self.config))

    def graded(self, job: Job, resources: Mapping[str, Any]) -> Graded:
        """The result that is ready for this very job, or else a fresh one."""
        ready = submission.READY.pop(submission.fingerprint(job), None)
        if ready is not None:
            return ready
        with ENGINE.busy(60 * self.idle_minutes):
            return self._graded_now(job, resources)

    def _graded_now(self, job: Job, resources: Mapping[str, Any]) -> Graded:
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


def show(nb: Any, graded: Graded, *, warnings_cost: bool = False) -> None:
    """Put into the notebook what ran, what it printed, and for staff the report of each exercise.

    nbgrader gives no points for a test cell with anything on stderr: there, mere warnings go to stdout, unless they
    are to cost the points.
    """
    results = {result.test_cell: result for result in graded.exercises}
    for cell, executed in zip(nb.cells, graded.notebook["cells"], strict=True):
        cell.source = executed["source"]
        if cell.cell_type != "code":
            continue
        cell.execution_count = executed.get("execution_count")
        printed = executed.get("outputs", ())
        if is_grade(cell) and not warnings_cost:
            printed = [{**o, "name": "stdout"} if o.get("warning") else o for o in printed]
        shown = outputs.harmless(printed)
        if result := results.get(grade_id(cell)):
            shown.append(staff.staff_output(result))
        cell.outputs = [from_dict(output) for output in shown]
