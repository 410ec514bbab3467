"""What of a submission is still to be graded: nothing if it was written before, or what the journal does not know."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, select

from chainrule import beside, foreign, gradebook, sandbox, submission, written
from chainrule.audit import Change
from chainrule.desk import Desk
from chainrule.errors import CourseError, FileNotPlaced, GraderError, IsolationError, SubmissionError
from chainrule.journal import Journal
from chainrule.limits import of_source
from chainrule.model import Graded, Job, Limits, is_weak
from chainrule.notebook import intake


@dataclass
class Submission:
    """One student's submission on its way through a run.

    `notebooks` are those whose exercises have graders, as they were taken in. With `others`, it has notebooks without
    graders too. `jobs` are of both kinds, with their `keys` in the journal, and the results that are `ready`.
    `kept` are, by notebook and cell, the scores that a raise-only regrade keeps in place of lower ones. `beside` is
    what lies beside its notebooks.
    """

    student: str
    fingerprint: str
    others: bool = False
    notebooks: dict[str, submission.Notebook] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    ready: dict[str, Graded] = field(default_factory=dict)
    error: Exception | None = None
    kept: dict[tuple[str, str], Change] = field(default_factory=dict)
    beside: beside.Listing = field(default_factory=beside.Listing)

    @property
    def missing(self) -> list[Job]:
        """The jobs that have no result."""
        return [] if self.error else [job for name, job in self.jobs.items() if name not in self.ready]

    @property
    def ungraded(self) -> bool:
        """Whether a fault of ours left something ungraded: the next run tries again."""
        return any(exercise.ungraded for graded in self.ready.values() for exercise in graded.exercises)


class Pending:
    """Finds what is to be graded. With `force` that is everything, as if nothing were known."""

    def __init__(self, desk: Desk, journal: Journal, connection: Connection, force: bool) -> None:
        self.desk, self.journal, self.force = desk, journal, force
        place, self.converter = desk.place(""), desk.converter("*")
        self.grader = _grader(self.converter)
        self.limits: Limits | None = None if self.grader is None else self.grader.limits
        self.keep = tuple(self.converter.exclude_overwriting.get(desk.assignment, ()))
        self.graders = submission.grader_hash(place.graders)
        self.files = {name: beside.digest(path.resolve()) for name, path in desk.files.items()}
        self.truths = {name: submission.truth(desk.place(name)) for name in desk.notebooks} if self.limits else {}
        released = [
            (name, {cell: vars(known) for cell, known in gradebook.released(connection, desk.assignment, name).items()})
            for name in desk.notebooks
        ]
        graded = [name for name, truth in self.truths.items() if truth is not None]
        limits = None if self.limits is None else vars(self.limits)
        switches = {} if self.grader is None else self.grader.switches
        own = [of_source(place.source / f"{name}.ipynb") for name in desk.notebooks]
        self.asked = submission.digest([released, graded, self.graders, self.files, self.keep, limits, own, switches])
        known = inspect(connection).has_table(written.WRITTEN.name)  # not where nothing was graded, and nothing may be
        self.marks = written.marks(connection, desk.assignment) if known else {}
        self.stale = _stale(connection, desk.assignment, self.graders) if known else set()
        self.weak = _weak(connection, desk.assignment) if known else set()

    def look(self, student: str) -> Submission | None:
        """A student's submission, or None if it is graded and written."""
        self.repair(student)
        return self._look(student, lambda found: not self.force and self.is_written(found))

    def repair(self, student: str) -> None:
        """Put right what a killed run left of a student's folder."""
        written.repair(self.desk.graded(student), self.marks.get(student))

    def again(self, student: str) -> Submission:
        """A student's submission, written or not. Nothing on the disk is touched."""
        found = self._look(student, lambda _: False)
        assert found is not None
        return found

    def _look(self, student: str, skip: Callable[[Submission], bool]) -> Submission | None:
        folder = self.desk.submitted(student)
        listing = self.desk.theirs(student, self.keep)
        files = {name: beside.digest(path) for name, path in listing.files.items()}
        there = {name: folder / f"{name}.ipynb" for name in self.desk.notebooks}
        there = {name: path for name, path in there.items() if os.path.lexists(path)}
        contents = {name: beside.digest(path, intake.MAX_BYTES) for name, path in there.items()}
        asked = [self.asked, files, contents, *([listing.left_out] if listing.left_out else [])]
        found = Submission(student, submission.digest(asked), beside=listing)
        if skip(found):
            return None
        files.pop(submission.TIMESTAMP, None)
        for name, path in there.items():
            self._take_in(found, name, path, files)
        return found

    def take(self, found: Submission, job: Job, result: Graded | Exception) -> None:
        """Keep a result, in the journal too. A fault of ours is not kept there: the next run tries again."""
        if isinstance(result, GraderError | IsolationError):
            raise result  # no grader or student process can be started: no submission would fare better
        if isinstance(result, FileNotPlaced) and result.name in self.desk.files and result.name not in self.keep:
            raise CourseError(f"{self.desk.place('').source}: {result}") from result  # nobody's file but ours
        if isinstance(result, Exception):
            found.error = result
            return
        found.ready[job.name] = result
        if not any(exercise.ungraded for exercise in result.exercises):
            self.journal.put(found.keys[job.name], result)

    def done(self, found: Submission) -> None:
        """It is written: the journal need not know of it any longer."""
        for key in found.keys.values():
            self.journal.forget(key)

    def sync(self) -> None:
        """What was kept survives a power failure."""
        self.journal.sync()

    def staged(self, job: Job) -> Any:
        """The job with the files that belong beside the notebook, in a `with` statement."""
        source = self.desk.place(job.name).source
        return submission.staged(job, self.desk.submitted(job.student), source, self.desk.ignore, self.keep)

    def _take_in(self, found: Submission, name: str, path: Path, files: dict[str, str]) -> None:
        truth = self.truths.get(name)
        notebook: submission.Notebook | None
        if truth is None or self.grader is None:
            found.others = True
            notebook = None if self.grader is None else foreign.sanitized(self.converter, path)
        else:
            notebook = found.notebooks[name] = submission.taken_in(path, truth)
        if self.grader is None or notebook is None:
            return
        job = self.grader.job_of(self.desk.place(name), found.student, notebook)
        if job is None:
            return  # for nbgrader to run
        found.jobs[name] = job
        asked = [submission.fingerprint(job), files, self.files, self.keep, self.graders, submission.versions()]
        asked += [found.beside.left_out] if found.beside.left_out else []  # the result says so
        found.keys[name] = submission.digest(asked)
        known = None if self.force else self.journal.get(found.keys[name])
        if known is not None and not (is_weak(known.isolation) and self._shuts_in):
            found.ready[name] = known

    def is_written(self, found: Submission) -> bool:
        """Whether this very submission is graded by what is here now, and written."""
        folder, mark = self.desk.graded(found.student), self.marks.get(found.student)
        if found.student in self.weak and self._shuts_in:
            return False
        if mark is not None:
            return mark.fingerprint == found.fingerprint and mark.folder == written.digest(folder)
        return folder.exists() and found.student not in self.stale and not self._is_newer(found.student)

    @cached_property
    def _shuts_in(self) -> bool:
        """Whether this machine does better than a grade of which nothing shut the student's code in."""
        try:
            return sandbox.strong()
        finally:
            sandbox.close()  # the workers have zygotes of their own

    def _is_newer(self, student: str) -> bool:
        """nbgrader's rule, for what nbgrader itself graded."""
        try:
            new = self.desk.timestamp(self.desk.submitted(student))
            old = self.desk.timestamp(self.desk.graded(student))
        except SubmissionError:
            return True
        return new is not None and old is not None and new > old


def _grader(converter: Any) -> Any | None:
    """Our preprocessor among those the course configures; None without it."""
    return next((kind(parent=converter) for kind in converter.autograde_preprocessors if hasattr(kind, "job_of")), None)


def _stale(connection: Connection, assignment: str, graders: str) -> set[str]:
    """The students who were graded with other graders."""
    runs = gradebook.RUN
    rows = connection.execute(
        select(runs.c.student).where(runs.c.assignment == assignment, runs.c.grader_hash != graders)
    )
    return set(rows.scalars())


def _weak(connection: Connection, assignment: str) -> set[str]:
    """The students who were graded with nothing around their code but a process."""
    runs = gradebook.RUN
    rows = connection.execute(select(runs.c.student, runs.c.isolation).where(runs.c.assignment == assignment))
    return {student for student, isolation in rows if is_weak(isolation)}
