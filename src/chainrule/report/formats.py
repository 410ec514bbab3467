"""`chainrule export`: the exporters of `nbgrader export` on a course folder, and the workbook beside a report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from chainrule.course import Course
from chainrule.errors import UnknownName
from chainrule.formats import xlsx
from chainrule.formats.book import Written
from chainrule.gradebook import check
from chainrule.plugins.export import EXPORTERS
from chainrule.report.connect import course_directory, database, snapshot
from chainrule.report.totals import collected

FORMATS = tuple(EXPORTERS)


def export(
    course: Course,
    name: str,
    assignment: str | None = None,
    out: Path | None = None,
    *,
    students: Sequence[str] = (),
    partial: bool = False,
    total: bool = False,
) -> Written:
    """Write the grades of one assignment or of all, in the format `name` of `FORMATS`, to `out`.

    What is not given here is as `nbgrader_config.py` sets it for the exporter, as for `nbgrader export`.
    Raises `ChainruleError`.
    """
    if name not in EXPORTERS:
        raise UnknownName("format", name, EXPORTERS)
    directory = course_directory(course)
    chosen = {
        "assignment": [assignment] if assignment else None,
        "student": list(students) or None,
        "to": str(out) if out else None,
        "partial": partial or None,
        "total": total or None,
    }
    exporter = EXPORTERS[name](config=directory.config, **{key: value for key, value in chosen.items() if value})
    exporter.root, exporter.collected = course.root, collected(directory)
    with snapshot(db_url := database(directory)) as connection:
        check(connection, db_url)
        return exporter.write(connection)


def workbook(path: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    """A report's tables as the sheets of a workbook."""
    xlsx.write(path, [xlsx.Sheet(name, list(map(str, table.columns)), _rows(table)) for name, table in tables.items()])


def _rows(table: pd.DataFrame) -> Iterator[tuple[object, ...]]:
    # `tolist` makes Python's own numbers and times, which are much faster to look at than NumPy's.
    columns = [
        [None if gone else value for value, gone in zip(table[name].tolist(), table[name].isna().tolist(), strict=True)]
        for name in table.columns
    ]
    return zip(*columns, strict=True)
