"""What students get is what nbgrader makes of the source today, and it holds nothing that is not for them."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chainrule.grader import bank
from chainrule.notebook import cells, intake

ROOT = Path(__file__).parents[2]
ASSIGNMENTS = sorted(path.stem for path in (ROOT / "source").glob("*.md"))

GENERATE = """
import sys
from nbgrader.apps import NbGraderApp
for name in sys.argv[1:]:
    NbGraderApp.launch_instance(["generate_assignment", name])
    NbGraderApp.clear_instance()
"""
"""The command for one assignment after the other, in one process: to import nbgrader takes longer than to run it."""


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """release/ as a fresh `nbgrader generate_assignment` makes it."""
    course = tmp_path_factory.mktemp("course")
    for name in ("source", "graders"):
        shutil.copytree(ROOT / name, course / name)
    shutil.copy(ROOT / "nbgrader_config.py", course)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, "-c", GENERATE, *ASSIGNMENTS]
    subprocess.run(command, cwd=course, env=environment, check=True, capture_output=True)
    return course / "release"


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_committed_release_is_a_fresh_one(fresh):
    committed, made = files(ROOT / "release"), files(fresh)
    assert committed.keys() == made.keys()
    stale = [name for name in made if made[name] != committed[name]]
    assert not stale, f"run scripts/release and commit: {stale}"


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_the_release_holds_no_solution_mark_scheme_or_hidden_test(assignment):
    for path in (ROOT / "source" / assignment).glob("*.ipynb"):
        source = intake.read_notebook(path)
        text = (ROOT / "release" / assignment / path.name).read_text()
        shown = {line.strip() for cell in json.loads(text)["cells"] for line in "".join(cell["source"]).splitlines()}
        public = {line.strip() for cell in cells.released(source)["cells"] for line in cell["source"].splitlines()}
        secret = {line.strip() for cell in source["cells"] for line in cell["source"].splitlines()} - public
        assert secret, "the source hides nothing: this test would be empty"
        assert not {line for line in secret & shown if line}
        for marker in ("BEGIN SOLUTION", "HIDDEN TESTS", "MARK SCHEME", "grade("):
            assert marker not in text


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_the_release_holds_nothing_of_the_graders(assignment):
    released = "\n".join(path.read_text() for path in (ROOT / "release" / assignment).rglob("*.ipynb"))
    for path in sorted((ROOT / "graders" / assignment).glob("test_*.py")):
        for entry in bank.read(path).misconceptions:
            assert json.dumps(entry.message, ensure_ascii=False)[1:-1] not in released
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                body = "\n".join(ast.unparse(statement) for statement in node.body[1:])
                assert all(line.strip() not in released for line in body.splitlines() if len(line.strip()) > 30)
