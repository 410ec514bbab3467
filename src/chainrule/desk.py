"""nbgrader's side of a run: its configuration, its folders, its converter, and what its errors mean."""

from __future__ import annotations

import errno
import glob
import logging
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DatabaseError, OperationalError

from chainrule import beside, gradebook, submission, temporary
from chainrule.course import Course
from chainrule.errors import (
    ChainruleError,
    CourseError,
    GradebookError,
    GraderError,
    IsolationError,
    SubmissionError,
)
from chainrule.limits import Beside, of_config, together
from chainrule.model import Limits, Note
from chainrule.plugins import configure


@dataclass(frozen=True)
class Row:
    """One student. `points` are the gradebook's sum; `needs_manual` says that a human still has to score a part.

    With `error` nothing was written: the submission is graded again by the next run. `skipped` says that the
    same submission was graded before, by the same graders.
    """

    student: str
    points: float | None = None
    max_points: float = 0.0
    notes: tuple[Note, ...] = ()
    skipped: bool = False
    error: str = ""
    needs_manual: bool = False


class Desk:
    """What a run needs of nbgrader. Raises `CourseError` and `GradebookError` if the run cannot start."""

    def __init__(self, course: Course, assignment: str) -> None:
        self.root, self.assignment = course.root, assignment
        self.log = _Log()
        self.app = _configured(course, self.log.logger)
        self.folders = self.app.coursedir
        self.db_url = str(self.folders.db_url)
        self.ignore = tuple(self.folders.ignore)
        self.notebooks = self._notebooks(course)

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

    def submitted(self, student: str) -> Path:
        return Path(self.folders.format_path(self.folders.submitted_directory, student, self.assignment))

    def graded(self, student: str) -> Path:
        return Path(self.folders.format_path(self.folders.autograded_directory, student, self.assignment))

    def place(self, notebook: str) -> submission.Place:
        return submission.Place.of(self.folders, self.assignment, notebook)

    @cached_property
    def files(self) -> dict[str, Path]:
        """The instructor's files beside the notebooks."""
        return beside.ours(self.place("").source, self.ignore)

    @cached_property
    def bounds(self) -> Beside:
        """What of a submission's files is looked at. Raises `CourseError`."""
        course = replace(Limits(), **of_config(self.app.config))
        source = self.place("").source
        disk = max(together(course, source / f"{name}.ipynb")[0].disk for name in self.notebooks)
        return Beside(total=disk, file=disk)

    def theirs(self, student: str, keep: Sequence[str]) -> beside.Listing:
        """A student's files beside the notebooks; those to `keep` are not replaced. Raises `SubmissionError`."""
        return beside.theirs(self.submitted(student), self.ignore, self.bounds, self.files, keep)

    def submissions(self) -> dict[str, Path]:
        """The collected submissions, by student."""
        pattern = self.submitted("*")
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

    def timestamp(self, folder: Path) -> datetime | None:
        """When it was submitted, as nbgrader reads it. Raises `SubmissionError`."""
        path = folder / submission.TIMESTAMP
        if os.path.lexists(path) and (path.is_symlink() or not path.is_file()):  # nobody waits for a pipe
            raise SubmissionError(f"{path} is not a regular file. Write the time into one, or remove it.")
        try:
            found: datetime | None = self.folders.get_existing_timestamp(str(folder))
        except Exception as error:  # nbgrader's own handling of a bad one fails
            raise SubmissionError(f"{path} is no time. Correct it, or remove it.") from error
        return found

    def converter(self, student: str) -> Any:
        """nbgrader's own, which grades and writes one student in place of what is there."""
        from nbgrader.converters import Autograde

        self.folders.student_id = glob.escape(student)
        self.folders.assignment_id = self.assignment
        converter = Autograde(coursedir=self.folders, parent=self.app)
        converter.force = True
        return converter

    @contextmanager
    def handed_over(self, student: str, listing: beside.Listing) -> Iterator[None]:
        """While nbgrader's converter runs, which copies all that it finds, and follows links.

        Where there is something that `listing` leaves out, it finds a copy of the submission without that.
        """
        if not listing.left_out:
            yield
            return
        submitted, before = self.submitted(student), self.folders.submitted_directory
        with temporary.folder("files") as folder:
            place = Path(self.folders.format_path(str(folder), student, self.assignment))
            if not place.is_relative_to(folder):
                raise SubmissionError(
                    f"{submitted} holds what is left out ({', '.join(map(beside.shown, listing.left_out))}), and "
                    "CourseDirectory.directory_structure leaves no way around it. Remove it by hand."
                )
            for name, path in listing.files.items():
                beside.copy(path, place / name)
                shutil.copystat(path, place / name)
            for path in submitted.glob("*.ipynb"):
                _same_kind(path, place / path.name)
            self.folders.submitted_directory = str(folder)
            try:
                yield
            finally:
                self.folders.submitted_directory = before

    @contextmanager
    def logged(self) -> Iterator[None]:
        """Raises what made nbgrader fail, in place of its own words for it."""
        from nbgrader.converters import NbGraderException

        self.log.clear()
        try:
            yield
        except NbGraderException as error:
            raise self.log.cause or error.__context__ or error from None

    def failed(self, student: str, cause: BaseException) -> Row:
        """A row for what concerns this student; what concerns everybody is raised."""
        for error in _chain(cause):
            if isinstance(error, OperationalError) or (isinstance(error, DatabaseError) and "locked" in str(error)):
                raise gradebook.explain(error, self.db_url) from cause
            if isinstance(error, GradebookError | GraderError | IsolationError):
                raise error
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
                raise CourseError(
                    f"{error.strerror}: {error.filename}. Make room, then run the command again."
                ) from cause
        return Row(student, error=words(cause))

    def misnamed(self, student: str) -> Row:
        """A row for a submission without any notebook of the assignment."""
        folder = self.submitted(student)
        names = sorted(path.stem for path in folder.glob("*.ipynb"))
        there = f"holds {', '.join(names)}" if names else "holds no notebook"
        wanted = " or ".join(f"{name}.ipynb" for name in self.notebooks)
        return Row(student, error=f"{folder} {there}, but {wanted} is expected. Rename it, or ask for it again.")


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
            f"{course.root / 'nbgrader_config.py'} cannot be loaded: {words(error)}. Correct it."
        ) from error
    finally:
        sys.path[:] = path
    if "exporter_class" not in app.config.Autograde:
        ours = Config()
        configure(ours)
        ours.merge(app.config)
        app.config = ours
    return app


def _same_kind(path: Path, target: Path) -> None:
    """A copy of a notebook; of what is none, something of its kind, which is refused as that would be."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink():
        target.symlink_to("nowhere")
    elif path.is_dir():
        target.mkdir()
    elif path.is_file():
        beside.copy(path, target)
        shutil.copystat(path, target)
    else:
        os.mkfifo(target)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def words(error: BaseException) -> str:
    """An error in one line."""
    if isinstance(error, ChainruleError):
        return str(error)
    return f"{type(error).__name__}: {error}".strip().splitlines()[0]
