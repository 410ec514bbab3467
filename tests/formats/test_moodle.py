"""Moodle's importer gives every student their own grades. The rules are those of its documentation and source."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from chainrule.errors import ChainruleError
from chainrule.formats import moodle
from chainrule.formats.book import Book, Item, Person

from .conftest import NAMES


def written(book: Book, path: Path, **chosen: object) -> list[dict[str, str]]:
    moodle.write(book, path, **chosen)  # type: ignore[arg-type]
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_one_identifier_one_column_an_item(book: Book, tmp_path: Path) -> None:
    rows = written(book, tmp_path / "m.csv")
    assert list(rows[0]) == ["username", "firstname", "lastname", "a01", "a02"]
    assert [row["username"] for row in rows] == list(NAMES)
    assert (rows[0]["a01"], rows[0]["a02"]) == ("88.25", "8.5")
    assert (rows[1]["a01"], rows[1]["lastname"]) == ("55.5", 'King "Countess"')


def test_no_grade_is_a_hyphen_because_moodle_takes_an_empty_cell_for_zero(book: Book, tmp_path: Path) -> None:
    rows = {row["username"]: row for row in written(book, tmp_path / "m.csv")}
    assert (rows["at"]["a01"], rows["at"]["a02"]) == ("-", "-")
    assert rows["newline"]["a01"] == rows["equals"]["a01"] == "-"
    assert rows["plus"]["a01"] == "0"
    assert "" not in [row[name] for row in rows.values() for name in ("a01", "a02")]
    partial = {row["username"]: row["a01"] for row in written(book, tmp_path / "m.csv", partial=True)}
    assert (partial["newline"], partial["at"]) == ("41", "-")


@pytest.mark.parametrize("identify", moodle.IDENTIFIERS)
def test_students_can_be_found_by_each_identifier(book: Book, tmp_path: Path, identify: str) -> None:
    rows = written(book, tmp_path / "m.csv", identify=identify)
    assert rows[0][identify] == ("comma@x.org" if identify == "email" else "comma")


@pytest.mark.parametrize("email", ["", "0", " "])
def test_a_student_without_identifier_is_refused(book: Book, tmp_path: Path, email: str) -> None:
    """Moodle keeps the student of the row before: the grades would go to somebody else."""
    people = (*book.people, Person("eve", email=email))
    with pytest.raises(ChainruleError, match="'eve' has no email"):
        moodle.write(replace(book, people=people), tmp_path / "m.csv", identify="email")
    assert not list(tmp_path.iterdir())


def test_two_students_of_one_identifier_are_refused(book: Book, tmp_path: Path) -> None:
    people = (Person("ada", email="a@x.org"), Person("eve", email="a@x.org"))
    with pytest.raises(ChainruleError, match="'ada' and 'eve' have the same email"):
        moodle.write(replace(book, people=people), tmp_path / "m.csv", identify="email")


def test_feedback_says_what_was_taken_off(book: Book, tmp_path: Path) -> None:
    rows = written(book, tmp_path / "m.csv", feedback=True, total=True)
    assert list(rows[0])[3:] == ["a01", "a01 (feedback)", "a02", "a02 (feedback)", "Total (percent)"]
    said = {row["username"]: row["a01 (feedback)"] for row in rows}
    assert said["quote"] == "55.5 of 100 points; 4.5 taken off for lateness."
    assert said["newline"] == "Not graded completely yet."
    assert said["at"] == "Nothing was submitted."
    assert rows[0]["Total (percent)"] == "89.170507"
    assert rows[6]["Total (percent)"] == "-"


def test_no_text_is_a_formula(book: Book, tmp_path: Path) -> None:
    for row in written(book, tmp_path / "m.csv"):
        assert not row["lastname"].lstrip().startswith(("=", "+", "-", "@", "＝"))


def test_identifiers_that_are_no_formula_are_found_and_others_are_said(tmp_path: Path) -> None:
    people = (Person("-ada", "=1", "x;=1"), Person("@eve"), Person("=cmd|' /C calc'!A0"))
    book = Book(people, (Item("a01", 5.0),), {})
    rows = written(book, tmp_path / "m.csv")
    assert [row["username"] for row in rows] == ["-ada", "@eve", "'=cmd|' /C calc'!A0"]
    assert (rows[0]["firstname"], rows[0]["lastname"]) == ("'=1", "x;'=1")
    (note,) = moodle.write(book, tmp_path / "m.csv").notes
    assert note.startswith("Moodle will not find =cmd|' /C calc'!A0: ")
