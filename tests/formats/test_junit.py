"""JUnit files fit both schemas that are widely used, written down here in Python from their definitions."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from chainrule.formats import junit
from chainrule.formats.book import Mark, Submission
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
    grad, fit, *_ = root
    assert {name: grad.get(name) for name in ("name", "tests", "failures", "errors", "skipped", "id")} == {
        **{"name": "grad", "tests": "4", "failures": "1", "errors": "2", "skipped": "0", "id": "0"}
    }
    assert (fit.get("name"), fit.get("skipped"), fit.get("id")) == ("fit", "1", "1")
    values = {item.get("name"): item.get("value") for item in grad.iter("property")}
    assert values == {**{"assignment": "a01", "student": "rtl", "points": "4.5", "max_points": "12", "isolation": "A"}}
    assert {item.get("name"): item.get("value") for item in fit.iter("property")}["points"] == "", "no zero"


def test_every_status_has_its_element_and_every_test_its_time(root: ET.Element) -> None:
    found = {case.get("name"): [child.tag for child in case] for suite in root[:2] for case in suite.iter("testcase")}
    assert found == {
        "It does pass.": [],
        "It does fail.": ["failure"],
        "It does slow.": ["error"],
        "It does crash.": ["error"],
        "It fits.": ["skipped"],
    }
    assert set(junit.ELEMENTS) == set(Status) - {Status.PASSED}
    assert {case.get("time") for case in root.iter("testcase")} == {"0", "0.1"}


def test_every_other_graded_cell_is_a_testcase_too(submission: Submission) -> None:
    """Written answers, and test cells of nbgrader's kind: all points, a part, none yet."""
    more = (
        Mark("other", "test_theirs", 3.0, 3.0),
        Mark("other", "wrong", 0.0, 2.0),
        Mark("a01", "m3", None, 5.0, waiting=True),
    )
    root = ET.fromstring(junit.document(replace(submission, marks=submission.marks + more)))
    check(root)
    suites = {suite.get("name"): suite for suite in root}
    assert list(suites) == ["grad", "fit", "m1", "m2", "test_theirs", "wrong", "m3"]
    assert [suite.get("id") for suite in root] == [str(i) for i in range(7)]
    said = {
        name: [(e.tag, e.get("message"), e.text) for e in suite.find("testcase") or ()]
        for name, suite in suites.items()
    }
    assert said["m1"] == [("failure", "4 of 6 points", "Say why.�")]
    assert said["m2"] == [("failure", "0 of 4 points", None)], "nbgrader's own comment is nobody's words"
    assert said["test_theirs"] == []
    assert said["m3"] == [("skipped", "Not marked yet.", None)]
    counts = {name: (suite.get("failures"), suite.get("skipped")) for name, suite in suites.items()}
    assert (counts["m1"], counts["test_theirs"], counts["m3"]) == (("1", "0"), ("0", "0"), ("0", "1"))
    assert (suites["m1"].get("package"), suites["wrong"].get("package")) == ("a01", "other")
    points = {item.get("name"): item.get("value") for item in suites["m1"].iter("property")}
    assert (points["points"], points["max_points"]) == ("4", "6")


def test_a_course_without_graders_of_ours_has_its_files(submission: Submission, tmp_path: Path) -> None:
    theirs = replace(submission, runs=(), marks=(Mark("ps1", "test_theirs", 3.0, 3.0),))
    assert junit.write([theirs], tmp_path).notes == ()
    (path,) = tmp_path.rglob("*.xml")
    root = ET.parse(path).getroot()
    check(root)
    assert [case.get("classname") for case in root.iter("testcase")] == ["ps1.test_theirs"]


def test_what_has_no_file_is_said(submission: Submission, tmp_path: Path) -> None:
    nothing = replace(submission, runs=(), marks=())
    notes = junit.write([nothing], tmp_path).notes
    assert notes[0] == "a01: 1 submission has no graded cell and no file: rtl."
    assert notes[1].startswith("No file was written")
    assert len(junit.write([submission, nothing], tmp_path).notes) == 1


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
