"""The HTML pages: Jinja templates with autoescape, one self-contained file a page, no scripts."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from chainrule.report import items
from chainrule.report.attention import KINDS
from chainrule.report.figures import Figure
from chainrule.report.frames import Frames
from chainrule.report.grades import NO_SUBMISSION, UNSCORED

TEMPLATES = Path(__file__).parent / "templates"
SHOWN = 60
"""Rows of one group of the attention list on the page; attention.csv has all."""

MISSING = "–"


@dataclass(frozen=True)
class Summary:
    """The headline numbers of one assignment. Means are of the students with a score, in percent."""

    assignment: str
    enrolled: int
    submitted: int
    scored: int
    complete: int
    waiting: int
    attention: int
    mean: float
    median: float
    mean_points: float
    max_points: float


def summarise(frames: Frames, students: pd.DataFrame, table: pd.DataFrame, attention: pd.DataFrame) -> Summary:
    """`students` is grades.grades, `table` grades.points, `attention` attention.attention."""
    scores = students[~students["status"].isin(UNSCORED)]
    unmarked = (scores["waiting"] > 0) | (scores["ungraded"] > 0)
    return Summary(
        assignment=frames.assignment,
        enrolled=len(students),
        submitted=int((students["status"] != NO_SUBMISSION).sum()),
        scored=len(scores),
        complete=int((~unmarked).sum()),
        waiting=int(table["waiting"].sum()),
        attention=int(attention["student"].nunique()),
        mean=scores["percent"].mean(),
        median=scores["percent"].median(),
        mean_points=scores["score"].mean(),
        max_points=float(frames.exercises["max_points"].sum()),
    )


def assignment_page(
    course: str,
    frames: Frames,
    summary: Summary,
    *,
    exercises: pd.DataFrame,
    tests: pd.DataFrame,
    misconceptions: pd.DataFrame,
    attention: pd.DataFrame,
    figures: Mapping[str, Figure],
    files: Sequence[str],
    now: datetime,
    up: str | None,
    review: str = "",
) -> str:
    """The page a TA opens. `exercises` is items.exercises beside kind, max_points, ungraded and waiting.

    `files` names the CSV files beside the page; `up` is the way to the course's page and `review` that to
    the review page, if there is one.
    """
    groups = [
        {"kind": kind, "title": title, "rows": rows.head(SHOWN).to_dict("records"), "count": len(rows)}
        for kind, title in KINDS.items()
        if len(rows := attention[attention["kind"] == kind])
    ]
    by_exercise = [
        {"exercise": exercise, "rows": rows.to_dict("records")}
        for exercise, rows in tests.groupby("exercise", sort=False, observed=True)
    ]
    return _render(
        "assignment.html",
        course=course,
        summary=summary,
        due=frames.due,
        graded_at=(frames.runs["graded_at"].min(), frames.runs["graded_at"].max()) if len(frames.runs) else None,
        exercises=exercises.to_dict("records"),
        tests=by_exercise,
        misconceptions=misconceptions.to_dict("records"),
        groups=groups,
        figures=figures,
        minimum=items.MINIMUM,
        files=files,
        now=now,
        up=up,
        review=review,
    )


def course_page(course: str, summaries: list[Summary], links: Mapping[str, str], now: datetime) -> str:
    """The index: one row an assignment."""
    return _render("course.html", course=course, summaries=summaries, links=links, now=now)


def _render(template: str, sheet: str = "", **values: Any) -> str:
    """`sheet` is a style sheet of the template's own, after the common one."""
    style = "".join((TEMPLATES / name).read_text(encoding="utf-8") for name in ("style.css", sheet) if name)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "percent": percent, "moment": moment}
    # Markup: our own file. The policy allows this one style and nothing else: no script, no picture, no request.
    return environment.get_template(template).render(style=Markup(style), style_hash=digest, **values)


def number(value: float | None, decimals: int | None = None) -> str:
    """`3`, `3.5` as needed, or with so many decimals; a dash for a missing value. The minus is a minus sign."""
    if value is None or value != value:
        return MISSING
    places = (0 if float(value).is_integer() else 1) if decimals is None else decimals
    return f"{value:.{places}f}".replace("-", "−")


def percent(fraction: float | None) -> str:
    """`0.734` as `73 %`; a dash for a missing value. Only exactly all is 100 % and exactly none 0 %."""
    if fraction is None or fraction != fraction:
        return MISSING
    whole = round(100 * fraction)
    if 0 < fraction < 1:
        whole = min(max(whole, 1), 99)
    return f"{whole} %".replace("-", "−")


def moment(time: datetime | None) -> str:
    """`3 Mar 2026, 14:05 UTC`; nbgrader keeps all times in UTC."""
    if time is None or time != time:
        return MISSING
    return f"{time.day} {time:%b %Y, %H:%M} UTC"
