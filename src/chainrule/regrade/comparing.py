"""Compares the submissions of a run with what the gradebook holds of them, in place of writing them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection, Engine

from chainrule import gradebook, stored
from chainrule.desk import Desk, Row, words
from chainrule.model import ExerciseResult, is_weak
from chainrule.pending import Submission
from chainrule.regrade import raise_only
from chainrule.regrade.difference import CellChange, Points, StudentChange, compare
from chainrule.stored import Grade, Key, Page, Stored
from chainrule.writer import Writer

Results = dict[Key, ExerciseResult]


class Comparing:
    """A run's results on their way to a comparison. `changes` are by student, `weak` are the students graded in tier C;
    nothing is written."""

    def __init__(self, desk: Desk, engine: Engine, connection: Connection, writer: Writer, raise_only: bool) -> None:
        self.desk, self.engine, self.writer, self.raise_only = desk, engine, writer, raise_only
        self.changes: dict[str, StudentChange] = {}
        self.fingerprints: dict[str, str] = {}
        self.weak: set[str] = set()
        self.sums: dict[str, tuple[float, float]] = {}
        self.worth: dict[Key, float] = {
            (name, cell): known.points
            for name in desk.notebooks
            for cell, known in gradebook.released(connection, desk.assignment, name).items()
            if known.points is not None
        }

    def write(self, batch: Sequence[Submission]) -> list[Row]:
        """Compare them."""
        for found in batch:
            self.changes[found.student] = self.change(found)
            self.fingerprints[found.student] = found.fingerprint
            if any(is_weak(graded.isolation) for graded in found.ready.values()):
                self.weak.add(found.student)
        return [self.row(found.student) for found in batch]

    def row(self, student: str, skipped: bool = False) -> Row:
        """What a progress bar tells of a student."""
        change = self.changes[student]
        return Row(student, change.points[1], change.max_points, error=change.error)

    def change(self, found: Submission) -> StudentChange:
        """What would change. With raise-only, `found` afterwards holds the old results in place of lower ones."""
        if found.error is not None:
            return StudentChange(found.student, error=f"It could not be graded: {words(found.error)}")
        if not found.notebooks and not found.others:
            return StudentChange(found.student, error=self.desk.misnamed(found.student).error)
        try:
            return self._change(found)
        except Exception as error:
            return StudentChange(found.student, error=self.desk.failed(found.student, error).error)

    def _change(self, found: Submission) -> StudentChange:
        with gradebook.transaction(self.engine) as connection:
            before = stored.load(connection, self.desk.assignment, found.student)
        folder = self.desk.graded(found.student)
        read = {name: Page.read(folder / f"{name}.ipynb") for name in self.desk.notebooks}
        pages = {name: page for name, page in read.items() if page is not None}
        results = _results(found)
        for (_, cell), result in results.items():
            if not result.ungraded:
                self.sums[cell] = sum(outcome.max_points for outcome in result.outcomes), result.max_points
        computed = self._scores(found, before)
        worth = {key: (_worth(key, before, pages), self.worth.get(key)) for key in computed}
        after = computed
        if self.raise_only:
            raise_only.apply(found, before, computed, worth, pages)
            after = self._scores(found, before)
            raise_only.check(found, after)
        cells = []
        for key in computed:
            same = key[0] not in pages or self._is_same(found, key[0], pages[key[0]])
            change = compare(
                *key,
                before.grades.get(key),
                before.outcomes.get(key, ()),
                results.get(key),
                computed[key],
                worth[key],
                same_answers=same,
            )
            if change is not None:
                cells.append(self._as_kept(found, change))
        return self._summed(found, before, after, cells)

    def _as_kept(self, found: Submission, change: CellChange) -> CellChange:
        kept = found.kept.get((change.notebook, change.cell))
        if kept is None:
            return change
        return replace(change, points=(change.points[0], kept.points_to), computed=kept.computed, kept=True)

    def _summed(
        self, found: Submission, before: Stored, after: Mapping[Key, Points], cells: Sequence[CellChange]
    ) -> StudentChange:
        new = {key: before.grades.get(key, Grade(None)).counted(points) for key, points in after.items()}
        old = {key: grade.counted(grade.auto) for key, grade in before.grades.items()}
        graders = sorted(set(before.graders.values()))
        return StudentChange(
            found.student,
            (round(sum(old.values()), 6), round(sum((old | new).values()), 6)),
            round(sum(self.worth.values()), 6),
            self._penalties(found, before, new),
            (" ".join(graders), self.writer.graders),
            tuple(cells),
            first=not graders and all(grade.auto is None for grade in before.grades.values()),
        )

    def _penalties(self, found: Submission, before: Stored, new: Mapping[Key, float]) -> tuple[float, float]:
        after = dict(before.penalties)
        if self.writer.direct:
            late = self.writer.seconds_late(found.student, before)
            for name in found.ready:
                score = sum(points for (notebook, _), points in new.items() if notebook == name)
                after[name] = self.writer.penalty(found.student, score, late)
        return round(sum(before.penalties.values()), 6), round(sum(after.values()), 6)

    def _scores(self, found: Submission, before: Stored) -> dict[Key, Points]:
        """The automatic scores that would be written, of the cells that would be touched."""
        scores: dict[Key, Points] = {}
        for name, released in self.writer.scores.notebooks.items():
            if name not in found.ready:
                # Not handed in: no points. Handed in, and for nbgrader to run: not compared.
                if not os.path.lexists(self.desk.submitted(found.student) / f"{name}.ipynb"):
                    scores |= {(name, cell): 0.0 for cell in released.grades}
            elif self.writer.direct:
                sheet = self.writer.sheet(found, name).scores
                scores |= {(name, cell): sheet[cell] for cell in released.grades if cell in sheet}
            else:
                scores |= {(name, result.test_cell): result.points for result in found.ready[name].exercises}
        # No score, and none before: a written answer that waits.
        return {
            key: points
            for key, points in scores.items()
            if points is not None or before.grades.get(key, Grade(None)).auto is not None or key in before.outcomes
        }

    def _is_same(self, found: Submission, name: str, page: Page) -> bool:
        job = found.jobs.get(name)
        return job is None or Page.of(job.notebook).answers == page.answers


def _results(found: Submission) -> Results:
    return {(name, result.test_cell): result for name, graded in found.ready.items() for result in graded.exercises}


def _worth(key: Key, before: Stored, pages: Mapping[str, Page]) -> Points:
    """What a cell was worth when it was graded, as far as that is known."""
    if key[0] in pages and key[1] in pages[key[0]].points:
        return pages[key[0]].points[key[1]]
    outcomes = before.outcomes.get(key)
    return sum(outcome.max_points for outcome in outcomes) if outcomes else None
