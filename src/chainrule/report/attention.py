"""Who needs attention, and why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import Any

import pandas as pd

from chainrule.report.frames import Frames
from chainrule.report.grades import NO_SUBMISSION, NOT_GRADED, UNREADABLE
from chainrule.report.timing import duration

KINDS = {
    "ungraded": "Not graded through no fault of the student",
    "not graded": "Submitted, but not graded yet",
    "unreadable": "The notebook could not be read",
    "crashed": "The student’s process died",
    "timeout": "Stopped: took too long",
    "altered": "Test cells or their settings were altered",
    "late": "Late",
    "no submission": "No submission",
}
"""Kinds, the most urgent first."""

ALTERED = ("restored", "duplicate", "missing", "metadata")
COLUMNS = ["kind", "student", "last_name", "first_name", "where", "reason"]


Row = tuple[str, str, str, str]
"""Kind, student, where, reason."""


def attention(frames: Frames, students: pd.DataFrame, table: pd.DataFrame, now: datetime | None = None) -> pd.DataFrame:
    """One row per kind and student: kind, student, names, where, reason.

    `students` is `grades.grades`, `table` is `grades.points`. Having handed in nothing is a concern only after the due
    date: `now` is in UTC, without zone; without it every due date counts as past.
    """
    over = frames.due is not None and (now is None or frames.due < now)
    found: dict[tuple[str, str], tuple[list[str], list[str]]] = {}
    for kind, student, where, reason in chain(  # a few hundred of thousands: not worth data frames
        _ungraded(frames, students, table),
        _notes(frames, "unreadable", ("unreadable",)),
        _stopped(frames, "crashed"),
        _stopped(frames, "timeout"),
        _notes(frames, "altered", ALTERED),
        _states(students, over),
    ):
        places, reasons = found.setdefault((kind, student), ([], []))
        places.append(where)
        reasons.append(reason)
    people = students.loc[students["student"].isin({student for _, student in found}), COLUMNS[1:4]].fillna("")
    names = {person: (last, first) for person, last, first in _records(people, *COLUMNS[1:4])}
    rank = {kind: place for place, kind in enumerate(KINDS)}
    rows = [
        (kind, student, *names.get(student, ("", "")), _listed(places), _first(reasons))
        for (kind, student), (places, reasons) in sorted(found.items(), key=lambda item: (rank[item[0][0]], item[0][1]))
    ]
    return pd.DataFrame(rows, columns=COLUMNS, dtype="str")


def _records(frame: pd.DataFrame, *columns: str) -> Iterator[tuple[Any, ...]]:
    return zip(*(frame[name].tolist() for name in columns), strict=True)


def _ungraded(frames: Frames, students: pd.DataFrame, table: pd.DataFrame) -> Iterator[Row]:
    """The last line of the detail of the first such test is what a member of staff needs to see."""
    left_out = set(students.loc[students["status"].isin([NOT_GRADED, UNREADABLE]), "student"])
    faults = frames.incidents[frames.incidents["status"] == "ungraded"].drop_duplicates(["student", "exercise"])
    known = {
        (student, exercise): detail.strip().rpartition("\n")[2] or message
        for student, exercise, message, detail in _records(faults, "student", "exercise", "message", "detail")
    }
    for student, exercise in _records(table[table["ungraded"]], "student", "exercise"):
        if student not in left_out:
            reason = known.get((student, exercise)) or "The gradebook holds no score for it."
            yield "ungraded", student, exercise, reason


def _notes(frames: Frames, kind: str, kinds: tuple[str, ...]) -> Iterator[Row]:
    notes = frames.notes[frames.notes["kind"].isin(kinds)]
    for student, cell, notebook, message in _records(notes, "student", "cell", "notebook", "message"):
        yield kind, student, cell or notebook, message


def _stopped(frames: Frames, kind: str) -> Iterator[Row]:
    yield from _notes(frames, kind, (kind,))
    incidents = frames.incidents[frames.incidents["status"] == kind]
    for student, exercise, title, message in _records(incidents, "student", "exercise", "title", "message"):
        yield kind, student, exercise, f"{title} · {message}".strip(" ·")


def _states(students: pd.DataFrame, over: bool) -> Iterator[Row]:
    for student, status, late in _records(students, "student", "status", "late_seconds"):
        if late > 0:
            yield "late", student, "", f"{duration(late)} after the deadline"
        if status == NOT_GRADED:
            yield "not graded", student, "", "Run `chainrule autograde`."
        if status == NO_SUBMISSION and over:
            yield "no submission", student, "", ""


def _listed(places: list[str]) -> str:
    return ", ".join(dict.fromkeys(place for place in places if place))


def _first(reasons: list[str]) -> str:
    different = list(dict.fromkeys(reason for reason in reasons if reason))
    more = len(different) - 1
    return (different[0] if different else "") + (f" (and {more} more)" if more > 0 else "")
