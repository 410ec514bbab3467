"""Who needs attention, and why."""

from __future__ import annotations

from datetime import datetime

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


def attention(frames: Frames, students: pd.DataFrame, table: pd.DataFrame, now: datetime | None = None) -> pd.DataFrame:
    """One row per kind and student: kind, student, names, where, reason.

    `students` is `grades.grades`, `table` is `grades.points`. Having handed in nothing is a concern only after the due
    date: `now` is in UTC, without zone; without it every due date counts as past.
    """
    over = frames.due is not None and (now is None or frames.due < now)
    rows = pd.concat(
        [
            _ungraded(frames, table),
            _notes(frames, "unreadable", ("unreadable",)),
            _stopped(frames, "crashed"),
            _stopped(frames, "timeout"),
            _notes(frames, "altered", ALTERED),
            _states(students if over else students[students["status"] != NO_SUBMISSION]),
        ],
        ignore_index=True,
    )
    left_out = students.loc[students["status"].isin([NOT_GRADED, UNREADABLE]), "student"]
    rows = rows[~((rows["kind"] == "ungraded") & rows["student"].isin(left_out))]
    several = rows.duplicated(["kind", "student"], keep=False)  # few, so only these are merged in Python
    by = rows[several].groupby(["kind", "student"], sort=False, as_index=False)
    merged = pd.concat([rows[~several], by.agg({"where": _listed, "reason": _first})], ignore_index=True)
    merged = merged.merge(students[["student", "last_name", "first_name"]], on="student", how="left")
    merged[["last_name", "first_name"]] = merged[["last_name", "first_name"]].fillna("")
    rank = merged["kind"].map({kind: i for i, kind in enumerate(KINDS)})
    return merged.assign(rank=rank).sort_values(["rank", "student"], ignore_index=True)[COLUMNS]


def _rows(frame: pd.DataFrame, kind: str, where: str, reason: pd.Series) -> pd.DataFrame:
    places = frame[where].astype("str")
    return pd.DataFrame({"kind": kind, "student": frame["student"], "where": places, "reason": reason}, dtype="str")


def _ungraded(frames: Frames, table: pd.DataFrame) -> pd.DataFrame:
    """The last line of the detail of the first such test is what a member of staff needs to see."""
    missing = table.loc[table["ungraded"], ["student", "exercise"]]
    known = frames.incidents[frames.incidents["status"] == "ungraded"].drop_duplicates(["student", "exercise"])
    known = known.assign(exercise=known["exercise"].astype("str"))
    found = missing.merge(known[["student", "exercise", "message", "detail"]], on=["student", "exercise"], how="left")
    last = found["detail"].astype("str").fillna("").str.strip().str.split("\n").str[-1]
    reason = last.where(last != "", found["message"].astype("str")).fillna("")
    return _rows(found, "ungraded", "exercise", reason.where(reason != "", "The gradebook holds no score for it."))


def _notes(frames: Frames, kind: str, kinds: tuple[str, ...]) -> pd.DataFrame:
    found = frames.notes[frames.notes["kind"].isin(kinds)]
    return _rows(
        found.assign(cell=found["cell"].where(found["cell"] != "", found["notebook"])), kind, "cell", found["message"]
    )


def _stopped(frames: Frames, kind: str) -> pd.DataFrame:
    found = frames.incidents[frames.incidents["status"] == kind]
    reason = found["title"].astype("str").str.cat(found["message"].astype("str"), sep=" · ").str.strip(" ·")
    return pd.concat([_notes(frames, kind, (kind,)), _rows(found, kind, "exercise", reason)])


def _states(students: pd.DataFrame) -> pd.DataFrame:
    late = students[students["late_seconds"] > 0]
    ungraded = students[students["status"] == NOT_GRADED]
    absent = students[students["status"] == NO_SUBMISSION]
    nowhere = {"where": ""}
    return pd.concat(
        [
            _rows(late.assign(**nowhere), "late", "where", late["late_seconds"].map(_lateness)),
            _rows(
                ungraded.assign(**nowhere),
                "not graded",
                "where",
                pd.Series("Run `chainrule autograde`.", ungraded.index),
            ),
            _rows(absent.assign(**nowhere), "no submission", "where", pd.Series("", absent.index)),
        ]
    )


def _lateness(seconds: float) -> str:
    return f"{duration(seconds)} after the deadline"


def _listed(places: pd.Series) -> str:
    return ", ".join(dict.fromkeys(place for place in places if place))


def _first(reasons: pd.Series) -> str:
    different = list(dict.fromkeys(reason for reason in reasons if reason))
    more = len(different) - 1
    return (different[0] if different else "") + (f" (and {more} more)" if more > 0 else "")
