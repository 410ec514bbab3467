"""A mistake in grades.toml is an error that says where it is, what was found, what is allowed, and the nearest name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from chainrule import policy
from chainrule.course import Course
from chainrule.errors import CourseError, SourceError, UnknownName
from chainrule.policy import has_late_policy, read

MISTAKES = {
    "decimals = 2\ntimezon = 'UTC'": ("setting 'timezon'", "grades.toml:2", "'timezone'"),
    "[late]\ngrace_minute = 5": ("setting 'grace_minute'", "grades.toml:2, [late]", "'grace_minutes'"),
    "[late]\npercent_per_day = -10": ("grades.toml:2", "late.percent_per_day", "-10", "from 0 to 100"),
    "[late]\n\ngrace_minutes = '15'": ("grades.toml:3", '"15"', "a number from 0"),
    "[late]\ngrace_minutes = true": ("grades.toml:2", "found true"),
    "[late]\ngrace_minutes = nan": ("grades.toml:2", "found nan"),
    "[late]\nlate_days = 1.5": ("grades.toml:2", "1.5", "a whole number"),
    "[late]\npercent_per_day = 5\npoints_per_day = 1": ("grades.toml:3", "Keep one"),
    "[late]\npercent_of = 'max'": ("grades.toml:2", '"max"', "'earned' or 'maximum'"),
    "late = 3": ("grades.toml:1", "late", "[late]"),
    "[late.late_days_of]\nada = -1": ("grades.toml:2", "late.late_days_of.ada", "-1"),
    "timezone = 'Europe/Berlni'": ("time zone 'Europe/Berlni'", "grades.toml:1", "'Europe/Berlin'"),
    "timezone = 1": ("grades.toml:1", "found 1", "Europe/Berlin"),
    "decimals = 7": ("grades.toml:1", "0 to 6"),
    "cap = '100'": ("grades.toml:1", "cap", '"100"'),
    "extra_credit = []": ("grades.toml:1", "extra_credit", "a list"),
    "[groups.homework]\nweight = 60": ("grades.toml:1", "groups.homework", "assignments is missing"),
    "[groups.homework]\nassignments = ['a*']": ("grades.toml:1", "groups.homework", "weight is missing"),
    "[groups.homework]\nweight = 1\nassignments = ['a*']\ndrop_lowst = 1": ("grades.toml:4", "'drop_lowest'"),
    "[groups.homework]\nweight = 1\nassignments = ['a*']\ncounting = 'equally'": (
        "grades.toml:4",
        "'equal' or 'points'",
    ),
    "[groups]\nhomework = 60": ("grades.toml:2", "groups.homework", "found 60", "table"),
    "[weights]\na01 = 'ten'": ("grades.toml:2", "weights.a01", '"ten"'),
    "[weights]\na01 = 0": ("All weights are 0",),
    "[[extensions]]\nassignment = 'a01'\ndays = 1": ("grades.toml:1", "extensions (the 1st)", "student is missing"),
    "[[extensions]]\nstudent = 'ada'": ("grades.toml:1", "until", "days"),
    "[[extensions]]\nstudent = 'ada'\ndays = 1\n[[extensions]]\nstudent = 'bob'\nuntil = '2026-03-10'": (
        "grades.toml:6",
        "extensions (the 2nd).until",
        "without quotes",
    ),
    "[[excused]]\nstudent = 'ada'": ("grades.toml:1", "assignment is missing"),
    "[[excused]]\nstudent = 'ada'\nassignment = 'a01'\ndays = 3": ("setting 'days'", "grades.toml:4"),
    "[excused]\nstudent = 'ada'": ("grades.toml:1", "excused", "[[excused]]"),
    "weights = {a01 = 5": ("no TOML", "brackets"),
    "timezone = Europe/Berlin": ("no TOML", "line 1", "quotes"),
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_named_with_its_place_and_what_is_allowed(text: str) -> None:
    with pytest.raises((SourceError, UnknownName)) as caught:
        read(text)
    for part in MISTAKES[text]:
        assert part in str(caught.value)


NAMES = {
    "[weights]\na01_lineer = 5": ("assignment 'a01_lineer'", "grades.toml:2", "'a01_linear'"),
    "[groups.hw]\nweight = 1\nassignments = ['a02', 'a0*']": ("assignment 'a02'", "grades.toml:3"),
    "extra_credit = ['bonus']": ("assignment 'bonus'", "grades.toml:1", "extra_credit"),
    "[[extensions]]\nstudent = 'adda'\ndays = 1": ("student 'adda'", "grades.toml:2", "'ada'"),
    "[[extensions]]\nstudent = 'ada'\nassignment = 'a01'\ndays = 1": ("assignment 'a01'", "grades.toml:3"),
    "[late.late_days_of]\nadda = 1": ("student 'adda'", "grades.toml:2", "'ada'"),
    "[weights]\n'a*' = 5\n[groups.hw]\nweight = 1\nassignments = ['*linear']": ("grades.toml:2", "[groups.hw] as well"),
    "extra_credit = ['a01_linear']\n[groups.hw]\nweight = 1\nassignments = ['a*']": (
        "grades.toml:2",
        "group of its own",
    ),
}


@pytest.mark.parametrize("text", NAMES)
def test_names_are_those_of_the_course_and_the_gradebook(text: str) -> None:
    with pytest.raises(CourseError if "No " in str(NAMES[text]) else (SourceError, UnknownName)) as caught:
        read(text).check(["a01_linear", "a05_losses"], ["ada", "bob"])
    for part in NAMES[text]:
        assert part in str(caught.value)


def test_a_pattern_may_match_nothing_yet_and_a_plain_name_goes_before_a_pattern() -> None:
    rules = read(
        "[groups.hw]\nweight = 3\nassignments = ['a*', 'z*']\n[groups.last]\nweight = 1\nassignments = ['a10_gpu']\n"
    )
    rules.check(["a01", "a10_gpu"], ["ada"])
    assert [rules.group(name).name for name in ("a01", "a10_gpu")] == ["hw", "last"]  # type: ignore[union-attr]
    assert rules.group("b01") is None


def test_times_without_an_offset_are_in_the_files_time_zone_and_a_date_is_its_end() -> None:
    rules = read(
        """
timezone = "Europe/Berlin"
[[extensions]]
student = "ada"
until = 2026-03-10T18:00:00
[[extensions]]
student = "ada"
until = 2026-07-10T18:00:00
[[extensions]]
student = ["ada", "bob"]
until = 2026-03-10T18:00:00-05:00
[[extensions]]
student = "ada"
until = 2026-03-10
[[extensions]]
student = "ada"
days = 1.5
"""
    )
    assert [extension.until for extension in rules.extensions] == [
        datetime(2026, 3, 10, 17, tzinfo=UTC),
        datetime(2026, 7, 10, 16, tzinfo=UTC),
        datetime(2026, 3, 10, 23, tzinfo=UTC),
        datetime(2026, 3, 10, 22, 59, 59, 999999, tzinfo=UTC),
        None,
    ]
    assert rules.extensions[4].days == timedelta(hours=36)


@pytest.mark.parametrize(
    ("until", "meant"),
    [
        ("2026-10-25T02:30:00", datetime(2026, 10, 25, 1, 30)),  # occurs twice: the second, in CET
        ("2026-10-25T02:30:00+02:00", datetime(2026, 10, 25, 0, 30)),  # the first, by its offset
        ("2026-03-29T02:30:00", datetime(2026, 3, 29, 1, 30)),  # is left out: as on a clock not yet put forward
        ("2026-10-25", datetime(2026, 10, 25, 22, 59, 59, 999999)),
        ("2026-03-29", datetime(2026, 3, 29, 21, 59, 59, 999999)),
    ],
)
def test_a_time_at_the_change_of_summer_time_is_the_later_that_it_can_mean(until: str, meant: datetime) -> None:
    rules = read(f"timezone = 'Europe/Berlin'\n[[extensions]]\nstudent = 'ada'\nuntil = {until}\n")
    assert rules.extensions[0].until == meant.replace(tzinfo=UTC)


def test_numbers_are_the_decimals_that_are_written() -> None:
    assert read("[weights]\na = 0.1\nb = 0.2").groups[0].weight == Fraction(1, 10)


def test_a_course_without_the_file_has_nbgraders_sum_and_no_late_policy(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    assert policy.load(Course(tmp_path)).file == ""
    assert not has_late_policy(tmp_path)


def test_a_late_policy_is_seen_also_in_a_file_with_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "grades.toml"
    file.write_text("cap = 100\n")
    assert not has_late_policy(tmp_path)
    file.write_text("[late]\ngrace_minute = 5\n")
    assert has_late_policy(tmp_path)
    file.write_text("[late\n")
    assert has_late_policy(tmp_path)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "grades.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SourceError, match=r"grades\.toml.*UTF-8"):
        policy.load(Course(tmp_path))
