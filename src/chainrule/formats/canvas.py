"""Canvas's gradebook as CSV, for *Grades › Import*.

What the importer does is read from its source (instructure/canvas-lms, lib/gradebook_importer.rb): docs/exports.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from chainrule.errors import ChainruleError
from chainrule.formats.book import Book, Person, Written, warn_changed, warn_held_back
from chainrule.formats.files import replacing, write_csv
from chainrule.formats.text import key, line, number, safe

PEOPLE = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")

POINTS = "    Points Possible"

TOTAL = "Total (percent)"

_COMPUTED = re.compile(r"(Current|Final) (Score|Points|Grade)|Override (Score|Grade|Status)")
"""Columns of Canvas's own sums: it ignores every column whose name has one of these in it."""


def write(
    book: Book, path: Path, *, headings: Mapping[str, str] | None = None, partial: bool = False, total: bool = False
) -> Written:
    """A row for the points possible, then one a student.

    `headings` are titles of columns by assignment, best as Canvas has them: `Title (its id)`. Without a
    heading the assignment's name is the title. A missing score is an empty cell.
    """
    names = columns(book, headings or {}, total=total)
    for name in names:
        if found := _COMPUTED.search(name):
            raise ChainruleError(
                f"Canvas ignores every column with {found[0]!r} in its name, so {name!r} would not be imported. "
                "Set another title in CourseExport.headings."
            )
    with replacing(path) as part:
        write_csv(part, (*PEOPLE, *map(line, names)), _rows(book, partial=partial, total=total))
    notes = warn_changed((line(person.id) for person in book.people), "Canvas") + _warn_titles(names)
    return Written(str(path), (*notes, *warn_held_back(book.held_back(), partial=partial)))


def _warn_titles(names: Iterable[str]) -> list[str]:
    """On titles that are written otherwise than they are. With an id in it, the title is only for the reader."""
    changed = [name for name in map(line, names) if safe(name) != name and not re.search(r"\s\(\d+\)$", name)]
    return [
        f"Canvas will not know the title {name!r}: an apostrophe stands before what might be a formula. Give it "
        f"Canvas's id in CourseExport.headings, as in {name + ' (4711)'!r}."
        for name in changed
    ]


def columns(book: Book, headings: Mapping[str, str], *, total: bool) -> list[str]:
    """Titles of the grade columns. Raises `ChainruleError` where two are the same: an importer takes only one."""
    names = [headings.get(item.name) or item.name for item in book.items] + ([TOTAL] if total else [])
    for name in names:
        if names.count(name) > 1:
            raise ChainruleError(f"Two columns would be called {name!r}. Change CourseExport.headings.")
    return names


def _rows(book: Book, *, partial: bool, total: bool) -> Iterator[list[str]]:
    yield [POINTS, "", "", "", "", *(number(item.max_points) for item in book.items), *(["100"] if total else [])]
    for person in book.people:
        grades = [number(book.points(person, item, partial=partial)) for item in book.items]
        yield [*_person(person), *grades, *([number(book.percent(person, partial=partial))] if total else [])]


def _person(person: Person) -> tuple[str, str, str, str, str]:
    """Canvas looks for the ID, then the login, then the name.

    It reads the digits at the start of an ID (`12ab` is 12), so only a whole number may stand there. It takes each row
    with `Points Possible` in its first cell for points.
    """
    name = line(person.sorted_name)
    if "Points Possible" in name:
        name = name.replace("Points Possible", "Points-Possible")
    number_in_canvas = person.lms_user_id if re.fullmatch(r"[0-9]{1,18}", person.lms_user_id) else ""
    return safe(name), number_in_canvas, "", key(line(person.id)), ""
