"""Who may need support follows from the stated rules and nothing else, with reasons in words."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pytest

from chainrule.report import risk

NAN = float("nan")
NOW = datetime(2026, 6, 1)
PAST, AHEAD = datetime(2026, 5, 1), datetime(2026, 7, 1)


def course(shares: dict[str, list[float | None]], dues: list[datetime | None]) -> pd.DataFrame:
    """`shares` by student, one an assignment: None is no submission, NaN one that is not graded."""
    students = pd.DataFrame({"student": list(shares), "last_name": "L", "first_name": "F"})
    parts = []
    for place, due in enumerate(dues):
        column = [values[place] for values in shares.values()]
        status = ["no submission" if x is None else "not graded" if x != x else "graded" for x in column]
        frame = pd.DataFrame(
            {"student": list(shares), "status": status, "share": [x or (0.0 if x == 0 else NAN) for x in column]}
        )
        parts.append(risk.Progress(f"a{place}", due, frame))
    return risk.support(students, parts, NOW)


def reasons(table: pd.DataFrame) -> dict[str, str]:
    return dict(zip(table["student"], table["reasons"], strict=True))


def test_two_missed_assignments_are_a_sign_and_one_is_none() -> None:
    found = reasons(course({"ada": [0.9, 0.9, 0.9], "bob": [None, 0.9, None], "eve": [0.9, None, 0.9]}, [PAST] * 3))
    assert found == {"bob": "has not handed in a0, a2 (2 of the 3 due so far)"}


def test_nothing_is_missed_before_its_due_date_or_without_one() -> None:
    assert course({"ada": [None, None, None, 0.9]}, [AHEAD, AHEAD, None, PAST]).empty


def test_who_handed_in_nothing_at_all_is_told_apart() -> None:
    assert reasons(course({"ada": [None, None]}, [PAST, PAST])) == {
        "ada": "has handed in none of the 2 assignments due so far"
    }


def test_a_low_mean_counts_what_was_handed_in_and_graded() -> None:
    table = course(
        {"ada": [0.4, 0.5, None, NAN], "bob": [0.1, None, 0.9, NAN], "eve": [0.0, NAN, None, NAN]}, [PAST] * 4
    )
    assert reasons(table) == {"ada": "45 % of the points on average in 2 assignments"}
    assert table["mean_share"].tolist() == [pytest.approx(0.45)]


def test_of_a_hard_course_only_the_lowest_quarter_is_listed() -> None:
    shares: dict[str, list[float | None]] = {f"s{i}": [0.2 + 0.02 * i] * 2 for i in range(9)}
    assert course(shares, [PAST] * 2)["student"].tolist() == ["s0", "s1", "s2"]


def test_a_fall_is_measured_beside_the_class_so_that_a_hard_assignment_is_no_sign() -> None:
    shares: dict[str, list[float | None]] = {f"s{i}": [0.9, 0.9, 0.6, 0.6] for i in range(5)}
    table = course(shares | {"ada": [0.9, 0.9, 0.6, 0.4], "bob": [1.0, 1.0, 0.5, 0.5]}, [PAST] * 4)
    assert reasons(table) == {"bob": "the last 2 scores are 20 percentage points lower beside the class’s median"}
    assert table["fall"].tolist() == [pytest.approx(0.2)]


def test_a_fall_needs_two_scores_on_either_side_and_skips_what_is_missing() -> None:
    shares: dict[str, list[float | None]] = {f"s{i}": [0.9] * 5 for i in range(5)}
    table = course(
        shares | {"ada": [1.0, None, 1.0, 0.7, 0.6], "bob": [None, None, 1.0, 0.6, 0.6]}, [PAST, *[AHEAD] * 4]
    )
    assert list(reasons(table)) == ["ada"]


def test_most_signs_come_first_and_all_reasons_are_named() -> None:
    found = reasons(course({"ada": [None, None, 0.9, 0.9], "bob": [None, 0.2, 0.3, None]}, [PAST] * 4))
    assert list(found) == ["bob", "ada"]
    assert found["bob"] == (
        "has not handed in a0, a3 (2 of the 4 due so far); 25 % of the points on average in 2 assignments"
    )


def test_no_students_or_no_assignments_need_nobody() -> None:
    assert list(course({}, [PAST]).columns) == risk.COLUMNS
    assert course({"ada": []}, []).empty


def test_the_share_is_of_the_points_that_are_graded() -> None:
    rows = pd.DataFrame(
        {"student": ["a", "a", "b", "c"], "points": [3.0, NAN, 2.0, 0.0], "max_points": [4.0, 6.0, 2.0, 0.0]}
    )
    found = risk.shares(rows)
    assert (found["a"], found["b"]) == (0.75, 1.0)
    assert found["c"] != found["c"]
