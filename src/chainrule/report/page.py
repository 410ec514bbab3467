"""The HTML pages: Jinja templates with autoescape, one self-contained file a page, no scripts."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from chainrule.report import changes, items, risk
from chainrule.report.analysis import Analysis
from chainrule.report.attention import KINDS
from chainrule.report.clusters import THRESHOLD
from chainrule.report.discrimination import MINIMUM
from chainrule.report.figures import Figure
from chainrule.report.frames import Frames
from chainrule.report.overview import Part
from chainrule.report.timing import duration
from chainrule.report.totals import Totals

TEMPLATES = Path(__file__).parent / "templates"
SHOWN = 60
"""Rows of one group of the attention list on the page; attention.csv has all."""

MISSING = "–"


def assignment_page(
    course: str,
    frames: Frames,
    analysis: Analysis,
    *,
    files: Sequence[str],
    now: datetime,
    up: str | None,
    review: str = "",
) -> str:
    """The page of one assignment. `files` are the stems of the CSV files beside it.

    `up` is the way to the course's page, if there is one; `review` that to the review page.
    """
    tests = analysis.tests
    return render(
        "assignment.html",
        course=course,
        summary=analysis.summary,
        due=frames.due,
        graded_at=(frames.runs["graded_at"].min(), frames.runs["graded_at"].max()) if len(frames.runs) else None,
        exercises=analysis.exercises.to_dict("records"),
        tests=_groups(tests, "exercise"),
        remarkable=tests[tests["remark"] != ""].to_dict("records"),
        reliability=analysis.reliability.to_dict("records"),
        misconceptions=analysis.misconceptions.to_dict("records"),
        clusters=_groups(analysis.clusters, "cluster"),
        threshold=THRESHOLD,
        changed=analysis.changed,
        change_groups=_by_kind(analysis.changed.students, "change", changes.KINDS),
        grading=analysis.grading.to_dict("records"),
        groups=_by_kind(analysis.attention, "kind", KINDS),
        figures=analysis.figures,
        minimum=MINIMUM,
        certain=items.CERTAIN,
        files=files,
        now=now,
        up=up,
        review=review,
    )


def _groups(table: pd.DataFrame, key: str) -> list[dict[str, Any]]:
    """The rows of each key, the keys in the order of the table."""
    found: dict[object, list[dict[Any, Any]]] = {}
    for row in table.to_dict("records"):
        found.setdefault(row[key], []).append(row)
    return [{key: name, "rows": rows} for name, rows in found.items()]


def _by_kind(table: pd.DataFrame, column: str, kinds: Mapping[str, str]) -> list[dict[str, Any]]:
    """The kinds that occur, in the order of `kinds`: title, how many, and the first rows."""
    places = table.groupby(column).indices
    return [
        {
            "kind": kind,
            "title": title,
            "rows": table.iloc[places[kind][:SHOWN]].to_dict("records"),
            "count": len(places[kind]),
        }
        for kind, title in kinds.items()
        if kind in places
    ]


def course_page(
    course: str,
    rows: Sequence[Part],
    links: Mapping[str, str],
    *,
    reviews: Mapping[str, str],
    folder: str,
    totals: Totals,
    support: pd.DataFrame,
    figures: Mapping[str, Figure],
    files: Sequence[str],
    now: datetime,
    along: int,
) -> str:
    """The index: one row an assignment, with what changed in it; one a student; `support` is risk.support.

    `links` lead to the assignments' pages, `reviews` to the review pages that there are; `folder` is the name of the
    one that this page is in, `along` review.ALONG.
    """
    return render(
        "course.html",
        course=course,
        rows=rows,
        links=links,
        reviews=reviews,
        folder=folder,
        large=[row.summary.assignment for row in rows if row.summary.waiting and not row.review],
        along=along,
        totals=totals,
        support=support.head(SHOWN).to_dict("records"),
        supported=len(support),
        rules=risk.RULES,
        figures=figures,
        files=files,
        now=now,
    )


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "percent": percent, "moment": moment, "duration": duration}
    return environment


def render(template: str, sheet: str = "", **values: Any) -> str:
    """`sheet` is a style sheet of the template's own, after the common one."""
    style = "".join((TEMPLATES / name).read_text(encoding="utf-8") for name in ("style.css", sheet) if name)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    # Markup: our own file. The policy allows this one style and nothing else: no script, no picture, no request.
    return _environment().get_template(template).render(style=Markup(style), style_hash=digest, **values)


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
    whole = round(round(100 * fraction, 6))  # 100 · 0.575 is a little less than 57.5
    if 0 < fraction < 1:
        whole = min(max(whole, 1), 99)
    return f"{whole} %".replace("-", "−")


def moment(time: datetime | None) -> str:
    """`3 Mar 2026, 14:05 UTC`; nbgrader keeps all times in UTC."""
    if time is None or time != time:
        return MISSING
    return f"{time.day} {time:%b %Y, %H:%M} UTC"
