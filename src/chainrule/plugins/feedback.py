"""The page that students get from `nbgrader generate_feedback`: one HTML file, no scripts, nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from datetime import UTC, tzinfo
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
import markupsafe
from nbconvert.exporters import Exporter
from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme

from chainrule import policy, standing
from chainrule.course import Course
from chainrule.plugins import prose
from chainrule.plugins.feedback_items import STATES, Page
from chainrule.plugins.feedback_page import build
from chainrule.plugins.feedback_record import Lateness, Record, read_record
from chainrule.plugins.feedback_words import counted, duration, moment, points
from chainrule.plugins.hidden import Delimiters
from chainrule.plugins.untrusted import line

HERE = Path(__file__).parent

CSP = "default-src 'none'; img-src data:; style-src '{style}'; base-uri 'none'; form-action 'none'"
"""What the page may load and run in the reader's browser: its own pictures, and the one style sheet of this hash."""


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
        rules = policy.load(Course(Path(self.parent.coursedir.root)))
        total = standing.of(rules, ids["db_url"], ids["student"])
        if total is not None:
            record = replace(record, lateness=Lateness.of(rules, total, ids["assignment"]))
        page = build(
            cells["cells"],
            record.marks,
            record.outcomes,
            record.notes,
            record.test_cells,
            self._delimiters(ClearHiddenTests, "test"),
            self._delimiters(ClearMarkScheme, "mark_scheme"),
        )
        return render(page, record, ids["assignment"], ids["notebook"], rules.zone), resources

    def _delimiters(self, preprocessor: Any, name: str) -> Delimiters:
        """Of the regions that this preprocessor of nbgrader clears, as the course configures it."""
        configured = preprocessor(parent=self)
        return Delimiters(getattr(configured, f"begin_{name}_delimeter"), getattr(configured, f"end_{name}_delimeter"))


def render(page: Page, record: Record, assignment: str, notebook: str, zone: tzinfo = UTC) -> str:
    """The page as HTML: every text escaped by the template engine or by `prose`, every time in `zone`."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "points": points,
        "moment": partial(moment, zone=zone),
        "duration": duration,
        "counted": counted,
        "inline": prose.inline,
        "markdown": prose.markdown,
    }
    style = (HERE / "feedback.css").read_text(encoding="utf-8").strip()
    html = environment.get_template("feedback.html").render(
        page=page,
        record=record,
        assignment=line(assignment, 200),
        notebook=line(notebook, 200),
        student=line(record.student, 200),
        others=[(line(other.name, 100), f"./{quote(other.name, safe='')}.html", other) for other in record.others],
        states=STATES,
        csp=CSP.format(style="sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()),
        # Our own file, hence not escaped: a style sheet knows no entities.
        style=markupsafe.Markup(style),
    )
    return html.encode("utf-8", "replace").decode("utf-8")
