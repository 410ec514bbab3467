"""Writes graded notebooks of a student as nbgrader's autograde converter does, without opening the gradebook again.

nbgrader's converter opens it nine times a submission and checks the notebook after each of its dozen preprocessors.
Here those that only change the notebook run as they are configured; what the others would do is done directly. Where a
course configures others, hooks, or notebooks without graders, nbgrader's converter itself does the work (`desk`).
"""

from __future__ import annotations

import json
import os
import stat
import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import SAWarning
from traitlets.config import Config

from chainrule import audit, beside, gradebook, stored, submission, written
from chainrule.desk import Desk, Row
from chainrule.errors import SubmissionError
from chainrule.model import Graded, Note, remarks
from chainrule.notebook import cells
from chainrule.pending import Submission
from chainrule.plugins import configure
from chainrule.plugins.as_nbgrader import AsNbgrader
from chainrule.plugins.grade import show
from chainrule.scores import Scores, Sheet

REPLACED = {
    "sanitize_preprocessors": ("DeduplicateIds", "OverwriteKernelspec", "OverwriteCells", "CheckCellMetadata"),
    "autograde_preprocessors": ("Grade", "SaveResults", "AssignLatePenalties", "CheckCellMetadata"),
}
"""The preprocessors whose work is done here or in `submission`, by the option that lists them."""


@dataclass(frozen=True)
class _Page:
    """All that is to be written of a student; the folder is made already."""

    found: Submission
    timestamp: datetime | None
    sheets: Mapping[str, Sheet]
    mark: written.Mark


class Writer:
    """Writes the students of one run, each as a whole. Scores that it changes go to the ledger with `reason`.

    With `settle`, marks by hand on cells whose answer and automatic score stay do not wait for a human again.
    """

    def __init__(
        self, desk: Desk, engine: Engine, connection: Connection, reason: str = "autograde", settle: bool = False
    ) -> None:
        self.desk, self.engine, self.reason, self.settle = desk, engine, reason, settle
        self.converter = desk.converter("*")
        self.direct = able(self.converter)
        self.switches = AsNbgrader(parent=self.converter)
        self.graders = submission.grader_hash(desk.place("").graders)
        steps = {kind: _steps(self.converter, kind) for kind in REPLACED}
        self._before, self._after = (
            [step for step in steps[kind] if type(step).__name__ not in REPLACED[kind]] for kind in REPLACED
        )
        self._late = [step for step in steps["autograde_preprocessors"] if hasattr(step, "init_plugin")]
        self.scores = Scores(connection, desk.assignment, self._penalty)

    def write(self, batch: Sequence[Submission]) -> list[Row]:
        """Write students' rows and folders, those of a batch in one transaction. A failure costs only its student.

        What concerns the whole run is raised.
        """
        together = [found for found in batch if self.direct and found.notebooks and not (found.others or found.error)]
        alone = [self._alone(found) for found in batch if found not in together]
        return alone + (self._together(together) if together else [])

    def _alone(self, found: Submission) -> Row:
        if found.error is not None:
            row = self.desk.failed(found.student, found.error)
            return replace(row, error=f"It could not be graded: {row.error}")
        if not found.notebooks and not found.others:
            return self.desk.misnamed(found.student)
        try:
            self._convert(found)
        except Exception as error:
            return self.desk.failed(found.student, error)
        row = self.row(found.student)
        # Of a notebook that nbgrader alone runs there is no record to keep it in.
        told = any(note.kind == beside.NOTE for note in row.notes)
        return row if told else replace(row, notes=(*row.notes, *found.beside.notes()))

    def _together(self, batch: Sequence[Submission]) -> list[Row]:
        try:
            self._write(batch)
        except Exception as error:
            if len(batch) == 1:
                return [self.desk.failed(batch[0].student, error)]
            return [row for found in batch for row in self._together([found])]
        return [self.row(found.student) for found in batch]

    def row(self, student: str, skipped: bool = False) -> Row:
        """What the gradebook now says of a student."""
        runs = gradebook.RUN
        mine = (runs.c.assignment == self.desk.assignment) & (runs.c.student == student)
        with gradebook.transaction(self.engine) as connection:
            score = gradebook.score(connection, self.desk.assignment, student)
            rows = connection.execute(select(runs.c.notes, runs.c.isolation).where(mine).order_by(runs.c.notebook))
            said = [remarks([Note(**note) for note in json.loads(text)], isolation) for text, isolation in rows]
            notes = tuple(dict.fromkeys(note for each in said for note in each))
        if score is None:
            return Row(student, notes=notes, skipped=skipped)
        return Row(student, score[0], score[1], notes, skipped, needs_manual=score[2])

    def _write(self, batch: Sequence[Submission]) -> None:
        with ExitStack() as stack:
            pages = [self._page(found, stack) for found in batch]
            with gradebook.transaction(self.engine) as connection:
                for page in pages:
                    student = page.found.student
                    graders = audit.graders_of(connection, self.desk.assignment, student)
                    changes = self.scores.write(connection, student, page.timestamp, page.sheets)
                    self._record(connection, page.found, changes, graders)
                    self._results(connection, page.found)
                    written.mark(connection, self.desk.assignment, student, page.mark)
            for page in pages:
                written.replace(self.desk.graded(page.found.student))

    def _page(self, found: Submission, stack: ExitStack) -> _Page:
        timestamp = self.desk.timestamp(self.desk.submitted(found.student))
        texts, sheets = {}, {}
        for name, notebook in found.notebooks.items():
            texts[name], sheets[name] = self._notebook(name, notebook, found.ready[name])
            if self.settle and self.is_same(found.student, name, notebook):
                sheets[name] = replace(sheets[name], settled=frozenset(sheets[name].scores))
        place = stack.enter_context(written.fresh(self.desk.graded(found.student)))
        self._folder(place, found.beside.files, texts)
        mark = written.Mark("" if found.ungraded else found.fingerprint, written.digest(place))
        return _Page(found, timestamp, sheets, mark)

    def _record(
        self, connection: Connection, found: Submission, changes: Sequence[audit.Change], graders: Mapping[str, str]
    ) -> None:
        """The ledger's rows: of a first grading none, of a score that was kept though the graders gave less, one."""
        rows = {
            (change.notebook, change.cell): change
            for change in changes
            if change.points_from is not None or change.notebook in graders
        } | found.kept
        audit.record(
            connection,
            self.desk.assignment,
            found.student,
            rows.values(),
            reason=self.reason,
            graders_from=graders,
            graders_to=self.graders,
        )

    def sheet(self, found: Submission, name: str) -> Sheet:
        """The scores that would be written of a notebook that is graded."""
        return self._notebook(name, found.jobs[name].notebook, found.ready[name])[1]

    def is_same(self, student: str, name: str, notebook: Mapping[str, Any]) -> bool:
        """Whether the answers are those of the graded notebook that is there."""
        before = stored.Page.read(self.desk.graded(student) / f"{name}.ipynb")
        return before is not None and before.answers == stored.Page.of(notebook).answers

    def _results(self, connection: Connection, found: Submission) -> None:
        for name in self.scores.notebooks:
            if name in found.ready:
                graded = replace(
                    found.ready[name], notes=submission.notes(found.notebooks[name]) + found.ready[name].notes
                )
                gradebook.store(connection, graded, self.graders, submission.versions())
            else:
                gradebook.forget(connection, self.desk.assignment, found.student, name)

    def _convert(self, found: Submission) -> None:
        """Let nbgrader's converter write, with the results that are ready. Only the mark tells whether it finished."""
        assignment, student = self.desk.assignment, found.student
        self.desk.timestamp(self.desk.submitted(student))  # it may be something that nbgrader would wait for
        self._require_regular(found)
        with gradebook.transaction(self.engine) as connection:
            before = written.begin(connection, assignment, student, lambda: _state(connection, assignment, student))
        ready = {submission.fingerprint(found.jobs[name]): graded for name, graded in found.ready.items()}
        submission.READY.update(ready)
        try:
            with self.desk.handed_over(student, found.beside), self.desk.logged(), warnings.catch_warnings():
                # nbgrader's add_submission queries while the new row is half built; what it builds is right.
                warnings.filterwarnings("ignore", "Object of type <Submitted", SAWarning)
                self.desk.converter(found.student).start()
        finally:
            submission.READY.clear()
        mark = written.Mark("" if found.ungraded else found.fingerprint, written.digest(self.desk.graded(student)))
        with gradebook.transaction(self.engine) as connection:
            self._record(
                connection, found, _changes(before, _state(connection, assignment, student)), before["graders"]
            )
            written.finish(connection, assignment, student, mark)

    def _require_regular(self, found: Submission) -> None:
        """Raises `SubmissionError` for a notebook without graders that is a link, a pipe or a folder."""
        for path in sorted(self.desk.submitted(found.student).glob("*.ipynb")):
            known = path.stem in self.desk.notebooks and path.stem not in found.notebooks
            if known and (path.is_symlink() or not path.is_file()):
                raise SubmissionError(f"{path} is not a regular file. Ask for the notebook itself.")

    def _notebook(self, name: str, taken_in: Mapping[str, Any], graded: Graded) -> tuple[str, Sheet]:
        """The text of the graded notebook, and its scores. Raises `ValueError` where nbgrader would."""
        notebook = nbformat.from_dict(taken_in)
        kernel = json.loads(self.scores.notebooks[name].kernelspec or "null")
        if kernel:
            notebook.metadata["kernelspec"] = nbformat.from_dict(kernel)
        notebook = self._run(self._before, notebook)
        show(notebook, graded, warnings_cost=self.switches.wants("warnings_cost_the_points"))
        notebook = self._run(self._after, notebook)
        text = nbformat.v4.writes(notebook).removesuffix("\n") + "\n"
        return text, _sheet(notebook, graded, self.converter.log, self.switches)

    def _folder(self, place: Path, theirs: Mapping[str, Path], texts: Mapping[str, str]) -> None:
        """Make the student's folder in `place`: their files, over them the instructor's, and the notebooks."""
        kept = self.converter.exclude_overwriting.get(self.desk.assignment, ())
        found = {**theirs, **{name: path for name, path in self.desk.files.items() if name not in kept}}
        place.parent.mkdir(parents=True, exist_ok=True)
        place.mkdir(0o777 if found else 0o755)  # as nbgrader or nbconvert would
        for name, path in found.items():
            beside.copy(path, place / name)
        for name, text in texts.items():
            (place / f"{name}.ipynb").write_text(text, encoding="utf-8")
        self._set_permissions(place)

    def _run(self, steps: list[Any], notebook: Any) -> Any:
        for step in steps:
            notebook, _ = step(notebook, {})
        return notebook

    def seconds_late(self, student: str, before: stored.Stored) -> float:
        """How late the submission is that is there now, as it would be written."""
        return self.scores.seconds_late(
            self.desk.timestamp(self.desk.submitted(student)) or before.timestamp, before.extension
        )

    def penalty(self, student: str, score: float, seconds_late: float) -> float:
        """The points that would be taken off a notebook."""
        return (self._penalty(student, score, seconds_late) or 0.0) if seconds_late > 0 else 0.0

    def _penalty(self, student: str, score: float, seconds_late: float) -> float | None:
        (late,) = self._late
        late.init_plugin()
        penalty = late.plugin_inst.late_submission_penalty(student, score, seconds_late)
        return None if penalty is None else float(late._check_late_penalty(SimpleNamespace(score=score), penalty))

    def _set_permissions(self, place: Path) -> None:
        permissions = int(str(self.converter.permissions), 8)
        for parent, _, names in os.walk(place):
            for name in names:
                os.chmod(os.path.join(parent, name), permissions)
            self._share(parent)
        self._share(self.desk.folders.format_path(self.desk.folders.autograded_directory, ".", "."))

    def _share(self, folder: str) -> None:
        mode = stat.S_IMODE(os.stat(folder).st_mode)
        if self.desk.folders.groupshared and mode & 0o2770 != 0o2770:
            with suppress(PermissionError):
                os.chmod(folder, (mode | 0o2770) & 0o2777)


def able(converter: Any) -> bool:
    """Whether the course leaves nbgrader's converter as `configure` sets it up, so that `Writer` does the same."""
    ours = Config()
    configure(ours)
    return (
        all(getattr(converter, name) == ours.Autograde[name] for name in ("exporter_class", *REPLACED))
        and all(
            step.enabled
            for kind, names in REPLACED.items()
            for step in _steps(converter, kind)
            if type(step).__name__ in names
        )
        and converter.create_student
        and converter.coursedir.notebook_id == "*"
        and not converter.pre_convert_hook
        and not converter.post_convert_hook
        and "FilesWriter" not in converter.config
    )


def _steps(converter: Any, kind: str) -> list[Any]:
    """The preprocessors as nbgrader's converter would make them."""
    exporter = converter.exporter_class(parent=converter, config=converter.config)
    return [step(parent=exporter) for step in getattr(converter, kind)]


def _state(connection: Connection, assignment: str, student: str) -> dict[str, Any]:
    """Of a student's submission the scores and the graders that gave them, as JSON."""
    grades = stored.load(connection, assignment, student).grades
    return {
        "scores": [[notebook, cell, grade.auto, grade.manual] for (notebook, cell), grade in grades.items()],
        "graders": audit.graders_of(connection, assignment, student),
    }


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[audit.Change]:
    old = {(notebook, cell): auto for notebook, cell, auto, _ in before["scores"]}
    return [
        audit.Change(notebook, cell, old[notebook, cell], auto, manual)
        for notebook, cell, auto, manual in after["scores"]
        if (notebook, cell) in old and old[notebook, cell] != auto
    ]


def _sheet(notebook: Any, graded: Graded, log: Any, switches: AsNbgrader) -> Sheet:
    """The scores and comments that nbgrader's SaveAutoGrades would save, and ours for exercises with a grader."""
    from nbgrader import utils

    scores: dict[str, float | None] = {result.test_cell: result.points for result in graded.exercises}
    comments: dict[str, str | None] = {}
    for cell in notebook.cells:
        name = cells.grade_id(cell)
        if name in scores:
            continue
        if cells.is_grade(cell):
            try:
                scores[name] = utils.determine_grade(cell, log)[0]
            except (KeyError, ValueError):
                if switches.wants("a_bad_result_drops_the_submission"):
                    raise
                scores[name] = None
        if cells.is_solution(cell) or cells.is_task(cell):
            untouched = cells.nbgrader(cell).get("checksum") == utils.compute_checksum(cell)
            comments[name] = "No response." if untouched and not cells.is_task(cell) else None
    return Sheet(scores, comments)
