"""The grade report: CSV files and pages made from the gradebook. `write` is all that others need."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
from nbgrader.coursedir import CourseDirectory

from chainrule.course import Course
from chainrule.errors import GradebookError, UnknownName
from chainrule.gradebook import check
from chainrule.report import (
    analysis,
    changes,
    exports,
    formats,
    frames,
    grades,
    overview,
    page,
    parallel,
    review,
    risk,
    totals,
)
from chainrule.report.connect import course_directory, database, snapshot
from chainrule.startup import without_collecting

PAGE = "index.html"


def write(course: Course, assignment: str | None, out: Path, settings: review.Settings | None = None) -> list[Path]:
    """Write the report of one assignment into `out`, or of all: `out/<assignment>/`, and the course in `out`.

    Returns the files written. A failed run changes nothing in `out`. The report of one assignment comes with its review
    pages, that of the course with those of every assignment where something waits, unless there are more than
    `review.ALONG` texts to read; `settings` are theirs, by default the course's own.
    """
    wanted = settings or review.load(course)
    source = _Source(course, directory := course_directory(course), database(directory), wanted, out)
    with snapshot(source.db_url) as connection:
        check(connection, source.db_url)
        known = frames.assignments(connection)
    if assignment is not None:
        _require(course, assignment, known)
    now = datetime.now(UTC)
    with exports.staged(out) as (scratch, moved), without_collecting():
        if assignment is not None:
            _write_assignment(source, assignment, scratch, now, up=None, before=out)
        else:
            _write_course(source, known, scratch, now, before=out)
    return moved


@dataclass(frozen=True)
class _Source:
    course: Course
    directory: CourseDirectory
    db_url: str
    review: review.Settings
    out: Path


def _require(course: Course, assignment: str, known: list[str]) -> None:
    if assignment in known:
        return
    in_course = course.assignments()
    if assignment in in_course:
        raise GradebookError(
            f"The gradebook has nothing about {assignment} yet. Run `nbgrader generate_assignment {assignment}` and, "
            f"when submissions are collected, `chainrule autograde {assignment}`."
        )
    raise UnknownName("assignment", assignment, {*known, *in_course}, str(course.root))


def _write_course(source: _Source, names: list[str], out: Path, now: datetime, before: Path) -> None:
    """`before` is the folder of the report that this one will replace."""

    def job(name: str | None) -> Any:
        if name is None:
            return _write_totals(source, out, now)
        return _write_assignment(source, name, out / name, now, up=f"../{PAGE}", before=before / name)

    total, *parts = parallel.each(job, [None, *names])
    course = overview.overview(total.grades, parts, total.grades["percent"], now.replace(tzinfo=None))
    _write_tables(out, course.tables)
    links = {name: f"{quote(name)}/{PAGE}" for name in names}
    html = page.course_page(
        source.course.id,
        parts,
        links,
        reviews={
            part.summary.assignment: f"{quote(part.summary.assignment)}/{part.review}" for part in parts if part.review
        },
        folder=source.out.resolve().name,
        along=review.ALONG,
        totals=total,
        support=course.support,
        figures=course.figures,
        files=["grades", "explained", *course.tables],
        now=now,
    )
    (out / PAGE).write_text(html, encoding="utf-8")


def _write_totals(source: _Source, out: Path, now: datetime) -> totals.Totals:
    """Write the tables of the totals into `out`; returns what the course's page needs."""
    with snapshot(source.db_url) as connection:
        total = totals.totals(source.course, connection, source.directory, now)
    _write_tables(out, {"grades": total.grades, "explained": total.explained})
    formats.workbook(out / "grades.xlsx", {"grades": total.grades})
    return replace(total, explained=total.explained.head(0))  # the page has none of it, and it is long to send


def _write_assignment(
    source: _Source, assignment: str, out: Path, now: datetime, *, up: str | None, before: Path
) -> overview.Part:
    """Write one assignment's files into `out`; returns what the course's page needs. `before`: see _write_course."""
    with snapshot(source.db_url) as connection:
        data = frames.load(connection, assignment, _order(source.course, assignment))
    table = grades.points(data)
    missing = data.students.loc[~data.students["student"].isin(data.submissions["student"]), "student"]
    students = grades.grades(data, table, _collected(source.directory, assignment, missing))
    found = analysis.analyse(data, table, students, changes.previous(before), now.replace(tzinfo=None))
    _write_tables(out, tables := {"grades": students, **found.tables})
    if up is None:  # in a report of the course, its workbook is enough
        sheets = {name: tables[name] for name in ("grades", "exercises", "tests")}
        formats.workbook(out / "grades.xlsx", sheets)
    reviewed = review.INDEX if up is None or 0 < review.size(data, table) <= review.ALONG else ""
    html = page.assignment_page(source.course.id, data, found, files=list(tables), now=now, up=up, review=reviewed)
    (out / PAGE).write_text(html, encoding="utf-8")
    if reviewed:
        place = (source.course, source.directory, source.db_url)
        review.write(*place, data, table, out, now, source.review, before)
    shared = students.join(risk.shares(found.scored), on="student")
    return overview.Part(found.summary, data.due, shared, found.exercises, found.changed, reviewed)


def _write_tables(out: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    for name, table in tables.items():
        path = out / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        exports.write_csv(table, path)


def _order(course: Course, assignment: str) -> dict[str, int]:
    """Places of the grade_ids in the source notebooks; empty where there are none."""
    places: dict[str, int] = {}
    for path in sorted(course.source(assignment).glob("*.ipynb")):
        try:
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            ids = [cell["metadata"]["nbgrader"]["grade_id"] for cell in cells if "nbgrader" in cell["metadata"]]
        except (OSError, ValueError, KeyError, TypeError):
            continue  # only the order of rows is lost
        for grade_id in ids:
            places.setdefault(str(grade_id), len(places))
    return places


def _collected(directory: CourseDirectory, assignment: str, students: pd.Series) -> frozenset[str]:
    """The students who have a folder in submitted/."""
    step = directory.submitted_directory
    return frozenset(s for s in students if os.path.isdir(directory.format_path(step, s, assignment)))
