"""What goes to grading: the student's own cells, the instructor's notebook, the files beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chainrule import submission
from chainrule.errors import CourseError
from chainrule.model import Limits


@pytest.fixture
def place(classroom: Any) -> submission.Place:
    root = classroom.root
    return submission.Place("tiny", "t1", "t1", root / "source/t1", root / "graders/t1", classroom.db_url)


def job_of(place: submission.Place, path: Path) -> Any:
    original = submission.truth(place)
    assert original is not None
    return submission.job(place, "ada", submission.taken_in(path, original), Limits())


def test_hidden_tests_go_to_the_students_process_only_where_no_grader_is(classroom: Any, place: Any) -> None:
    classroom.submit("ada")
    sources = [cell["source"] for cell in job_of(place, classroom.root / "submitted/ada/t1/t1.ipynb").notebook["cells"]]
    assert not [source for source in sources if "grade(" in source]
    assert [source for source in sources if "BEGIN HIDDEN TESTS" in source] == [
        "assert four() is not None\n### BEGIN HIDDEN TESTS\nassert four() == 4\n### END HIDDEN TESTS"
    ]


def test_a_notebook_whose_assignment_has_no_graders_is_nbgraders_alone(classroom: Any, place: Any) -> None:
    for path in place.graders.iterdir():
        path.unlink()
    assert submission.truth(place) is None


def test_graders_without_their_source_notebook_are_an_error_that_says_so(place: Any) -> None:
    (place.source / "t1.ipynb").unlink()
    with pytest.raises(CourseError, match="is missing"):
        submission.truth(place)


def test_the_same_submission_has_the_same_fingerprint_and_another_answer_another(classroom: Any, place: Any) -> None:
    for student, answers in (("ada", {}), ("bob", {}), ("cyd", {"why": "Because of that."})):
        classroom.submit(student, **answers)
    prints = [
        submission.fingerprint(job_of(place, classroom.root / "submitted" / student / "t1/t1.ipynb"))
        for student in ("ada", "bob", "cyd")
    ]
    assert prints[0] == prints[1] != prints[2]


def test_files_beside_the_notebook_are_the_students_and_over_them_the_instructors(classroom: Any, place: Any) -> None:
    classroom.submit("ada")
    folder = classroom.root / "submitted/ada/t1"
    (folder / "package/__pycache__").mkdir(parents=True)
    for name in ("mine.txt", "data.csv", "helper.py", "package/part.py", "package/__pycache__/part.pyc"):
        (folder / name).write_text("student")
    (folder / "gradebook.txt").symlink_to(classroom.root / "gradebook.db")
    for name in ("data.csv", "helper.py"):
        (place.source / name).write_text("instructor")
    job = job_of(place, folder / "t1.ipynb")
    with submission.staged(job, folder, place.source, ["__pycache__"], ["helper.py"]) as staged:
        found = {str(path.relative_to(staged.files)): path for path in staged.files.rglob("*") if path.is_file()}
        assert {name: path.read_text() for name, path in found.items()} == {
            "mine.txt": "student",
            "data.csv": "instructor",
            "helper.py": "student",
            "package/part.py": "student",
        }
    assert not staged.files.exists()


def test_without_files_there_is_no_folder(classroom: Any, place: Any) -> None:
    classroom.submit("ada")
    folder = classroom.root / "submitted/ada/t1"
    with submission.staged(job_of(place, folder / "t1.ipynb"), folder, place.source, [], []) as staged:
        assert staged.files is None


def test_the_hash_of_graders_changes_with_any_of_their_files(place: Any) -> None:
    before = submission.grader_hash(place.graders)
    (place.graders / "__pycache__").mkdir()
    (place.graders / "__pycache__/x.pyc").write_text("")
    assert submission.grader_hash(place.graders) == before
    (place.graders / "data.json").write_text(json.dumps({}))
    assert submission.grader_hash(place.graders) != before
