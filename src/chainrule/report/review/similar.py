"""`chainrule similar`: pairs of submissions that a human should read side by side, as a page and as CSV."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from chainrule.course import Course
from chainrule.errors import ChainruleError
from chainrule.formats.text import unsafe
from chainrule.plugins.untrusted import plain
from chainrule.report import exports, frames, page
from chainrule.report.connect import course_directory, database, snapshot
from chainrule.report.review.answers import Key, Notebooks, names_of
from chainrule.report.review.split import label
from chainrule.similarity import CODE, PROSE, Kind, Pair, marked, pairs

PAGE = "similar.html"
TABLE = "similar.csv"
MANIFEST = ".chainrule-similar"
"""Its files are not the report's, in whose folder they may lie."""
COLUMNS = [
    *("group", "exercise", "student_a", "student_b", "part", "pieces", "shared", "rare", "nobody_else", "evidence"),
    "reason",
]

MOST = 400
"""Pairs in the table, of all exercises, the most telling first."""

SIDE_BY_SIDE = 60
"""Pairs whose texts are on the page."""

CHARACTERS = 6_000
"""Of one text on the page."""


@dataclass(frozen=True)
class Row:
    """The first line of a group in the table; `number` is the group's, and its place on the page up to SIDE_BY_SIDE.

    `more` are the others whose texts are the same as one of the two.
    """

    number: int
    exercise: str
    first: str
    second: str
    reason: str
    more: tuple[str, ...] = ()


@dataclass(frozen=True)
class Compared:
    """One pair with the texts it was found in. Pairs of the same two texts, whoever has them, are one group."""

    exercise: str
    key: Key
    kind: Kind
    pair: Pair
    of: int
    group: int = 0


@dataclass(frozen=True)
class Written:
    """The files, how many submissions were compared, and how many groups of pairs are worth a look (at most `MOST`)."""

    paths: list[Path]
    submissions: int
    groups: int


def write(course: Course, assignment: str, out: Path, *, anonymous: bool = False) -> Written:
    """Compare all submissions of an assignment; write the pairs worth a look into `out`."""
    directory = course_directory(course)
    with snapshot(database(directory)) as connection:
        data = frames.load(connection, assignment, {})
    if data.exercises.empty:
        course.require(assignment)
        raise ChainruleError(f"The gradebook has nothing about {assignment} yet: there is nothing to compare.")
    notebooks = Notebooks(course, directory, assignment, names_of(data.exercises["notebook"]))
    students = [str(student) for student in data.students["student"]]
    texts = {student: notebooks.of(student).texts for student in students}
    texts = {student: own for student, own in texts.items() if own}
    found = compare(notebooks, data.exercises, texts)
    labels = {name: label(assignment, name) for name in texts} if anonymous else _names(data.students)
    with exports.staged(out, MANIFEST) as (scratch, moved):
        exports.write_csv(_table(found, labels if anonymous else {}), scratch / TABLE)
        html = page.render(
            "similar.html",
            "review.css",
            course=course.id,
            assignment=assignment,
            submissions=len(texts),
            without_source=sorted(set(notebooks.names) - set(notebooks.sources)),
            pairs=_groups(found, texts, labels, notebooks, anonymous),
            side_by_side=SIDE_BY_SIDE,
            anonymous=anonymous,
            now=datetime.now(UTC),
        )
        (scratch / PAGE).write_text(html, encoding="utf-8")
    return Written(moved, len(texts), max((one.group for one in found), default=0))


def compare(
    notebooks: Notebooks, exercises: pd.DataFrame, texts: Mapping[str, Mapping[Key, str]], most: int = MOST
) -> list[Compared]:
    """The pairs of all exercises, the most telling first."""
    found: list[Compared] = []
    for row in exercises.itertuples():
        key = (str(row.notebook), str(row.cell))
        kind = CODE if row.kind == "autograded" or notebooks.is_code(key) else PROSE
        given = {student: own[key] for student, own in texts.items() if own.get(key, "").strip()}
        known = notebooks.known(key)
        found += [
            Compared(str(row.exercise), key, kind, pair, len(given)) for pair in pairs(given, known, kind, most=most)
        ]
    return grouped(sorted(found, key=lambda each: -each.pair.evidence)[:most])


def grouped(found: list[Compared]) -> list[Compared]:
    """The pairs with the numbers of their groups, which count from 1 in the order of their first pairs."""
    same: dict[tuple[str, str], str] = {}  # exercise and student: the first student with the same text
    for each in sorted(found, key=lambda each: (each.pair.first, each.pair.second)):
        if each.pair.same:
            first = same.setdefault((each.exercise, each.pair.first), each.pair.first)
            same.setdefault((each.exercise, each.pair.second), first)
    numbers: dict[tuple[str, frozenset[str]], int] = {}
    result = []
    for each in found:
        texts = frozenset(same.get((each.exercise, name), name) for name in (each.pair.first, each.pair.second))
        result.append(replace(each, group=numbers.setdefault((each.exercise, texts), len(numbers) + 1)))
    return result


def read(folder: Path) -> list[Row]:
    """The pairs that `write` left in a folder, none if there is no table. A damaged line is left out."""
    try:
        with (folder / TABLE).open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error):
        return []
    rows: dict[int, Row] = {}
    for line in lines:
        try:
            number = int(line["group"])
            exercise, first, second, reason = (
                unsafe(line[name]) for name in ("exercise", "student_a", "student_b", "reason")
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
        row = rows.setdefault(number, Row(number, exercise, first, second, reason))
        more = [name for name in (first, second) if name not in (row.first, row.second, *row.more)]
        rows[number] = replace(row, more=(*row.more, *more))
    return list(rows.values())


def _names(students: pd.DataFrame) -> dict[str, str]:
    return {
        str(row.student): ", ".join(part for part in (str(row.last_name), str(row.first_name)) if part)
        for row in students.itertuples()
    }


def _table(found: list[Compared], labels: Mapping[str, str]) -> pd.DataFrame:
    rows = [
        (
            each.group,
            each.exercise,
            *(labels.get(name, name) for name in (each.pair.first, each.pair.second)),
            *(each.pair.part, each.pair.runs, each.pair.shared, len(each.pair.rare), each.pair.only),
            *(each.pair.evidence, each.pair.reason(each.of)),
        )
        for each in found
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _groups(
    found: list[Compared],
    texts: Mapping[str, Mapping[Key, str]],
    labels: Mapping[str, str],
    notebooks: Notebooks,
    anonymous: bool,
) -> list[dict[str, Any]]:
    """What the page shows of each group: its first pair, with the texts if it is among the first, and all members."""
    shown: dict[int, dict[str, Any]] = {}
    for each in found:
        pair = each.pair
        both = (pair.first, pair.second)
        if each.group not in shown:
            sides = _sides(each, [texts[name][each.key] for name in both], notebooks)
            shown[each.group] = {
                "number": each.group,
                "exercise": each.exercise,
                "members": [],
                "part": pair.part,
                "reason": pair.reason(each.of),
                "texts": sides,
            }
        members = shown[each.group]["members"]
        named = [("" if anonymous else name, labels.get(name, "")) for name in both]
        members += [name for name in named if name not in members]
    return list(shown.values())


def _sides(each: Compared, both: list[str], notebooks: Notebooks) -> list[list[tuple[str, str]]]:
    if each.group > SIDE_BY_SIDE:
        return []
    first, second = (plain(text, CHARACTERS) for text in both)
    known = notebooks.known(each.key)
    return [marked(a, b, each.pair.rare, known, each.kind) for a, b in ((first, second), (second, first))]
