"""JUnit files fit both schemas that are widely used, written down here in Python from their definitions."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from chainrule.formats import junit
from chainrule.formats.book import Submission
from chainrule.model import Status

from .conftest import SECRET

DECIMAL = r"[0-9]+(\.[0-9]+)?"
INT = r"[0-9]+"
ANY = r"(?s).*"
TOKEN = r"(?s).+"
RESULT = {"message": ANY, "type": ANY}
ATTRIBUTES = {
    "testsuites": {},
    "testsuite": {
        **{"id": INT, "package": TOKEN, "name": TOKEN, "hostname": TOKEN, "time": DECIMAL},
        **{"timestamp": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"},
        **dict.fromkeys(("tests", "failures", "errors", "skipped"), INT),
    },
    "properties": {},
    "property": {"name": TOKEN, "value": ANY},
    "testcase": {"name": TOKEN, "classname": TOKEN, "time": DECIMAL},
    **dict.fromkeys(("failure", "error", "skipped"), RESULT),
    "system-out": {},
    "system-err": {},
}
"""What both schemas allow, with all that one of them asks for: Ant's wants more attributes on a suite and none on the
root. Patterns match whole values."""

CHILDREN = {
    "testsuites": r"(testsuite )*",
    "testsuite": r"properties (testcase )*system-out system-err ",
    "properties": r"(property )*",
    "testcase": r"(skipped |error |failure )?",
}


def check(element: ET.Element) -> None:
    """Raise `AssertionError` unless the element and all in it are as the schemas have them."""
    wanted = ATTRIBUTES[element.tag]
    assert set(element.attrib) == set(wanted)
    for name, pattern in wanted.items():
        assert re.fullmatch(pattern, element.attrib[name]), (element.tag, name, element.attrib[name])
    children = "".join(f"{child.tag} " for child in element)
    assert re.fullmatch(CHILDREN.get(element.tag, ""), children), (element.tag, children)
    for child in element:
        check(child)


@pytest.fixture
def root(submission: Submission) -> ET.Element:
    return ET.fromstring(junit.document(submission))


def test_a_document_fits_the_schemas(root: ET.Element) -> None:
    check(root)


def test_the_check_notices_what_the_schemas_forbid(root: ET.Element) -> None:
    root[0].set("time", "1e-05")
    with pytest.raises(AssertionError):
        check(root)


def test_an_exercise_is_a_suite_with_its_counts_and_points(root: ET.Element) -> None:
    grad, fit = root
    assert {name: grad.get(name) for name in ("name", "tests", "failures", "errors", "skipped", "id")} == {
        **{"name": "grad", "tests": "4", "failures": "1", "errors": "2", "skipped": "0", "id": "0"}
    }
    assert (fit.get("name"), fit.get("skipped"), fit.get("id")) == ("fit", "1", "1")
    values = {item.get("name"): item.get("value") for item in grad.iter("property")}
    assert values == {**{"assignment": "a01", "student": "rtl", "points": "4.5", "max_points": "12", "isolation": "A"}}
    assert {item.get("name"): item.get("value") for item in fit.iter("property")}["points"] == "", "no zero"


def test_every_status_has_its_element_and_every_test_its_time(root: ET.Element) -> None:
    found = {case.get("name"): [child.tag for child in case] for case in root.iter("testcase")}
    assert found == {
        "It does pass.": [],
        "It does fail.": ["failure"],
        "It does slow.": ["error"],
        "It does crash.": ["error"],
        "It fits.": ["skipped"],
    }
    assert set(junit.ELEMENTS) == set(Status) - {Status.PASSED}
    assert {case.get("time") for case in root.iter("testcase")} == {"0", "0.1"}


def test_messages_come_back_clean_and_hold_nothing_hidden(root: ET.Element, submission: Submission) -> None:
    failure = next(root.iter("failure"))
    assert failure.text == "Half the gradient.\n\nYour <gradient> is ½ &� �[31mlate"
    assert next(iter(root.iter("skipped"))).get("message") == "A fault of the grading, not of the student."
    text = junit.document(submission).decode()
    assert SECRET not in text
    assert "KeyError" not in text


def test_each_submission_has_a_file_and_the_same_bytes_again(submission: Submission, tmp_path: Path) -> None:
    junit.write([submission], tmp_path)
    (path,) = tmp_path.rglob("*.xml")
    assert path == tmp_path / "a01" / "rtl.xml"
    before = path.read_bytes()
    junit.write([submission], tmp_path)
    assert path.read_bytes() == before
    check(ET.parse(path).getroot())
