"""A class of submissions: graded in parallel, written by one process, with nbgrader's own converter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from chainrule.course import Course
from chainrule.desk import Desk, Row, Waiting
from chainrule.errors import UnknownName
from chainrule.pool import Interrupt, Pool

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


Progress = Callable[[Row, int, int], None]
"""Called for each student as soon as they are written: the row, how many are done, how many there are."""


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

    As there, what was graded before is skipped unless something newer was collected, or with `force`. Raises
    `UnknownName`, `CourseError` and `GradebookError` for what concerns the whole run; a failure of one submission is
    a row. After Ctrl-C each student is either written completely or not at all.
    """
    desk = Desk(course, assignment, force)
    collected = desk.submissions()
    chosen = sorted(collected) if students is None else _known(students, collected, assignment)
    with Interrupt() as interrupt, Pool(workers, executor, interrupt.check) as pool:
        return Summary(assignment, _Class(desk, pool, interrupt.check, progress).grade(chosen))


class _Class:
    """The students of a run on their way through the pool to the gradebook."""

    def __init__(self, desk: Desk, pool: Pool, check: Callable[[], None], progress: Progress | None) -> None:
        self.desk, self.pool, self.check, self.progress = desk, pool, check, progress
        self.waiting: dict[str, Waiting] = {}
        self.rows: list[Row] = []
        self.total = 0

    def grade(self, students: Sequence[str]) -> tuple[Row, ...]:
        self.total = len(students)
        for student in students:
            self.check()
            if self.desk.wanted(student):
                self._start(student)
            else:
                self._done(self.desk.row(student, skipped=True))
        while self.pool.busy:
            self._settle()
        return tuple(sorted(self.rows, key=lambda row: row.student))

    def _start(self, student: str) -> None:
        jobs = self.desk.jobs(student)
        self.waiting[student] = Waiting(len(jobs))
        for job, cleanup in jobs:
            while self.pool.full:
                self._settle()
            self.pool.submit(student, job, cleanup)
        if not jobs:
            self._write(student)  # nbgrader's own converter does all of it

    def _settle(self) -> None:
        for student, job, result in self.pool.finished():
            self.check()
            self.waiting[student].take(job, result)
            if not self.waiting[student].missing:
                self._write(student)

    def _write(self, student: str) -> None:
        self._done(self.desk.write(student, self.waiting.pop(student)))

    def _done(self, row: Row) -> None:
        self.rows.append(row)
        if self.progress is not None:
            self.progress(row, len(self.rows), self.total)


def _known(students: Iterable[str], collected: dict[str, Path], assignment: str) -> list[str]:
    chosen = sorted(set(students))
    for student in chosen:
        if student not in collected:
            raise UnknownName("submission of a student", student, collected, f"the collected ones of {assignment}")
    return chosen
