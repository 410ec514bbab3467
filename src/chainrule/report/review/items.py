"""What needs a human in one assignment: one item for each student and exercise, with the reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from chainrule.report.attention import ALTERED
from chainrule.report.frames import Frames
from chainrule.report.review.answers import Key, Question

KINDS = {
    "answer": "To mark",
    "again": "Marked, then graded again: look once more",
    "ungraded": "Not graded, through no fault of the student",
    "crashed": "The student’s process died",
    "timeout": "Stopped: took too long",
    "altered": "Cells that are not the student’s were altered",
    "unreadable": "The notebook could not be read",
}
"""Kinds of items, the most urgent first."""

WAITING = ("answer", "again", "ungraded")
"""These have to be done; the others are worth a look."""

WHOLE = ""
"""The exercise of what concerns a whole submission."""


@dataclass(frozen=True)
class Reason:
    kind: str
    text: str = ""


@dataclass(frozen=True)
class Item:
    """`points` is the mark now, None while there is none. `kind` is that of its most urgent reason."""

    student: str
    exercise: str
    reasons: tuple[Reason, ...]
    points: float | None = None
    max_points: float | None = None

    @property
    def kind(self) -> str:
        return self.reasons[0].kind

    @property
    def waiting(self) -> bool:
        return self.kind in WAITING


def collect(frames: Frames, table: pd.DataFrame, questions: Mapping[Key, Question]) -> list[Item]:
    """The items of an assignment, of which `table` is `grades.points`, in the order of exercises, kinds and students.

    A submission that could not be read is one item, not one for each of its exercises.
    """
    found: dict[tuple[str, str], list[Reason]] = {}
    unreadable = set(frames.notes.loc[frames.notes["kind"] == "unreadable", "student"])
    for student, exercise, reason in (*_marks(frames, table), *_incidents(frames), *_notes(frames, questions)):
        if student not in unreadable or reason.kind in ("unreadable", "answer", "again"):
            reasons = found.setdefault((student, exercise), [])
            if reason not in reasons:
                reasons.append(reason)
    known = table.set_index(["student", "exercise"])[["points", "max_points"]]
    marks = dict(zip(known.index, known.itertuples(index=False), strict=True))
    kinds = {kind: rank for rank, kind in enumerate(KINDS)}
    places = {name: rank for rank, name in enumerate(frames.exercises["exercise"])}
    items = []
    for (student, exercise), reasons in found.items():
        points, maximum = marks.get((student, exercise), (None, None))
        reasons.sort(key=lambda reason: kinds[reason.kind])
        items.append(Item(student, exercise, tuple(reasons), _number(points), _number(maximum)))
    return sorted(items, key=lambda item: (places.get(item.exercise, -1), kinds[item.kind], item.student))


def _number(value: float | None) -> float | None:
    return None if value is None or value != value else float(value)


Found = Iterable[tuple[str, str, Reason]]


def _marks(frames: Frames, table: pd.DataFrame) -> Found:
    needs = table[table["waiting"] | table["ungraded"]].assign(has_mark=table["points"].notna())
    # The last line of the detail says most: it is the exception of a grader.
    faults = frames.incidents[frames.incidents["status"] == "ungraded"].drop_duplicates(["student", "exercise"])
    why = {
        (row.student, str(row.exercise)): (str(row.detail).strip().rpartition("\n")[2] or str(row.message))
        for row in faults.itertuples()
    }
    for row in needs.itertuples():
        student, exercise = str(row.student), str(row.exercise)
        if row.ungraded:
            text = why.get((student, exercise), "The gradebook holds no score for it.")
            yield student, exercise, Reason("ungraded", text)
        elif row.has_mark:
            yield student, exercise, Reason("again")
        else:
            yield student, exercise, Reason("answer")


def _incidents(frames: Frames) -> Found:
    for row in frames.incidents[frames.incidents["status"].isin(["crashed", "timeout"])].itertuples():
        text = " · ".join(part for part in (str(row.title), str(row.message)) if part)
        yield str(row.student), str(row.exercise), Reason(str(row.status), text)


def _notes(frames: Frames, questions: Mapping[Key, Question]) -> Found:
    names = {
        (str(row.notebook), str(row.cell)): str(row.exercise)
        for row in frames.exercises[["notebook", "cell", "exercise"]].itertuples()
    }
    for (notebook, cell), question in questions.items():
        if (notebook, cell) in names:
            names |= {(notebook, other): names[notebook, cell] for other in question.cells}
    kinds = {"crashed": "crashed", "timeout": "timeout", "unreadable": "unreadable"} | dict.fromkeys(ALTERED, "altered")
    for row in frames.notes[frames.notes["kind"].isin(list(kinds))].itertuples():
        place = (str(row.notebook), str(row.cell))
        # Without a source notebook the names still tell most: the cells `x` and `test_x` are of one exercise.
        exercise = names.get(place) or names.get((place[0], f"test_{place[1]}"), WHOLE)
        yield str(row.student), exercise, Reason(kinds[str(row.kind)], str(row.message))
