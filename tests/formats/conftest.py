"""A small course with everything in it that an export can trip over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chainrule.formats.book import Book, Item, Mark, Person, Score, Submission, plain
from chainrule.gradebook import Run
from chainrule.model import Note, Outcome, Status

NAMES = {
    "comma": "Sørensen, Jr.",
    "quote": 'King "Countess"',
    "newline": "two\nlines",
    "equals": '=HYPERLINK("http://x","y")',
    "plus": "+1+1",
    "minus": "-1-1",
    "at": "@SUM(A1)",
    "blank": "  =1+1",
    "tab": "\t=1+1",
    "fullwidth": "＝1+1",
    "emoji": "Ada 👩‍🔬",
    "rtl": "محمد שלום",
    "long": "x" * 300,
    "control": "a\x00\x07\x1b[31mb",
    "surrogate": "a\ud800b",
    "markup": '<b a="1">&amp;</b>',
}
"""Last names, by the ids of their students."""

DUE = datetime(2026, 3, 2, 12)
SECRET = "expected: 0.399164"


@pytest.fixture
def book() -> Book:
    """`comma` has all, `quote` a penalty, `newline` a part that waits, `equals` an unreadable file, `plus` a 0."""
    people = tuple(Person(id, "N.", name, f"{id}@x.org", str(100 + i)) for i, (id, name) in enumerate(NAMES.items()))
    items = (Item("a01", 100.0, DUE), Item("a02", 8.5))
    scores = {
        ("comma", "a01"): Score(88.25, submitted=DUE - timedelta(hours=1)),
        ("comma", "a02"): Score(8.5, submitted=DUE),
        ("quote", "a01"): Score(60.0, 4.5, DUE + timedelta(hours=30), timedelta(hours=6)),
        ("newline", "a01"): Score(41.0, submitted=DUE, waiting=2),
        ("equals", "a01"): Score(0.0, submitted=DUE, unreadable=True),
        ("plus", "a01"): Score(0.0, submitted=DUE),
    }
    return plain(Book(people, items, scores, unfinished=frozenset({"newline", "equals"})))


def outcome(test: str, status: Status, points: float = 0.0, message: str = "", mistake: str | None = None) -> Outcome:
    return Outcome("grad", test, f"It does {test}.", points, 3.0, status, message, SECRET, mistake, 0.0004)


@pytest.fixture
def submission() -> Submission:
    """A submission in which every status occurs, with hostile messages, marks by hand, notes and a penalty."""
    outcomes = (
        outcome("pass", Status.PASSED, 3.0),
        outcome("fail", Status.FAILED, 1.5, "Your <gradient> is ½ &\x00 \x1b[31mlate", "Half the gradient."),
        outcome("slow", Status.TIMEOUT, 0.0, "It took too long."),
        outcome("crash", Status.CRASHED, 0.0, "]]> The process\nended.", "Half the gradient."),
    )
    broken = Outcome("fit", "test_fit", "It fits.", 0.0, 5.0, Status.UNGRADED, "KeyError", SECRET, None, 0.1)
    run = Run(
        "a01",
        "rtl",
        "a01",
        datetime(2026, 3, 2, 13, 0, 5, tzinfo=UTC),
        12.4,
        "A",
        "hash",
        {},
        (Note("timeout", f"Cell 18 was stopped; {SECRET}", "gd"), Note("cheating", "for staff", "gd")),
        (*(("test_grad", found) for found in outcomes), ("test_fit", broken)),
    )
    marks = (
        Mark("a01", "test_grad", 6.0, 12.0, by_hand=True),
        Mark("a01", "test_fit", None, 5.0, waiting=True),
        Mark("a01", "m1", 4.0, 6.0, by_hand=True, comment="Say why.\x00"),
        Mark("a01", "m2", 0.0, 4.0, comment="No response."),
    )
    score = Score(10.0, 1.25, DUE, waiting=1)
    return Submission(Person("rtl", "N.", NAMES["rtl"], "rtl@x.org"), Item("a01", 27.0, DUE), score, marks, (run,))
