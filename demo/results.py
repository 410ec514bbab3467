"""What the gradebook says: nbgrader's scores, and beside them chainrule's outcomes and notes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, MissingEntry
from sqlalchemy import text

OUTCOMES = """
    SELECT r.student, o.exercise, o.test_cell, o.points, o.max_points, o.status, o.message, o.misconception
    FROM chainrule_outcome o JOIN chainrule_run r ON r.id = o.run_id WHERE r.assignment = :assignment ORDER BY o.id
"""
NOTES = "SELECT student, notes FROM chainrule_run WHERE assignment = :assignment"


@dataclass
class ExerciseResult:
    """One exercise of one student, as graded."""

    points: float | None
    max_points: float
    messages: list[str] = field(default_factory=list)
    misconceptions: list[str] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)


@dataclass
class Result:
    """One student, as graded. `points` is None if nothing was submitted."""

    student: str
    points: float | None = None
    max_points: float = 0.0
    to_read: int = 0
    """Written answers that wait for a human."""
    late_seconds: float = 0.0
    exercises: dict[str, ExerciseResult] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    """Kind of note -> its first message."""


def collect(database: Path, assignment: str) -> dict[str, Result]:
    """The result of every student of the roster, read through nbgrader's API."""
    with Gradebook(f"sqlite:///{database}") as gradebook:
        results = {student.id: Result(student.id) for student in gradebook.students}
        for result in results.values():
            try:
                submission = gradebook.find_submission(assignment, result.student)
            except MissingEntry:
                continue
            grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
            automatic = [grade for grade in grades if grade.cell.cell_type == "code"]
            result.points = round(sum(grade.auto_score or 0.0 for grade in automatic), 6)
            result.max_points = sum(grade.cell.max_score for grade in automatic)
            result.to_read = sum(grade.needs_manual_grade for grade in grades if grade not in automatic)
            result.late_seconds = submission.total_seconds_late
            scores = {grade.cell.name: grade for grade in automatic}
            for name, grade in scores.items():
                result.exercises[name.removeprefix("test_")] = ExerciseResult(grade.auto_score, grade.cell.max_score)
        rows = gradebook.db.execute(text(OUTCOMES), {"assignment": assignment}).mappings()
        for row in rows:
            exercise = results[row["student"]].exercises[row["exercise"]]
            exercise.statuses.append(row["status"])
            exercise.messages += [row["message"]] if row["message"] else []
            exercise.misconceptions += [row["misconception"]] if row["misconception"] else []
        for student, notes in gradebook.db.execute(text(NOTES), {"assignment": assignment}):
            for note in json.loads(notes):
                results[student].notes.setdefault(note["kind"], note["message"])
    return results


def dump(rows: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """Write what is known of each student, assignment by assignment, as JSON."""
    path.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
