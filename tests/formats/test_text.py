"""Text is text wherever it goes: in spreadsheets, in XML, as the name of a file."""

from __future__ import annotations

import csv
import io
import time
import xml.etree.ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chainrule.formats.files import write_rows
from chainrule.formats.text import clean, file_name, formula, key, line, number, safe, unsafe


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\rx", "  =1", "＝1", "\u200b=1", "\ufeff=1"])
def test_what_may_be_a_formula_gets_an_apostrophe(text: str) -> None:
    assert formula(text)
    assert safe(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=1", "ada@x.org", "O'Hara", "محمد", "1-2", "'1", "a; b, c|d", "👩‍🔬"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert safe(text) == text


SEPARATORS = ";\t,|"


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("x;=HYPERLINK(1)", "x;'=HYPERLINK(1)"),
        ('x";=1', "x\";'=1"),
        ('x;"=1"', 'x;"\'=1"'),
        ("x\t@y", "x\t'@y"),
        ("x, -1|+2", "x,' -1|'+2"),
        ("two\n=1", "two\n'=1"),
        ("\n=1", "'\n'=1"),
        ("'=1", "''=1"),
    ],
)
def test_a_formula_behind_a_separator_or_a_quote_is_broken_too(text: str, cell: str) -> None:
    assert safe(text) == cell
    assert unsafe(cell) == text


TEXTS = st.text(st.sampled_from(";,|\"'\t\r\n =+-@＝\ufeff\u200bax1"), max_size=20)


@given(TEXTS | st.text())
def test_every_text_comes_back_from_its_cell(text: str) -> None:
    assert unsafe(safe(text)) == text


@given(TEXTS, TEXTS)
@example('x;"=1', "y")
def test_whatever_separates_the_cells_none_is_a_formula(first: str, second: str) -> None:
    """As a spreadsheet splits the file whose language has another separator, with quotes and without heed of them."""
    file = io.StringIO()
    write_rows(file, ["a", "b"], [[safe(first), safe(second)]])
    for separator in SEPARATORS:
        for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE):
            rows = csv.reader(io.StringIO(file.getvalue(), newline=""), delimiter=separator, quoting=quoting)
            for cell in (cell for row in rows for cell in row):
                assert not cell.lstrip(" \ufeff\u200b").startswith(tuple("=+-@＝")), (separator, cell)


def test_a_long_hostile_text_takes_a_moment() -> None:
    start = time.process_time()
    for text in ("\t" * 300_000, ";" * 300_000, "; '" * 100_000, "'" * 300_000, '"\n ' * 100_000):
        assert unsafe(safe(text)) == text
    assert time.process_time() - start < 2


def test_a_key_of_harmless_signs_stays_so_that_it_is_found() -> None:
    assert [key(text) for text in ("-ada", "@ada.b", "+a@x.org", "a1")] == ["-ada", "@ada.b", "+a@x.org", "a1"]
    assert [key(text) for text in ("=1+1", "-A1|b", "@SUM(A1)", "x;-1")] == ["'=1+1", "'-A1|b", "'@SUM(A1)", "x;'-1"]


def test_cleaned_text_is_legal_in_xml_and_storable() -> None:
    text = clean("".join(map(chr, [*range(0x300), *range(0x2000, 0x2100), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF])))
    root = ET.Element("a", b=text)
    root.text = text
    assert ET.fromstring(ET.tostring(root, encoding="utf-8")).text == text


def test_cleaning_marks_what_it_took_and_keeps_line_ends() -> None:
    assert clean("a\x00b\r\nc\rd\te\u202ef") == "a�b\nc\nd\te�f"
    assert line(" a\n\tb ") == "a b"
    assert clean(None) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [(7.0, "7"), (7.5, "7.5"), (1 / 3, "0.333333"), (1e-6, "0.000001"), (1e-9, "0"), (-1e-9, "0"), (1e6, "1000000")],
)
def test_numbers_have_a_point_and_no_exponent(value: float, text: str) -> None:
    assert number(value) == text


def test_no_number_is_empty() -> None:
    assert number(None) == ""


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..", ".", "", "a/b", "a\\b", "C:x", "\x00", "x" * 300, "é" * 200]
)
def test_a_file_name_stays_in_its_folder(name: str) -> None:
    made = file_name(name)
    assert made not in ("", ".", "..")
    assert not set(made) & set('/\\:\x00<>"|?*')
    assert len(made.encode()) <= 255


def test_different_names_are_different_files() -> None:
    names = ["a/b", "a%2Fb", "a:b", "..", "%2E.", "x" * 300, "x" * 299, "محمد", "ada"]
    assert len({file_name(name) for name in names}) == len(names)
    assert file_name("محمد") == "محمد"
