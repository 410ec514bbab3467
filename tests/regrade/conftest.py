"""The class of `lines.py` before and after its grader was edited."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fixtures.small_course import new_small_course
from tests.regrade.lines import ANSWERS, MARK, edit_grader, everything, line_grad, query, release, submit

from chainrule.autograde import autograde
from chainrule.course import Course
from chainrule.regrade import Difference, Regrade


@pytest.fixture(scope="session")
def graded_once(tmp_path_factory: pytest.TempPathFactory, empty_gradebook: Path) -> Path:
    """The small course, released; three submissions, graded; bob's written answer and ada's exercise marked by hand."""
    root = new_small_course(tmp_path_factory.mktemp("regrade") / "course")
    (root / "nbgrader_config.py").write_text(
        "from chainrule.plugins import configure\n"
        "c = get_config()\nconfigure(c)\nc.CourseDirectory.course_id = 'small'\n"
    )
    shutil.copy(empty_gradebook, root / "gradebook.db")
    release(root)
    for student, answer in ANSWERS.items():
        submit(root, student, answer)
    assert not autograde(Course(root), "lines", workers=2).failed
    assert line_grad(root) == {"ada": 8.0, "bob": 3.0, "cyd": 5.0}
    query(root, MARK.format(4, "m1", "bob"))
    query(root, MARK.format(7.5, "test_line_grad", "ada"))
    return root


@pytest.fixture
def course(graded_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(graded_once, tmp_path / "course"))


@pytest.fixture(scope="session")
def edited_once(graded_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after the grader was edited."""
    root = Path(shutil.copytree(graded_once, tmp_path_factory.mktemp("edited") / "course"))
    edit_grader(root)
    return root


@pytest.fixture(scope="session")
def looked(edited_once: Path) -> tuple[Difference, Path]:
    """A dry run, and the course after it."""
    before = everything(edited_once)
    with Regrade(Course(edited_once), "lines", workers=2) as run:
        found = run.compare()
    assert everything(edited_once) == before
    return found, edited_once


@pytest.fixture
def edited(looked: tuple[Difference, Path], tmp_path: Path) -> Iterator[Path]:
    """The course after the dry run, in the same place: what is known of a job holds where its grader is."""
    root = looked[1]
    shutil.copytree(root, tmp_path / "kept")
    yield root
    shutil.rmtree(root)
    shutil.copytree(tmp_path / "kept", root)
