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
from chainrule.similarity import CODE, PROSE, Kind, LeftOut, Pair, marked
from chainrule.similarity import compare as compare_texts

PAGE = "similar.html"
TABLE = "similar.csv"
MANIFEST = ".chainrule-similar"
"""Its files are not the report's, in whose folder they may lie."""
COLUMNS = [
    *("group", "exercise", "student_a", "student_b", "part", "pieces", "shared", "rare", "nobody_else", "evidence"),
    "reason",
]

MOST = 400
"""Pairs and groups of equal texts in the table, of all exercises, the most telling first."""

SIDE_BY_SIDE = 60
"""Pairs whose texts are on the page."""

CHARACTERS = 6_000
"""Of one text on the page."""


@dataclass(frozen=True)
class Row:
    """What a number of the table stands for; up to SIDE_BY_SIDE it is also its place on the page.

    `more` are the others whose texts are the same as one of the two.
    """

    number: int
    exercise: str
    first: str
    second: str
    reason: str
    more: tuple[str, ...] = ()


@dataclass(frozen=True)
class Listed:
    """One pair with the texts it was found in. `number` counts from 1, the most telling first."""

    exercise: str
    key: Key
    kind: Kind
    pair: Pair
    of: int
    number: int = 0


@dataclass(frozen=True)
class Unlisted:
    """Equal texts of one exercise that are not listed, of `of` that were compared."""

    exercise: str
    of: int
    found: LeftOut


@dataclass(frozen=True)
class Written:
    """The files, how many submissions were compared, how many pairs or groups are worth a look (at most `MOST`), and
    how many have the text that most have, of those that are listed; 0 if none is the same as another."""

    paths: list[Path]
    submissions: int
    groups: int
    largest: int


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
    found, unlisted = compare(notebooks, data.exercises, texts)
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
            unlisted=unlisted,
            side_by_side=SIDE_BY_SIDE,
            anonymous=anonymous,
            now=datetime.now(UTC),
        )
        (scratch / PAGE).write_text(html, encoding="utf-8")
    largest = max((len(one.pair.members) for one in found if one.pair.same), default=0)
    return Written(moved, len(texts), len(found), largest)


def compare(
    notebooks: Notebooks, exercises: pd.DataFrame, texts: Mapping[str, Mapping[Key, str]], most: int = MOST
) -> tuple[list[Listed], list[Unlisted]]:
    """The pairs of all exercises, the most telling first, and what was left out, in the order of the exercises."""
    found: list[Listed] = []
    unlisted: list[Unlisted] = []
    for row in exercises.itertuples():
        key = (str(row.notebook), str(row.cell))
        kind = CODE if row.kind == "autograded" or notebooks.is_code(key) else PROSE
        given = {student: own[key] for student, own in texts.items() if own.get(key, "").strip()}
        done = compare_texts(given, notebooks.known(key), kind, most=most)
        found += [Listed(str(row.exercise), key, kind, pair, len(given)) for pair in done.pairs]
        unlisted += [Unlisted(str(row.exercise), len(given), each) for each in done.left_out]
    ranked = sorted(found, key=lambda each: -each.pair.evidence)[:most]
    return [replace(each, number=place) for place, each in enumerate(ranked, 1)], unlisted


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


def _table(found: list[Listed], labels: Mapping[str, str]) -> pd.DataFrame:
    """A line for the two that are compared, and one for each who has the text of either."""
    rows = [
        (
            each.number,
            each.exercise,
            *(labels.get(name, name) for name in two),
            *(each.pair.part, each.pair.runs, each.pair.shared, len(each.pair.rare), each.pair.only),
            *(each.pair.evidence, each.pair.reason(each.of)),
        )
        for each in found
        for two in _twos(each.pair)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _twos(pair: Pair) -> list[tuple[str, str]]:
    as_first = [(pair.first, name) if pair.same else (name, pair.second) for name in pair.as_first]
    return [(pair.first, pair.second), *as_first, *((pair.first, name) for name in pair.as_second)]


def _groups(
    found: list[Listed],
    texts: Mapping[str, Mapping[Key, str]],
    labels: Mapping[str, str],
    notebooks: Notebooks,
    anonymous: bool,
) -> list[dict[str, Any]]:
    """What the page shows of each pair: the two, with the texts if it is among the first, and all members."""
    shown = []
    for each in found:
        members = [("" if anonymous else name, labels.get(name, "")) for name in each.pair.members]
        shown.append(
            {
                "number": each.number,
                "exercise": each.exercise,
                "members": members,
                "more": [name or label for name, label in members[2:]],
                "same": each.pair.same,
                "part": each.pair.part,
                "reason": each.pair.reason(each.of),
                "texts": _sides(each, texts, notebooks),
            }
        )
    return shown


def _sides(each: Listed, texts: Mapping[str, Mapping[Key, str]], notebooks: Notebooks) -> list[list[tuple[str, str]]]:
    if each.number > SIDE_BY_SIDE:
        return []
    first, second = (plain(texts[name][each.key], CHARACTERS) for name in (each.pair.first, each.pair.second))
    known = notebooks.known(each.key)
    return [marked(a, b, each.pair.rare, known, each.kind) for a, b in ((first, second), (second, first))]
