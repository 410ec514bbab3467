"""The page that students get from `nbgrader generate_feedback`: one HTML file, no scripts, nothing from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
import markupsafe
from nbconvert.exporters import Exporter
from nbgrader.api import Gradebook, SubmittedNotebook
from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme

from chainrule import gradebook as store
from chainrule.model import Note, Outcome
from chainrule.plugins.feedback_page import Mark, Page, build
from chainrule.plugins.hidden import Delimiters
from chainrule.plugins.untrusted import line

HERE = Path(__file__).parent

CSP = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""What the page may load and run in the reader's browser: its own style and its own pictures."""


@dataclass(frozen=True)
class Record:
    """What the gradebook holds on one notebook of one submission."""

    student: str
    score: float
    max_score: float
    penalty: float = 0.0
    seconds_late: float = 0.0
    marks: Mapping[str, Mark] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    test_cells: Mapping[str, str] = field(default_factory=dict)
    graded_at: datetime | None = None

    @property
    def total(self) -> float:
        return max(0.0, self.score - self.penalty)


class FeedbackExporter(Exporter):
    """Renders an autograded notebook as feedback.

    nbgrader's `GetGrades` runs before as a preprocessor and brings the comments; marks, outcomes and notes are read
    from the gradebook named in the resources.
    """

    output_mimetype = "text/html"

    def _file_extension_default(self) -> str:
        return ".html"

    def from_notebook_node(
        self, nb: Any, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """The page, and the resources as they are after the preprocessors."""
        cells, resources = super().from_notebook_node(nb, resources, **kw)
        ids = resources["nbgrader"]
        record = read_record(ids["db_url"], ids["assignment"], ids["student"], ids["notebook"])
        page = build(
            cells["cells"],
            record.marks,
            record.outcomes,
            record.notes,
            record.test_cells,
            self._delimiters(ClearHiddenTests, "test"),
            self._delimiters(ClearMarkScheme, "mark_scheme"),
        )
        return render(page, record, ids["assignment"], ids["notebook"]), resources

    def _delimiters(self, preprocessor: Any, name: str) -> Delimiters:
        """Of the regions that this preprocessor of nbgrader clears, as the course configures it."""
        configured = preprocessor(parent=self)
        return Delimiters(getattr(configured, f"begin_{name}_delimeter"), getattr(configured, f"end_{name}_delimeter"))


def render(page: Page, record: Record, assignment: str, notebook: str) -> str:
    """The page as HTML: every text escaped by the template engine."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"points": points, "prose": prose}
    html = environment.get_template("feedback.html").render(
        page=page,
        record=record,
        assignment=line(assignment, 200),
        notebook=line(notebook, 200),
        student=line(record.student, 200),
        late=duration(record.seconds_late),
        csp=CSP,
        # Our own file, hence not escaped: a style sheet knows no entities.
        style=markupsafe.Markup((HERE / "feedback.css").read_text(encoding="utf-8")),
    )
    return html.encode("utf-8", "replace").decode("utf-8")


def prose(text: str) -> markupsafe.Markup:
    """Escaped text, in which `words in backticks` are set as code."""
    return markupsafe.Markup(re.sub(r"`([^`\n]{1,80})`", r"<code>\1</code>", str(markupsafe.escape(text))))


def points(value: float) -> str:
    """Points without needless digits: 7, 7.5, 6.33; a real minus sign."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text.replace("-", "−")


def duration(seconds: float) -> str:
    """A time in words of two units at most: "2 days 3 hours"; empty for less than a minute."""
    parts = []
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count, seconds = divmod(int(seconds), size)
        if count:
            parts.append(f"{count} {unit}{'' if count == 1 else 's'}")
    return " ".join(parts[:2])


def read_record(db_url: str, assignment: str, student: str, notebook: str) -> Record:
    """Reads nbgrader's tables and ours."""
    with Gradebook(db_url) as gradebook:
        row = gradebook.find_submission_notebook(notebook, assignment, student)
        person = row.student
        name = " ".join(part for part in (person.first_name, person.last_name) if part)
        return Record(
            student=f"{name} ({person.id})" if name else person.id,
            score=row.score or 0.0,
            max_score=row.max_score or 0.0,
            penalty=row.late_submission_penalty or 0.0,
            seconds_late=row.assignment.total_seconds_late,
            marks=_marks(row),
            **_results(db_url, assignment, student, notebook),
        )


def _marks(row: SubmittedNotebook) -> dict[str, Mark]:
    return {
        grade.name: Mark(
            score=grade.score or 0.0,
            points=grade.max_score or 0.0,
            auto=grade.auto_score,
            manual=grade.manual_score,
            extra=grade.extra_credit,
            waiting=bool(grade.needs_manual_grade) and grade.manual_score is None,
        )
        for grade in row.grades
    }


def _results(db_url: str, assignment: str, student: str, notebook: str) -> dict[str, Any]:
    """Of our tables; nothing if chainrule never graded this notebook."""
    with store.connect(db_url) as connection:
        runs = store.load(connection, assignment, student, notebook)
    if not runs:
        return {}
    run = runs[0]
    return {
        "notes": run.notes,
        "outcomes": tuple(outcome for _, outcome in run.outcomes),
        "test_cells": {test_cell: outcome.exercise for test_cell, outcome in run.outcomes},
        "graded_at": run.graded_at,
    }
