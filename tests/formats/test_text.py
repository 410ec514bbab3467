"""Text is text wherever it goes: in spreadsheets, in XML, as the name of a file."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from chainrule.formats.text import clean, file_name, formula, line, number, safe


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\rx", "  =1", "\n=1", "＝1", "\u200b=1", "\ufeff=1"])
def test_what_may_be_a_formula_gets_an_apostrophe(text: str) -> None:
    assert formula(text)
    assert safe(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=1", "ada@x.org", "O'Hara", "محمد", "1-2", "'=1", "👩‍🔬"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert safe(text) == text


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
