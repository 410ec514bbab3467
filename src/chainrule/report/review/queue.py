"""In what order the items of an assignment are looked at, and on which page each stands."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import pandas as pd

from chainrule.report.frames import Frames
from chainrule.report.review.items import KINDS, Item
from chainrule.report.review.similar import Row
from chainrule.report.review.split import place

BY_HAND = ("answer", "again")
"""What is done by giving a mark."""

ANSWERS = 50
"""Items on one page."""

FAULTS = 50
"""Items of one kind and exercise that are shown, other than answers: a broken grader stops a whole class alike."""


@dataclass(frozen=True)
class Section:
    """Neighbouring items under one heading: those of a grader, or of a kind. `left_out` are not shown."""

    title: str
    grader: int | None
    kind: str
    items: tuple[Item, ...]
    left_out: int = 0


@dataclass(frozen=True)
class Exercise:
    """One exercise with what waits there. `slug` names its files; `pages` hold sections of ANSWERS items together."""

    name: str
    notebook: str
    cell: str
    kind: str
    max_points: float
    submitted: int
    marked: int
    counts: Mapping[str, int]
    pairs: tuple[Row, ...]
    slug: str
    pages: tuple[tuple[Section, ...], ...]

    @property
    def left(self) -> int:
        return sum(self.counts.get(kind, 0) for kind in BY_HAND)

    @property
    def empty(self) -> bool:
        return not self.counts and not self.pairs

    @property
    def files(self) -> list[str]:
        return [f"{self.slug}.html", *(f"{self.slug}-{n}.html" for n in range(2, len(self.pages) + 1))]

    def start_of(self, grader: int) -> str:
        """The page on which a grader's share begins, empty if nothing is left for them."""
        for file, page in zip(self.files, self.pages, strict=True):
            if any(section.grader == grader for section in page):
                return f"{file}#grader-{grader + 1}"
        return ""


def queue(
    frames: Frames,
    table: pd.DataFrame,
    items: Sequence[Item],
    pairs: Sequence[Row],
    graders: Sequence[str],
    share: Mapping[str, str],
) -> list[Exercise]:
    """The exercises in the notebook's order. Within one, marks to give come first, by grader, in an order drawn by
    lot: the order of names would let the same students be read first, or last, each time."""
    found = []
    slugs: set[str] = set()
    by_hand = table[table["kind"] != "autograded"]
    marked = by_hand[by_hand["points"].notna() & ~by_hand["waiting"]].groupby("exercise").size()
    submitted = int(frames.submissions["student"].nunique())
    maxima = frames.exercises["max_points"].astype("float64").tolist()
    for row, maximum in zip(frames.exercises.itertuples(), maxima, strict=True):
        name = str(row.exercise)
        own = [item for item in items if item.exercise == name]
        found.append(
            Exercise(
                name,
                str(row.notebook),
                str(row.cell),
                str(row.kind),
                maximum,
                submitted,
                int(marked.get(name, 0)),
                Counter(kind for item in own for kind in {reason.kind for reason in item.reasons}),
                tuple(pair for pair in pairs if pair.exercise == name),
                _slug(name, slugs),
                _pages(frames.assignment, own, graders, share),
            )
        )
    return found


def _slug(name: str, taken: set[str]) -> str:
    slug = re.sub(r"[^A-Za-z0-9_]+", "_", name)[:80] or "exercise"  # no hyphen: slug-2 is the second page of slug
    while slug.lower() in taken:
        slug += "_"
    taken.add(slug.lower())
    return slug


def _pages(
    assignment: str, items: Sequence[Item], graders: Sequence[str], share: Mapping[str, str]
) -> tuple[tuple[Section, ...], ...]:
    ranks = {kind: rank for rank, kind in enumerate(KINDS)}

    def group(item: Item) -> tuple[int, int]:
        if item.kind in BY_HAND:
            return 0, graders.index(share[item.student]) if item.student in share else len(graders)
        return 1 + ranks[item.kind], 0

    ordered = sorted(items, key=lambda item: (group(item), place(assignment, item.student)))
    pages: list[tuple[Section, ...]] = []
    page: list[Section] = []
    room = ANSWERS
    for (rank, grader), members in groupby(ordered, key=group):
        rest = list(members)
        kind = rest[0].kind
        named = rank == 0 and grader < len(graders)
        title = graders[grader] if named else KINDS["answer" if rank == 0 else kind]
        left_out = 0 if rank == 0 else max(0, len(rest) - FAULTS)
        rest = rest[: len(rest) - left_out]
        while rest:
            part, rest = rest[:room], rest[room:]
            page.append(Section(title, grader if named else None, kind, tuple(part), 0 if rest else left_out))
            room -= len(part)
            if not room:
                pages.append(tuple(page))
                page, room = [], ANSWERS
    return (*pages, tuple(page)) if page or not pages else tuple(pages)
