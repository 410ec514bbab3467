"""Each difference from nbgrader in docs/foreign-courses.md has a switch, and the switch gives nbgrader's way back."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chainrule.course import Course
from chainrule.desk import Desk
from chainrule.plugins.as_nbgrader import AsNbgrader

pytestmark = pytest.mark.slow

DOCS = Path(__file__).parents[2] / "docs/foreign-courses.md"
FINE = {"ada": (2.0, False), "bob": (2.0, False)}
LOST = {"ada": (0.0, False), "bob": (2.0, False)}


def autograded(classroom: Any, settings: str) -> dict[str, tuple[float | None, bool]]:
    """Of each student whose submission nbgrader's converter graded, the score of the test cell worth 2 points."""
    for path in (classroom.root / "graders/t1").iterdir():
        path.unlink()
    with (classroom.root / "nbgrader_config.py").open("a") as file:
        file.write(settings)
    desk = Desk(Course(classroom.root), "t1")
    converter = desk.converter("")
    desk.folders.student_id = "*"
    with contextlib.suppress(Exception, SystemExit):  # what nbgrader ends a run with
        converter.start()
    grades = classroom.grades()
    return {
        student: grades[student]["test_four"]
        for student in ("ada", "bob")
        if (classroom.root / f"autograded/{student}/t1/t1.ipynb").exists()
    }


def named(notebook: dict[str, Any], name: str) -> dict[str, Any]:
    return next(cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("grade_id") == name)


def answer(body: str) -> Callable[[dict[str, Any]], None]:
    def change(notebook: dict[str, Any]) -> None:
        named(notebook, "four")["source"] = f"def four():\n    {body}\n    return 4"

    return change


def copied(notebook: dict[str, Any]) -> None:
    again = json.loads(json.dumps(named(notebook, "test_four"))) | {"id": "copy"}
    notebook["cells"].append(again)


def old(notebook: dict[str, Any]) -> None:
    for cell in notebook["cells"]:
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"]["schema_version"] = 1


def tagged(notebook: dict[str, Any]) -> None:
    named(notebook, "four")["source"] = "def four():\n    return 5"
    named(notebook, "test_four")["metadata"]["tags"] = ["skip-execution"]


CASES = {
    "warnings_cost_the_points": (answer("import warnings; warnings.warn('new version')"), FINE, LOST),
    "a_dead_kernel_drops_the_submission": (answer("import os; os._exit(1)"), LOST, {"bob": (2.0, False)}),
    "a_copied_cell_stops_the_run": (copied, FINE, {}),
    "an_old_notebook_stops_the_run": (old, {"bob": (2.0, False)}, {}),
    "a_bad_result_drops_the_submission": (
        answer("import sys; sys.displayhook(400)"),
        {"ada": (None, True), "bob": (2.0, False)},
        {"bob": (2.0, False)},
    ),
    "the_skip_tag_holds_in_tests": (tagged, LOST, FINE),
    "stock_kernel": (answer("import os; assert 'TOKEN' in os.environ"), LOST, FINE),
}
"""Switch -> what ada does to her notebook, the scores without the switch, those with it. Bob did all right."""


@pytest.mark.parametrize("switch", CASES)
def test_a_switch_gives_nbgraders_way_back(classroom: Any, monkeypatch: pytest.MonkeyPatch, switch: str) -> None:
    monkeypatch.setenv("TOKEN", "of whoever grades")
    change, ours, nbgraders = CASES[switch]
    classroom.submit("ada", change)
    classroom.submit("bob")
    other = classroom.copy(classroom.root.parent / "other")
    assert autograded(classroom, "") == ours
    assert autograded(other, f"c.AsNbgrader.{switch} = True\n") == nbgraders


def test_strict_is_all_switches_but_the_unsafe_one(classroom: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "of whoever grades")
    classroom.submit("ada", CASES["stock_kernel"][0])
    classroom.submit("bob", CASES["warnings_cost_the_points"][0])
    scores = autograded(classroom, "c.AsNbgrader.strict = True\n")
    assert scores == {"ada": (0.0, False), "bob": (0.0, False)}


def test_every_switch_is_documented_and_tested() -> None:
    switches = set(AsNbgrader.class_own_traits(config=True)) - {"strict"}
    assert set(CASES) == switches
    assert set(re.findall(r"c\.AsNbgrader\.(\w+) = True", DOCS.read_text())) == switches | {"strict"}
