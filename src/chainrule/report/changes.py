"""What changed since the report that lay in the same folder: its tables are read before they are replaced."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from chainrule.formats.text import unsafe
from chainrule.report.grades import NO_SUBMISSION, NOT_GRADED, UNREADABLE

NEEDED = ["student", "status", "score", "timestamp", "waiting"]
COLUMNS = ["student", "change", "score_before", "score", "difference", "status_before", "status"]
KINDS = {
    "lost points": "Lost points",
    "gained points": "Gained points",
    "no longer there": "No longer in the gradebook",
    "new student": "New in the gradebook",
    "new submission": "Handed in",
    "new hand-in": "Handed in again",
    "graded": "Graded for the first time",
    "marked": "Marked by hand",
    "state": "Another state",
}
"""Kinds of changes, in the order in which they are listed; a student has one, the first that holds."""

SAME = 1e-6


@dataclass(frozen=True)
class Previous:
    """The tables of the report before, as text; `at` is when it was written (UTC), `reason` why there is none."""

    at: datetime | None = None
    reason: str = "This is the first report in this folder."
    grades: pd.DataFrame = field(default_factory=pd.DataFrame)
    exercises: pd.DataFrame = field(default_factory=pd.DataFrame)


@dataclass(frozen=True)
class Changes:
    """`students` has COLUMNS, one row per student whose row changed; `exercises` exercise, gained, lost, difference.

    `reason` says why nothing is compared, else it is empty; `at` is when the report before was written (UTC).
    """

    at: datetime | None
    reason: str
    students: pd.DataFrame
    exercises: pd.DataFrame

    def count(self, kind: str) -> int:
        """How many students have a change of `kind`."""
        return int((self.students["change"] == kind).sum())


def previous(folder: Path) -> Previous:
    """What an earlier report left in `folder`. A file that cannot be read is a reason to compare nothing, no error."""
    path = folder / "grades.csv"
    if not path.is_file():
        return Previous()
    try:
        grades, exercises = _read(path), _read(folder / "exercises.csv")
        at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except (OSError, ValueError, csv.Error):  # a UnicodeDecodeError is a ValueError
        return Previous(reason="The earlier report’s grades.csv or exercises.csv could not be read.")
    if missing := [name for name in NEEDED if name not in grades.columns] + (
        [] if "student" in exercises.columns else ["student"]
    ):
        return Previous(reason=f"The earlier report’s tables have no column {missing[0]}: another version wrote them.")
    return Previous(at, "", grades, exercises)


def _read(path: Path) -> pd.DataFrame:
    """The table as `exports.write_csv` was given it, in texts: without the apostrophe before a formula."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    if not rows or any(len(row) != len(rows[0]) for row in rows):
        raise ValueError("not a table")
    return pd.DataFrame(
        [[unsafe(cell) for cell in row] for row in rows[1:]], columns=[unsafe(cell) for cell in rows[0]]
    )


def changes(before: Previous, students: pd.DataFrame, exercises: pd.DataFrame) -> Changes:
    """From the report before to `students` (grades.grades) and `exercises` (wide: one column per exercise)."""
    if before.reason:
        return Changes(None, before.reason, pd.DataFrame(columns=COLUMNS), _by_exercise(before.exercises, exercises))
    return Changes(before.at, "", _by_student(before.grades, students), _by_exercise(before.exercises, exercises))


def _by_student(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    numbers = {name: pd.to_numeric(old[name], errors="coerce") for name in ("score", "waiting")}
    old = old[NEEDED].assign(**numbers).drop_duplicates("student")
    now = new[NEEDED].assign(timestamp=_stamps(new["timestamp"]))
    both = old.merge(now, on="student", how="outer", suffixes=("_before", ""), indicator=True)
    submitted = {name: ~both[name].isin([NO_SUBMISSION]) & both[name].notna() for name in ("status_before", "status")}
    scored = {name: ~both[name].isin([NO_SUBMISSION, NOT_GRADED, UNREADABLE]) for name in ("status_before", "status")}
    both["difference"] = both["score"] - both["score_before"]
    still = both["_merge"] == "both"
    marked = both["status_before"] != both["status"]
    both["change"] = np.select(
        [
            both["_merge"] == "left_only",
            both["_merge"] == "right_only",
            still & submitted["status"] & ~submitted["status_before"],
            still & submitted["status"] & (both["timestamp"] != both["timestamp_before"].fillna("")),
            still & scored["status"] & ~scored["status_before"],
            still & (both["waiting"] < both["waiting_before"]),
            still & (both["difference"] < -SAME),
            still & (both["difference"] > SAME),
            still & marked,
        ],
        [
            *("no longer there", "new student", "new submission", "new hand-in", "graded", "marked"),
            *("lost points", "gained points", "state"),
        ],
        "",
    )
    rank = both["change"].map({kind: place for place, kind in enumerate(KINDS)})
    both = both.assign(rank=rank, size=-both["difference"].abs())[both["change"] != ""]
    both[["status_before", "status"]] = both[["status_before", "status"]].astype("object").fillna("")
    return both.sort_values(["rank", "size", "student"], ignore_index=True)[COLUMNS]


def _stamps(times: pd.Series) -> pd.Series:
    """As `exports.write_csv` writes them."""
    known = pd.to_datetime(times)
    texts = ["" if time != time else time.isoformat() + "Z" for time in known.tolist()]
    return pd.Series(texts, index=times.index, dtype="object")


def _by_exercise(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Exercises whose points changed for students with points in both reports: how many gained, lost, and the sum."""
    columns = ["exercise", "gained", "lost", "difference"]
    shared = [
        name for name in new.columns if name in old.columns and name not in ("student", "last_name", "first_name")
    ]
    if old.empty or not shared:
        return pd.DataFrame(columns=columns)
    was = old.drop_duplicates("student").set_index("student")[shared].apply(pd.to_numeric, errors="coerce")
    now = new.set_index("student")[shared].reindex(was.index)
    difference = now - was
    rows = [
        (name, int((values > SAME).sum()), int((values < -SAME).sum()), float(values.sum()))
        for name, values in difference.items()
        if (values.abs() > SAME).any()
    ]
    return pd.DataFrame(rows, columns=columns)
