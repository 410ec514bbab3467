"""Grades one submission: runs its cells in a student process, its hidden tests in the grader process, keeps the clocks.

`grade(job)` needs neither gradebook nor course folder, so any executor can run it. A student's failure is part of the
result; only a fault of ours that leaves nothing to report raises.
"""

from __future__ import annotations

import atexit
import contextlib
import copy
import os
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chainrule import sandbox
from chainrule.errors import StudentCrashed, StudentProcessError, StudentTimeout
from chainrule.graderprocess import GraderProcess
from chainrule.model import Exercise, ExerciseResult, Graded, Job, Limits, Note
from chainrule.notebook import cells
from chainrule.notebook.outputs import Outputs
from chainrule.sandbox import Child, Reply, imported, start

MAX_RESTARTS = 12
"""A notebook in which more cells than this end its process is not run further."""

GRACE = 4.0
"""Seconds that an interrupted cell has to stop, before its process is killed."""

SKIP_TAG = "skip-execution"
"""Jupyter's tag of a cell that is not to be run."""

MAX_LOST = 3
"""So many times a process that was killed, perhaps from outside, is replaced without a word."""

_graders: dict[Path, GraderProcess] = {}
_templates: dict[Path, socket.socket] = {}
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
    while _graders:
        _graders.popitem()[1].close()
    sandbox.close()


@atexit.register
def _at_exit() -> None:
    if os.getpid() == _owner:  # a fork of this process owns none of them
        close()


def grader_process(folder: Path) -> GraderProcess:
    """The warm grader process for a folder, started on first use."""
    if folder not in _graders:
        _graders[folder] = GraderProcess(folder, _templates.get(folder))
    return _graders[folder]


def adopt(folder: Path, template: socket.socket) -> None:
    """Copy the grader process of a folder from now on, by the control socket of its `GraderTemplate`."""
    _templates[folder] = template


class _Run:
    """One notebook on its way: the process it runs in, which cells ended one, what was found."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.notebook: dict[str, Any] = copy.deepcopy(job.notebook)
        self.exercises = {exercise.test_cell: exercise for exercise in job.exercises}
        self.results: list[ExerciseResult] = []
        self.notes: list[Note] = []
        self.failures: dict[str, str] = {}  # grade_id of a cell: why it did not run to its end
        self.deadly: set[int] = set()  # cells not to run again
        self.child: Child | None = None
        self.isolation = ""
        self.libraries = imported(self.notebook)
        self.seconds = _seconds(self.notebook, job)
        self.together = job.limits.cells + sum(job.seconds.values())
        self.spent = 0.0  # seconds that cells ran, those run again for a fresh process too
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
                self.failures[cells.grade_id(cell)] = f"Its cell stopped with {_first_line(output)}."

    def _run(self, index: int, cell: dict[str, Any], outputs: Outputs) -> None:
        child = self._ready(index)
        limit, begin = self.seconds[index], time.monotonic()
        try:
            reply = self._send(child, index, outputs.add)
            if reply.error is not None:  # not even the error could be shown: the shell is not what it was
                kinds = reply.error["types"] or ["Error"]
                outputs.error(kinds[0][:200], str(reply.error["text"])[:5000])
            if time.monotonic() - begin >= limit:
                self._stopped(index, cell, outputs)
        except StudentTimeout:
            self._ended(index, cell, outputs, "timeout", f"was stopped after {limit:g} s.")
        except StudentCrashed:
            how = _how(child, self.job.limits)
            if child.lost and self.lost < MAX_LOST:  # not the cell's doing: once more, in a fresh process
                self.lost += 1
                self.close()
                outputs.restart()
                self._run(index, cell, outputs)
                return
            self._ended(index, cell, outputs, "crashed", how)
        except StudentProcessError:
            self._ended(index, cell, outputs, "crashed", "broke the connection to the notebook's process.")

    def _send(self, child: Child, index: int, on_output: Callable[[dict[str, Any]], None]) -> Reply:
        """Have a cell run in its time, and count what it took."""
        source, limit, begin = self._source(self.notebook["cells"][index]), self.seconds[index], time.monotonic()
        child.connection.limit(limit + GRACE)
        try:
            return child.connection.request("run", source, limit, on_output=on_output)
        finally:
            self.spent += time.monotonic() - begin

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
        self.failures[where] = f"Its cell {what}"
        outputs.error("Timeout" if kind == "timeout" else "ProcessEnded", message)
        self.notes.append(Note(kind, message, where))

    def _name(self, cell: dict[str, Any]) -> str:
        where = cells.grade_id(cell)
        return f"Cell {self.count}" + (f" ({where})" if where else "")

    def _ready(self, index: int) -> Child:
        """The process in which cell `index` can run: the present one, or a fresh one after the earlier cells."""
        while self.child is None:
            self.child = start(self.job.files, self.job.limits, libraries=self.libraries)
            self.isolation = self.child.isolation
            self.child.connection.limit(self.job.limits.start)
            self.child.connection.request("has", "__name__")
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
            except StudentProcessError:
                self.deadly.add(index)
                self.restarts += 1
                self.close()
                return
        self.restarts += 1

    # -- exercises ----------------------------------------------------------------------------------------------------

    def _exercise(self, index: int, exercise: Exercise) -> None:
        """Run the hidden tests: the session forks the process, so that whatever they do to it is gone afterwards."""
        process = grader_process(exercise.grader.parent)
        missing = " ".join(
            self.failures[name] for name in cells.solution_cells(self.notebook, exercise.id) if name in self.failures
        )
        try:
            connection = self._ready(index + 1).connection
            self.results.append(process.grade(exercise, self.job, connection.sock, missing=missing))
            self._check_alive()
        except StudentProcessError as error:
            if self._was_lost():
                self._exercise(index, exercise)
                return
            self.close()
            self.notes.append(Note("crashed", f"The notebook's process was lost at {exercise.id}: {error}"))
            if len(self.results) == 0 or self.results[-1].exercise != exercise.id:
                self.results.append(self._lost(process, exercise, missing))
        if self._was_lost():  # what the tests met was not the student's doing
            self.results.pop()
            self._exercise(index, exercise)
            return
        if self.results[-1].ungraded:
            detail = next((o.detail for o in self.results[-1].outcomes if o.detail), "")
            self.notes.append(Note("ungraded", f"{exercise.id}: {detail[:500]}", exercise.test_cell))

    def _was_lost(self) -> bool:
        """Whether the process was killed from outside. If so, and not too often, it is gone and can be replaced."""
        if self.child is None or not self.child.was_lost() or self.lost >= MAX_LOST:
            return False
        self.lost += 1
        self.close()
        return True

    def _lost(self, process: GraderProcess, exercise: Exercise, missing: str) -> ExerciseResult:
        """The result of an exercise whose process ended itself: every test meets a closed connection."""
        ours, theirs = socket.socketpair()
        theirs.close()
        with ours:
            return process.grade(exercise, self.job, ours, missing=missing)

    def _check_alive(self) -> None:
        """Is the process still usable? Tests may have run in it, where it has threads and cannot be forked."""
        assert self.child is not None
        self.child.connection.limit(5.0)
        with contextlib.suppress(StudentProcessError):
            self.child.connection.request("has", "__name__")
            return
        self.close()


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


def _how(child: Child, limits: Limits) -> str:
    """How a cell ended its process, to be read after the cell's name."""
    status = child.exit_status()
    if child.exit_reason == "memory":
        return f"used more than {limits.memory / (1 << 30):g} GiB of memory and was stopped."
    if child.exit_reason == "processes":
        return f"started more than {limits.processes} processes and was stopped."
    if child.exit_reason == "disk":
        return f"wrote more than {limits.disk / (1 << 20):g} MiB of files, or very many, and was stopped."
    how = f" (exit status {status})" if status is not None and status >= 0 else ""
    return f"ended the notebook's process{how}."


def _first_line(error: dict[str, Any]) -> str:
    """The error in a few words, without the name of a temporary file."""
    lines = error["evalue"].strip().splitlines() or [""]
    text = re.sub(r"\(<ipython-input-[^>]*>, (line \d+)\)", r"(\1)", lines[0])
    return f"{error['ename']}: {text}"[:300].rstrip(": .")
