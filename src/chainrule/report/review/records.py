"""What the review asks of the gradebook besides the report's frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import nbgrader.api as nb
from sqlalchemy import Connection, func, select

from chainrule.report.review.answers import Key

MOST_COMMENTS = 12
"""For one question; the most used first."""

LONGEST = 600
"""Characters of a comment that can be used again; a longer one was written for one student."""


@dataclass(frozen=True)
class Records:
    """`submissions` maps student and notebook to the id by which Formgrader shows it; `comments` a question to the
    texts that were given for it, with how often, the most used first."""

    submissions: Mapping[tuple[str, str], str]
    comments: Mapping[Key, list[tuple[str, int]]]


def load(connection: Connection, assignment: str) -> Records:
    submitted, notebooks, cells = nb.SubmittedAssignment.__table__, nb.Notebook.__table__, nb.BaseCell.__table__
    own, comments = nb.SubmittedNotebook.__table__, nb.Comment.__table__
    of = (
        select(notebooks.c.id)
        .join(nb.Assignment, nb.Assignment.id == notebooks.c.assignment_id)
        .where(nb.Assignment.name == assignment)
        .scalar_subquery()
    )
    ids = connection.execute(
        select(submitted.c.student_id, notebooks.c.name, own.c.id)
        .join(submitted, submitted.c.id == own.c.assignment_id)
        .join(notebooks, notebooks.c.id == own.c.notebook_id)
        .where(notebooks.c.id.in_(of))
    )
    text, count = comments.c.manual_comment, func.count()
    rows = connection.execute(
        select(notebooks.c.name, cells.c.name, text, count)
        .join(cells, cells.c.id == comments.c.cell_id)
        .join(notebooks, notebooks.c.id == cells.c.notebook_id)
        .where(notebooks.c.id.in_(of), text.is_not(None), text != "", func.length(text) <= LONGEST)
        .group_by(notebooks.c.name, cells.c.name, text)
        .order_by(count.desc(), text)
    )
    given: dict[Key, list[tuple[str, int]]] = {}
    for notebook, cell, comment, times in rows:
        listed = given.setdefault((notebook, cell), [])
        if comment.strip() and len(listed) < MOST_COMMENTS:
            listed.append((comment.strip(), int(times)))
    return Records({(student, notebook): key for student, notebook, key in ids}, given)
