"""What is graded and what comes out: plain values that cross process borders."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

FORMAT_VERSION = 1
"""Version of the JSON printed by `chainrule grade`, `try` and `verify`."""


class Status(StrEnum):
    """How one hidden test ended."""

    PASSED = "passed"
    FAILED = "failed"
    TIMEOUT = "timeout"  # the student's code took too long
    CRASHED = "crashed"  # the student's process died
    UNGRADED = "ungraded"  # a fault of ours: never a zero, a human looks at it


@dataclass(frozen=True)
class Limits:
    """What one submission may use. Times in seconds of wall clock, for a `cell` and for a hidden `test`; `memory` and
    `disk` in bytes, of all its processes together, `memory` beyond what the imported libraries take; `processes` counts
    threads, too; `output` is characters a cell. `cells` and `outputs` are for all cells together, in seconds (those
    that exercises have of their own come on top) and in characters, with pictures. `cpu` is seconds of processor time
    of one process, None: as many as `processor` says. `gpu` shows it the machine's GPUs: a weaker jail, which the
    result says.
    """

    start: float = 60.0
    cell: float = 30.0
    test: float = 10.0
    cells: float = 1800.0
    cpu: float | None = None
    memory: int = 2 << 30
    disk: int = 512 << 20
    processes: int = 128
    output: int = 1 << 20
    outputs: int = 32 << 20
    gpu: bool = False

    @property
    def processor(self) -> float:
        """Seconds of processor time of one process: a net below the wall clocks, for who computes on several cores."""
        return 4 * self.cells if self.cpu is None else self.cpu


@dataclass(frozen=True)
class Exercise:
    """One exercise of a notebook: its test cell and the grader file that scores it."""

    id: str
    test_cell: str
    points: float
    grader: Path


@dataclass(frozen=True)
class Outcome:
    """The record of one hidden test on one submission.

    `message` is for the student and holds nothing of the hidden test;
    `detail` is for staff: values, tracebacks, printed text.
    `misconception` is the message of the named mistake, if it was recognised.
    `margins` are the thresholds that were met, as (what, number, bound); they are not stored.
    """

    exercise: str
    test: str
    title: str
    points: float
    max_points: float
    status: Status
    message: str = ""
    detail: str = ""
    misconception: str | None = None
    seconds: float = 0.0
    margins: tuple[tuple[str, float, float], ...] = ()


@dataclass(frozen=True)
class ExerciseResult:
    """One exercise of one submission. `points` is None when a fault of ours left it ungraded."""

    exercise: str
    test_cell: str
    max_points: float
    outcomes: tuple[Outcome, ...]
    misconception: str | None = None

    @property
    def ungraded(self) -> bool:
        return not self.outcomes or any(outcome.status is Status.UNGRADED for outcome in self.outcomes)

    @property
    def points(self) -> float | None:
        return None if self.ungraded else round(sum(outcome.points for outcome in self.outcomes), 6)


@dataclass(frozen=True)
class Note:
    """Something about a submission that a human should know: `kind` is a short stable word."""

    kind: str
    message: str
    cell: str = ""


@dataclass(frozen=True)
class Job:
    """All that is needed to grade one notebook of one submission, on any machine that has the graders.

    `notebook` is an nbformat-4 notebook as a plain dict: the release with the student's cells in it.
    `files` is a folder whose content is put beside the student's code. `seconds` is what each cell of an exercise has
    in place of `limits.cell`, by the grade_id of its test cell. `notes` were made before it was graded.
    """

    course: str
    assignment: str
    student: str
    name: str
    notebook: dict[str, Any]
    exercises: tuple[Exercise, ...]
    files: Path | None = None
    limits: Limits = field(default_factory=Limits)
    seconds: dict[str, float] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Graded:
    """The result of a job: the executed notebook, the outcomes, and what a human should know."""

    assignment: str
    student: str
    name: str
    notebook: dict[str, Any]
    exercises: tuple[ExerciseResult, ...]
    notes: tuple[Note, ...] = ()
    seconds: float = 0.0
    isolation: str = "none"

    @property
    def points(self) -> float | None:
        """Sum over the graded exercises; None if one of them is ungraded."""
        parts = [result.points for result in self.exercises]
        return None if None in parts else round(sum(part for part in parts if part is not None), 6)

    @property
    def max_points(self) -> float:
        return sum(result.max_points for result in self.exercises)
