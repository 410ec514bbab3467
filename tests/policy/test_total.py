"""Totals calculated by hand, rule by rule; what the lines say to a student."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from chainrule.policy import Record, Total, read

DUE = datetime(2026, 3, 6, 18)
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def record(
    name: str, points: float | None, maximum: float = 100, late: timedelta | None = timedelta(0), **more: object
) -> Record:
    """Handed in so long after the due date; None: not at all."""
    submitted = None if late is None else DUE + late
    return Record(name, points, maximum, submitted, DUE, **more)  # type: ignore[arg-type]


def total(text: str, *records: Record, student: str = "ada", now: datetime = NOW) -> Total:
    return read(text).total(student, records, now)


def said(found: Total, rule: str) -> list[str]:
    return [line.text for line in found.lines if line.rule == rule]


HOURS, DAYS = (lambda n: timedelta(hours=n)), (lambda n: timedelta(days=n))
LATE = "[late]\ngrace_minutes = 15\npercent_per_day = 10\n"


def test_without_weights_points_are_added_up() -> None:
    found = total("", record("a", 30, 60), record("b", 40, 40))
    assert (found.points, found.max_points, found.percent) == (70, 100, 70)


def test_weights_are_of_what_counts_so_far() -> None:
    """30/60 with weight 1 and 40/40 with weight 3: (0.5 + 3)/4 = 87.5 %; without b it is 50 %."""
    weights = "[weights]\na = 1\nb = 3\n"
    assert total(weights, record("a", 30, 60), record("b", 40, 40)).percent == 87.5
    before = total(weights, record("a", 30, 60), record("b", None, 40, None), now=datetime(2026, 3, 1, tzinfo=UTC))
    assert before.percent == 50


def test_a_group_counts_its_assignments_equally_or_by_points() -> None:
    """50 % of 60 points and 100 % of 20: equal 75 %, by points (30 + 20)/80 = 62.5 %."""
    group = "[groups.hw]\nweight = 7\nassignments = ['*']\n"
    two = record("a", 30, 60), record("b", 20, 20)
    assert total(group, *two).percent == 75
    assert total(group + "counting = 'points'\n", *two).percent == 62.5


def test_the_lowest_are_dropped_but_one_stays() -> None:
    group = "[groups.hw]\nweight = 1\nassignments = ['*']\ndrop_lowest = 2\n"
    found = total(group, record("a", 10), record("b", 90), record("c", 40), record("d", 70))
    assert found.percent == 80
    assert [standing.counts for standing in found.standings] == [False, True, False, True]
    assert total(group, record("a", 10), record("b", 90)).percent == 90
    assert total(group, record("a", 10)).percent == 10


def test_by_points_the_best_drop_is_not_always_that_of_the_lowest_percentage() -> None:
    """80/100, 20/100, 1/20, drop one. Without 1/20 it is 100/200, without 20/100 it is 81/120 = 67.5 %."""
    group = "[groups.hw]\nweight = 1\nassignments = ['*']\ndrop_lowest = 1\ncounting = 'points'\n"
    found = total(group, record("a", 80), record("b", 20), record("c", 1, 20))
    assert found.exact == Fraction(135, 2)
    assert not found.standings[1].counts


def test_extra_credit_is_added_and_never_divided_by() -> None:
    """60 of 80 points and 5 on top: 65/80. As a group of weight 5 beside 100: 75 % + 5 %·0.5."""
    found = total("extra_credit = ['x*']\n", record("a", 60, 80), record("x1", 5, 10))
    assert (found.percent, found.points, found.max_points) == (81.25, 65, 80)
    text = "extra_credit = ['x*']\n[weights]\na = 60\nb = 40\n[groups.bonus]\nweight = 5\nassignments = ['x*']\n"
    assert total(text, record("a", 75), record("b", 75), record("x1", 5, 10)).percent == 77.5
    assert total(text, record("a", 75), record("x1", 5, 10)).percent == 77.5, "of all weights, also early in the term"
    assert total(text, record("a", 75), record("b", 75)).percent == 75


def test_the_cap_holds_and_is_said() -> None:
    found = total("cap = 100\nextra_credit = ['x']\n", record("a", 80, 80), record("x", 5, 10))
    assert found.percent == 100
    assert said(found, "cap") == ["No total is above 100 %: 106.25 → 100 %."]
    assert total("extra_credit = ['x']\n", record("a", 80, 80), record("x", 5, 10)).percent == 106.25


def test_rounding_is_half_up_in_decimals_and_only_at_the_end() -> None:
    """73.445 is 73.44499… as a float; thirds of full marks are 100 %."""
    assert total("", record("a", 73.445)).percent == 73.45
    assert total("decimals = 1\n", record("a", 73.45)).percent == 73.5
    assert total("decimals = 0\n", record("a", 0.5)).percent == 1
    assert total("[weights]\n'*' = 1\n", *(record(name, 1, 3) for name in "abc")).percent == 33.33
    assert total("[weights]\n'*' = 1\n", *(record(name, 3, 3) for name in "abc")).percent == 100
    assert total("", record("a", 0.1 + 0.2, 0.3)).percent == 100


@pytest.mark.parametrize(
    ("late", "days", "points"),
    [
        (HOURS(-1), 0, 80),
        (timedelta(minutes=15), 0, 80),
        (timedelta(minutes=15, seconds=1), 1, 72),
        (HOURS(24), 1, 72),
        (timedelta(hours=24, minutes=15), 1, 72),
        (timedelta(hours=24, minutes=16), 2, 64),
        (DAYS(20), 20, 0),
    ],
)
def test_each_started_day_after_the_grace_costs(late: timedelta, days: int, points: int) -> None:
    standing = total(LATE, record("a", 80, late=late)).on("a")
    assert standing is not None
    assert (standing.days_late, standing.points) == (days, points)


@pytest.mark.parametrize(
    ("more", "points"),
    [
        ("percent_per_day = 10", 56),  # 80 − 3·8
        ("percent_per_day = 10\npercent_of = 'maximum'", 50),  # 80 − 3·10
        ("points_per_day = 2.5", 72.5),
        ("percent_per_day = 30\nat_least_percent = 50", 40),
        ("percent_per_day = 10\nzero_after_days = 3", 56),
        ("percent_per_day = 10\nat_least_percent = 50\nzero_after_days = 2", 0),
        ("zero_after_days = 3", 80),
        ("percent_per_day = 10\nlate_days = 2", 72),
        ("percent_per_day = 10\nlate_days = 5", 80),
        ("percent_per_day = 10\nlate_days = 5\nlate_days_per_assignment = 1", 64),
        ("percent_per_day = 10\n[late.late_days_of]\nada = 1", 64),
        ("percent_per_day = 10\nlate_days = 5\n[late.late_days_of]\nada = 0", 56),
        ("late_days = 2\nzero_after_days = 2", 80),
    ],
)
def test_three_days_late_with_80_points(more: str, points: float) -> None:
    found = total(f"[late]\n{more}\n", record("a", 80, late=HOURS(60)))
    assert found.standings[0].points == Fraction(str(points))
    assert found.percent == points


def test_late_days_go_where_they_help_most() -> None:
    """One late day: 10 of 20 earned points in a, 10 of 90 in b. A day in b gains 9, in a 1."""
    found = total(LATE + "late_days = 1\n", record("a", 10, late=HOURS(3)), record("b", 90, late=HOURS(3)))
    assert [standing.late_days_used for standing in found.standings] == [0, 1]
    assert (found.points, found.late_days_used, found.late_days_left) == (99, 1, 0)


def test_between_groups_too_late_days_go_where_they_help_most() -> None:
    """A day gains 1 of 100 in a with weight 9, 9 of 100 in b with weight 2: 0.09 beside 0.18."""
    text = LATE + "late_days = 1\n[weights]\na = 9\nb = 2\n"
    found = total(text, record("a", 10, late=HOURS(3)), record("b", 90, late=HOURS(3)))
    assert [standing.late_days_used for standing in found.standings] == [0, 1]
    assert found.exact == Fraction(9 * 9 + 2 * 90, 11)


def test_no_late_day_is_spent_on_what_is_dropped_excused_or_zero_anyway() -> None:
    text = LATE + "late_days = 9\nzero_after_days = 1\n[groups.hw]\nweight = 1\nassignments = ['*']\ndrop_lowest = 1\n"
    text += "[[excused]]\nstudent = 'ada'\nassignment = 'c'\n"
    late = HOURS(3)
    found = total(
        text, record("a", 10, late=late), record("b", 90), record("c", 50, late=late), record("d", 0, late=late)
    )
    assert found.late_days_used == 1, "on a: d is dropped, c is excused"
    assert total(text, record("a", 0, late=late), record("b", 90), record("c", 9)).late_days_used == 0


def test_the_latest_of_all_extensions_counts_and_they_do_not_add_up() -> None:
    text = LATE + "[[extensions]]\nstudent = 'ada'\nassignment = 'a'\nuntil = 2026-03-08T18:00:00\n"
    text += "[[extensions]]\nstudent = ['ada', 'bob']\ndays = 1\n"
    late = HOURS(47)
    assert total(text, record("a", 80, late=late)).points == 80
    assert total(text, record("b", 80, late=late)).points == 72, "one day for all"
    assert total(text, record("b", 80, late=late), student="cleo").points == 64
    assert total(text, record("b", 80, late=late, extension=DAYS(2)), student="cleo").points == 80, "the gradebook's"
    found = total(text, record("b", 80, late=late, extension=DAYS(5)))
    (line,) = said(found, "extension")
    assert line.startswith("The deadline is 11 Mar 2026, 18:00 UTC, by an extension (the gradebook); for others it is")


EXTENDED = LATE + "[[extensions]]\nstudent = 'ada'\nassignment = 'a'\ndays = 3\n"


@pytest.mark.parametrize(
    ("text", "late", "penalty", "rules"),
    [
        (LATE, HOURS(-1), 0, []),
        (EXTENDED, DAYS(2), 0, ["extension"]),
        (LATE, timedelta(minutes=10), 0, ["grace"]),
        (LATE, DAYS(2), 0, ["late", "penalty"]),
        (LATE + "late_days = 2\n", DAYS(2), 0, ["late", "late days"]),
        (LATE, HOURS(-1), 5, ["replaced"]),
        ("[weights]\na = 1\n", DAYS(2), 5, ["penalty"]),
    ],
)
def test_a_student_reads_all_that_is_about_the_deadline_and_nothing_else(
    text: str, late: timedelta, penalty: int, rules: list[str]
) -> None:
    """What the feedback page shows: not the points, nor what they mean for the total."""
    own = total(text, record("a", 80, late=late, penalty=penalty)).on("a")
    assert own is not None
    assert [line.rule for line in own.lateness] == rules
    assert len(own.lines) > len(rules)


def test_who_is_excused_reads_that_and_nothing_of_lateness() -> None:
    own = total(LATE + "[[excused]]\nstudent = 'ada'\nassignment = 'a'\n", record("a", 80, late=DAYS(2))).on("a")
    assert own is not None
    assert [line.text for line in own.lateness] == ["Excused: it does not count."]


def test_what_is_missing_counts_0_once_it_is_due_for_this_student() -> None:
    """Half a second before the deadline it does not count; an extension moves that moment, the grace does not."""
    both = record("a", 80), record("b", None, late=None)
    just = DUE.replace(tzinfo=UTC)
    assert total("", *both, now=just).percent == 80
    assert total("", *both, now=just + timedelta(seconds=1)).percent == 40
    text = "[[extensions]]\nstudent = 'ada'\ndays = 1\n"
    assert total(text, *both, now=just + HOURS(23)).percent == 80
    assert total(text, *both, now=just + HOURS(25)).percent == 40
    never = Record("b", None, 100)
    assert total("", record("a", 80), never).percent == 80


def test_what_is_excused_does_not_count_for_this_student() -> None:
    text = "[[excused]]\nstudent = 'ada'\nassignment = ['b', 'c*']\n"
    both = record("a", 80), record("b", 20)
    assert total(text, *both).percent == 80
    assert total(text, *both, student="bob").percent == 50


def test_what_is_not_graded_is_left_out_and_makes_the_total_provisional() -> None:
    found = total("", record("a", 80), record("b", None))
    assert (found.percent, found.provisional) == (80, True)
    assert "b" in said(found, "provisional")[0]
    found = total("", record("a", 80, waiting=2))
    assert (found.percent, found.provisional) == (80, True)
    assert not total("", record("a", 80)).provisional
    collected = Record("b", None, 100, None, DUE, handed_in=True)
    assert total("", record("a", 80), collected).percent == 80, "collected, unknown to the gradebook: not missing"


def test_there_is_no_total_while_nothing_counts() -> None:
    found = total("extra_credit = ['x']\n", Record("a", None, 100, None, DUE), record("x", 5), now=datetime(2026, 1, 1))
    assert (found.percent, found.exact) == (None, None)
    assert found.lines[-1].text == "Nothing counts yet, so there is no total."
    assert total("").percent is None


def test_an_assignment_without_a_weight_counts_nothing_and_says_so() -> None:
    found = total("[weights]\na = 1\n", record("a", 80), record("b", 100))
    assert (found.percent, found.points) == (80, 80)
    assert said(found, "no weight") == ["It is in no group and has no weight in grades.toml: it does not count."]


def test_a_penalty_in_the_gradebook_is_replaced_by_a_late_policy_and_only_by_that() -> None:
    held = record("a", 80, late=HOURS(3), penalty=80)
    assert total("", held).points == 0
    found = total(LATE, held)
    assert found.points == 72
    (line,) = said(found, "replaced")
    assert "80 points" in line
    assert "grades.toml replaces it" in line


def test_without_a_file_it_is_nbgraders_sum() -> None:
    """Missing is 0 of all points from the first day; penalties count; nothing falls below 0."""
    from chainrule.policy import Policy

    three = (
        record("a", 80, late=HOURS(3), penalty=30),
        record("b", 10, penalty=25),
        Record("c", None, 100),
        record("d", 0, 0),
    )
    found = Policy().total("ada", three, NOW)
    assert (found.points, found.max_points, found.percent) == (50, 300, 16.67)
    assert found.late_days_left is None


def test_why_is_it_73_5() -> None:
    """The whole explanation of one student, as the student reads it."""
    text = """
timezone = "Europe/Berlin"
decimals = 1
[groups.homework]
weight = 60
assignments = ["a*"]
drop_lowest = 1
[groups.project]
weight = 40
assignments = ["p"]
[late]
grace_minutes = 15
percent_per_day = 10
late_days = 1
"""
    found = total(
        text,
        record("a1", 52, 60, late=HOURS(27)),
        record("a2", 45, 60, late=timedelta(minutes=10)),
        record("a3", None, 60, late=None),
        record("p", 70.5, 100),
    )
    assert [line.text for line in found.lines] == [
        "Group homework: weight 60 of the 100 that count so far; 2 of 3 assignments count.",
        "Graded with 52 of 60 points.",
        "Handed in 7 Mar 2026, 22:00 CET, 1 day 3 hours after 6 Mar 2026, 19:00 CET: 2 started days after the grace.",
        "1 late day is spent here: 1 day late remains.",
        "1 day late, 10 % of the 52 points earned off for each: 52 → 46.8 points.",
        "46.8 of 60 points are 78 %, with 30 % of the total: total 0 → 23.4 %.",
        "Graded with 45 of 60 points.",
        "Handed in 6 Mar 2026, 19:10 CET, 10 minutes after 6 Mar 2026, 19:00 CET: within the grace of 15 minutes, "
        "nothing is taken off.",
        "45 of 60 points are 75 %, with 30 % of the total: total 23.4 → 45.9 %.",
        "Not handed in, and it was due 6 Mar 2026, 19:00 CET: 0 of 60 points.",
        "Dropped as one of the lowest of homework: it does not count.",
        "Group project: weight 40 of the 100 that count so far; 1 of 1 assignment counts.",
        "Graded with 70.5 of 100 points.",
        "70.5 of 100 points are 70.5 %, with 40 % of the total: total 45.9 → 74.1 %.",
        "Total: 74.1 %.",
    ]
    assert found.percent == 74.1
