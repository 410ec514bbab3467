"""Canvas's importer takes the file for what it is. The rules are those of its source: docs/exports.md."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path

import pytest

from chainrule.errors import ChainruleError
from chainrule.formats import canvas
from chainrule.formats.book import Book, Item, Person

from .conftest import NAMES


def written(book: Book, path: Path, **chosen: object) -> list[list[str]]:
    canvas.write(book, path, **chosen)  # type: ignore[arg-type]
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def importable(rows: list[list[str]]) -> dict[str, dict[str, str]]:
    """What Canvas's importer would make of the rows: grades by login and column. Asserts what it demands."""
    header = rows[0]
    assert "Student" in header[0]
    assert "ID" in header[1]
    assert re.search(r"SIS\s+User\s+ID", header[2])
    assert re.search(r"SIS\s+Login\s+ID", header[3])
    assert "Section" in header[4]
    assert len(set(header)) == len(header)
    found = {}
    for row in rows[1:]:
        assert len(row) == len(header)
        assert not re.fullmatch(r"[;, ]*", ",".join(row))
        if "Points Possible" not in row[0]:
            assert row[1] == "" or row[1].isdigit()
            found[row[3]] = dict(zip(header[5:], row[5:], strict=True))
    return found


def test_the_importer_finds_columns_points_and_students(book: Book, tmp_path: Path) -> None:
    rows = written(book, tmp_path / "c.csv")
    assert rows[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "a01", "a02"]
    assert rows[1] == ["    Points Possible", "", "", "", "", "100", "8.5"]
    grades = importable(rows)
    assert list(grades) == list(NAMES)
    assert grades["comma"] == {"a01": "88.25", "a02": "8.5"}


def test_a_penalty_is_taken_off_and_a_real_zero_is_zero(book: Book, tmp_path: Path) -> None:
    grades = importable(written(book, tmp_path / "c.csv"))
    assert grades["quote"]["a01"] == "55.5"
    assert grades["plus"]["a01"] == "0"


def test_a_missing_or_unfinished_score_is_empty_and_said(book: Book, tmp_path: Path) -> None:
    grades = importable(written(book, tmp_path / "c.csv"))
    assert grades["at"] == {"a01": "", "a02": ""}
    assert grades["newline"]["a01"] == grades["equals"]["a01"] == ""
    first, hint = canvas.write(book, tmp_path / "c.csv").notes
    assert first.startswith("a01: 2 scores are left empty")
    assert "newline, equals" in first
    assert "--partial" in hint


def test_partial_writes_the_points_so_far(book: Book, tmp_path: Path) -> None:
    grades = importable(written(book, tmp_path / "c.csv", partial=True))
    assert grades["newline"]["a01"] == "41"
    assert grades["at"]["a01"] == ""
    assert "points so far" in canvas.write(book, tmp_path / "c.csv", partial=True).notes[0]


def test_names_come_back_and_none_is_a_formula(book: Book, tmp_path: Path) -> None:
    names = {row[3]: row[0] for row in written(book, tmp_path / "c.csv")[2:]}
    assert names["comma"] == "Sørensen, Jr., N."
    assert names["quote"] == 'King "Countess", N.'
    assert names["newline"] == "two lines, N."
    assert names["equals"] == '\'=HYPERLINK("http://x","y"), N.'
    assert names["emoji"] == "Ada 👩‍🔬, N."
    assert names["rtl"] == "محمد שלום, N."
    assert names["long"] == "x" * 300 + ", N."
    assert not [name for name in names.values() if name.lstrip().startswith(("=", "+", "-", "@", "＝"))]


def test_ids_that_are_no_formula_are_found_and_others_are_said(tmp_path: Path) -> None:
    people = (Person("-ada"), Person("+eve@x.org"), Person("=cmd|' /C calc'!A0"), Person("o'hara"), Person("x;=1"))
    book = Book(people, (Item("a01", 5.0),), {})
    assert [row[3] for row in written(book, tmp_path / "c.csv")[2:]] == [
        *("-ada", "+eve@x.org", "'=cmd|' /C calc'!A0", "o'hara", "x;'=1")
    ]
    (note,) = canvas.write(book, tmp_path / "c.csv").notes
    assert note.startswith("Canvas will not find =cmd|' /C calc'!A0, x;=1: ")


def test_a_first_name_is_no_formula_behind_the_comma(tmp_path: Path) -> None:
    rows = written(Book((Person("ada", "=1+1", "King"),), (Item("a01", 5.0),), {}), tmp_path / "c.csv")
    assert rows[2][0] == "King,' =1+1"


def test_a_title_that_has_to_change_is_said_unless_canvas_finds_it_by_its_id(book: Book, tmp_path: Path) -> None:
    titles = {"a01": "Week 3; +bonus (4711)", "a02": "Week 4; +bonus"}
    rows = written(book, tmp_path / "c.csv", headings=titles)
    assert rows[0][5:] == ["Week 3;' +bonus (4711)", "Week 4;' +bonus"]
    said = [note for note in canvas.write(book, tmp_path / "c.csv", headings=titles).notes if "title" in note]
    assert said[0].startswith("Canvas will not know the title 'Week 4; +bonus': ")
    assert len(said) == 1


def test_headings_are_canvas_titles_with_their_ids(book: Book, tmp_path: Path) -> None:
    rows = written(book, tmp_path / "c.csv", headings={"a01": "Linear models, part 1 (4711)"})
    assert rows[0][5:] == ["Linear models, part 1 (4711)", "a02"]
    match = re.fullmatch(r"(.*)\s\((\d+)\)", rows[0][5])  # how Canvas takes a title apart
    assert match
    assert match.groups() == ("Linear models, part 1", "4711")


def test_a_total_is_a_column_of_a_hundred_points(book: Book, tmp_path: Path) -> None:
    rows = written(book, tmp_path / "c.csv", total=True)
    assert [rows[0][-1], rows[1][-1]] == ["Total (percent)", "100"]
    assert importable(rows)["comma"]["Total (percent)"] == "89.170507"
    assert importable(rows)["at"]["Total (percent)"] == ""
    assert importable(rows)["newline"]["Total (percent)"] == "", "it waits"
    partial = written(book, tmp_path / "c.csv", total=True, partial=True)
    assert importable(partial)["newline"]["Total (percent)"] == "37.788018"


@pytest.mark.parametrize("name", ["Final Score", "my Current Points", "Override Grade"])
def test_a_title_that_canvas_ignores_is_refused(book: Book, tmp_path: Path, name: str) -> None:
    with pytest.raises(ChainruleError, match="Canvas ignores every column"):
        canvas.write(replace(book, items=(Item(name, 1.0),)), tmp_path / "c.csv")
    assert not list(tmp_path.iterdir())


def test_two_columns_of_one_title_are_refused(book: Book, tmp_path: Path) -> None:
    with pytest.raises(ChainruleError, match="Two columns"):
        canvas.write(book, tmp_path / "c.csv", headings={"a01": "a02"})


def test_a_student_called_points_possible_changes_no_points(tmp_path: Path) -> None:
    people = (Person("ada", "Points Possible", "x"), Person("eve", "", "", "", "12ab"))
    rows = written(Book(people, (Item("a01", 5.0),), {}), tmp_path / "c.csv")
    assert [row[0] for row in rows[2:]] == ["x, Points-Possible", "eve"]
    assert rows[3][1] == "", "Canvas reads 12ab as the student 12"


def test_a_failed_export_leaves_the_file_as_it_was(book: Book, tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("earlier")
    with pytest.raises(ZeroDivisionError):
        canvas.write(replace(book, people=_broken()), path)  # type: ignore[arg-type]
    assert path.read_text() == "earlier"
    assert [file.name for file in tmp_path.iterdir()] == ["c.csv"]


class _broken(tuple[Person, ...]):
    """People among whom reading stops with an error."""

    def __iter__(self):  # type: ignore[no-untyped-def]
        yield Person("ada")
        raise ZeroDivisionError
