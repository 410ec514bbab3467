"""The review pages: `review.html`, and `review/<exercise>.html` with the answers and what to hold against them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
from nbgrader.coursedir import CourseDirectory

from chainrule.course import Course
from chainrule.plugins.untrusted import plain
from chainrule.report import page
from chainrule.report.connect import snapshot
from chainrule.report.frames import Frames
from chainrule.report.review import records, similar
from chainrule.report.review.answers import Notebooks, Question, names_of
from chainrule.report.review.items import KINDS, WHOLE, Item, collect
from chainrule.report.review.queue import BY_HAND, Exercise, queue
from chainrule.report.review.settings import Settings
from chainrule.report.review.split import ANONYMOUS, label, split

INDEX = "review.html"
FOLDER = "review"
SHEET = "review.css"

READ = ("answer", "again", "ungraded", "crashed", "timeout")
"""Kinds that are shown with the student's text; only these notebooks are opened."""

ALONG = 400
"""Texts of one assignment that a report of the course still reads: each notebook takes some 15 ms to open."""

CHARACTERS = 6_000
"""Of one answer; the middle of a longer one is left out, and Formgrader has all of it."""

PAIRS = 50
"""Near-identical pairs that the first page lists; similar.csv has all."""


def size(frames: Frames, table: pd.DataFrame) -> int:
    """How many texts the review pages of an assignment show, at most. `table` is `grades.points`."""
    waiting = int((table["waiting"] | table["ungraded"]).sum())
    ended = frames.incidents[frames.incidents["status"].isin(["crashed", "timeout"])]
    return waiting + len(ended.drop_duplicates(["student", "exercise"]))


def write(
    course: Course,
    directory: CourseDirectory,
    db_url: str,
    frames: Frames,
    table: pd.DataFrame,
    out: Path,
    now: datetime,
    settings: Settings,
    beside: Path,
) -> None:
    """Write the review pages of an assignment into `out`. `table` is `grades.points`.

    Near-identical pairs are those that `chainrule similar` left in the folder `beside`.
    """
    notebooks = Notebooks(course, directory, frames.assignment, names_of(frames.exercises["notebook"]))
    items = collect(frames, table, notebooks.questions)
    with snapshot(db_url) as connection:
        known = records.load(connection, frames.assignment)
    share = split(frames.students["student"].astype("str"), settings.graders, frames.assignment)
    pairs = similar.read(beside)
    exercises = queue(frames, table, items, pairs, settings.graders, share)
    review = _Review(course, frames, settings, known, notebooks, share, now)
    review.read(exercises)
    (out / FOLDER).mkdir(exist_ok=True)
    (out / INDEX).write_text(review.index(exercises, items, pairs, (beside / similar.TABLE).exists()), "utf-8")
    shown = [exercise for exercise in exercises if not exercise.empty]
    for at, exercise in enumerate(shown):
        beside_it = {"before": shown[at - 1] if at else None, "after": shown[at + 1] if at + 1 < len(shown) else None}
        for number, file in enumerate(exercise.files):
            (out / FOLDER / file).write_text(review.exercise(exercise, number, **beside_it), "utf-8")


@dataclass
class _Review:
    course: Course
    frames: Frames
    settings: Settings
    records: records.Records
    notebooks: Notebooks
    share: Mapping[str, str]
    now: datetime
    texts: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    """By student and exercise: the text, and a remark on it."""

    def __post_init__(self) -> None:
        self.names = {
            str(row.student): ", ".join(part for part in (str(row.last_name), str(row.first_name)) if part)
            for row in self.frames.students.itertuples()
        }
        exercises = self.frames.exercises
        self.notebook_of = dict(zip(exercises["exercise"].astype("str"), exercises["notebook"], strict=True))

    def read(self, exercises: Sequence[Exercise]) -> None:
        """Open the notebook of every student of whom a text is shown, each once, and keep what is shown."""
        needed: dict[str, list[Exercise]] = {}
        for exercise in exercises:
            for item in (item for part in exercise.pages for section in part for item in section.items):
                if item.kind in READ:
                    needed.setdefault(item.student, []).append(exercise)
        for student, wanted in needed.items():
            written = self.notebooks.of(student)
            for exercise in wanted:
                key = (exercise.notebook, exercise.cell)
                count = written.pictures.get(key, 0)
                remark = f"With {count} pasted picture{'s' * (count > 1)}: see Formgrader." if count else ""
                remark = remark or written.problem
                self.texts[student, exercise.name] = (plain(written.texts.get(key, ""), CHARACTERS), remark)

    def index(
        self, exercises: Sequence[Exercise], items: Sequence[Item], pairs: Sequence[similar.Row], compared: bool
    ) -> str:
        waiting = [item for item in items if item.kind in BY_HAND]
        left = Counter((self.share.get(item.student, ""), item.exercise) for item in waiting)
        sizes = Counter(self.share.values())
        graders = [
            {
                "name": name,
                "students": sizes[name],
                "left": sum(left[name, exercise.name] for exercise in exercises),
                "exercises": [
                    (exercise.name, left[name, exercise.name], f"{FOLDER}/{exercise.start_of(at)}")
                    for exercise in exercises
                    if left[name, exercise.name]
                ],
            }
            for at, name in enumerate(self.settings.graders)
        ]
        whole = [item for item in items if item.exercise == WHOLE]
        return self._page(
            "review.html",
            weakly=self.frames.weak,
            submitted=len(self.frames.submissions),
            exercises=exercises,
            folder=FOLDER,
            kinds=KINDS,
            left=len(waiting),
            marked=sum(exercise.marked for exercise in exercises),
            ungraded=sum(exercise.counts.get("ungraded", 0) for exercise in exercises),
            graders=graders,
            whole=[self._item(item, "") for item in whole],
            pairs=[self._pair(pair) for pair in pairs[:PAIRS]],
            more_pairs=max(0, len(pairs) - PAIRS),
            compared=compared,
        )

    def exercise(self, exercise: Exercise, number: int, before: Exercise | None, after: Exercise | None) -> str:
        key = (exercise.notebook, exercise.cell)
        used = [
            (plain(text), times)
            for text, times in self.records.comments.get(key, [])
            if times > 1 or not self.settings.anonymous  # a comment given once may name its student
        ]
        own = self.settings.comments.get(self.frames.assignment, {})
        sections = [
            {
                "title": section.title,
                "grader": section.grader,
                "kind": section.kind,
                "items": [self._item(item, exercise.cell) for item in section.items],
                "left_out": section.left_out,
            }
            for section in exercise.pages[number]
        ]
        return self._page(
            "review_exercise.html",
            exercise=exercise,
            question=(question := self.notebooks.questions.get(key, Question())),
            rubric=readable(question.rubric),
            used=used,
            prepared=[plain(text) for text in own.get(exercise.name, own.get(exercise.cell, ()))],
            sections=sections,
            number=number + 1,
            before=before,
            after=after,
            pairs=[self._pair(pair) for pair in exercise.pairs] if number == 0 else [],
            kinds=KINDS,
            index=INDEX,
        )

    def _page(self, template: str, **values: Any) -> str:
        return page.render(
            template,
            SHEET,
            course=self.course.id,
            assignment=self.frames.assignment,
            anonymous=self.settings.anonymous,
            now=self.now,
            **values,
        )

    def _item(self, item: Item, cell: str) -> dict[str, Any]:
        text, remark = self.texts.get((item.student, item.exercise), ("", ""))
        return {
            "id": f"s{label(self.frames.assignment, item.student).removeprefix(ANONYMOUS)}",
            "student": self._label(item.student),
            "name": "" if self.settings.anonymous else self.names.get(item.student, ""),
            "kind": item.kind,
            "reasons": [(KINDS[reason.kind], plain(reason.text, 1000), reason.kind) for reason in item.reasons],
            "points": item.points,
            "max_points": item.max_points,
            "text": text,
            "read": item.kind in READ,
            "remark": remark,
            "link": self._link(item.student, item.exercise, cell),
        }

    def _label(self, student: str) -> str:
        if not self.settings.anonymous or student.startswith(ANONYMOUS):
            return student
        return label(self.frames.assignment, student)

    def _pair(self, pair: similar.Row) -> dict[str, Any]:
        place = f"{similar.PAGE}#pair-{pair.number}" if pair.number <= similar.SIDE_BY_SIDE else similar.PAGE
        students = [self._label(student) for student in (pair.first, pair.second)]
        more = [self._label(student) for student in pair.more]
        return {"exercise": pair.exercise, "students": students, "more": more, "reason": pair.reason, "href": place}

    def _link(self, student: str, exercise: str, cell: str) -> str:
        """Formgrader's page of this notebook, at the field for the points of this cell, or "" without a submission."""
        notebook = self.notebook_of.get(exercise) or (self.notebooks.names[0] if self.notebooks.names else "")
        key = self.records.submissions.get((student, notebook))
        if key is None:
            return ""
        anchor = f"#{quote(cell)}" if cell else ""
        return f"{self.settings.formgrader.rstrip('/')}/submissions/{quote(key)}/{anchor}"


def readable(markdown: str) -> str:
    """A rubric as plain text: its bullets and bold points without Markdown's signs."""
    return re.sub(r"\*\*(.+?)\*\*", r"\1", re.sub(r"^(\s*)[*-] ", r"\1• ", markdown, flags=re.MULTILINE))
