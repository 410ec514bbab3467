"""What was graded and is not yet in the gradebook, so that a killed run loses nothing.

One file an assignment, `.chainrule/journal/<assignment>.jsonl` in the course folder, empty when nothing is pending. A
line is the key of a job, a space, and its result as JSON. A line counts when its end is on the disk: what a crash left
of one is cut off by the next run. The file is locked while a run uses it.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from chainrule.errors import CourseError
from chainrule.model import ExerciseResult, Graded, Note, Outcome, Status

ROOM = 16 << 20
"""Bytes that the file may take before it is emptied in the midst of a run."""


class Journal:
    """The journal of one assignment, held by one run. Raises `CourseError` if another run holds it.

    `folder` is "journal" for what is to be written, "regrade" for what a regrade has computed and may write later.
    """

    def __init__(self, course: Path, assignment: str, folder: str = "journal") -> None:
        path = course / ".chainrule" / folder / f"{assignment}.jsonl"
        command = "regrade" if folder == "regrade" else "autograde"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a+b")
        except OSError as error:
            raise CourseError(f"The journal {path} cannot be written: {error.strerror}.") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise CourseError(
                f"Another `chainrule {command} {assignment}` is at work in this course. Let it finish, or stop it."
            ) from None
        self._places = self._read()

    def _read(self) -> dict[str, int]:
        """Where the line of each key begins; only the last one of a key counts."""
        places: dict[str, int] = {}
        end = 0
        self._file.seek(0)
        for line in self._file:
            if not line.endswith(b"\n"):
                self._file.truncate(end)
                break
            places[line.partition(b" ")[0].decode(errors="replace")] = end
            end += len(line)
        return places

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if not self._places:
            self._file.truncate(0)
        self._file.close()

    def get(self, key: str) -> Graded | None:
        """The result of a job, if it was graded."""
        if key not in self._places:
            return None
        self._file.seek(self._places[key])
        try:
            return _graded(json.loads(self._file.readline().partition(b" ")[2]))
        except (ValueError, KeyError, TypeError, AttributeError):
            return None  # a disk that lost power can hold anything: the job is graded again

    def put(self, key: str, graded: Graded) -> None:
        """Keep a result. From now on it survives the end of this process."""
        self._file.seek(0, os.SEEK_END)
        place = self._file.tell()
        self._file.write(f"{key} {json.dumps(_record(graded))}\n".encode())
        self._file.flush()
        self._places[key] = place

    def under(self, condition: str) -> None:
        """Forget what was kept under another condition: no job of now has such a key."""
        key = f"under-{condition}"
        if key in self._places:
            return
        self.clear()
        self._file.write(f"{key} {{}}\n".encode())
        self._file.flush()
        self._places[key] = 0

    def sync(self) -> None:
        """From now on what was put survives a power failure too."""
        os.fsync(self._file.fileno())

    def forget(self, key: str) -> None:
        """The result is in the gradebook."""
        self._places.pop(key, None)
        if not self._places and self._file.tell() > ROOM:
            self._file.truncate(0)

    def clear(self) -> None:
        """Forget everything: what is left belongs to no submission any more."""
        self._places.clear()
        self._file.truncate(0)


def _record(graded: Graded) -> dict[str, Any]:
    exercises = [
        {**vars(exercise), "outcomes": [vars(outcome) for outcome in exercise.outcomes]}
        for exercise in graded.exercises
    ]
    return {**vars(graded), "exercises": exercises, "notes": [vars(note) for note in graded.notes]}


def _typed(outcome: dict[str, Any]) -> dict[str, Any]:
    """What JSON has no type for."""
    margins = tuple((what, number, bound) for what, number, bound in outcome.get("margins", ()))
    return {"status": Status(outcome["status"]), "margins": margins}


def _graded(record: Mapping[str, Any]) -> Graded:
    exercises = tuple(
        ExerciseResult(
            **{
                **exercise,
                "outcomes": tuple(Outcome(**{**outcome, **_typed(outcome)}) for outcome in exercise["outcomes"]),
            }
        )
        for exercise in record["exercises"]
    )
    return Graded(**{**record, "exercises": exercises, "notes": tuple(Note(**note) for note in record["notes"])})
