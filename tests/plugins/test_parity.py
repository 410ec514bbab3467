"""Cells without a grader score exactly as nbgrader scores them, odd cases included."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

ODD = {
    "passes": "assert four() == 4",
    "fails": "assert four() == 5",
    "partial": "four() / 4 * 1.5",
    "nothing": "0",
    "pair": "(1, 2)",
    "warns": "import sys; print('careful', file=sys.stderr); 1",
    "raises": "3\nraise ValueError",
    "deleted": "1",
    "edited": "assert four() == 4\n### BEGIN HIDDEN TESTS\nassert four() != 4\n### END HIDDEN TESTS",
}
"""Test cells worth 2 points each."""

SCORES = {
    "passes": 2.0,
    "fails": 0.0,
    "partial": 1.5,
    "nothing": 0.0,
    "pair": 2.0,
    "warns": 0.0,
    "raises": 0.0,
    "deleted": None,
    "edited": 0.0,
}


@pytest.fixture
def odd(classroom: Any, cell: Callable[..., dict[str, Any]]) -> Any:
    """The tiny course with the odd cells after its own, generated anew, and one submission."""
    path = classroom.root / "source/t1/t1.ipynb"
    notebook = json.loads(path.read_text())
    for name, source in ODD.items():
        notebook["cells"].append(cell("code", source, name, points=2, locked=True) | {"id": name})
    path.write_text(json.dumps(notebook))
    run(classroom, "generate_assignment", "t1", "--force")

    def change(submitted: dict[str, Any]) -> None:
        submitted["cells"] = [cell for cell in submitted["cells"] if cell["id"] != "deleted"]
        for cell in submitted["cells"]:
            if cell["id"] == "edited":
                cell["source"] = "pass"

    classroom.submit("ada", change)
    return classroom


def run(classroom: Any, command: str, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "nbgrader", command, *arguments], cwd=classroom.root, check=True, capture_output=True
    )


def test_a_notebook_without_graders_scores_as_with_nbgrader_alone(odd: Any, tmp_path: Any) -> None:
    for path in (odd.root / "graders/t1").iterdir():
        path.unlink()
    alone = odd.copy(tmp_path / "alone")
    (alone.root / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'tiny'\n")
    run(odd, "autograde", "t1")
    run(alone, "autograde", "t1")
    assert odd.grades() == alone.grades()
    assert {name: score for name, (score, _) in odd.grades()["ada"].items() if name in ODD} == SCORES
    assert [cell["source"] for cell in odd.graded("ada")] == [cell["source"] for cell in alone.graded("ada")]


@pytest.mark.slow
def test_beside_exercises_with_graders_the_other_cells_score_the_same(odd: Any) -> None:
    run(odd, "autograde", "t1")
    grades = {name: score for name, (score, _) in odd.grades()["ada"].items()}
    assert {name: grades[name] for name in ODD} == SCORES | {"deleted": 1.0}  # put back, as every missing test cell is
    assert grades["test_twice"] == 3.0
