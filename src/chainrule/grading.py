"""Grades one submission: runs its cells in a student process, its hidden tests in the grader process, keeps the clocks.

`grade(job)` needs neither gradebook nor course folder, so any executor can run it. A student's failure is part of the
result; only a fault of ours that leaves nothing to report raises.
"""

from __future__ import annotations

import atexit
import copy
import os
import re
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chainrule import graderprocess, sandbox
from chainrule.endings import behind, how, why
from chainrule.errors import StudentCrashed, StudentProcessError, StudentTimeout
from chainrule.graderprocess import grader_process
from chainrule.model import Exercise, ExerciseResult, Graded, Job, Note, Outcome, Status
from chainrule.notebook import cells
from chainrule.notebook.outputs import Outputs
from chainrule.sandbox import Child, Reply, imported, start

MAX_RESTARTS = 12
"""A notebook in which more cells than this end its process is not run further."""

GRACE = 4.0
"""Seconds that an interrupted cell has to stop, before its process is killed."""

SKIP_TAG = "skip-execution"
"""Jupyter's tag of a cell that is not to be run."""

STATUS = re.compile(r" \(exit status \d+\)")
"""A process chooses the status it ends with: it is for staff."""

MAX_LOST = 3
"""So many times a process that was killed, perhaps from outside, is replaced without a word."""

_owner = os.getpid()


def grade(job: Job) -> Graded:
    """Grade a job. Keeps one warm grader process per folder of graders in this process until `close`.

    Raises `GraderError` only if no grader process can be started at all.
    """
    begin = time.monotonic()
    run = _Run(job)
    try:
        run.cells()
    finally:
        run.close()
    return Graded(
        assignment=job.assignment,
        student=job.student,
        name=job.name,
        notebook=run.notebook,
        exercises=tuple(run.results),
        notes=(*job.notes, *run.notes),
        seconds=round(time.monotonic() - begin, 3),
        isolation=run.isolation,
    )


def close() -> None:
    """End the warm processes of this process: graders, and those that students' are forked from."""
    graderprocess.close()
    sandbox.close()


@atexit.register
def _at_exit() -> None:
    if os.getpid() == _owner:  # a fork of this process owns none of them
        close()


class _Run:
    """One notebook on its way: the process it runs in, which cells ended one, what was found."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.notebook: dict[str, Any] = copy.deepcopy(job.notebook)
        self.exercises = {exercise.test_cell: exercise for exercise in job.exercises}
        self.results: list[ExerciseResult] = []
        self.notes: list[Note] = []
        # By the grade_id of a cell, why it did not run to its end: for messages, hence in no word of its process.
        self.failures: dict[str, str] = {}
        self.deadly: set[int] = set()  # cells not to run again
        self.child: Child | None = None
        self.isolation = ""
        self.libraries = imported(self.notebook)
        self.seconds = _seconds(self.notebook, job)
        self.together = job.limits.cells + sum(job.seconds.values())
        self.limits = job.limits if job.limits.cpu else replace(job.limits, cells=self.together)
        self.spent = 0.0  # seconds that cells ran, those run again for a fresh process too
        self.overran = False
        self.late = False
        self.room = job.limits.outputs
        self.restarts = 0
        self.lost = 0
        self.count = 0

    def close(self) -> None:
        if self.child is not None:
            self.child.close()
            self.child = None

    # -- cells --------------------------------------------------------------------------------------------------------

    def cells(self) -> None:
        for index, cell in enumerate(self.notebook["cells"]):
            if cell["cell_type"] != "code":
                continue
            self._cell(index, cell)
            exercise = self.exercises.get(cells.grade_id(cell)) if cells.is_grade(cell) else None
            if exercise is not None:
                self._exercise(index, exercise)

    def _cell(self, index: int, cell: dict[str, Any]) -> None:
        """Run a cell and keep its outputs; if it ends the process, note it and go on with a fresh one."""
        cell["execution_count"], cell["outputs"] = None, []
        if not runs(cell):
            return
        self.count += 1
        outputs = Outputs(self.job.limits.output, self.room)
        if self.restarts > MAX_RESTARTS:
            outputs.error("NotRun", "Too many cells before this one ended the notebook's process.")
        elif self._out_of_time():
            self._not_run(index, cell, outputs)
        else:
            self._run(index, cell, outputs)
        self.room -= outputs.whole
        cell["execution_count"] = self.count
        cell["outputs"] = outputs.collected
        for output in outputs.collected:
            if output["output_type"] == "execute_result":
                output["execution_count"] = self.count
            elif output["output_type"] == "error" and index not in self.deadly:
                self._raised(cell, output)

    def _raised(self, cell: dict[str, Any], error: dict[str, Any]) -> None:
        where, limit = cells.grade_id(cell), behind(error, self.limits)
        parts = (f"Its cell stopped with {why(error, str(cell['source']))}.", limit)
        self.failures[where] = " ".join(part for part in parts if part)
        if limit:
            self.notes.append(Note("limit", f"{self._name(cell)} met a limit. {limit}", where))

    def _run(self, index: int, cell: dict[str, Any], outputs: Outputs) -> None:
        child = self._ready(index)
        limit = self.seconds[index]
        try:
            reply = self._send(child, index, outputs.add)
            if reply.error is not None:  # not even the error could be shown: the shell is not what it was
                kinds = reply.error["types"] or ["Error"]
                outputs.error(kinds[0][:200], str(reply.error["text"])[:5000])
            if self.overran:
                self._stopped(index, cell, outputs)
        except StudentTimeout:
            self._ended(index, cell, outputs, "timeout", f"was stopped after {limit:g} s.")
        except StudentCrashed:
            if self._was_lost():  # not the cell's doing: once more, in a fresh process
                outputs.restart()
                self._run(index, cell, outputs)
                return
            self._ended(index, cell, outputs, "crashed", how(child, self.limits))
        except StudentProcessError:
            self._ended(index, cell, outputs, "crashed", "broke the connection to the notebook's process.")

    def _send(self, child: Child, index: int, on_output: Callable[[dict[str, Any]], None]) -> Reply:
        """Have a cell run in its time, and count what it took: `spent`, and whether it `overran`."""
        source, begin = self._source(self.notebook["cells"][index]), time.monotonic()
        limit = sandbox.stretched(self.seconds[index])
        child.connection.limit(self.seconds[index] + GRACE)
        try:
            return child.connection.request("run", source, limit, on_output=on_output)
        finally:
            took = time.monotonic() - begin
            self.spent += took
            self.overran = took >= limit

    def _source(self, cell: dict[str, Any]) -> str:
        """What of a cell runs: all of it, but of a graded exercise's test cell not the hidden tests."""
        source = str(cell["source"])
        return cells.visible(source) if cells.grade_id(cell) in self.exercises else source

    def _out_of_time(self) -> bool:
        """Whether the notebook's cells took so long together that no more are run."""
        if not self.late and self.spent > sandbox.stretched(self.together):
            self.late = True
            self.notes.append(
                Note("timeout", f"The cells took more than {self.together:g} s together: no more were run.")
            )
        return self.late

    def _stopped(self, index: int, cell: dict[str, Any], outputs: Outputs) -> None:
        """After a cell that took too long and stopped when it was told: what it did until then stays."""
        self.deadly.add(index)
        what = f"was stopped after {self.seconds[index]:g} s."
        self._failed(cell, outputs, "timeout", what, f"{self._name(cell)} {what}")

    def _not_run(self, index: int, cell: dict[str, Any], outputs: Outputs) -> None:
        self.deadly.add(index)
        what = f"was not run: the cells before it took more than {self.together:g} s together."
        self.failures[cells.grade_id(cell)] = f"Its cell {what}"
        outputs.error("NotRun", f"{self._name(cell)} {what}")

    def _ended(self, index: int, cell: dict[str, Any], outputs: Outputs, kind: str, what: str) -> None:
        self.deadly.add(index)
        self.close()
        self._failed(cell, outputs, kind, what, f"{self._name(cell)} {what} The cells after it were run without it.")

    def _failed(self, cell: dict[str, Any], outputs: Outputs, kind: str, what: str, message: str) -> None:
        where = cells.grade_id(cell)
        self.failures[where] = f"Its cell {STATUS.sub('', what)}"
        outputs.error("Timeout" if kind == "timeout" else "ProcessEnded", message)
        self.notes.append(Note(kind, message, where))

    def _name(self, cell: dict[str, Any]) -> str:
        where = cells.grade_id(cell)
        return f"Cell {self.count}" + (f" ({where})" if where else "")

    def _ready(self, index: int) -> Child:
        """The process in which cell `index` can run: the present one, or a fresh one after the earlier cells."""
        while self.child is None:
            self.child = start(self.job.files, self.limits, libraries=self.libraries)
            self.isolation = self.child.isolation
            self.child.connection.limit(self.limits.start)
            try:
                self.child.connection.request("has", "__name__")
            except StudentCrashed:
                if not self._was_lost():
                    raise
                continue
            self._replay(index)
        return self.child

    def _replay(self, before: int) -> None:
        assert self.child is not None
        for index, cell in enumerate(self.notebook["cells"][:before]):
            if cell["cell_type"] != "code" or index in self.deadly or not runs(cell):
                continue
            if self._out_of_time():
                break
            try:
                self._send(self.child, index, lambda _: None)
            except StudentProcessError as error:
                if isinstance(error, StudentCrashed) and self._was_lost():
                    return
                self.deadly.add(index)
                self.restarts += 1
                self.close()
                return
        self.restarts += 1

    def _was_lost(self) -> bool:
        """Whether the process, which has ended, was killed from outside. If so, another may take its place, but not
        too often: it may be the student's doing all the same.
        """
        assert self.child is not None
        if not self.child.was_lost() or self.lost >= MAX_LOST:
            return False
        self.lost += 1
        self.close()
        return True

    # -- exercises ----------------------------------------------------------------------------------------------------

    def _exercise(self, index: int, exercise: Exercise) -> None:
        """Run the hidden tests: the session forks the process, so that whatever they do to it is gone afterwards.

        A test that ends the process itself (it broke a limit that is of all processes together) costs no other test:
        those after it run against a fresh one.
        """
        parts: list[ExerciseResult] = []
        outcomes: list[Outcome] = []
        while True:
            part = self._tests(index, exercise, after=len(outcomes))
            if broken := self._broken():
                if isinstance(broken, StudentCrashed) and self._was_lost():  # what the tests met was not their doing
                    continue
                part = self._culprit(exercise, part)
                self.close()
            parts.append(part)
            outcomes += part.outcomes
            if len(outcomes) >= len(grader_process(exercise.grader.parent).tests.get(exercise.id, ())):
                break
        misconception = next((part.misconception for part in parts if part.misconception), None)
        result = replace(parts[-1], outcomes=tuple(outcomes), misconception=misconception)
        self.results.append(result)
        if result.ungraded:
            detail = next((o.detail for o in result.outcomes if o.detail and o.status is Status.UNGRADED), "")
            self.notes.append(Note("ungraded", f"{exercise.id}: {detail[:500]}", exercise.test_cell))

    def _tests(self, index: int, exercise: Exercise, after: int) -> ExerciseResult:
        """The outcomes of the hidden tests from number `after` on, as far as one process takes them."""
        process = grader_process(exercise.grader.parent)
        names = cells.solution_cells(self.notebook, exercise.id)
        own = [str(cell["source"]) for cell in self.notebook["cells"] if cells.grade_id(cell) in names]
        more: dict[str, Any] = {
            "missing": " ".join(self.failures[name] for name in names if name in self.failures),
            "lines": max((source.count("\n") + 1 for source in own), default=0),
            "after": after,
        }
        try:
            connection = self._ready(index + 1).connection
        except StudentProcessError as error:
            self.close()
            self.notes.append(Note("crashed", f"The notebook's process was lost at {exercise.id}: {error}"))
            ours, theirs = socket.socketpair()
            theirs.close()
            with ours:  # every test meets a closed connection
                return process.grade(exercise, self.job, ours, **more)
        return process.grade(exercise, self.job, connection.sock, **more)

    def _culprit(self, exercise: Exercise, part: ExerciseResult) -> ExerciseResult:
        """Of the outcomes of a process that has ended, those up to the test in which it did, with the reason."""
        assert self.child is not None
        last = len(part.outcomes)
        while last and part.outcomes[last - 1].status in (Status.CRASHED, Status.TIMEOUT):
            last -= 1
        if last == len(part.outcomes):  # it ended after the last of them
            return part
        outcome = part.outcomes[last]
        stopped = outcome.status is Status.TIMEOUT
        why = "took too long in the notebook's own process." if stopped else how(self.child, self.limits)
        if self.child.exit_reason:
            outcome = replace(outcome, message=f"A call of your code {why}")
        self.notes.append(Note("crashed", f"{exercise.id}: a hidden test {why}", exercise.test_cell))
        if self.restarts > MAX_RESTARTS:
            return replace(part, outcomes=(*part.outcomes[:last], outcome, *part.outcomes[last + 1 :]))
        return replace(part, outcomes=(*part.outcomes[:last], outcome))

    def _broken(self) -> StudentProcessError | None:
        """What is wrong with the process. Tests may have run in it, where it has threads and cannot be forked."""
        if self.child is None:
            return None
        self.child.connection.limit(5.0)
        try:
            self.child.connection.request("has", "__name__")
        except StudentProcessError as error:
            return error
        return None


def runs(cell: dict[str, Any]) -> bool:
    """Whether there is something to run in a code cell: as in Jupyter, not if it is blank or has the tag for that."""
    return bool(str(cell["source"]).strip()) and SKIP_TAG not in cell.get("metadata", {}).get("tags", ())


def _seconds(notebook: dict[str, Any], job: Job) -> list[float]:
    """How long each cell may run: those of an exercise, up to its test cell, as long as the exercise says."""
    found = [job.limits.cell] * len(notebook["cells"])
    begin = 0
    for index, cell in enumerate(notebook["cells"]):
        if cells.is_autograded(cell):
            if cells.grade_id(cell) in job.seconds:
                found[begin : index + 1] = [job.seconds[cells.grade_id(cell)]] * (index + 1 - begin)
            begin = index + 1
    return found
