"""How an autograded notebook, its marks and its outcomes become the sections of the feedback page.

Everything here is plain values; `feedback.html` prints them, escaped. Of a test cell only what ran in the open is
taken, and of the student's outputs only text and pictures.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chainrule.model import Note, Outcome, Status
from chainrule.plugins.feedback_items import Item, Mark, Page, Test
from chainrule.plugins.feedback_outputs import Output, Outputs
from chainrule.plugins.hidden import Delimiters, Secrets
from chainrule.plugins.untrusted import line, plain

Cell = Mapping[str, Any]

NOTES = {
    "unreadable": "We could not read your notebook, so nothing in it was graded. Check that the file opens in Jupyter "
    "and hand it in again, or write to your instructor.",
    "crashed": "Python stopped while a cell ran; what that cell defines was missing afterwards",
    "timeout": "A cell ran for too long and was stopped; what it defines was missing afterwards",
    "missing": "A cell was missing and was put back",
    "duplicate": "A cell was there more than once; the first one counts",
    "restored": "A cell that is not yours to change had been changed; its original text was used",
    "metadata": "The points or settings of a cell had been changed; the original ones were used",
    "ungraded": "A fault on our side kept a part from being graded. A person will look at it; you have lost nothing",
    "weak": "The machine that graded this could not shut your code in as usual (isolation tier C). Your points come "
    "from the same tests as ever; your instructor knows of it.",
}
"""The words for students, by kind, in the order of weight. Notes of other kinds, and their messages, are for staff."""

NO_RESPONSE = "No response."
"""nbgrader's own comment on an untouched solution cell."""

UNANSWERED = "This question has no answer yet: its cell is as it was handed out."

CODE = 30_000
"""Most characters shown of one cell."""

MISCONCEPTIONS = 3
"""Most named mistakes of one exercise: a student mends one at a time."""


def build(
    cells: Sequence[Cell],
    marks: Mapping[str, Mark],
    outcomes: Sequence[Outcome],
    notes: Sequence[Note],
    test_cells: Mapping[str, str],
    hidden: Delimiters,
    scheme: Delimiters,
) -> Page:
    """The page of one notebook. `test_cells` maps a test cell's id to the exercise that chainrule graded there."""
    outputs = Outputs(Secrets.of(cells, hidden, scheme), hidden)
    items: list[Item] = []
    rest: list[Output] = []
    remarks: list[str] = []
    for section in _sections(cells, scheme):
        graded, group = section.graded, section.above
        if graded is None:
            rest, remarks = outputs.of_students(group), _comments(group)
            continue
        item = _item(section, len(items) + 1, marks, scheme)
        item.outputs = outputs.of_students(group)
        if item.kind == "answer":
            _answer(item, section, outputs, scheme)
        elif item.id in test_cells:
            item.kind, item.id = "exercise", test_cells[item.id]
            _exercise(item, [outcome for outcome in outcomes if outcome.exercise == item.id])
            item.outputs += outputs.of_exercise(graded) + outputs.of_students(section.below)
        else:
            item.visible_tests = plain(hidden.shown(str(graded["source"])), CODE)
            item.lead, shown = outputs.of_foreign_tests(graded, item.mark.score, item.mark.points)
            item.outputs += shown + outputs.of_students(section.below)
        items.append(item)
    if any(note.kind == "unreadable" for note in notes) and not any(_by_hand(item) for item in items):
        items = []  # these are the cells as handed out, not the student's
    return Page(_title(cells), items, _notes(notes, items), rest, remarks)


def _by_hand(item: Item) -> bool:
    return bool(item.comments) or item.mark.manual is not None or item.mark.waiting


def _meta(cell: Cell) -> Mapping[str, Any]:
    found = cell.get("metadata", {}).get("nbgrader", {})
    return found if isinstance(found, Mapping) else {}


def _is_code(cell: Cell) -> bool:
    return cell.get("cell_type") == "code"


@dataclass(frozen=True)
class _Section:
    """A graded cell (None: after the last one), the heading above it, and the cells that go with it.

    `above` reaches up to that heading, or to the first solution cell if that is higher. `below` are the cells up to the
    next heading or cell of nbgrader: what a student wrote under a task, tried out under an exercise.
    """

    heading: str
    above: list[Cell]
    graded: Cell | None
    below: list[Cell] = field(default_factory=list)


def _sections(cells: Sequence[Cell], scheme: Delimiters) -> Iterator[_Section]:
    heading = ""
    above: list[Cell] = []
    loose: list[Cell] = []
    last: _Section | None = None
    for cell in cells:
        meta, title = _meta(cell), ""
        if cell.get("cell_type") == "markdown" and not meta.get("solution"):
            title = _heading(scheme.shown(str(cell.get("source", ""))))  # a rubric has headings, too
        graded = meta.get("grade") or meta.get("task")
        if last and not (title or graded or meta.get("solution")):
            last.below.append(cell)
            continue
        if last:
            yield last
            last = None
        if title:
            heading = title
            if not any(_meta(other).get("solution") for other in above):
                loose, above = loose + above, []
        if graded:
            last, above, loose = _Section(heading, above, cell), [], []
        else:
            above.append(cell)
    if last:
        yield last
    yield _Section("", loose + above, None)


def _title(cells: Sequence[Cell]) -> str:
    """The notebook's own title: the heading in its first Markdown cell, if it is of the first level."""
    first = next((str(cell.get("source", "")) for cell in cells if cell.get("cell_type") == "markdown"), "").lstrip()
    return _heading(first.split("\n")[0]) if first.startswith("# ") else ""


def _heading(source: str) -> str:
    """The last heading of a Markdown cell as plain words; empty if there is none."""
    found, fence = "", ""
    for text in source[:50_000].split("\n"):
        mark = text.lstrip()[:3]
        if mark in ("```", "~~~"):
            fence = "" if mark == fence else fence or mark
        elif not fence and len(text) < 300 and (match := re.match(r" {0,3}#{1,6}\s+(.*)", text)):
            found = match[1].strip().rstrip("#")
    if not found:
        return ""
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)|<[^>]*>", r"\1", found)
    words = re.sub(r"[*`$]", "", words).replace("\\_", "_")
    return line(re.sub(r"\s*\([\d.]+ points?\)\s*$", "", words), 150)  # the page tells the points itself


def _item(section: _Section, number: int, marks: Mapping[str, Mark], scheme: Delimiters) -> Item:
    assert section.graded is not None
    meta = _meta(section.graded)
    grade_id = str(meta.get("grade_id", ""))
    mark = marks.get(grade_id) or Mark(0.0, float(meta.get("points", 0) or 0), waiting=True)
    kind = "answer" if meta.get("solution") or meta.get("task") else "tests"
    cells = (*section.above, section.graded)
    return Item(
        kind,
        f"part-{number}",
        line(grade_id, 100),
        section.heading or line(grade_id, 100),
        mark,
        code=[
            plain(scheme.shown(str(cell["source"])), CODE)
            for cell in section.above
            if _meta(cell).get("solution") and _is_code(cell)
        ],
        comments=_comments(cells),
        lead=UNANSWERED if kind == "answer" and _comment(section.graded) == NO_RESPONSE else "",
    )


def _comment(cell: Cell) -> str:
    return plain(_meta(cell).get("comment"), 10_000)


def _comments(cells: Sequence[Cell]) -> list[str]:
    """What a person has written to these cells."""
    return [comment for cell in cells if (comment := _comment(cell)) and comment != NO_RESPONSE]


def _answer(item: Item, section: _Section, outputs: Outputs, scheme: Delimiters) -> None:
    """A written answer: text, or code that a person reads."""
    assert section.graded is not None
    own = section.below if _meta(section.graded).get("task") else [section.graded]
    texts = [plain(scheme.shown(str(cell["source"])), CODE) for cell in own if not _is_code(cell)]
    item.answer = "\n\n".join(text for text in texts if text.strip())
    item.code += [plain(scheme.shown(str(cell["source"])), CODE) for cell in own if _is_code(cell)]
    item.outputs += outputs.of_students([section.graded, *section.below])


def _exercise(item: Item, outcomes: Sequence[Outcome]) -> None:
    named = [plain(outcome.misconception, 1500) for outcome in outcomes if outcome.misconception]
    item.misconceptions = list(dict.fromkeys(named))[:MISCONCEPTIONS]
    said: set[str] = set()
    for outcome in outcomes:
        message = plain(outcome.message, 1500)
        if outcome.status in (Status.PASSED, Status.UNGRADED) or message in item.misconceptions:
            message = ""  # a fault of ours is told once, in our words; so is a named mistake
        title = line(outcome.title or outcome.test, 300)
        again = message in said
        said |= {message} - {""}
        item.tests.append(Test(title, outcome.status, outcome.points, outcome.max_points, message, again))
    if item.state == "none" and item.code and all("raise NotImplementedError" in code for code in item.code):
        item.lead = "The placeholder is still there (raise NotImplementedError): this exercise is not answered yet."
        item.misconceptions = []
        item.tests = [replace(test, message="", again=False) for test in item.tests]


def _notes(notes: Sequence[Note], items: Sequence[Item]) -> list[str]:
    """One sentence a kind, with the cells it is about."""
    titles = {item.id: item.title for item in items}
    said = []
    for kind, words in NOTES.items():
        found = [note for note in notes if note.kind == kind]
        cells = list(dict.fromkeys(line(note.cell, 80) for note in found if note.cell))
        names = [titles.get(cell) or titles.get(cell.removeprefix("test_")) or cell for cell in cells]
        names = list(dict.fromkeys(names))
        if found:
            place = f" ({', '.join(names[:8])}{' …' if len(names) > 8 else ''})." if names else "."
            said.append(words if words.endswith(".") else words + place)
    return said
