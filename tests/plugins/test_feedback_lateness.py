"""The page says when a submission came, which deadline counted, and what that cost."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Grade, SubmittedNotebook
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
    assert "Handed in 1 Mar 2025, 11:59 UTC Deadline 1 Mar 2025, 12:00 UTC" in text
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
    assert "Deadline 3 Mar 2025, 12:00 UTC , with your extension of 2 days" in text
    assert "Late" not in text


def test_late_days_and_the_words_of_the_policy_are_shown() -> None:
    late = Lateness(DUE + timedelta(days=1), 2, 3, ("2 of your 5 late days paid for this.",), replaces=True)
    text = page(handed_in=DUE + timedelta(days=2, hours=1), lateness=late, extension=timedelta(hours=1))
    assert "Deadline 2 Mar 2025, 12:00 UTC Late 1 day 1 hour Late days 2 used, 3 left" in text
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
    assert "Deadline 1 Mar 2025, 12:00 UTC Late 1 day 3 hours Late days 2 used, 1 left" in text
    assert "2 late days are spent here: nothing is taken off." in text
    assert "of the total" not in text, "what it means for the course's total is said elsewhere"


TENTH = "[late]\npercent_per_day = 10\n"


def handed_in(after: timedelta, penalty: float = 0.0, *more: float) -> Callable[[Any], None]:
    """The hand-in comes so long after the due date; nbgrader has taken `penalty` off. `more` are points of a second
    notebook, p2, of 5 in all.
    """

    def change(book: Any) -> None:
        submission = book.find_submission("a01", "ada")
        submission.timestamp = DUE + after
        submission.notebooks[0].late_submission_penalty = penalty
        for points in more:
            notebook = book.add_notebook("p2", "a01")
            cell = book.add_grade_cell("test_g", "p2", "a01", max_score=5, cell_type="code")
            own = SubmittedNotebook(notebook=notebook, assignment=submission)
            book.db.add(own)
            book.db.add(Grade(cell=cell, notebook=own, auto_score=points, needs_manual_grade=False))
        book.db.commit()

    return change


@pytest.fixture
def late_page(tmp_path: Path, feedback_in: Callable[..., str], cell: Callable[..., Any]) -> Callable[..., str]:
    """late_page(grades.toml, change): the page of 50 points of 60 in a notebook of one exercise."""

    def make(rules: str, change: Callable[[Any], None]) -> str:
        if rules:
            (tmp_path / "grades.toml").write_text(rules)
        cells = [cell("code", "x", "test_f", points=60, locked=True)]
        return words(feedback_in(tmp_path, cells, scores={"test_f": {"auto_score": 50.0}}, results=[], also=change))

    return make


@pytest.mark.parametrize(
    ("rules", "penalty", "counts", "off"),
    [
        (TENTH, 0.0, "40", "−10"),
        (TENTH, 20.0, "40", "−10"),
        ("[late]\npercent_per_day = 12.345\n", 0.0, "37.66", "−12.34"),  # 37.655, half up
        ("[late]\nzero_after_days = 1\n", 0.0, "0", "−50"),
        ("cap = 100\n", 20.0, "30", "−20"),
        ("", 20.0, "30", "−20"),
        ("", 70.0, "0", "−50"),
    ],
)
def test_the_headline_is_what_counts_and_its_parts_add_up_to_it(
    late_page: Callable[..., str], rules: str, penalty: float, counts: str, off: str
) -> None:
    """30 hours late: two started days. A penalty of nbgrader's counts only where no late policy replaces it."""
    text = late_page(rules, handed_in(timedelta(hours=30), penalty))
    assert f"{counts} of 60 points Exercises 50 of 60 Late penalty {off} Handed in" in text
    assert (": 50 → " + counts + " points." in text) == (rules != "")
    assert ("It does not count: grades.toml replaces it." in text) == (rules == TENTH and penalty > 0)


@pytest.mark.parametrize("rules", ["", "cap = 100\n"])
def test_without_a_late_policy_and_a_penalty_late_is_said_to_cost_nothing(
    late_page: Callable[..., str], rules: str
) -> None:
    text = late_page(rules, handed_in(timedelta(hours=30)))
    assert "50 of 60 points" in text
    assert "Late 1 day 6 hours, no penalty" in text


def test_what_late_days_pay_for_leaves_the_headline_whole_also_beside_an_old_penalty(
    late_page: Callable[..., str],
) -> None:
    text = late_page(TENTH + "late_days = 2\n", handed_in(timedelta(hours=30), 20.0))
    assert "50 of 60 points" in text
    assert "Late penalty" not in text
    assert "Late days 2 used, 0 left" in text


@pytest.mark.parametrize(
    ("rules", "counts"),
    [
        (TENTH, "The assignment counts 43.2 of 65 points : 54 in its 2 notebooks, less 10.8 for being late."),
        ("cap = 100\n", "The assignment counts 34 of 65 points : 54 in its 2 notebooks, less 20 for being late."),
        ("", "The assignment counts 34 of 65 points : 54 in its 2 notebooks, less 20 for being late."),
        (TENTH + "late_days = 2\n", "The assignment counts 54 of 65 points : 54 in its 2 notebooks."),
    ],
)
def test_of_several_notebooks_each_has_its_own_points_and_says_what_the_assignment_counts(
    late_page: Callable[..., str], rules: str, counts: str
) -> None:
    text = late_page(rules, handed_in(timedelta(hours=30), 20.0, 4.0))
    assert "50 of 60 points in this notebook" in text
    assert counts in text
    assert "p2 (4 of 5 points)" in text
    assert "Late penalty" not in text, "it is of the assignment, not of this notebook"


def test_while_a_person_has_to_mark_another_notebook_the_assignment_counts_so_far() -> None:
    one, two = Other("p2", 3, 5), Other("p3", 0, 5, waiting=True)
    assert "8 of 20 points so far: 8 in" in page(others=(Other("p2", 0, 5), two))
    assert "11 of 15 points : 11 in" in page(others=(one,))


@pytest.mark.parametrize(
    ("rules", "clock"),
    [
        ("timezone = 'Europe/Berlin'\n", "CET"),
        ("timezone = 'Europe/Berlin'\n" + TENTH, "CET"),
        ("timezone = 'America/Sao_Paulo'\n" + TENTH, "-03"),
        (TENTH, "UTC"),
        ("", "UTC"),
    ],
)
def test_every_time_on_the_page_is_in_the_courses_zone_and_in_one_style(
    late_page: Callable[..., str], rules: str, clock: str
) -> None:
    """Due 1 March 2025, 12:00 UTC, an extension of 6 hours, handed in 30 hours after that, graded 2 March, 9:30."""

    def extended(book: Any) -> None:
        handed_in(timedelta(hours=30))(book)
        book.find_submission("a01", "ada").extension = timedelta(hours=6)
        book.db.commit()

    text = late_page(rules, extended)
    times = re.findall(r"\d+ \w+ 2025, \d\d:\d\d [-+\w]+|\d\d:\d\d", text)
    hour = {"CET": 1, "-03": -3, "UTC": 0}[clock]
    due = f"1 Mar 2025, {12 + hour:02}:00 {clock}"
    until, came = f"1 Mar 2025, {18 + hour}:00 {clock}", f"2 Mar 2025, {18 + hour}:00 {clock}"
    said = [until, due] if rules else []  # by whom the deadline was moved, and from where
    graded = f"2 Mar 2025, {9 + hour:02}:30 {clock}"
    assert times == [graded, came, until, *said, *([came, until] if TENTH in rules else [])]


@pytest.mark.parametrize("penalty", [0.0, 20.0])
def test_who_is_excused_reads_so_and_of_no_penalty(late_page: Callable[..., str], penalty: float) -> None:
    rules = TENTH + "[[excused]]\nstudent = 'ada'\nassignment = 'a01'\n"
    text = late_page(rules, handed_in(timedelta(hours=30), penalty))
    assert "50 of 60 points" in text
    assert "Excused: it does not count." in text
    assert "penalty" not in text
