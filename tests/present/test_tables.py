"""What `regrade` and `audit` print on a terminal can be read at 80 columns; in a pipe it is a line a row."""

from __future__ import annotations

import io
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from chainrule.audit import Entry
from chainrule.model import ExerciseResult, Outcome, Status
from chainrule.present.difference import print_difference
from chainrule.present.grades import print_exercise
from chainrule.present.isolation import print_doctor
from chainrule.present.ledger import print_audit
from chainrule.regrade.difference import POINTS, CellChange, Difference, StudentChange, compare
from chainrule.regrade.raise_only import keep
from chainrule.sandbox import Report
from chainrule.sandbox.doctor import Layer
from chainrule.stored import Grade

LONG = "hana_kobayashi"


def screen(width: int | None = 80) -> Console:
    """A terminal of that width; None: a pipe."""
    return Console(file=io.StringIO(), force_terminal=width is not None, width=width or 80, color_system=None)


def text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def graded(*points: float, passed: bool = True) -> tuple[Outcome, ...]:
    """Tests `test_0`, `test_1`, … worth these points; `passed` is the first one's verdict."""
    status = [Status.PASSED if passed else Status.FAILED, *[Status.PASSED] * len(points)]
    return tuple(
        Outcome("fit_line", f"test_{k}", "", worth if status[k] is Status.PASSED else 0.0, worth, status[k])
        for k, worth in enumerate(points)
    )


def changed(student: str, before: tuple[Outcome, ...], after: tuple[Outcome, ...]) -> StudentChange:
    old, new = (sum(test.points for test in each) for each in (before, after))
    cell = compare("n", "test_fit_line", Grade(old), before, keep(after, "test_fit_line", new, 12.0), new, (12.0, 12.0))
    assert cell is not None
    return StudentChange(student, (old + 10, new + 10), 100.0, graders=("a" * 64, "b" * 64), cells=(cell,))


@pytest.fixture
def found() -> Difference:
    """Two tests have other points: hana had one of them wrong and gains, ada has the same sum as before. bob's first
    test has another verdict.
    """
    hana = changed(LONG, graded(3, 2, passed=False), graded(2, 3, passed=False))
    ada = changed("ada", graded(3, 2), graded(2, 3))
    bob = changed("bob", graded(3, 2, passed=False), graded(2, 3))
    return Difference("a01", "b" * 64, False, (bob, hana, ada))


def test_points_of_tests_are_said_once_and_are_no_line_of_whom_they_do_not_concern(found: Difference) -> None:
    console = screen(None)
    print_difference(console, found)
    assert text(console).splitlines() == [
        "student         of 100 points  exercise  points       why",
        "bob             12 -> 15 (+3)  fit_line  2 -> 5 (+3)  test_0 failed -> passed, 3 -> 2 points",
        "hana_kobayashi  12 -> 13 (+1)  fit_line  2 -> 3 (+1)  points of its tests",
        "In the grader of fit_line: test_0 3 -> 2 points, test_1 2 -> 3 points.",
        "2 gain, 0 lose, 1 unchanged; graders aaaaaaaaaa -> bbbbbbbbbb",
    ]


def test_a_late_penalty_that_changes_has_its_line(found: Difference) -> None:
    late = StudentChange("zoe", (50.0, 50.0), 100.0, penalty=(0.0, 5.0))
    console = screen(None)
    print_difference(console, Difference("a01", "b" * 64, False, (late,)))
    assert text(console).splitlines()[1].split(maxsplit=2) == ["zoe", "50", "late penalty  0 -> 5  computed anew"]


@pytest.mark.parametrize("raises", [True, False])
def test_with_raise_only_a_cell_that_is_worth_less_is_said_to_keep_its_share(raises: bool) -> None:
    """8 points became 4. ada's 6 are the 3 of 4 that they were, though the graders give 1; bob's 4 are 2."""

    def student(name: str, old: float, new: float, computed: float | None) -> StudentChange:
        cell = CellChange(
            "n", "test_f", (old, new), (8.0, 4.0), (POINTS,), computed=computed, kept=computed is not None
        )
        return StudentChange(name, (old, new), 4.0, graders=("a" * 64, "b" * 64), cells=(cell,))

    students = (student("ada", 6.0, 3.0, 1.0 if raises else None), student("bob", 4.0, 2.0, None))
    console = screen(None)
    print_difference(console, Difference("a01", "b" * 64, raises, students))
    said = text(console).splitlines()
    note = "Worth less now: test_f 8 -> 4 points. There raise-only keeps each student's share, not the points."
    assert (note in said) == raises
    assert said[1].endswith("8 -> 4 points for test_f" + ("; raise-only keeps the share (now 1)" if raises else ""))


@pytest.mark.parametrize("width", [80, 140])
def test_names_and_numbers_stay_in_one_piece_and_no_line_is_wider_than_the_terminal(
    found: Difference, width: int
) -> None:
    console = screen(width)
    print_difference(console, found)
    lines = text(console).splitlines()
    assert max(map(len, lines)) <= width
    assert any(LONG in line and "12 -> 13 (+1)" in line and "2 -> 3 (+1)" in line for line in lines)


def test_a_terminal_that_is_too_narrow_loses_no_text(found: Difference) -> None:
    console = screen(40)
    print_difference(console, found)
    assert max(map(len, text(console).splitlines())) <= 40
    assert LONG in "".join(line.split("  ")[0].strip() for line in text(console).splitlines())


def entry(student: str, minute: int, reason: str = "Direction counts.") -> Entry:
    at = datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(minutes=minute)
    points = {"points_from": 3.0, "points_to": 5.0, "computed": None, "manual": None}
    digests = {"graders_from": "a" * 64, "graders_to": "b" * 64, "version": "0"}
    return Entry(
        at, "root", "a01_linear_models", student, "n", "fit_line", "test_fit_line", **points, reason=reason, **digests
    )


def test_the_ledger_on_a_terminal_is_a_table_for_each_run_and_elsewhere_a_line_an_entry() -> None:
    entries = [entry("ada", 0), entry(LONG, 2), entry("ada", 30, "The bound was too strict.")]
    console = screen()
    print_audit(console, entries)
    said = " ".join(text(console).split())
    assert "a01_linear_models, 2026-03-01 12:00 to 2026-03-01 12:02 UTC, by root:" in said
    assert [said.count(words) for words in ("Direction counts.", "The bound was too strict.", "ada ")] == [1, 1, 2]
    assert max(map(len, text(console).splitlines())) <= 80
    console = screen(None)
    print_audit(console, entries)
    assert [line.split()[4] for line in text(console).splitlines()[1:]] == ["ada", LONG, "ada"]


def test_what_a_test_says_stands_below_its_title_on_each_line() -> None:
    title, message = "It has the right value for each of many inputs, also for integers. " * 2, "Look again. " * 12
    console = screen()
    test = Outcome("fit_line", "test_0", title.strip(), 0.0, 2.0, Status.FAILED, message.strip())
    print_exercise(console, ExerciseResult("fit_line", "test_fit_line", 2.0, (test,)))
    head, first, *lines = text(console).splitlines()
    assert head == "fit_line  0 of 2 points"
    assert first.startswith("  ✗     0/2  It has")
    assert len(lines) > 2
    assert all(line.startswith(" " * 13) and line[13] != " " and len(line) <= 80 for line in lines)


def test_the_layers_of_the_jail_stand_in_two_columns() -> None:
    layers = (Layer("namespaces", True, "tier A"), Layer("memory of all processes", False, "measured " * 12))
    console = screen()
    print_doctor(console, Report("A", "Student code sees nothing of this machine. " * 3, True, layers, "This is it."))
    lines = text(console).splitlines()
    (place,) = (line.index("tier A") for line in lines if "tier A" in line)
    assert max(map(len, lines)) <= 80
    assert {line.index("measured") for line in lines if "measured" in line} == {place}


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    """`chainrule import notebook.ipynb | head -1` says nothing on stderr."""
    cell = '{"cell_type": "markdown", "metadata": {}, "source": "%s"}' % ("word " * 100_000)
    (tmp_path / "n.ipynb").write_text(f'{{"cells": [{cell}], "metadata": {{}}, "nbformat": 4, "nbformat_minor": 5}}')
    command = [sys.executable, "-m", "chainrule.cli", "import", "n.ipynb"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
