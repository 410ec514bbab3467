"""A class of submissions: graded in parallel, written by one process, each student as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from chainrule import audit, gradebook
from chainrule.course import Course
from chainrule.desk import Desk, Row
from chainrule.errors import SubmissionError, UnknownName
from chainrule.journal import Journal
from chainrule.model import Graded, Job
from chainrule.pending import Pending, Submission
from chainrule.pool import Interrupt, Pool
from chainrule.writer import Writer

__all__ = ["Progress", "Row", "Summary", "autograde"]


@dataclass(frozen=True)
class Summary:
    """What a run did, student by student in alphabetical order."""

    assignment: str
    rows: tuple[Row, ...]

    @property
    def failed(self) -> tuple[Row, ...]:
        """The students whose submission could not be graded."""
        return tuple(row for row in self.rows if row.error)


THEIRS = (OSError, RecursionError, SubmissionError)
"""What looking at one submission may raise: the others are graded. Of a full disk, the writer makes an end."""

Progress = Callable[[Row, int, int], None]
"""Called for each student as soon as they are written: the row, how many are done, how many there are."""


class Sink(Protocol):
    """Takes the submissions whose results are complete."""

    def write(self, batch: Sequence[Submission]) -> list[Row]:
        """Take them, and give a row for each."""

    def row(self, student: str, skipped: bool = False) -> Row:
        """The row of a student of whom nothing is to be done."""


class Looker(Protocol):
    """Finds what is to be graded, and keeps the results, as `Pending` does."""

    def look(self, student: str) -> Submission | None: ...
    def take(self, found: Submission, job: Job, result: Graded | Exception) -> None: ...
    def done(self, found: Submission) -> None: ...
    def staged(self, job: Job) -> AbstractContextManager[Job]: ...
    def sync(self) -> None: ...


def autograde(
    course: Course,
    assignment: str,
    *,
    students: Sequence[str] | None = None,
    force: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
    executor: Callable[[int], Executor] | None = None,
) -> Summary:
    """Grade the collected submissions of an assignment, with the scores that `nbgrader autograde` would give.

    What was graded before is skipped, unless the submission, the graders or the released notebook changed since, or it
    was graded in tier C and this machine does better, or with `force`. Raises `UnknownName`, `CourseError`,
    `GradebookError` and `IsolationError` for what concerns the whole run; a failure of one submission is a row. However
    a run ends, by Ctrl-C or killed, each student is written completely or not at all, and the next run goes on from
    there.
    """
    desk = Desk(course, assignment)
    collected = desk.submissions()
    chosen = sorted(collected) if students is None else known(students, collected, assignment)
    with ExitStack() as stack:
        journal = stack.enter_context(Journal(course.root, assignment))
        engine = gradebook.engine(desk.db_url)
        stack.callback(engine.dispose)
        with gradebook.transaction(engine) as connection:
            gradebook.METADATA.create_all(connection)
            audit.prepare(connection)
            pending = Pending(desk, journal, connection, force)
            writer = Writer(desk, engine, connection, "autograde --force" if force else "autograde")
        interrupt = stack.enter_context(Interrupt())
        pool = stack.enter_context(Pool(workers, executor, interrupt.check))
        rows = Round(pending, writer, pool, interrupt.check, progress).grade(chosen)
        if students is None:
            journal.clear()
    return Summary(assignment, rows)


class Round:
    """The students of a run on their way through the pool to the gradebook, or wherever `writer` puts them."""

    def __init__(
        self, pending: Looker, writer: Sink, pool: Pool, check: Callable[[], None], progress: Progress | None
    ) -> None:
        self.pending, self.writer, self.pool, self.check, self.progress = pending, writer, pool, check, progress
        self.waiting: dict[str, Submission] = {}
        self.rows: list[Row] = []
        self.total = 0

    def grade(self, students: Sequence[str]) -> tuple[Row, ...]:
        self.total = len(students)
        for student in students:
            self.check()
            found = self._look(student)
            if found is None:
                self._done(self.writer.row(student, skipped=True))
            else:
                self._start(found)
        while self.pool.busy:
            self._settle()
        return tuple(sorted(self.rows, key=lambda row: row.student))

    def _look(self, student: str) -> Submission | None:
        try:
            return self.pending.look(student)
        except THEIRS as error:
            return Submission(student, "", error=error)

    def _start(self, found: Submission) -> None:
        if not found.missing:
            self._write([found])
            return
        self.waiting[found.student] = found
        for job in found.missing:
            while self.pool.full:
                self._settle()
            if found.student not in self.waiting:
                return  # another notebook of theirs failed
            cleanup = ExitStack()
            try:
                whole = cleanup.enter_context(self.pending.staged(job))
            except THEIRS as error:
                found.error = error
                del self.waiting[found.student]
                self._write([found])
                return
            self.pool.submit(found.student, whole, cleanup)

    def _settle(self) -> None:
        complete = []
        for student, job, result in self.pool.finished():
            self.check()
            found = self.waiting.get(student)
            if found is None:
                continue  # another notebook of theirs failed
            self.pending.take(found, job, result)
            if not found.missing:
                complete.append(self.waiting.pop(student))
        self.pending.sync()
        self._write(complete)

    def _write(self, batch: Sequence[Submission]) -> None:
        found = {submission.student: submission for submission in batch}
        for row in self.writer.write(batch):
            if not row.error:
                self.pending.done(found[row.student])
            self._done(row)

    def _done(self, row: Row) -> None:
        self.rows.append(row)
        if self.progress is not None:
            self.progress(row, len(self.rows), self.total)


def known(students: Iterable[str], collected: dict[str, Path], assignment: str) -> list[str]:
    """The students in order. Raises `UnknownName` for one of whom nothing was collected."""
    chosen = sorted(set(students))
    for student in chosen:
        if student not in collected:
            raise UnknownName("submission of a student", student, collected, f"the collected ones of {assignment}")
    return chosen
