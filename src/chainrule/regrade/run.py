"""Grades an assignment again and compares before anything is written; what was computed can then be applied.

The results wait in a journal of their own, `.chainrule/regrade/<assignment>.jsonl`, under keys that are digests of all
they depend on: applying, or a second look, computes nothing that is known. Only `apply` touches the gradebook.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from types import TracebackType
from typing import Self

import nbgrader.api as nb
from sqlalchemy import Connection, select

from chainrule import audit, gradebook
from chainrule.autograde import Progress, Round, Sink, Summary, known
from chainrule.course import Course
from chainrule.desk import Desk, Row
from chainrule.errors import CourseError, UnknownName
from chainrule.journal import Journal
from chainrule.pending import Pending, Submission
from chainrule.pool import Interrupt, Pool
from chainrule.regrade import drift
from chainrule.regrade.comparing import Comparing
from chainrule.regrade.difference import Difference
from chainrule.writer import Writer


class Regrade:
    """A regrade of one assignment, in a `with` statement: `compare`, then perhaps `apply`.

    Raises what `autograde` raises, and `CourseError` where raise-only cannot be promised.
    """

    def __init__(
        self,
        course: Course,
        assignment: str,
        *,
        students: Sequence[str] | None = None,
        raise_only: bool = False,
        workers: int | None = None,
        executor: Callable[[int], Executor] | None = None,
    ) -> None:
        self.root, self.raise_only = course.root, raise_only
        self.everybody = students is None
        self.workers, self.executor = workers, executor
        self.desk = Desk(course, assignment)
        collected = self.desk.submissions()
        self.students = sorted(collected) if students is None else known(students, collected, assignment)
        self.seen: dict[str, str] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.journal = stack.enter_context(Journal(self.root, self.desk.assignment, "regrade"))
            self.engine = gradebook.engine(self.desk.db_url)
            stack.callback(self.engine.dispose)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, where)

    def compare(self, progress: Progress | None = None) -> Difference:
        """Grade, and compare with what is stored. Writes nothing but its own journal."""
        with gradebook.transaction(self.engine) as connection:
            pending = Pending(self.desk, self.journal, connection, force=False)
            writer = Writer(self.desk, self.engine, connection)
            comparing = Comparing(self.desk, self.engine, connection, writer, self.raise_only)
            warnings = self._drift(connection)
        if self.raise_only and not writer.direct:
            raise CourseError(
                "--raise-only cannot be promised in this course: nbgrader_config.py sets Autograde's preprocessors, "
                "exporter or hooks, and what they write is not known before. Regrade without it."
            )
        if not writer.direct:
            warnings.append(
                "nbgrader_config.py sets Autograde's preprocessors, exporter or hooks: only exercises with graders are "
                "compared."
            )
        self.journal.under(pending.asked)
        self._run(_Looking(pending), comparing, progress)
        self.seen = comparing.fingerprints
        students = sorted(comparing.changes.values(), key=lambda change: (-abs(change.gain), change.student))
        warnings += drift.of_points(comparing.sums, self.desk.place("").graders)
        warnings += drift.of_isolation(len(comparing.weak), len(students))
        return Difference(self.desk.assignment, pending.graders, self.raise_only, tuple(students), tuple(warnings))

    def may_apply(self, found: Difference, reason: str) -> None:
        """Raise `CourseError` if scores would change without a reason that the ledger can keep."""
        if found.changes_scores and not reason.strip():
            raise CourseError(
                "Nothing was written: this changes scores, and the ledger wants to know why. Give --reason TEXT, "
                "or --dry-run to look only. What was computed is kept."
            )

    def apply(self, reason: str, progress: Progress | None = None) -> Summary:
        """Write what `compare` showed, each student as a whole, and the ledger's rows with it.

        Who was collected again since is a row with an error. However it ends, the next regrade goes on from there.
        """
        with Journal(self.root, self.desk.assignment):  # no autograde at the same time
            with gradebook.transaction(self.engine) as connection:
                gradebook.METADATA.create_all(connection)
                audit.prepare(connection)
                pending = Pending(self.desk, self.journal, connection, force=False)
                writer = Writer(self.desk, self.engine, connection, reason or "regrade", settle=True)
                comparing = Comparing(self.desk, self.engine, connection, writer, self.raise_only)
            applying = _Applying(pending, writer, comparing, self.seen)
            rows = self._run(_Looking(pending, repair=True), applying, progress)
        summary = Summary(self.desk.assignment, rows)
        if self.everybody and not summary.failed:
            self.journal.clear()
        return summary

    def _run(self, looking: _Looking, sink: Sink, progress: Progress | None) -> tuple[Row, ...]:
        with Interrupt() as interrupt, Pool(self.workers, self.executor, interrupt.check) as pool:
            return Round(looking, sink, pool, interrupt.check, progress).grade(self.students)

    def _drift(self, connection: Connection) -> list[str]:
        source = self.desk.place("").source
        return [
            warning
            for name in self.desk.notebooks
            for warning in drift.between(
                source / f"{name}.ipynb", gradebook.released(connection, self.desk.assignment, name)
            )
        ]


def ledger(course: Course, assignment: str | None = None, student: str | None = None) -> list[audit.Entry]:
    """The changed scores of a course, oldest first. Raises `GradebookError`, and `UnknownName`."""
    from chainrule.report.connect import course_directory, database  # pandas comes with it

    with gradebook.connect(database(course_directory(course))) as connection:
        if assignment is not None and gradebook.notebooks(connection, assignment) is None:
            course.require(assignment)
        entries = audit.load(connection, assignment, student)
        if student is not None and not entries:
            people = connection.execute(select(nb.Student.id)).scalars().all()
            if student not in people:
                raise UnknownName("student", student, people, "the gradebook")
        return entries


class _Looking:
    """Looks at every submission, written or not. Results stay in the journal until the whole regrade is done."""

    def __init__(self, pending: Pending, repair: bool = False) -> None:
        self.pending, self.repair = pending, repair
        self.take, self.staged, self.sync = pending.take, pending.staged, pending.sync

    def look(self, student: str) -> Submission | None:
        if self.repair:
            self.pending.repair(student)
        return self.pending.again(student)

    def done(self, found: Submission) -> None:
        pass


class _Applying:
    """Writes what was shown before."""

    def __init__(self, pending: Pending, writer: Writer, comparing: Comparing, seen: dict[str, str]) -> None:
        self.pending, self.writer, self.comparing, self.seen = pending, writer, comparing, seen

    def write(self, batch: Sequence[Submission]) -> list[Row]:
        rows, chosen = [], []
        for found in batch:
            change = self.comparing.change(found)
            if change.error:
                rows.append(Row(found.student, error=change.error))
            elif found.fingerprint != self.seen.get(found.student):
                rows.append(
                    Row(
                        found.student,
                        error="The submission, the graders or the release changed meanwhile. Run it again.",
                    )
                )
            elif all(cell.kept for cell in change.cells) and self.pending.is_written(found):
                rows.append(self.row(found.student, skipped=True))
            else:
                chosen.append(found)
        return rows + self.writer.write(chosen)

    def row(self, student: str, skipped: bool = False) -> Row:
        return self.writer.row(student, skipped)
