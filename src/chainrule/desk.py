"""nbgrader's side of a run: its configuration, its folders, and its converter that writes one student."""

from __future__ import annotations

import contextlib
import errno
import glob
import importlib
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DatabaseError, OperationalError, SAWarning

from chainrule import foreign, gradebook, submission
from chainrule.course import Course
from chainrule.errors import ChainruleError, CourseError, GradebookError, GraderError
from chainrule.model import Graded, Job, Note


@dataclass(frozen=True)
class Row:
    """One student. `points` are the gradebook's sum; `needs_manual` says that a human still has to score a part.

    With `error` nothing was written: the submission is graded again by the next run. `skipped` says that the
    submission was graded before and nothing newer was collected.
    """

    student: str
    points: float | None = None
    max_points: float = 0.0
    notes: tuple[Note, ...] = ()
    skipped: bool = False
    error: str = ""
    needs_manual: bool = False


@dataclass
class Waiting:
    """The results of one student's notebooks, as they come."""

    missing: int
    ready: dict[str, Graded] = field(default_factory=dict)
    error: Exception | None = None

    def take(self, job: Job, result: Graded | Exception) -> None:
        self.missing -= 1
        if isinstance(result, GraderError):
            raise result  # no grader process can be started: no submission would fare better
        if isinstance(result, Exception):
            self.error = result
        else:
            self.ready[submission.fingerprint(job)] = result


class Desk:
    """What a run needs of nbgrader. Raises `CourseError` and `GradebookError` if the run cannot start."""

    def __init__(self, course: Course, assignment: str, force: bool) -> None:
        self.assignment, self.force = assignment, force
        self.log = _Log()
        self.app = _configured(course, self.log.logger)
        self.folders = self.app.coursedir
        self.db_url = str(self.folders.db_url)
        self.notebooks = self._notebooks(course)
        self.truths: dict[str, submission.Notebook | None] = {}

    def _notebooks(self, course: Course) -> list[str]:
        known = course.assignments()
        if self.assignment not in known and not Path(gradebook.place(self.db_url)).exists():
            course.require(self.assignment)
        hint = f"Run `nbgrader generate_assignment {self.assignment}` first."
        try:
            with gradebook.connect(self.db_url) as connection:
                gradebook.check(connection, self.db_url)
                found = gradebook.notebooks(connection, self.assignment)
        except gradebook.NoGradebook as error:
            raise CourseError(f"There is no gradebook yet. {hint}") from error
        if found is None and self.assignment not in known:
            course.require(self.assignment)
        if not found:
            raise CourseError(f"The gradebook does not know {self.assignment}. {hint}")
        return found

    def path(self, step: str, student: str) -> Path:
        return Path(self.folders.format_path(step, student, self.assignment))

    def submissions(self) -> dict[str, Path]:
        """The collected submissions, by student."""
        pattern = Path(self.folders.format_path(self.folders.submitted_directory, "*", self.assignment))
        where = pattern.parts.index("*")
        found = {path.parts[where]: path for path in map(Path, glob.glob(str(pattern))) if path.is_dir()}
        left_out = self.folders.student_id_exclude.split(",")
        found = {student: path for student, path in found.items() if student not in left_out}
        if not found:
            raise CourseError(
                f"There are no submissions of {self.assignment} ({pattern}). "
                f"Run `nbgrader collect {self.assignment}` or `nbgrader zip_collect {self.assignment}` first."
            )
        return found

    def wanted(self, student: str) -> bool:
        """Whether nbgrader would grade it: never graded, newer than what was graded, or all with force."""
        graded = self.path(self.folders.autograded_directory, student)
        if self.force or not graded.exists():
            return True
        new = self.folders.get_existing_timestamp(str(self.path(self.folders.submitted_directory, student)))
        old = self.folders.get_existing_timestamp(str(graded))
        return new is not None and old is not None and new > old

    def jobs(self, student: str) -> list[tuple[Job, ExitStack]]:
        """What is to be graded outside nbgrader of a student's submission."""
        converter = self.converter(student)
        grader = _grade_preprocessor(converter)
        if grader is None:
            return []
        found = []
        for name in self.notebooks:
            path = self.path(self.folders.submitted_directory, student) / f"{name}.ipynb"
            if not path.exists():
                continue
            original = self.truth(name)
            notebook = foreign.sanitized(converter, path) if original is None else submission.taken_in(path, original)
            job = None if notebook is None else grader.job_of(self.place(name), student, notebook)
            if job is not None:
                cleanup = ExitStack()
                found.append((cleanup.enter_context(self.staged(job, converter)), cleanup))
        return found

    def staged(self, job: Job, converter: Any) -> contextlib.AbstractContextManager[Job]:
        submitted = self.path(self.folders.submitted_directory, job.student)
        keep = converter.exclude_overwriting.get(self.assignment, [])
        return submission.staged(job, submitted, self.place(job.name).source, self.folders.ignore, keep)

    def place(self, notebook: str) -> submission.Place:
        return submission.Place.of(self.folders, self.assignment, notebook)

    def truth(self, notebook: str) -> submission.Notebook | None:
        if notebook not in self.truths:
            self.truths[notebook] = submission.truth(self.place(notebook))
        return self.truths[notebook]

    def converter(self, student: str) -> Any:
        from nbgrader.converters import Autograde

        self.folders.student_id = glob.escape(student)
        self.folders.assignment_id = self.assignment
        converter = Autograde(coursedir=self.folders, parent=self.app)
        converter.force = self.force
        return converter

    def write(self, student: str, waiting: Waiting) -> Row:
        """Let nbgrader's converter write one student, with the results that are ready."""
        if waiting.error is not None:
            return Row(student, error=f"It could not be graded: {_words(waiting.error)}")
        from nbgrader.converters import NbGraderException

        self.log.clear()
        submission.READY.update(waiting.ready)
        try:
            with warnings.catch_warnings():
                # nbgrader's add_submission queries while the new row is half built; what it builds is right.
                warnings.filterwarnings("ignore", "Object of type <Submitted", SAWarning)
                self.converter(student).start()
        except NbGraderException as error:
            return self._failed(student, self.log.cause or error.__context__ or error)
        finally:
            submission.READY.clear()
        return self.row(student)

    def _failed(self, student: str, cause: BaseException) -> Row:
        """A row for what concerns this student; what concerns everybody is raised."""
        for error in _chain(cause):
            if isinstance(error, OperationalError) or (isinstance(error, DatabaseError) and "locked" in str(error)):
                raise gradebook.explain(error, self.db_url) from cause
            if isinstance(error, GradebookError | GraderError):
                raise error
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
                raise CourseError(
                    f"{error.strerror}: {error.filename}. Make room, then run the command again."
                ) from cause
        folder = self.path(self.folders.submitted_directory, student)
        names = sorted(path.stem for path in folder.glob("*.ipynb"))
        if not set(names) & set(self.notebooks):
            there = f"holds {', '.join(names)}" if names else "holds no notebook"
            wanted = " or ".join(f"{name}.ipynb" for name in self.notebooks)
            return Row(student, error=f"{folder} {there}, but {wanted} is expected. Rename it, or ask for it again.")
        return Row(student, error=_words(cause))

    def row(self, student: str, skipped: bool = False) -> Row:
        """What the gradebook now says of a student."""
        with gradebook.connect(self.db_url) as connection:
            score = gradebook.score(connection, self.assignment, student)
            runs = gradebook.load(connection, self.assignment, student)
        notes = tuple(note for run in runs for note in run.notes)
        if score is None:
            return Row(student, notes=notes, skipped=skipped)
        return Row(student, score[0], score[1], notes, skipped, needs_manual=score[2])


class _Log:
    """Keeps nbgrader's log away from the terminal, and remembers what made it log an error."""

    def __init__(self) -> None:
        self.cause: BaseException | None = None
        self.logger = logging.Logger("chainrule.autograde", logging.INFO)
        handler = logging.Handler(logging.ERROR)
        handler.emit = self._emit  # type: ignore[method-assign]
        self.logger.addHandler(handler)

    def clear(self) -> None:
        self.cause = None

    def _emit(self, record: logging.LogRecord) -> None:
        # nbgrader logs the traceback as text, and raises an exception without a cause later.
        self.cause = sys.exc_info()[1] or self.cause


def _configured(course: Course, logger: logging.Logger) -> Any:
    """nbgrader with the configuration of the course, and ours if the course does not turn it on itself."""
    from nbgrader.apps import NbGrader
    from traitlets.config import Config

    path = list(sys.path)
    app = NbGrader(log=logger, raise_config_file_errors=True)
    app.load_cwd_config = False  # the course's own, wherever we are
    try:
        app.initialize([], root=str(course.root.resolve()))
    except Exception as error:
        raise CourseError(
            f"{course.root / 'nbgrader_config.py'} cannot be loaded: {_words(error)}. Correct it."
        ) from error
    finally:
        sys.path[:] = path
    if "exporter_class" not in app.config.Autograde:
        ours = Config()
        importlib.import_module("chainrule.plugins").configure(ours)
        ours.merge(app.config)
        app.config = ours
    return app


def _grade_preprocessor(converter: Any) -> Any:
    """Our preprocessor among those the course configures, if it is there: it knows the limits."""
    for kind in converter.autograde_preprocessors:
        if hasattr(kind, "limits"):
            return kind(parent=converter)
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _words(error: BaseException) -> str:
    if isinstance(error, ChainruleError):
        return str(error)
    return f"{type(error).__name__}: {error}".strip().splitlines()[0]
