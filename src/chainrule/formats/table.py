"""nbgrader's own table of grades, a row for each student and assignment, and a column of ours: grades.csv."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from chainrule.formats.book import Book, Written
from chainrule.formats.files import replacing, write_csv
from chainrule.formats.text import clean, safe

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
    "isolation",
)
"""nbgrader's own, and what stood around the student's code: a grade made in tier C says so here."""


def write(book: Book, path: Path) -> Written:
    """As nbgrader writes it, but quoted and free of formulas. As there, no submission is 0 with an empty timestamp."""
    with replacing(path) as part:
        write_csv(part, COLUMNS, _rows(book), mark=True)
    return Written(str(path))


def _rows(book: Book) -> Iterator[tuple[object, ...]]:
    for item in book.items:
        for person in book.people:
            score = book.scores.get((person.id, item.name))
            who = (person.id, person.last_name, person.first_name, person.email)
            yield (
                safe(clean(item.name)),
                item.due,
                score.submitted if score else None,
                *(safe(clean(text)) for text in who),
                score.raw if score else 0.0,
                score.penalty if score else 0.0,
                score.points if score else 0.0,
                item.max_points,
                score.isolation if score else "",
            )
