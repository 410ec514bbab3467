"""A workbook has types, and no text in it is ever a formula."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from chainrule.errors import ChainruleError
from chainrule.formats import sheets, xlsx
from chainrule.formats.book import Book, Submission

from .conftest import NAMES

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def opened(path: Path, *made: xlsx.Sheet) -> Any:
    xlsx.write(path, made)
    return openpyxl.load_workbook(path)


def details(found: Submission) -> tuple[xlsx.Sheet, xlsx.Sheet]:
    return (
        xlsx.Sheet("exercises", sheets.EXERCISES, sheets.exercises(found)),
        xlsx.Sheet("tests", sheets.TESTS, sheets.tests(found)),
    )


def parts(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_numbers_times_and_truth_values_have_their_types_and_nothing_is_empty(tmp_path: Path) -> None:
    time = datetime(2026, 3, 1, 20, 30, 15)
    rows = [[1.5, 7, True, time, None, float("nan"), "7"]]
    book = opened(tmp_path / "t.xlsx", xlsx.Sheet("t", list("abcdefg"), rows))
    cells = book["t"][2]
    assert [cell.value for cell in cells] == [1.5, 7, True, time, None, None, "7"]
    assert [cell.data_type for cell in cells] == ["n", "n", "b", "d", "n", "n", "s"]
    assert cells[3].number_format == "yyyy-mm-dd hh:mm:ss"


@pytest.mark.parametrize("name", NAMES)
def test_every_text_is_a_string_and_comes_back(tmp_path: Path, name: str) -> None:
    cell = opened(tmp_path / "t.xlsx", xlsx.Sheet("t", ["a"], [[NAMES[name]]]))["t"]["A2"]
    assert cell.data_type == "s"
    wanted = {"control": "a���[31mb", "surrogate": "a�b"}.get(name, NAMES[name])
    assert cell.value == wanted
    risky = name in ("equals", "plus", "minus", "at", "blank", "tab", "fullwidth")
    assert cell.quotePrefix == risky, "a text that would be a formula once its cell is edited"


def test_the_file_holds_no_formula_link_or_macro(book: Book, submission: Submission, tmp_path: Path) -> None:
    texts = [*NAMES.values(), "#N/A", "=1+1"]
    path = tmp_path / "t.xlsx"
    made = [sheets.grades(book), sheets.submissions(book), *details(submission)]
    opened(path, xlsx.Sheet("=t", texts, [texts]), *made)
    for name, text in parts(path).items():
        root = ET.fromstring(text)
        tags = {element.tag for element in root.iter()}
        assert not {f"{MAIN}{tag}" for tag in ("f", "hyperlink", "hyperlinks", "externalReference")} & tags, name
        assert "vba" not in name.lower()
        if "worksheets" in name:
            types = {cell.get("t") for cell in root.iter(f"{MAIN}c")}
            assert types <= {"inlineStr", "b", None}
            assert not [cell for cell in root.iter(f"{MAIN}c") if cell.get("t") is None and cell.find(f"{MAIN}is")]


def test_an_escape_of_the_format_is_text(tmp_path: Path) -> None:
    """Excel shows `_x003D_` as "="."""
    opened(tmp_path / "t.xlsx", xlsx.Sheet("t", ["a"], [["_x003D_1"], ["_x_y"]]))
    text = parts(tmp_path / "t.xlsx")["xl/worksheets/sheet1.xml"]
    found = [element.text or "" for element in ET.fromstring(text).iter(f"{MAIN}t")]
    shown = [re.sub(r"_x([0-9A-Fa-f]{4})_", lambda code: chr(int(code[1], 16)), text) for text in found]
    assert shown[1:] == ["_x003D_1", "_x_y"]


def test_heads_stay_columns_filter_and_fit(book: Book, tmp_path: Path) -> None:
    sheet = opened(tmp_path / "t.xlsx", sheets.grades(book))["grades"]
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == f"A1:G{len(NAMES) + 1}"
    assert all(cell.font.bold for cell in sheet[1])
    widths = {name: sheet.column_dimensions[name].width for name in "ABCDE"}
    assert widths["B"] == xlsx.WIDEST
    assert 8 < widths["A"] < 20
    assert (sheet.max_row, sheet.max_column) == (len(NAMES) + 1, 7)


def test_the_same_grades_are_the_same_bytes(book: Book, tmp_path: Path) -> None:
    for name in ("a.xlsx", "b.xlsx"):
        xlsx.write(tmp_path / name, [sheets.grades(book), sheets.submissions(book)])
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()


def test_a_missing_score_is_an_empty_cell_and_a_penalty_is_taken_off(book: Book, tmp_path: Path) -> None:
    workbook = opened(tmp_path / "t.xlsx", sheets.grades(book), sheets.submissions(book))
    rows = {row[0]: row for row in workbook["grades"].iter_rows(min_row=2, values_only=True)}
    assert rows["comma"][4:] == (88.25, 8.5, pytest.approx(89.170507))
    assert rows["quote"][4:6] == (55.5, None)
    assert rows["at"][4:] == (None, None, None)
    (late,) = [row for row in workbook["submissions"].iter_rows(min_row=2, values_only=True) if row[0] == "quote"]
    assert late[3:9] == (24.0, 60.0, 4.5, 55.5, 100.0, True)


def test_details_have_no_points_for_what_is_not_graded(submission: Submission, tmp_path: Path) -> None:
    workbook = opened(tmp_path / "t.xlsx", *details(submission))
    exercises = {row[3]: row[4:] for row in workbook["exercises"].iter_rows(min_row=2, values_only=True)}
    assert exercises["test_fit"] == (None, 5.0, False, True)
    assert exercises["m1"] == (4.0, 6.0, True, False)
    tests = {row[3]: row[5:8] for row in workbook["tests"].iter_rows(min_row=2, values_only=True)}
    assert tests["test_fit"] == (None, 5.0, "ungraded")
    assert tests["fail"] == (1.5, 3.0, "failed")


def test_more_rows_than_a_sheet_holds_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "ROWS", 3)
    xlsx.write(tmp_path / "t.xlsx", [xlsx.Sheet("t", ["a"], [["x"]] * 2)])
    with pytest.raises(ChainruleError, match=r"3 rows.*one assignment at a time"):
        xlsx.write(tmp_path / "t.xlsx", [xlsx.Sheet("t", ["a"], [["x"]] * 3)])
