"""results.json has the fields that Gradescope documents, and what the student may see of them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chainrule.formats import gradescope
from chainrule.formats.book import Score, Submission

from .conftest import SECRET

WORDS = {"timeout": "A cell ran for too long and was stopped", "missing": "A cell was missing."}

FORMATS = {"text", "html", "simple_format", "md", "ansi"}
TOP = {
    **{"score": float, "execution_time": int, "output": str, "output_format": FORMATS, "test_output_format": FORMATS},
    **{"test_name_format": FORMATS, "visibility": set(gradescope.VISIBILITIES), "extra_data": dict, "tests": list},
    **{"stdout_visibility": set(gradescope.VISIBILITIES), "leaderboard": list},
}
TEST = {
    **{"score": float, "max_score": float, "status": {"passed", "failed"}, "name": str, "name_format": FORMATS},
    **{"number": str, "output": str, "output_format": FORMATS, "tags": list, "extra_data": dict},
    **{"visibility": set(gradescope.VISIBILITIES)},
}
"""Fields of Gradescope's Autograder Specifications: a type, or the values that it allows."""


def check(value: dict[str, Any], fields: dict[str, Any]) -> None:
    for name, found in value.items():
        wanted = fields[name]
        assert found in wanted if isinstance(wanted, set) else isinstance(found, wanted), (name, found)


@pytest.fixture
def results(submission: Submission) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(json.dumps(gradescope.results(submission, WORDS)))
    return loaded


def test_every_field_is_documented_and_of_its_type(results: dict[str, Any]) -> None:
    check(results, TOP)
    for test in results["tests"]:
        check(test, TEST)
        assert all(isinstance(tag, str) for tag in test["tags"])
    assert "score" in results, "it is needed where a test has none"


def test_the_score_is_the_gradebooks_less_the_penalty(results: dict[str, Any]) -> None:
    assert results["score"] == 8.75
    assert "execution_time" not in results  # a student's code chooses how long it takes, perhaps by a hidden input
    assert "1.25 points were taken off for lateness." in results["output"]
    assert "grad: a person set 6 of 12 points." in results["output"]


def test_a_test_has_its_points_and_status_and_a_fault_of_ours_has_neither(results: dict[str, Any]) -> None:
    found = {test["name"]: (test.get("score"), test["max_score"], test.get("status")) for test in results["tests"]}
    assert found == {
        "grad: It does pass.": (3.0, 3.0, "passed"),
        "grad: It does fail.": (1.5, 3.0, "failed"),
        "grad: It does slow.": (0.0, 3.0, "failed"),
        "grad: It does crash.": (0.0, 3.0, "failed"),
        "fit: It fits.": (None, 5.0, None),
        "m1": (4.0, 6.0, None),
        "m2": (0.0, 4.0, None),
    }
    assert [test.get("number") for test in results["tests"]] == ["1.1", "1.2", "1.3", "1.4", "2.1", None, None]


def test_students_read_what_the_feedback_says_and_nothing_hidden(results: dict[str, Any]) -> None:
    said = {test["name"]: test["output"] for test in results["tests"]}
    assert said["grad: It does pass."] == ""
    assert said["grad: It does fail."] == "Half the gradient.\n\nYour <gradient> is ½ &� �[31mlate"
    assert said["grad: It does crash."] == "]]> The process\nended.", "a mistake is named once"
    assert said["m1"] == "Say why.�"
    assert said["m2"] == "", "nbgrader's own comment is nobody's words"
    text = json.dumps(results)
    for hidden in (SECRET, "KeyError", "for staff", "Cell 18"):
        assert hidden not in text
    assert "A cell ran for too long and was stopped (gd)." in results["output"]


def test_tests_are_shown_when_grades_are_published_unless_chosen_otherwise(submission: Submission) -> None:
    shown = gradescope.results(submission, WORDS)
    assert {shown["visibility"], *(test["visibility"] for test in shown["tests"])} == {"after_published"}
    assert shown["stdout_visibility"] == "hidden"
    assert gradescope.results(submission, WORDS, "visible")["tests"][0]["visibility"] == "visible"


def test_an_unfinished_submission_is_left_out_and_said(submission: Submission, tmp_path: Path) -> None:
    done = gradescope.write([submission], tmp_path, words=WORDS)
    assert json.loads((tmp_path / "index.json").read_text()) == []
    assert "1 score is left out" in done.notes[0]
    gradescope.write([submission], tmp_path, words=WORDS, partial=True)
    (entry,) = json.loads((tmp_path / "index.json").read_text())
    assert "the score is what there is so far" in json.loads((tmp_path / entry["file"]).read_text())["output"]


def test_each_submission_has_a_folder_and_a_place_in_the_index(submission: Submission, tmp_path: Path) -> None:
    hostile = replace(submission.person, id="../../x", email="a\x00@x.org")
    graded = replace(submission, person=hostile, score=Score(5.0))
    gradescope.write([graded], tmp_path / "out", words=WORDS)
    (entry,) = json.loads((tmp_path / "out" / "index.json").read_text())
    assert entry["student"] == "../../x"
    assert entry["email"] == "a�@x.org"
    path = (tmp_path / "out" / entry["file"]).resolve()
    assert path.is_relative_to(tmp_path / "out")
    assert path.name == "results.json"
    assert json.loads(path.read_text())["score"] == 5.0


def test_the_autograder_of_the_documentation_hands_out_the_students_own_results(
    submission: Submission, tmp_path: Path
) -> None:
    """The script of docs/exports.md, as Gradescope's container would run it for one student of two."""
    page = (Path(__file__).parents[2] / "docs" / "exports.md").read_text(encoding="utf-8")
    script = next(code for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "/autograder" in code)
    other = replace(submission, person=replace(submission.person, id="eve", email="eve@x.org"), score=Score(1.0))
    gradescope.write(
        [replace(submission, score=Score(7.0)), other], tmp_path / "source" / "results", words=WORDS, partial=True
    )
    (tmp_path / "results").mkdir()
    users = {"users": [{"email": "RTL@x.org", "id": 1, "name": "N."}]}
    (tmp_path / "submission_metadata.json").write_text(json.dumps(users))
    code = script.replace("/autograder", str(tmp_path))
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert json.loads((tmp_path / "results" / "results.json").read_text())["score"] == 7.0
