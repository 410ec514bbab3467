"""`chainrule export` and the workbook beside a report, on real gradebooks."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

import openpyxl
import pytest
from nbgrader.api import Gradebook

from chainrule.course import Course
from chainrule.errors import ChainruleError, UnknownName
from chainrule.formats import read, xlsx
from chainrule.formats.book import Book
from chainrule.gradebook import connect
from chainrule.model import Note, Status
from chainrule.report import write
from chainrule.report.formats import FORMATS, export

from .conftest import ASSIGNMENT, HALF, TESTS, WRITTEN, Classroom, result

FULL = {f"test_{exercise}": sum(points for _, points in tests) for exercise, tests in TESTS.items()}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def canvas(course: Course, tmp_path: Path, **chosen: bool) -> dict[str, dict[str, str]]:
    export(course, "canvas", out=tmp_path / "c.csv", **chosen)  # type: ignore[arg-type]
    return {row["SIS Login ID"]: row for row in rows(tmp_path / "c.csv")[1:]}


def test_scores_penalties_and_maxima_are_nbgraders(full_course: Course) -> None:
    """Compared with nbgrader's own properties, for every submission."""
    url = f"sqlite:///{full_course.root / 'gradebook.db'}"
    with connect(url) as connection:
        book = read.book(connection)
    with Gradebook(url) as gradebook:
        for assignment in gradebook.assignments:
            (item,) = [item for item in book.items if item.name == assignment.name]
            assert (item.max_points, item.due) == (assignment.max_score, assignment.duedate)
            for submission in gradebook.assignment_submissions(assignment.name):
                score = book.scores.pop((submission.student_id, assignment.name))  # type: ignore[attr-defined]
                assert score.raw == pytest.approx(submission.score)
                assert score.penalty == submission.late_submission_penalty
                assert score.submitted == submission.timestamp
                assert score.seconds_late(item.due) == submission.total_seconds_late
                assert bool(score.waiting) >= submission.needs_manual_grade
    assert not book.scores


def test_marks_by_hand_extra_credit_penalties_and_extensions_count(classroom: Classroom, tmp_path: Path) -> None:
    classroom.assignment()
    classroom.book.add_student("ada", lms_user_id="4711")
    classroom.submit("ada", FULL, manual=WRITTEN, timestamp="2026-03-03 12:00:00")
    grade = classroom.book.find_grade("test_gd", ASSIGNMENT, ASSIGNMENT, "ada")
    grade.manual_score, grade.extra_credit = 1.0, 0.25
    notebook = classroom.book.find_submission_notebook(ASSIGNMENT, ASSIGNMENT, "ada")
    notebook.late_submission_penalty = 2.0
    notebook.assignment.extension = timedelta(hours=20)
    classroom.book.db.commit()
    row = canvas(classroom.course, tmp_path)["ada"]
    full = sum(FULL.values()) + sum(WRITTEN.values())
    assert float(row[ASSIGNMENT]) == full - FULL["test_gd"] + 1.25 - 2.0
    assert row["ID"] == "4711"
    with connect(f"sqlite:///{classroom.root / 'gradebook.db'}") as connection:
        book = read.book(connection)
    assert book.scores["ada", ASSIGNMENT].seconds_late(book.items[0].due) == 4 * 3600


def test_what_waits_is_unreadable_or_missing_is_empty(full_course: Course, tmp_path: Path) -> None:
    """s04: a fault of ours; s15: unreadable; s24 on: nobody has read the answers; s31: nothing submitted."""
    grades = {student: row[ASSIGNMENT] for student, row in canvas(full_course, tmp_path).items()}
    assert {student for student, points in grades.items() if points == ""} == {
        *("s04", "s15", *(f"s{i}" for i in range(24, 32)))
    }
    totals = canvas(full_course, tmp_path, total=True)
    assert {student for student, row in totals.items() if not row["Total (percent)"]} == {
        *("s04", "s15", *(f"s{i}" for i in range(24, 32)))
    }
    partial = {student: row[ASSIGNMENT] for student, row in canvas(full_course, tmp_path, partial=True).items()}
    assert {student for student, points in partial.items() if points == ""} == {"s31"}


def test_a_regraded_cell_with_a_mark_by_hand_waits(classroom: Classroom, tmp_path: Path) -> None:
    classroom.assignment()
    classroom.book.add_student("ada")
    classroom.submit("ada", FULL, manual=WRITTEN)
    classroom.book.find_grade("m1", ASSIGNMENT, ASSIGNMENT, "ada").needs_manual_grade = True
    classroom.book.db.commit()
    assert canvas(classroom.course, tmp_path)["ada"][ASSIGNMENT] == ""


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_can_be_written_twice_with_the_same_bytes(full_course: Course, tmp_path: Path, name: str) -> None:
    found = []
    for place in ("a", "b"):
        done = export(full_course, name, ASSIGNMENT, tmp_path / place)
        assert done.path == str(tmp_path / place)
        files = [tmp_path / place] if (tmp_path / place).is_file() else sorted((tmp_path / place).rglob("*.*"))
        found.append([path.read_bytes() for path in files if path.is_file()])
        assert found[-1]
    assert found[0] == found[1]


def test_one_assignment_and_some_students_can_be_chosen(full_course: Course, tmp_path: Path) -> None:
    export(full_course, "moodle", "a02_foreign", tmp_path / "m.csv", students=["s03", "s06"])
    table = rows(tmp_path / "m.csv")
    assert list(table[0]) == ["username", "firstname", "lastname", "a02_foreign"]
    assert sorted(row["username"] for row in table) == ["s03", "s06"]


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"name": "excel"}, "No format 'excel'"),
        ({"name": "canvas", "assignment": "a02_foriegn"}, "Did you mean 'a02_foreign'"),
        ({"name": "canvas", "students": ["s99"]}, "No student 's99'"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(
    full_course: Course, tmp_path: Path, chosen: dict[str, str], words: str
) -> None:
    with pytest.raises(UnknownName, match=words):
        export(full_course, out=tmp_path / "x", **chosen)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_a_file_format_does_not_replace_a_folder(full_course: Course, tmp_path: Path) -> None:
    with pytest.raises(ChainruleError, match="is a folder"):
        export(full_course, "canvas", out=tmp_path)


def test_settings_of_the_course_count(classroom: Classroom, tmp_path: Path) -> None:
    classroom.assignment()
    classroom.book.add_student("ada", email="ada@x.org")
    (classroom.root / "nbgrader_config.py").write_text(
        "c = get_config()\n"
        f"c.CourseExport.headings = {{{ASSIGNMENT!r}: 'Linear models (4711)'}}\n"
        "c.MoodleExport.identify = 'email'\n"
        "c.CourseExport.total = True\n"
    )
    export(classroom.course, "moodle", out=tmp_path / "m.csv")
    assert rows(tmp_path / "m.csv") == [
        {
            **{"email": "ada@x.org", "firstname": "", "lastname": ""},
            **{"Linear models (4711)": "-", "Total (percent)": "-"},
        }
    ]


def test_gradescope_and_junit_tell_of_every_graded_submission(full_course: Course, tmp_path: Path) -> None:
    export(full_course, "gradescope", ASSIGNMENT, tmp_path / "g", partial=True)
    index = json.loads((tmp_path / "g" / "index.json").read_text())
    assert len(index) == 31
    crashed = json.loads((tmp_path / "g" / ASSIGNMENT / "s06" / "results.json").read_text())
    assert [t["status"] for t in crashed["tests"] if "fit" in t["tags"]] == ["failed"]
    text = "".join(path.read_text() for path in (tmp_path / "g").rglob("results.json"))
    assert HALF in text
    assert "KeyError" not in text, "a traceback is for staff"
    assert "We could not read your notebook" in text
    export(full_course, "junit", ASSIGNMENT, tmp_path / "j")
    files = list((tmp_path / "j" / ASSIGNMENT).glob("*.xml"))
    assert len(files) == 31
    counts = [len(ET.parse(path).findall(".//testcase")) for path in files]
    assert set(counts) == {10}, "8 hidden tests and 2 written answers"


def test_comments_of_a_person_reach_gradescope(classroom: Classroom, tmp_path: Path) -> None:
    classroom.assignment()
    classroom.book.add_student("ada")
    classroom.submit("ada", FULL, manual=WRITTEN)
    classroom.store("ada", (result("fit", [Status.PASSED]),), (Note("unknown", "for staff"),))
    classroom.book.find_comment("m1", ASSIGNMENT, ASSIGNMENT, "ada").manual_comment = "Say why, = not how."
    classroom.book.find_comment("m2", ASSIGNMENT, ASSIGNMENT, "ada").auto_comment = "No response."
    classroom.book.db.commit()
    export(classroom.course, "gradescope", out=tmp_path)
    made = json.loads((tmp_path / ASSIGNMENT / "ada" / "results.json").read_text())
    said = {test["name"]: test["output"] for test in made["tests"]}
    assert (said["m1"], said["m2"]) == ("Say why, = not how.", "")
    assert sorted(said) == sorted(
        ["m1", "m2", "fit: It recovers a noiseless line", "test_gd", "test_line_grad", "test_ridge"]
    )
    assert "for staff" not in json.dumps(made)


def test_a_gradebook_that_chainrule_never_wrote_to_can_be_exported(classroom: Classroom, tmp_path: Path) -> None:
    classroom.assignment(points={"loss": 3.0})
    classroom.book.add_student("ada")
    classroom.submit("ada", {"test_loss": 2.0})
    for name in FORMATS:
        export(classroom.course, name, out=tmp_path / name)
    assert canvas(classroom.course, tmp_path)["ada"][ASSIGNMENT] == "2"
    (path,) = (tmp_path / "junit").rglob("*.xml")
    (case,) = ET.parse(path).findall(".//testcase")
    assert (case.get("name"), [child.get("message") for child in case]) == ("test_loss", ["2 of 3 points"])


def test_a_workbook_of_the_course_has_all_sheets_and_rows(full_course: Course, tmp_path: Path) -> None:
    export(full_course, "xlsx", out=tmp_path / "g.xlsx")
    book = openpyxl.load_workbook(tmp_path / "g.xlsx")
    assert {sheet.title: sheet.max_row - 1 for sheet in book} == {
        **{"grades": 32, "submissions": 31 + 11, "exercises": 31 * 6 + 11 * 2, "tests": 31 * 8}
    }
    for sheet in book:
        rows = list(sheet.iter_rows(values_only=True))
        assert {len(row) for row in rows} == {len(rows[0])}


def test_more_tests_than_a_sheet_holds_are_refused_before_they_are_read(
    full_course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xlsx, "ROWS", 248)
    with pytest.raises(ChainruleError, match="'tests' would have 248 rows"):
        export(full_course, "xlsx", out=tmp_path / "g.xlsx")


def test_a_report_has_a_workbook_with_the_numbers_of_its_tables(full_course: Course, tmp_path: Path) -> None:
    written = write(full_course, ASSIGNMENT, tmp_path)
    assert tmp_path / "grades.xlsx" in written
    book = openpyxl.load_workbook(tmp_path / "grades.xlsx")
    assert book.sheetnames == ["grades", "exercises", "tests"]
    for sheet in book.sheetnames:
        table = list(book[sheet].iter_rows(values_only=True))
        lines = list(csv.reader(StringIO((tmp_path / f"{sheet}.csv").read_bytes().decode(), newline="")))
        assert list(table[0]) == lines[0]
        assert len(table) == len(lines)
    head, *body = book["grades"].iter_rows(values_only=True)
    row = dict(zip(head, next(line for line in body if line[0] == "s00"), strict=True))
    assert isinstance(row["score"], float)
    assert isinstance(row["timestamp"], datetime)
    assert row["first_name"] == '=HYPERLINK("http://x","y")', "as it is: a cell of a workbook needs no apostrophe"
    assert dict(zip(head, next(line for line in body if line[0] == "s31"), strict=True))["score"] is None


def test_a_report_of_the_course_has_its_grades_as_a_workbook(full_course: Course, tmp_path: Path) -> None:
    write(full_course, None, tmp_path)
    (path,) = tmp_path.rglob("*.xlsx")
    assert path == tmp_path / "grades.xlsx"
    head = next(openpyxl.load_workbook(path)["grades"].iter_rows(values_only=True))
    assert head[:4] == ("student", "last_name", "first_name", ASSIGNMENT)


def test_the_command_prints_the_path_and_warns_of_what_it_left_empty(full_course: Course, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "chainrule.cli", "export", "canvas", ASSIGNMENT, "--out", str(tmp_path / "c.csv")],
        cwd=full_course.root,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / "c.csv")
    assert "scores are left empty" in done.stderr
    assert "--partial" in done.stderr


def test_a_policy_settles_scores_and_totals_from_the_whole_course(full_course: Course) -> None:
    """Also where one assignment is exported."""
    seen: list[Book] = []

    def policy(book: Book) -> Book:
        seen.append(book)
        scores = {key: replace(score, penalty=1.5) for key, score in book.scores.items()}
        return replace(book, scores=scores, percents={person.id: 12.5 for person in book.people})

    with connect(f"sqlite:///{full_course.root / 'gradebook.db'}") as connection:
        book = read.book(connection, ["a02_foreign"], ["s03"], policy)
    assert [item.name for item in seen[0].items] == [ASSIGNMENT, "a02_foreign"]
    assert ("s03", ASSIGNMENT) in seen[0].scores
    assert dict(book.percents) == {"s03": 12.5}
    assert book.scores["s03", "a02_foreign"].points == 3.5
