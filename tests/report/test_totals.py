"""`chainrule report` and `chainrule explain` over a real gradebook say what grades.toml says."""

from __future__ import annotations

import csv
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

from chainrule import cli, policy, standing
from chainrule.course import Course
from chainrule.errors import SourceError, UnknownName
from chainrule.report import write
from chainrule.report.formats import export

from .conftest import ASSIGNMENT, Classroom

RULES = """
[groups.homework]
weight = 3
assignments = ["hw*"]
drop_lowest = 1

[groups.project]
weight = 1
assignments = ["project"]

[late]
grace_minutes = 10
percent_per_day = 10
late_days = 1

[[extensions]]
student = "bob"
assignment = "hw2"
until = 2026-03-05T12:00:00
"""

POINTS = {"q": 10.0}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def room(classroom: Classroom) -> Classroom:
    """Two students, three homeworks of 10 points due on 2 March at 12:00, a project due in a thousand years.

    ada: 8, then 6 a day late, then nothing. bob: 9, then 5 two days late with an extension, then 7 not marked yet.
    """
    for name in ("hw1", "hw2", "hw3"):
        classroom.assignment(name, points=POINTS)
    classroom.assignment("project", due="3026-03-02 12:00:00", points=POINTS)
    for student in ("ada", "bob"):
        classroom.book.add_student(student, first_name="=Ada", last_name="<b>")
    hand_in(classroom, "ada", "hw1", 8)
    hand_in(classroom, "ada", "hw2", 6, "2026-03-03 11:00:00")
    hand_in(classroom, "bob", "hw1", 9)
    hand_in(classroom, "bob", "hw2", 5, "2026-03-04 11:00:00")
    hand_in(classroom, "bob", "hw3", None)
    (classroom.root / "grades.toml").write_text(RULES)
    return classroom


def hand_in(
    room: Classroom, student: str, assignment: str, points: float | None, timestamp: str = "2026-03-02 12:05:00"
) -> None:
    room.submit(student, {"test_q": points}, assignment=assignment, timestamp=timestamp)


def explained(room: Classroom, *arguments: str) -> str:
    result = CliRunner().invoke(cli.main, ["--course", str(room.root), "explain", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_courses_table_has_the_policys_totals(room: Classroom, tmp_path: Path) -> None:
    """ada: 8/10 and, by a late day, 6/10; the missing one is dropped: 70 %. bob: 9/10 is kept, 5/10 dropped."""
    write(room.course, None, tmp_path)
    table = rows(tmp_path / "grades.csv")
    assert list(table[0])[3:] == [
        *("hw1", "hw2", "hw3", "project", "total", "max_total"),
        *("percent", "provisional", "late_days_used", "late_days_left"),
    ]
    assert [list(row.values())[3:] for row in table] == [
        ["8", "6", "", "", "14", "20", "70", "False", "1", "0"],
        ["9", "5", "", "", "9", "10", "90", "True", "0", "1"],
    ]


def test_explained_csv_and_the_command_say_the_same_and_it_adds_up(room: Classroom, tmp_path: Path) -> None:
    write(room.course, None, tmp_path)
    for student, percent in (("ada", 70.0), ("bob", 90.0)):
        lines = [row for row in rows(tmp_path / "explained.csv") if row["student"] == student]
        said = explained(room, student)
        assert all(line["explanation"] in said for line in lines)
        chain = [(float(line["before"]), float(line["after"])) for line in lines if line["unit"] == "percent"]
        assert chain[0][0] == 0
        assert all(one[1] == two[0] for one, two in pairwise(chain))
        assert chain[-1][1] == percent
    assert "1 late day is spent here: nothing is taken off." in explained(room, "ada")
    assert "by an extension (grades.toml)" in explained(room, "bob", "hw2")
    assert "hw1" not in explained(room, "bob", "hw2")


def test_the_page_shows_totals_and_nobodys_name_as_markup(room: Classroom, tmp_path: Path) -> None:
    write(room.course, None, tmp_path)
    page = (tmp_path / "index.html").read_text()
    assert "70.00 %" in page
    assert "1 is provisional" in page
    assert 'href="explained.csv"' in page
    assert "<b>" not in page


def test_a_total_follows_the_gradebook_and_the_file_at_once(room: Classroom) -> None:
    assert "Total: 70 %" in explained(room, "ada")
    room.book.grant_extension("hw2", "ada", days=3)
    assert "by an extension (the gradebook)" in explained(room, "ada")
    room.book.find_grade("test_q", "hw1", "hw1", "ada").manual_score = 10.0
    room.book.db.commit()
    assert "Total: 80 %" in explained(room, "ada")
    (room.root / "grades.toml").write_text(RULES.replace("drop_lowest = 1", "drop_lowest = 0"))
    assert "Total: 53.33 %" in explained(room, "ada")


def test_a_frozen_penalty_is_replaced_and_said(room: Classroom) -> None:
    room.book.find_submission_notebook("hw2", "hw2", "ada").late_submission_penalty = 6.0
    room.book.db.commit()
    said = explained(room, "ada")
    assert "The gradebook holds a late penalty of 6 points. It does not count: grades.toml replaces it." in said
    assert "Total: 70 %" in said
    (room.root / "grades.toml").unlink()
    assert "The gradebook holds a late penalty: 6 → 0 points." in explained(room, "ada")


def test_collected_work_that_the_gradebook_does_not_know_is_not_missing(room: Classroom) -> None:
    (room.root / "submitted" / "ada" / "hw3").mkdir(parents=True)
    said = explained(room, "ada", "hw3")
    assert "Handed in and not graded yet: it does not count so far." in said
    assert "Provisional: marks are missing in hw3." in explained(room, "ada")


def test_an_extension_before_anything_is_handed_in_is_no_submission(room: Classroom) -> None:
    """nbgrader makes a row for it that looks like an empty submission."""
    with room.book.db.no_autoflush:
        room.book.add_submission("hw3", "ada")
    room.book.grant_extension("hw3", "ada", days=365_000)
    assert "Not handed in, and not due before" in explained(room, "ada", "hw3")
    room.book.grant_extension("hw3", "ada", days=1)
    assert "Not handed in, and it was due 3 Mar 2026, 12:00 UTC: 0 of 10 points." in explained(room, "ada", "hw3")


def test_a_mistake_in_the_file_is_an_error_with_its_place_and_leaves_the_old_report(
    room: Classroom, tmp_path: Path
) -> None:
    write(room.course, None, tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    for old, new, words in (("bob", "bbo", "student 'bbo'"), ("late_days", "late_dayz", "'late_days'")):
        (room.root / "grades.toml").write_text(RULES.replace(old, new))
        with pytest.raises((SourceError, UnknownName), match=words):
            write(room.course, None, tmp_path / "out")
        result = CliRunner().invoke(cli.main, ["--course", str(room.root), "explain", "ada"])
        assert result.exit_code == 1
        assert words in result.output.replace("\n", " ")
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}


def test_unknown_students_and_assignments_are_named(room: Classroom) -> None:
    for arguments, words in ((["adda"], "student 'adda'"), (["ada", "hw9"], "assignment 'hw9'")):
        result = CliRunner().invoke(cli.main, ["--course", str(room.root), "explain", *arguments])
        assert result.exit_code == 1
        assert words in result.output


def test_a_feedback_page_can_ask_for_one_assignment(room: Classroom) -> None:
    db_url = f"sqlite:///{room.root / 'gradebook.db'}"
    rules = policy.load(room.course)
    total = standing.of(rules, db_url, "ada")
    assert total is not None
    assert total.late_days_left == 0
    found = total.on("hw2")
    assert found is not None
    assert (found.late_days_used, found.days_late, float(found.points or 0)) == (1, 1, 6.0)
    assert found.deadline is not None
    assert found.deadline.isoformat() == "2026-03-02T12:00:00+00:00"
    assert found.lines[0].text == "Graded with 6 of 10 points."
    assert standing.of(rules, db_url, "nobody") is None
    (room.root / "grades.toml").unlink()
    assert standing.of(policy.load(room.course), db_url, "ada") is None, "nbgrader's numbers are all there is"


@pytest.mark.parametrize("rules", [RULES, RULES.replace("late_days = 1", "late_days = 0"), ""])
def test_exports_have_the_scores_and_totals_of_the_report(room: Classroom, tmp_path: Path, rules: str) -> None:
    """Also where lateness costs points (ada's 6 become 5.4), and without the file, where a total is the plain sum."""
    (room.root / "grades.toml").unlink()
    if rules:
        (room.root / "grades.toml").write_text(rules)
    write(room.course, None, tmp_path / "report")
    done = export(room.course, "canvas", out=tmp_path / "canvas.csv", partial=True, total=True)
    table = rows(Path(done.path))
    for wanted in rows(tmp_path / "report/grades.csv"):
        [own] = [row for row in table if row["SIS Login ID"] == wanted["student"]]
        for name in ("hw1", "hw2"):
            [column] = [title for title in own if title.startswith(name)]
            assert float(own[column]) == float(wanted[name])
        if rules:
            [column] = [title for title in own if "total" in title.lower()]
            assert float(own[column]) == float(wanted["percent"])
    hw2 = {row["student"]: row["hw2"] for row in rows(tmp_path / "report/grades.csv")}["ada"]
    assert hw2 == ("5.4" if "late_days = 0" in rules else "6")


def test_records_agree_with_nbgraders_scores(full_course: Course) -> None:
    """Points, points to be had, times and what waits, for a class of 32 where everything happens."""
    from nbgrader.api import Gradebook

    from chainrule import gradebook

    db_url = f"sqlite:///{full_course.root / 'gradebook.db'}"
    with gradebook.connect(db_url) as connection:
        found = standing.records(connection, standing.nothing)
    with Gradebook(db_url) as book:
        assert list(found) == sorted(person.id for person in book.students)
        for submission in book.assignment_submissions(ASSIGNMENT):
            record = next(r for r in found[submission.student.id] if r.assignment == ASSIGNMENT)
            assert record.points == pytest.approx(submission.score)
            assert record.max_points == pytest.approx(submission.max_score)
            assert record.submitted == submission.timestamp
            assert bool(record.waiting) == submission.needs_manual_grade
    assert next(r for r in found["s31"] if r.assignment == ASSIGNMENT).is_there is False


def test_an_extension_row_reads_as_one(room: Classroom) -> None:
    from chainrule import gradebook

    room.book.grant_extension("hw2", "ada", hours=30)
    with gradebook.connect(f"sqlite:///{room.root / 'gradebook.db'}") as connection:
        found = standing.records(connection, standing.nothing, "ada")
    assert list(found) == ["ada"]
    assert next(r for r in found["ada"] if r.assignment == "hw2").extension == timedelta(hours=30)
