"""`nbgrader export`: grades in the formats of other programs, one class a format.

`nbgrader export --exporter=chainrule.plugins.export.CanvasExport --to canvas.csv`; `chainrule export canvas` does the
same. The files themselves are written by chainrule.formats.
"""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from nbgrader.plugins import ExportPlugin
from sqlalchemy import Connection
from traitlets import Bool, Dict, Enum

from chainrule import policy, standing
from chainrule.course import Course
from chainrule.errors import ChainruleError
from chainrule.formats import canvas, gradescope, junit, moodle, read, sheets, table
from chainrule.formats.book import Book, Written, plain
from chainrule.plugins.feedback_page import NOTES


class CourseExport(ExportPlugin):
    """What our exporters share: which students and assignments, and how scores that are not complete are written."""

    target: ClassVar[str] = ""
    """The file, or folder, where `--to` names none."""

    headings = Dict(
        help="Canvas, Moodle: titles of the columns by assignment, such as {'a01': 'Linear models (4711)'}."
    ).tag(config=True)
    partial = Bool(False, help="Also scores of submissions of which a part is not graded yet.").tag(config=True)
    total = Bool(False, help="Canvas, Moodle: a column with the course's total in percent.").tag(config=True)

    root: Path | None = None
    """The course folder, in which `grades.toml` may be."""

    collected: standing.Collected = staticmethod(standing.nothing)
    """Whether a student has handed in what the gradebook does not know of yet."""

    def export(self, gradebook: Any) -> None:
        """nbgrader's entry: what goes wrong is said in a sentence, with exit status 1."""
        if coursedir := getattr(self.parent, "coursedir", None):
            self.root = Path(coursedir.root)
            step = coursedir.submitted_directory
            self.collected = lambda student, name: os.path.isdir(coursedir.format_path(step, student, name))
        try:
            written = self.write(gradebook.db.connection())
        except ChainruleError as error:
            self.log.error(str(error))
            raise SystemExit(1) from error
        for note in written.notes:
            self.log.warning(note)
        self.log.info("Exported grades to %s", written.path)

    def write(self, connection: Connection) -> Written:
        """Write the file or folder. Raises `ChainruleError`."""
        chosen = ([str(name) for name in self.assignment], [str(name) for name in self.student])
        settle = partial(settled, connection, self.root, self.collected)
        return self.make(connection, read.book(connection, *chosen, settle), Path(self.to or self.target))

    def make(self, connection: Connection, book: Book, target: Path) -> Written:
        raise NotImplementedError


def settled(connection: Connection, root: Path | None, collected: standing.Collected, book: Book) -> Book:
    """The book by the course's `grades.toml`: scores after what lateness takes off there, totals by its rules.

    Without the file, the scores are nbgrader's, and a total is the plain sum.
    """
    rules = policy.load(Course(root)) if root is not None else None
    if rules is None or not rules.file:
        return plain(book)
    scores, percents = dict(book.scores), {}
    for student, records in standing.records(connection, collected).items():
        total = rules.total(student, records)
        percents[student] = total.percent
        for own in total.standings:
            score = scores.get((student, own.assignment))
            if score is not None and own.points is not None:
                scores[student, own.assignment] = replace(score, penalty=score.raw - float(own.points))
    return replace(book, scores=scores, percents=percents)


class CsvExport(CourseExport):
    """nbgrader's table, properly quoted, and no text in it that a spreadsheet would run as a formula."""

    target = "grades.csv"

    def make(self, connection: Connection, book: Book, target: Path) -> Written:
        return table.write(book, target)


class XlsxExport(CourseExport):
    """A workbook with grades, submissions, exercises and tests."""

    target = "grades.xlsx"

    def make(self, connection: Connection, book: Book, target: Path) -> Written:
        return sheets.write(connection, book, target)


class CanvasExport(CourseExport):
    """For the import of Canvas's gradebook."""

    target = "canvas.csv"

    def make(self, connection: Connection, book: Book, target: Path) -> Written:
        return canvas.write(book, target, headings=self.headings, partial=self.partial, total=self.total)


class MoodleExport(CourseExport):
    """For Moodle's import of grades."""

    target = "moodle.csv"

    identify = Enum(
        moodle.IDENTIFIERS, "username", help="By what Moodle finds a student; all but email hold nbgrader's student id."
    ).tag(config=True)
    feedback = Bool(False, help="A column of text after each column of grades.").tag(config=True)

    def make(self, connection: Connection, book: Book, target: Path) -> Written:
        return moodle.write(
            book,
            target,
            identify=self.identify,
            headings=self.headings,
            partial=self.partial,
            total=self.total,
            feedback=self.feedback,
        )


class GradescopeExport(CourseExport):
    """A folder with a results.json for each submission, as a Gradescope autograder has to leave one."""

    target = "gradescope"

    visibility = Enum(gradescope.VISIBILITIES, "after_published", help="When Gradescope shows students the tests.").tag(
        config=True
    )

    def make(self, connection: Connection, book: Book, target: Path) -> Written:
        found = read.submissions(connection, book)
        return gradescope.write(found, target, words=NOTES, visibility=self.visibility, partial=self.partial)


class JunitExport(CourseExport):
    """A folder with a JUnit XML file for each submission."""

    target = "junit"

    def make(self, connection: Connection, book: Book, target: Path) -> Written:
        return junit.write(read.submissions(connection, book), target)


EXPORTERS: dict[str, type[CourseExport]] = {
    "canvas": CanvasExport,
    "csv": CsvExport,
    "gradescope": GradescopeExport,
    "junit": JunitExport,
    "moodle": MoodleExport,
    "xlsx": XlsxExport,
}
"""By the name that `chainrule export` has for the format."""
