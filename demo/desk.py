"""A student's desk: fetch the assignment, edit the notebook, submit it. Fetching and submitting are nbgrader's own."""

from __future__ import annotations

import json
import logging
from datetime import datetime
from pathlib import Path
from typing import Any

from nbgrader.auth import Authenticator
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange.default import ExchangeFetchAssignment, ExchangeSubmit
from traitlets.config import Config

from chainrule.notebook import cells

from .scratch import Scratch

Notebook = dict[str, Any]

_quiet = logging.getLogger("demo.exchange")
_quiet.setLevel(logging.ERROR)


class SubmitAt(ExchangeSubmit):  # type: ignore[misc]  # nbgrader has no types
    """nbgrader's submission at a given moment: the class plays a week in a few seconds."""

    moment: datetime

    def set_timestamp(self) -> None:
        self.timestamp = self.moment.strftime(self.timestamp_format)


class Desk:
    """One student's home folder and their side of the exchange."""

    def __init__(self, scratch: Scratch, course: str, assignment: str, student: str) -> None:
        self.home = scratch.home(student)
        self.home.mkdir(parents=True, exist_ok=True)
        self.work = self.home / assignment
        config = Config()
        config.CourseDirectory.course_id = course
        config.CourseDirectory.student_id = student
        config.CourseDirectory.assignment_id = assignment
        config.Exchange.root = str(scratch.exchange)
        config.Exchange.cache = str(scratch.cache(student))
        config.Exchange.assignment_dir = str(self.home)
        coursedir = CourseDirectory(config=config)
        authenticator = Authenticator(config=config)
        self._parts = {"coursedir": coursedir, "authenticator": authenticator, "config": config, "log": _quiet}

    def fetch(self) -> Path:
        """Fetch the assignment; the path of its (one) notebook."""
        ExchangeFetchAssignment(**self._parts).start()
        return next(self.work.glob("*.ipynb"))

    def submit(self, moment: datetime) -> None:
        submission = SubmitAt(**self._parts)
        submission.moment = moment
        submission.start()


def read(path: Path) -> Notebook:
    """A notebook with each cell's source as one string."""
    notebook: Notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    return notebook


def find(notebook: Notebook, wanted: str) -> dict[str, Any]:
    """The cell with that grade_id."""
    return next(cell for cell in notebook["cells"] if cells.grade_id(cell) == wanted)


def solution(source: str) -> str:
    """A solution cell as a student would have written it: without the markers."""
    return "\n".join(line for line in source.splitlines() if not line.strip().startswith(("### BEGIN", "### END")))
