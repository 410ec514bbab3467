"""Grades for Moodle's *Grades › Import › CSV file*.

What the importer does is documented (docs.moodle.org, *Grade import*) and read from its source (moodle/moodle,
grade/import/csv/classes/load_data.php): docs/exports.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from chainrule.errors import ChainruleError
from chainrule.formats.book import Book, Person, Score, Written, warn_changed, warn_held_back
from chainrule.formats.canvas import columns
from chainrule.formats.files import replacing, write_csv
from chainrule.formats.text import key, line, number, safe

IDENTIFIERS = ("username", "idnumber", "email")
"""How Moodle finds the student: the header of the first column, and what to choose as *Map to*."""

NONE = "-"
"""No grade, as in Moodle's own exports. It takes an empty cell of a new grade item for 0."""


def write(
    book: Book,
    path: Path,
    *,
    identify: str = "username",
    headings: Mapping[str, str] | None = None,
    partial: bool = False,
    total: bool = False,
    feedback: bool = False,
) -> Written:
    """One row a student, one column a grade item, and with `feedback` a column of text after each.

    Raises `ChainruleError` if a student has no identifier: Moodle would give such a row's grades to the student before.
    """
    if identify not in IDENTIFIERS:
        raise ChainruleError(f"Moodle finds students by {', '.join(IDENTIFIERS)}, not by {identify!r}.")
    _require_identifiers(book, identify)
    names = [line(name) for name in columns(book, headings or {}, total=total)]
    header = [identify, "firstname", "lastname"]
    for index, name in enumerate(names):
        header += [name, f"{name} (feedback)"] if feedback and index < len(book.items) else [name]
    with replacing(path) as part:
        write_csv(part, header, _rows(book, identify, partial=partial, total=total, feedback=feedback))
    notes = warn_changed((_identifier(person, identify) for person in book.people), "Moodle")
    return Written(str(path), (*notes, *warn_held_back(book.held_back(), partial=partial)))


def _identifier(person: Person, identify: str) -> str:
    return line(person.email if identify == "email" else person.id)


def _require_identifiers(book: Book, identify: str) -> None:
    seen: dict[str, str] = {}
    for person in book.people:
        own = _identifier(person, identify)
        if own in ("", "0"):  # PHP calls both empty, and skips them
            raise ChainruleError(
                f"Student {person.id!r} has no {identify} in the gradebook, and Moodle would give these grades to the "
                f"student in the row before. Add it (`nbgrader db student add`) or choose another identifier of "
                f"{', '.join(IDENTIFIERS)}."
            )
        if own in seen:
            raise ChainruleError(
                f"Students {seen[own]!r} and {person.id!r} have the same {identify}, {own!r}. Correct one."
            )
        seen[own] = person.id


def _rows(book: Book, identify: str, *, partial: bool, total: bool, feedback: bool) -> Iterator[list[str]]:
    for person in book.people:
        row = [key(_identifier(person, identify)), safe(line(person.first_name)), safe(line(person.last_name))]
        for item in book.items:
            row.append(number(book.points(person, item, partial=partial)) or NONE)
            if feedback:
                row.append(_remark(book.scores.get((person.id, item.name)), item.max_points, partial=partial))
        if total:
            row.append(number(book.percent(person, partial=partial)) or NONE)
        yield row


def _remark(score: Score | None, most: float, *, partial: bool) -> str:
    """One sentence on a score."""
    if score is None:
        return "Nothing was submitted."
    if not score.complete and not partial:
        return "Not graded completely yet."
    late = f"; {number(score.penalty, 2)} taken off for lateness" if score.penalty else ""
    so_far = "" if score.complete else " so far"
    return f"{number(score.points, 2)} of {number(most, 2)} points{so_far}{late}."
