"""`nbgrader export`: the grades as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

from nbgrader.api import MissingEntry
from nbgrader.plugins import ExportPlugin

COLUMNS = (
    "assignment",
    "duedate",
    "timestamp",
    "student_id",
    "last_name",
    "first_name",
    "email",
    "raw_score",
    "late_submission_penalty",
    "score",
    "max_score",
)
"""nbgrader's own."""

TEXTS = frozenset(("assignment", "student_id", "last_name", "first_name", "email"))


class CsvExport(ExportPlugin):
    """nbgrader's table, properly quoted, and no text in it that a spreadsheet would run as a formula."""

    def export(self, gradebook: Any) -> None:
        target = self.to or "grades.csv"
        self.log.info("Exporting grades to %s", target)
        # utf-8-sig: spreadsheets take a file without the mark for Latin-1 and spoil names.
        with open(target, "w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            for row in self._rows(gradebook):
                writer.writerow({name: cell(name, value) for name, value in row.items()})

    def _rows(self, gradebook: Any) -> Iterator[dict[str, Any]]:
        assignments = {str(name) for name in self.assignment}
        students = {str(name) for name in self.student}
        people = [person for person in gradebook.students if not students or person.id in students]
        for assignment in gradebook.assignments:
            if not assignments or assignment.name in assignments:
                for person in people:
                    yield _row(gradebook, assignment, person)


def cell(name: str, value: object) -> str:
    """A value as it stands in the file; an apostrophe keeps text that begins like a formula from being one."""
    text = "" if value is None else str(value)
    return f"'{text}" if name in TEXTS and text.lstrip().startswith(("=", "+", "-", "@")) else text


def _row(gradebook: Any, assignment: Any, person: Any) -> dict[str, Any]:
    row = {
        "assignment": assignment.name,
        "duedate": assignment.duedate,
        "student_id": person.id,
        "last_name": person.last_name,
        "first_name": person.first_name,
        "email": person.email,
        "max_score": assignment.max_score,
    }
    try:
        submission = gradebook.find_submission(assignment.name, person.id)
    except MissingEntry:
        return row | {"timestamp": "", "raw_score": 0.0, "late_submission_penalty": 0.0, "score": 0.0}
    penalty = submission.late_submission_penalty or 0.0
    return row | {
        "timestamp": submission.timestamp,
        "raw_score": submission.score,
        "late_submission_penalty": penalty,
        "score": max(0.0, submission.score - penalty),
    }
