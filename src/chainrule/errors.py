"""Every exception chainrule raises on its own account.

    ChainruleError                 something an instructor or student can act on
    ├── CourseError                no course folder here, or it lacks a part
    │   └── UnknownName            no such assignment, exercise, student
    ├── DataError                  a file of a data set is damaged
    ├── SourceError                a source text or notebook breaks a rule (carries file and line)
    ├── SubmissionError            a submission cannot be read; costs only that submission
    │   └── FileNotPlaced          a file beside the notebook does not fit into the student's process's folder
    ├── GraderError                a grader file is wrong or died: the exercise stays ungraded
    ├── IsolationError             student code cannot be run, or not safely enough, on this machine
    ├── GradebookError             the gradebook is locked, damaged or of another version
    └── StudentProcessError        the student's process did not answer as agreed
        ├── StudentTimeout         … within its time
        ├── StudentCrashed         … because it is gone
        └── StudentProtocolError   … but sent something that is not data

A message says what was found, where, and what to do next.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any


class ChainruleError(Exception):
    """Base of all errors with a message meant for people."""

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickle, by which errors come from other processes: with its message, which is not put together again."""
        return _again, (type(self), *self.args), self.__dict__


def _again(kind: type[ChainruleError], *message: object) -> ChainruleError:
    return kind.__new__(kind, *message)


class CourseError(ChainruleError):
    """There is no course folder here, or a part of it is missing."""


class UnknownName(CourseError):
    """A name that is not among the known ones; the message suggests the nearest."""

    def __init__(self, kind: str, name: str, known: Iterable[str], where: str = "") -> None:
        choices = sorted(known)
        near = difflib.get_close_matches(name, choices, n=1, cutoff=0.4)
        place = f" in {where}" if where else ""
        if near:
            hint = f"Did you mean {near[0]!r}?"
        elif choices:
            hint = f"Known: {', '.join(choices[:12])}{' …' if len(choices) > 12 else ''}."
        else:
            hint = f"There is no {kind} at all yet."
        super().__init__(f"No {kind} {name!r}{place}. {hint}")


class DataError(ChainruleError):
    """A file of a data set is not what it should be."""


class SourceError(ChainruleError):
    """A source text breaks a rule of the format."""

    def __init__(self, message: str, path: Path | str | None = None, line: int | None = None) -> None:
        self.path, self.line = path, line
        place = ":".join(str(part) for part in (path, line) if part is not None)
        super().__init__(f"{place}: {message}" if place else message)


class SubmissionError(ChainruleError):
    """A submission cannot be read. It costs only that submission."""


class FileNotPlaced(SubmissionError):
    """The file `name` beside a notebook did not arrive whole where student code runs. It may be the instructor's."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(name, why)
        self.name, self.why = name, why

    def __str__(self) -> str:
        return self.why


class GraderError(ChainruleError):
    """A grader file is wrong, or the grader process died. The exercise stays ungraded."""


class IsolationError(ChainruleError):
    """Student code cannot be run on this machine, or not as safely as it must. Never a student's fault."""


class GradebookError(ChainruleError):
    """The gradebook is locked, damaged or of another version."""


class StudentProcessError(ChainruleError):
    """The student's process did not answer as agreed."""


class StudentTimeout(StudentProcessError):
    """The student's process did not answer in time."""


class StudentCrashed(StudentProcessError):
    """The student's process is gone."""


class StudentProtocolError(StudentProcessError):
    """The student's process sent something that is not data."""
