"""A grade made in tier C says so to everybody who reads it, and every other grade says nothing of the kind."""

from __future__ import annotations

import csv
import io
import json
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from rich.console import Console
from tests.fixtures.at_once import AtOnce
from traitlets.config import Config

from chainrule import gradebook, report
from chainrule.autograde import Row, autograde
from chainrule.course import Course
from chainrule.model import WEAK_NOTE, Graded, Note
from chainrule.plugins import configure
from chainrule.present.difference import difference_json, print_difference
from chainrule.present.grades import graded_json, print_graded, print_summary
from chainrule.regrade import Regrade
from chainrule.report.formats import export

WEAK = "C (separate process)"
JAILED = "A (namespaces, landlock 7, seccomp)"
STUDENTS = "could not shut your code in as usual (isolation tier C)"
STAFF = "1 of the 2 submissions"


class Tiers(AtOnce):
    """Grades bob in tier C and the others in tier A, as far as the results tell."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future = super().submit(fn, *args, **kwargs)
        graded: Future[Any] = Future()
        graded.set_result(replace(future.result(), isolation=WEAK if args[0].student == "bob" else JAILED))
        return graded


@dataclass(frozen=True)
class Graders:
    """A class in which bob was graded in tier C, ada was not and cyd handed in nothing. Read only."""

    course: Course
    db_url: str
    rows: tuple[Row, ...]


@pytest.fixture(scope="module")
def classroom(released_classroom: Any, tmp_path_factory: pytest.TempPathFactory) -> Graders:
    room = released_classroom.copy(tmp_path_factory.mktemp("weak") / "course")
    for student in ("ada", "bob"):
        room.submit(student)
    course = Course(room.root)
    return Graders(course, room.db_url, autograde(course, "t1", executor=Tiers()).rows)


@pytest.fixture(scope="module")
def pages(classroom: Graders, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the assignment in `t1`, that of the course in `course`."""
    out = tmp_path_factory.mktemp("reports")
    report.write(classroom.course, "t1", out / "t1")
    report.write(classroom.course, None, out / "course")
    return out


def shown(path: Path) -> str:
    return " ".join(path.read_text(encoding="utf-8").split())


def table(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return {row.get("student") or row["student_id"]: row for row in csv.DictReader(file)}


def printed(print_it: Any, *values: Any) -> str:
    console = Console(file=io.StringIO(), width=200)
    print_it(console, *values)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_the_gradebook_holds_it_once(classroom: Graders) -> None:
    with gradebook.connect(classroom.db_url) as connection:
        runs = {run.student: run for run in gradebook.load(connection, "t1")}
    assert {student: run.isolation for student, run in runs.items()} == {"ada": JAILED, "bob": WEAK}
    assert WEAK_NOTE not in runs["bob"].notes, "made of the isolation, not stored"
    assert [WEAK_NOTE in runs[student].remarks for student in ("ada", "bob")] == [False, True]


def test_the_summary_of_the_run_says_it_of_the_student(classroom: Graders) -> None:
    lines = {line.split()[0]: line for line in printed(print_summary, classroom.rows).splitlines() if line.strip()}
    assert "tier C" in lines["bob"]
    assert "tier C" not in lines["ada"]


def test_the_result_of_a_notebook_says_it_as_text_and_as_json() -> None:
    weak = Graded("t1", "bob", "t1", {}, (), (Note("missing", "A cell was put back."),), isolation=WEAK)
    jailed = replace(weak, isolation=JAILED)
    assert [note["kind"] for note in graded_json(weak)["notes"]] == ["weak", "missing"]
    assert (graded_json(weak)["isolation"], graded_json(jailed)["isolation"]) == (WEAK, JAILED)
    assert [note["kind"] for note in graded_json(jailed)["notes"]] == ["missing"]
    assert "tier C" in printed(print_graded, weak)
    assert "tier C" not in printed(print_graded, jailed)


def test_a_regrade_says_how_many_before_it_writes(released_classroom: Any, tmp_path: Path) -> None:
    room = released_classroom.copy(tmp_path / "course")
    for student in ("ada", "bob"):
        room.submit(student)
    with Regrade(Course(room.root), "t1", executor=Tiers()) as run:
        found = run.compare()
    (warning,) = [warning for warning in difference_json(found)["warnings"] if "tier C" in warning]
    assert warning.startswith("1 of the 2 submissions was graded in tier C")
    assert "graded in tier C" in " ".join(printed(print_difference, found).split())


def test_the_students_page_says_it(classroom: Graders, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Config()
    configure(settings)
    settings.CourseDirectory.root = str(classroom.course.root)
    settings.CourseDirectory.assignment_id = "t1"
    settings.CourseDirectory.db_url = classroom.db_url
    GenerateFeedback(coursedir=CourseDirectory(config=settings), config=settings).start()
    made = {student: shown(classroom.course.root / f"feedback/{student}/t1/t1.html") for student in ("ada", "bob")}
    assert {student: STUDENTS in page for student, page in made.items()} == {"ada": False, "bob": True}


@pytest.mark.parametrize("page", ["t1/index.html", "t1/review.html", "course/index.html", "course/t1/index.html"])
def test_the_pages_for_staff_say_how_many(pages: Path, page: str) -> None:
    assert STAFF in shown(pages / page)


@pytest.mark.parametrize("page", ["t1/index.html", "t1/review.html", "course/index.html", "course/t1/index.html"])
def test_a_class_without_them_reads_nothing_of_it(
    released_classroom: Any, at_once: Any, tmp_path: Path, page: str
) -> None:
    room = released_classroom.copy(tmp_path / "course")
    room.submit("ada")
    autograde(Course(room.root), "t1", executor=at_once)
    out = tmp_path / "out"
    report.write(Course(room.root), "t1" if page.startswith("t1") else None, out / page.partition("/")[0])
    assert "Tier C" not in shown(out / page)


def test_the_tables_of_the_report_have_a_column(pages: Path) -> None:
    rows = table(pages / "t1/grades.csv")
    assert {student: rows[student]["isolation"] for student in ("ada", "bob")} == {"ada": JAILED, "bob": WEAK}
    sheet = openpyxl.load_workbook(pages / "t1/grades.xlsx")["grades"]
    header, *cells = sheet.iter_rows(values_only=True)
    place = header.index("isolation")
    assert {row[0]: row[place] for row in cells if row[0] in ("ada", "bob")} == {"ada": JAILED, "bob": WEAK}
    with (pages / "course/assignments.csv").open(newline="") as file:
        assert [row["weak"] for row in csv.DictReader(file)] == ["1"]


def exported(classroom: Graders, name: str, out: Path) -> Path:
    export(classroom.course, name, "t1", out, partial=True)
    return out


def test_the_exports_with_room_for_it_say_it(classroom: Graders, tmp_path: Path) -> None:
    rows = table(exported(classroom, "csv", tmp_path / "grades.csv"))
    assert {student: rows[student]["isolation"] for student in ("ada", "bob")} == {"ada": JAILED, "bob": WEAK}
    book = openpyxl.load_workbook(exported(classroom, "xlsx", tmp_path / "grades.xlsx"))["submissions"]
    header, *cells = book.iter_rows(values_only=True)
    assert {row[0]: row[header.index("isolation")] for row in cells} == {"ada": JAILED, "bob": WEAK}
    junit = exported(classroom, "junit", tmp_path / "junit")
    assert f'name="isolation" value="{WEAK}"' in shown(junit / "t1/bob.xml")
    scope = exported(classroom, "gradescope", tmp_path / "scope")
    said = {student: json.loads(shown(scope / f"t1/{student}/results.json"))["output"] for student in ("ada", "bob")}
    assert {student: STUDENTS in text for student, text in said.items()} == {"ada": False, "bob": True}


@pytest.mark.parametrize("name", ["canvas", "moodle"])
def test_the_files_that_an_lms_imports_have_no_column_more(classroom: Graders, tmp_path: Path, name: str) -> None:
    assert "isolation" not in shown(exported(classroom, name, tmp_path / "grades.csv"))
