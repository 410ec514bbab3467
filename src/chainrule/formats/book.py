"""What the exports know: people, assignments, scores, and the details of a submission. Plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from chainrule.formats.text import clean, key
from chainrule.gradebook import Run


@dataclass(frozen=True)
class Person:
    """A student of the gradebook. `id` is nbgrader's; `lms_user_id` is the number in an LMS, if it was imported."""

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_user_id: str = ""

    @property
    def sorted_name(self) -> str:
        """Last name, first name; the id where there is neither."""
        return ", ".join(part for part in (self.last_name, self.first_name) if part) or self.id


@dataclass(frozen=True)
class Item:
    """An assignment, with its points and its due date (UTC, without zone, as nbgrader stores it)."""

    name: str
    max_points: float
    due: datetime | None = None


@dataclass(frozen=True)
class Score:
    """One submission. `raw` is nbgrader's sum, `penalty` what its late policy took; `waiting` counts the graded cells
    that have no score yet or that a human has to look at. If it is `unreadable`, `raw` says nothing. `isolation` is
    what stood around the student's code, one of each kind if its notebooks differ; "" if chainrule did not grade it.
    """

    raw: float
    penalty: float = 0.0
    submitted: datetime | None = None
    extension: timedelta | None = None
    waiting: int = 0
    unreadable: bool = False
    isolation: str = ""

    @property
    def points(self) -> float:
        """As in nbgrader's export: less the penalty, at least 0."""
        return max(0.0, self.raw - self.penalty)

    @property
    def complete(self) -> bool:
        return not self.waiting and not self.unreadable

    def seconds_late(self, due: datetime | None) -> float:
        """After the due date and the extension, as nbgrader counts; 0 without a due date."""
        if due is None or self.submitted is None:
            return 0.0
        return max(0.0, (self.submitted - due - (self.extension or timedelta())).total_seconds())


@dataclass(frozen=True)
class Book:
    """A course: `scores` by (student, assignment), nothing where nothing was submitted; `percents` are the course's
    totals by student, as its policy counts them, None where there is nothing to count. `unfinished` are the students of
    whom any submission in the course, also of an assignment that is not in `items`, is not graded completely.
    """

    people: tuple[Person, ...]
    items: tuple[Item, ...]
    scores: Mapping[tuple[str, str], Score]
    percents: Mapping[str, float | None] = field(default_factory=dict)
    unfinished: frozenset[str] = frozenset()

    def points(self, person: Person, item: Item, *, partial: bool = False) -> float | None:
        """None without a submission and, unless `partial`, while a part of it has no score: never a 0 for either."""
        score = self.scores.get((person.id, item.name))
        return None if score is None or not (partial or score.complete) else score.points

    def percent(self, person: Person, *, partial: bool = False) -> float | None:
        """The course's total; None, unless `partial`, while any part of it has no score."""
        return self.percents.get(person.id) if partial or person.id not in self.unfinished else None

    def held_back(self) -> list[tuple[Person, Item, Score]]:
        """The submissions whose score is not complete."""
        return [
            (person, item, score)
            for item in self.items
            for person in self.people
            if (score := self.scores.get((person.id, item.name))) is not None and not score.complete
        ]


def plain(book: Book) -> Book:
    """The book with totals: points of all assignments in percent of all that there are, none submitted as 0; None for a
    student without any submission.
    """
    most = sum(item.max_points for item in book.items)
    points = {
        person.id: [score.points for item in book.items if (score := book.scores.get((person.id, item.name)))]
        for person in book.people
    }
    percents = {student: 100 * sum(own) / most if own and most else None for student, own in points.items()}
    return replace(book, percents=percents)


@dataclass(frozen=True)
class Mark:
    """nbgrader's row on one graded cell of a submission. `points` is None while there is no score."""

    notebook: str
    cell: str
    points: float | None
    max_points: float
    by_hand: bool = False
    extra: float = 0.0
    waiting: bool = False
    comment: str = ""

    @property
    def remark(self) -> str:
        """What a person said of it."""
        return "" if self.comment == NO_RESPONSE else clean(self.comment)


NO_RESPONSE = "No response."
"""nbgrader's own comment on an untouched answer: no words of a person."""


@dataclass(frozen=True)
class Submission:
    """One student's submission of one assignment in detail: `runs` are chainrule's, one a notebook that it graded."""

    person: Person
    item: Item
    score: Score
    marks: tuple[Mark, ...] = ()
    runs: tuple[Run, ...] = ()

    @property
    def with_outcomes(self) -> set[tuple[str, str]]:
        """The notebooks and names of the graded cells that chainrule has hidden tests for."""
        return {(run.notebook, cell) for run in self.runs for cell, _ in run.outcomes}

    @property
    def other_marks(self) -> list[Mark]:
        """The marks of all other graded cells: written answers, and test cells of nbgrader's own kind."""
        ours = self.with_outcomes
        return [mark for mark in self.marks if (mark.notebook, mark.cell) not in ours]


@dataclass(frozen=True)
class Written:
    """What an export did: the path written, and sentences that its reader should know."""

    path: str
    notes: tuple[str, ...] = ()


WRITE_PARTIAL = (
    "What waits: chainrule report ASSIGNMENT, review.html. To have the points so far: --partial, or "
    "--CourseExport.partial=True with nbgrader export."
)


def warn_changed(keys: Iterable[str], program: str) -> list[str]:
    """A sentence on identifiers that `text.key` had to change."""
    changed = [text for text in keys if key(text) != text]
    named = f"{', '.join(changed[:8])}{f' and {len(changed) - 8} more' if len(changed) > 8 else ''}"
    return [
        f"{program} will not find {named}: a spreadsheet might run {'it' if len(changed) == 1 else 'them'}, so "
        "an apostrophe stands there. Take it away after you looked, or enter these grades by hand."
    ] * bool(changed)


def warn_held_back(held: Iterable[tuple[Person, Item, Score]], *, partial: bool, what: str = "left empty") -> list[str]:
    """A sentence an assignment on the submissions whose score is not complete."""
    found: dict[str, list[str]] = {}
    for person, item, _ in held:
        found.setdefault(item.name, []).append(person.id)
    done = "written with the points so far" if partial else what
    hint = [] if partial or not found else [WRITE_PARTIAL]
    return [
        f"{name}: {len(ids)} {'score is' if len(ids) == 1 else 'scores are'} {done}, because a part of the submission "
        f"is not graded yet: {', '.join(ids[:8])}{f' and {len(ids) - 8} more' if len(ids) > 8 else ''}."
        for name, ids in found.items()
    ] + hint
