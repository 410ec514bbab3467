"""What student code may use is said by course, assignment and exercise, and a value without sense is told at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chainrule import limits
from chainrule.autograde import autograde
from chainrule.course import Course
from chainrule.errors import CourseError, SourceError
from chainrule.model import Limits
from chainrule.notebook import text
from chainrule.notebook.build import build, import_notebook
from chainrule.single import grade_file
from chainrule.verify import verify

HEAD = "---\nseconds: 60\nmemory: 4 GiB\n---\n\n# Title\n"


def test_the_nearest_limit_counts(small_course: Path) -> None:
    (small_course / "nbgrader_config.py").write_text(
        'c = get_config()\nc.Limits.seconds = 20\nc.Limits.memory = "3 GiB"\nc.Limits.processes = 64\n'
    )
    source = small_course / "source/lines.md"
    written = source.read_text()
    place = small_course / "source/lines/lines.ipynb"
    assert Course(small_course).limits(place) == (Limits(cell=20.0, memory=3 << 30, processes=64), {})
    name = written[written.index('test="') + 6 :].partition('"')[0]
    source.write_text(HEAD + written.replace(f'test="{name}"', f'test="{name}" seconds=90'))
    build(Course(small_course))
    assert Course(small_course).limits(place) == (
        Limits(cell=60.0, memory=4 << 30, processes=64),
        {f"test_{name}": 90.0},
    )


def test_defaults_hold_where_nothing_is_said(small_course: Path) -> None:
    assert Course(small_course).limits(small_course / "source/lines/lines.ipynb") == (Limits(), {})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"seconds": 0}, "seconds = 0 is not a number of seconds above 0"),
        ({"seconds": "soon"}, "'soon' is not a number"),
        ({"seconds": float("nan")}, "not a number of seconds"),
        ({"seconds": True}, "not a number of seconds"),
        ({"memory": "4"}, 'write it as "4 GiB"'),
        ({"memory": "4 GB"}, 'write it as "4 GiB"'),
        ({"memory": "1 KiB"}, "from 1 MiB up"),
        ({"processes": 1.5}, "whole number from 1 up"),
        ({"gpu": "maybe"}, "neither yes nor no"),
        ({"memroy": "4 GiB"}, "Did you mean memory?"),
        ({"fuel": 1}, "Known: seconds, test_seconds, total_seconds"),
    ],
)
def test_a_value_without_sense_is_told(given: dict[str, Any], said: str) -> None:
    with pytest.raises(limits.LimitError, match=said.replace("?", r"\?")):
        limits.read(given)


def test_each_word_sets_its_limit() -> None:
    words = {"seconds": "1.5", "memory": "1.5 GiB", "disk": 1 << 30, "processes": "7", "output": 100, "gpu": "yes"}
    words |= {"total_seconds": 600, "total_output": 1000}
    assert Limits(**limits.read(words)) == Limits(
        cell=1.5, memory=3 << 29, disk=1 << 30, processes=7, output=100, gpu=True, cells=600.0, outputs=1000
    )


def test_a_bad_limit_in_a_text_is_an_error_with_its_line() -> None:
    for written, line in (
        ("---\n\nseconds: soon\n---\n# T\n", 3),
        ("---\nseconds: 1\nseconds: 2\n---\n", 3),
        ("---\nsecond: 1\n---\n", 2),
        ('# T\n\n```python solution="f"\n1\n```\n\n```python test="f" points=1 seconds=none\n```\n', 7),
        ('# T\n\n```python solution="f" seconds=3\n1\n```\n', 3),
    ):
        with pytest.raises(SourceError) as error:
            text.parse(written, Path("t.md"))
        assert f"t.md:{line}" in str(error.value)


def test_build_and_verify_refuse_a_bad_limit(small_course: Path) -> None:
    source = small_course / "source/lines.md"
    written = source.read_text()
    source.write_text("---\nmemory: much\n---\n" + written)
    with pytest.raises(SourceError, match="memory = 'much' is not a size"):
        build(Course(small_course))
    path = small_course / "source/lines/lines.ipynb"
    notebook = json.loads(path.read_text())
    path.write_text(json.dumps(notebook | {"metadata": {"chainrule": {"limits": {"memory": "much"}}}}))
    with pytest.raises(CourseError, match=r"lines\.ipynb: memory = 'much'"):
        verify(Course(small_course), "lines")
    path.write_text(json.dumps(notebook))
    (small_course / "nbgrader_config.py").write_text("c = get_config()\nc.Limits.cell = 3\n")
    with pytest.raises(CourseError, match=r"nbgrader_config\.py, c\.Limits: There is no limit 'cell'"):
        verify(Course(small_course), "lines")


def test_a_rule_at_the_head_of_a_text_is_no_limit() -> None:
    for written in ("---\n# A title\n---\n", "---\n\nText\n", "---\n---\n"):
        (cell,) = text.parse(written, Path("t.md"))["cells"]
        assert cell["source"] == written.strip()


def test_limits_survive_text_and_back(tmp_path: Path) -> None:
    written = HEAD + '\n```python autograder="old" points=2 seconds=2.5\nassert True\n```\n'
    notebook = text.parse(written, Path("t.md"))
    (tmp_path / "t.ipynb").write_text(json.dumps(notebook))
    assert import_notebook(tmp_path / "t.ipynb") == written
    rule = {"cells": [{"cell_type": "markdown", "metadata": {}, "source": "---\nseconds: 3\n---"}], "metadata": {}}
    assert text.parse(text.render(rule), Path("t.md"))["cells"][0]["source"] == rule["cells"][0]["source"]


def slow(notebook: dict[str, Any]) -> None:
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") in ("twice", "thrice"):
            cell["source"] = f"import time; time.sleep(12)\n{cell['source']}"
            cell["metadata"]["chainrule"] = {"seconds": 100}
    notebook["metadata"]["chainrule"] = {"limits": {"seconds": 100}}


@pytest.mark.slow
def test_an_exercise_has_its_own_seconds_and_a_submission_cannot_ask_for_more(classroom: Any) -> None:
    """The course gives 1 s, one exercise has 30; what the student's notebook says about limits is not looked at."""
    with (classroom.root / "nbgrader_config.py").open("a") as file:
        file.write("c.Limits.seconds = 1\n")
    path = classroom.root / "source/t1/t1.ipynb"
    source = json.loads(path.read_text())
    for cell in source["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "test_twice":
            cell["metadata"]["chainrule"] = {"seconds": 30}
    path.write_text(json.dumps(source))
    classroom.submit("ada", slow)
    summary = autograde(Course(classroom.root), "t1", workers=1)
    assert classroom.grades()["ada"]["test_twice"] == (3.0, False)
    assert classroom.grades()["ada"]["test_thrice"] == (0.0, False)
    assert [note.message for note in summary.rows[0].notes if note.kind == "timeout"] == [
        "Cell 4 (thrice) was stopped after 1 s."
    ]
    graded = grade_file(Course(classroom.root), classroom.root / "submitted/ada/t1/t1.ipynb")
    assert [result.points for result in graded.exercises] == [3.0, 0.0]
    for grader in (classroom.root / "graders/t1").iterdir():
        grader.unlink()  # and in the same way where no exercise has a grader
    autograde(Course(classroom.root), "t1", workers=1)
    told = {
        cell["metadata"].get("nbgrader", {}).get("grade_id"): json.dumps(cell.get("outputs"))
        for cell in classroom.graded("ada")
    }
    assert "Timeout" not in told["twice"]
    assert "was stopped after 1 s" in told["thrice"]
