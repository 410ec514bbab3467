"""The page says when a submission came, which deadline counted, and what that cost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.pieces import words

from chainrule.plugins.feedback import render
from chainrule.plugins.feedback_items import Item, Mark, Page
from chainrule.plugins.feedback_record import Lateness, Other, Record

DUE = datetime(2025, 3, 1, 12)


def page(**record: Any) -> str:
    item = Item("tests", "part-1", "test_f", "One", Mark(8, 10, auto=8))
    kept = {"student": "Ada (ada)", "score": 8.0, "max_score": 10.0, "due": DUE} | record
    return words(render(Page("Sheet", [item], [], []), Record(**kept), "a01", "a01"))


def test_in_time_is_not_called_late() -> None:
    text = page(handed_in=DUE - timedelta(minutes=1))
    assert "Handed in 1 March 2025, 11:59 UTC Deadline 1 March 2025, 12:00 UTC" in text
    assert "Late" not in text


def test_nbgraders_penalty_is_taken_off_the_score() -> None:
    text = page(handed_in=DUE + timedelta(hours=26), penalty=3.0)
    assert "5 of 10 points" in text
    assert "Late penalty −3" in text
    assert "Late 1 day 2 hours" in text


@pytest.mark.parametrize(
    ("after", "said"), [(timedelta(seconds=20), "less than a minute"), (timedelta(hours=3), "3 hours")]
)
def test_late_without_a_penalty_is_said_so(after: timedelta, said: str) -> None:
    assert f"Late {said}, no penalty" in page(handed_in=DUE + after)


def test_the_extension_moves_the_deadline() -> None:
    text = page(handed_in=DUE + timedelta(hours=3), extension=timedelta(days=2))
    assert "Deadline 3 March 2025, 12:00 UTC , with your extension of 2 days" in text
    assert "Late" not in text


def test_late_days_and_the_words_of_the_policy_are_shown() -> None:
    late = Lateness(DUE + timedelta(days=1), 2, 3, ("2 of your 5 late days paid for this.",))
    text = page(handed_in=DUE + timedelta(days=2, hours=1), lateness=late, extension=timedelta(hours=1))
    assert "Deadline 2 March 2025, 12:00 UTC Late 1 day 1 hour Late days 2 used, 3 left" in text
    assert "2 of your 5 late days paid for this." in text
    assert "with your extension" not in text, "the policy has said which deadline counted"


def test_a_course_without_late_days_says_nothing_of_them() -> None:
    assert "Late days" not in page(handed_in=DUE, lateness=Lateness(DUE))


def test_the_other_notebooks_of_the_assignment_are_linked() -> None:
    item = Item("tests", "part-1", "test_f", "One", Mark(8, 10, auto=8))
    record = Record(student="Ada", score=8, max_score=10, others=(Other('p 2"#<b>', 3, 5),))
    html = render(Page("Sheet", [item], [], []), record, "a01", "p1")
    assert 'href="./p%202%22%23%3Cb%3E.html"' in html
    assert 'This assignment has 2 notebooks, each with its page: p 2"#<b> (3 of 5 points)' in words(html)


def test_what_waits_for_a_person_is_not_called_a_zero_of_the_tests() -> None:
    item = Item("tests", "part-1", "test_f", "One", Mark(0, 10, waiting=True), lead="The tests gave no points.")
    text = words(render(Page("Sheet", [item], [], []), Record(student="Ada", score=0, max_score=10), "a01", "a01"))
    assert "A person will look at it; you have lost nothing." in text
    assert "The tests gave no points." not in text


def test_the_page_has_what_grades_toml_makes_of_a_late_hand_in(
    tmp_path: Path, feedback_in: Callable[..., str], cell: Callable[..., Any]
) -> None:
    (tmp_path / "grades.toml").write_text("[late]\npercent_per_day = 25\nlate_days = 3\n")

    def hand_in_late(book: Any) -> None:
        book.find_submission("a01", "ada").timestamp = DUE + timedelta(days=1, hours=3)
        book.db.commit()

    text = words(feedback_in(tmp_path, [cell("code", "x", "test_f", points=8, locked=True)], also=hand_in_late))
    assert "Deadline 1 March 2025, 12:00 UTC Late 1 day 3 hours Late days 2 used, 1 left" in text
    assert "2 late days are spent here: nothing is taken off." in text
    assert "of the total" not in text, "what it means for the course's total is said elsewhere"
