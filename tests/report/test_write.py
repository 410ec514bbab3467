"""`write` makes tidy, safe files of any gradebook, and says what to do where it cannot."""

from __future__ import annotations

import csv
import re
import resource
import sqlite3
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from chainrule.course import Course
from chainrule.errors import ChainruleError, CourseError, GradebookError, UnknownName
from chainrule.model import Status
from chainrule.report import write
from chainrule.report.exports import MANIFEST

from .conftest import ASSIGNMENT, HALF, HOSTILE, TESTS, WRITTEN, Classroom, result

FULL = {f"test_{exercise}": sum(points for _, points in tests) for exercise, tests in TESTS.items()}


@pytest.fixture(scope="module")
def report(full_course: Course, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    write(full_course, ASSIGNMENT, out)
    return out


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class Page(HTMLParser):
    """The text, the tags and the attributes of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


def test_one_assignment_is_written_into_the_folder_itself(full_course: Course, tmp_path: Path) -> None:
    files = write(full_course, ASSIGNMENT, tmp_path)
    assert {*files, tmp_path / MANIFEST} == {path for path in tmp_path.rglob("*") if path.is_file()}
    assert {"grades.csv", "exercises.csv", "tests.csv", "index.html"} <= {path.name for path in files}


def test_all_assignments_get_a_folder_each_and_the_course_a_table_and_an_index(
    full_course: Course, tmp_path: Path
) -> None:
    write(full_course, None, tmp_path)
    table = rows(tmp_path / "grades.csv")
    assert len(table) == 32
    assert list(table[0])[3:7] == [ASSIGNMENT, "a02_foreign", "total", "max_total"]
    for name in (ASSIGNMENT, "a02_foreign"):
        own = {row["student"]: row["score"] for row in rows(tmp_path / name / "grades.csv")}
        assert own == {row["student"]: row[name] for row in table}
    assert float(table[3]["total"]) == float(table[3][ASSIGNMENT]) + float(table[3]["a02_foreign"])
    links = [str(attrs["href"]) for tag, attrs in Page(tmp_path / "index.html").tags if tag == "a"]
    assert [link for link in links if link.endswith(".html")] == [
        *(f"{ASSIGNMENT}/index.html", f"{ASSIGNMENT}/review.html", "a02_foreign/index.html")
    ]


def test_the_report_of_one_assignment_replaces_that_of_the_course_and_the_other_way_round(
    full_course: Course, tmp_path: Path
) -> None:
    course = set(write(full_course, None, tmp_path))
    one = set(write(full_course, ASSIGNMENT, tmp_path))
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == one | {tmp_path / MANIFEST}
    assert set(write(full_course, None, tmp_path)) == course
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == course | {tmp_path / MANIFEST}


def test_every_student_of_the_gradebook_has_a_row_with_a_status(report: Path) -> None:
    table = {row["student"]: row for row in rows(report / "grades.csv")}
    assert len(table) == 32
    assert {row["status"] for row in table.values()} == {
        "graded",
        "late",
        "needs grading",
        "no submission",
        "unreadable",
    }
    assert (table["s31"]["status"], table["s31"]["score"]) == ("no submission", "")
    assert (table["s04"]["status"], table["s04"]["ungraded"]) == ("needs grading", "1")
    assert (table["s17"]["status"], table["s17"]["late_seconds"]) == ("late", "194400")


def test_exercises_add_up_to_the_score(report: Path) -> None:
    totals = {row["student"]: row["score"] for row in rows(report / "grades.csv")}
    for row in rows(report / "exercises.csv"):
        points = [float(value) for name, value in list(row.items())[3:] if value]
        assert sum(points) == pytest.approx(float(totals[row["student"]] or 0))


def test_every_test_of_every_student_has_a_row(report: Path) -> None:
    table = rows(report / "tests.csv")
    assert len(table) == 31 * 8
    assert list(table[0]) == [
        *("student", "exercise", "test", "title", "points", "max_points", "status", "misconception", "seconds")
    ]
    assert {row["status"] for row in table} == {"passed", "failed", "timeout", "crashed", "ungraded"}
    assert HALF in {row["misconception"] for row in table}


def test_an_unreadable_submission_counts_in_no_statistic_of_tests(report: Path) -> None:
    for row in rows(report / "test_analysis.csv"):
        assert int(row["graded"]) + int(row["ungraded"]) == 30


def test_every_figure_has_its_data_beside_it(report: Path) -> None:
    assert sum(int(row["students"]) for row in rows(report / "figures" / "score_distribution.csv")) == 30
    for row in rows(report / "figures" / "exercise_shares.csv"):
        assert sum(int(row[name]) for name in ("full", "partial", "none", "unscored")) == 30


def test_every_figure_of_a_page_links_to_its_data(full_course: Course, tmp_path: Path) -> None:
    write(full_course, None, tmp_path)
    for path in tmp_path.rglob("index.html"):
        page = Page(path)
        links = {str(attrs["href"]) for tag, attrs in page.tags if tag == "a"}
        assert len([link for link in links if link.startswith("figures/")]) == 4
        for link in links:
            target, _, anchor = link.partition("#")
            assert (path.parent / target).exists(), link
            assert not anchor or target or anchor in {attrs.get("id") for _, attrs in page.tags}


def test_the_statistics_have_tables_of_their_own(report: Path) -> None:
    by_items = {row["items"]: row for row in rows(report / "reliability.csv")}
    assert 0 < float(by_items["exercises"]["alpha"]) < 1
    assert int(by_items["hidden tests"]["students"]) + int(by_items["hidden tests"]["students_left_out"]) == 30
    analysis = rows(report / "test_analysis.csv")
    assert all(-1 <= float(row["discrimination"]) <= 1 for row in analysis if not row["reason"])
    assert {"alpha_without", "seconds_95"} <= set(analysis[0])
    assert rows(report / "grading_time.csv")[0]["notebooks"] == "31"
    for row in rows(report / "failing_together.csv"):
        assert int(row["students"]) <= int(row["failed"])


def test_a_second_report_says_what_changed_since_the_first(classroom: Classroom, tmp_path: Path) -> None:
    classroom.assignment()
    for student in ("ada", "bob"):
        classroom.book.add_student(student)
    classroom.submit("ada", FULL, manual=WRITTEN)
    out = tmp_path / "out"
    write(classroom.course, None, out)
    assert "This is the first report in this folder." in Page(out / ASSIGNMENT / "index.html").text
    write(classroom.course, None, out)
    assert "Nothing, compared with the report of" in Page(out / ASSIGNMENT / "index.html").text
    classroom.submit("bob", FULL)
    classroom.book.find_grade("test_gd", ASSIGNMENT, ASSIGNMENT, "ada").auto_score = 5.0
    classroom.book.db.commit()
    write(classroom.course, None, out)
    assert [(row["student"], row["change"], row["difference"]) for row in rows(out / ASSIGNMENT / "changes.csv")] == [
        ("ada", "lost points", "-3"),
        ("bob", "new submission", ""),
    ]
    page = Page(out / ASSIGNMENT / "index.html")
    assert "lost points: 1; handed in: 1" in page.text
    assert rows(out / ASSIGNMENT / "changes_by_exercise.csv") == [
        {"exercise": "gd", "gained": "0", "lost": "1", "difference": "-3"}
    ]
    links = [attrs["href"] for tag, attrs in Page(out / "index.html").tags if tag == "a"]
    assert f"{ASSIGNMENT}/index.html#changes" in links


def test_who_has_not_handed_in_yet_is_no_concern_before_the_due_date(classroom: Classroom, tmp_path: Path) -> None:
    classroom.assignment("past", due="2026-03-02 12:00:00", points={"gd": 8.0})
    classroom.assignment("ahead", due="2126-03-02 12:00:00", points={"gd": 8.0})
    classroom.assignment("undated", due=None, points={"gd": 8.0})
    for student in ("ada", "bob"):
        classroom.book.add_student(student)
    write(classroom.course, None, tmp_path)
    need = {row["assignment"]: row["attention"] for row in rows(tmp_path / "assignments.csv")}
    assert need == {"past": "2", "ahead": "0", "undated": "0"}
    assert "Who may need support" in Page(tmp_path / "index.html").text
    assert rows(tmp_path / "support.csv") == [], "one missed assignment is no sign yet"


def test_names_that_are_markup_or_formulas_stay_text(full_course: Course, tmp_path: Path) -> None:
    write(full_course, None, tmp_path)
    first = rows(tmp_path / "a02_foreign" / "grades.csv")[0]
    assert first["last_name"] == HOSTILE
    assert first["first_name"].startswith("'=HYPERLINK")
    for path in tmp_path.rglob("*.html"):
        assert not [tag for tag, _ in Page(path).tags if tag in ("img", "script", "iframe", "object", "form", "base")]


def test_hostile_text_from_students_and_graders_is_shown_as_text(classroom: Classroom, tmp_path: Path) -> None:
    classroom.assignment()
    classroom.book.add_student("<b>ada</b>", last_name=HOSTILE, first_name="{{ 7 * 7 }}")
    classroom.submit("<b>ada</b>", FULL, manual=WRITTEN, timestamp="2026-03-05 12:00:00")
    wrong = result("fit", [Status.CRASHED], detail=HOSTILE)
    named = result("gd", [Status.FAILED] * 3, misconception=f"</style>{HOSTILE}")
    classroom.store("<b>ada</b>", (wrong, named))
    write(classroom.course, ASSIGNMENT, tmp_path / "out")
    page = Page(tmp_path / "out" / "index.html")
    assert not [tag for tag, _ in page.tags if tag in ("img", "b", "script")]
    for text in ("<b>ada</b>", f"{HOSTILE}, {{{{ 7 * 7 }}}}", f"</style>{HOSTILE}"):
        assert text in page.text


def test_the_page_allows_no_script_and_loads_nothing(report: Path) -> None:
    page = Page(report / "index.html")
    policy = next(str(attrs["content"]) for tag, attrs in page.tags if tag == "meta" and "http-equiv" in attrs)
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert not [
        tag for tag, attrs in page.tags if tag in ("script", "link", "img") or "src" in attrs or "style" in attrs
    ]
    assert not [attrs for _, attrs in page.tags if any(name.startswith("on") for name in attrs)]


def test_the_page_tells_a_ta_what_the_tables_say(report: Path) -> None:
    text = Page(report / "index.html").text
    for part in (
        "submitted, of the 32 in the gradebook, 2 late 31 97 %",
        "graded completely, of 31 submitted 22",
        "14 answers are still to be marked by hand.",
        "1 of the submissions could not be read or is not graded yet.",
        HALF,
        "It shrinks with λ",
        "Frobenius, N. 15",
        "The file is not JSON.",
        "2 d 6 h after the deadline",
    ):
        assert part in text


def test_while_marks_are_missing_the_figures_of_scores_say_so(classroom: Classroom, tmp_path: Path) -> None:
    """Beside the title, not only in the headline: of the course's totals, too."""

    def said() -> tuple[bool, bool]:
        write(classroom.course, None, tmp_path / "out")
        own, course = (
            Page(tmp_path / "out" / ASSIGNMENT / "index.html").text,
            Page(tmp_path / "out" / "index.html").text,
        )
        missing = "For 1 of the 2, marks are missing or not final; a missing mark counts as 0 points. Data (CSV)"
        provisional = "at the end of this page. 1 of them is provisional: marks are missing. Data (CSV)"
        return f"Students who submitted. {missing}" in own, provisional in course

    classroom.assignment()
    for student in ("ada", "bob"):
        classroom.book.add_student(student)
    classroom.submit("ada", FULL, manual=WRITTEN)
    classroom.submit("bob", FULL | dict.fromkeys(WRITTEN))
    assert said() == (True, True)
    for cell in WRITTEN:
        grade = classroom.book.find_grade(cell, ASSIGNMENT, ASSIGNMENT, "bob")
        grade.manual_score, grade.needs_manual_grade = 1.0, False
    classroom.book.db.commit()
    assert said() == (False, False)
    assert "marks are missing" not in Page(tmp_path / "out" / ASSIGNMENT / "index.html").text


@pytest.mark.parametrize("students", [0, 1, 2])
@pytest.mark.parametrize("submitted", [False, True])
def test_small_classes_and_empty_gradebooks_make_a_report(
    classroom: Classroom, tmp_path: Path, students: int, submitted: bool
) -> None:
    """Nobody, one, two; with and without submissions; an assignment without cells, one without a due date."""
    classroom.assignment()
    classroom.assignment("empty", points={})
    classroom.assignment("undated", due=None, points={"worthless": 0.0})
    for student in ("ada", "bob")[:students]:
        classroom.book.add_student(student)
        if submitted:
            classroom.submit(student, FULL, manual=WRITTEN)
            classroom.store(student, (result("fit", [Status.PASSED]),))
            classroom.submit(student, {}, assignment="empty")
            classroom.submit(student, {"test_worthless": 0.0}, assignment="undated")
    write(classroom.course, None, tmp_path / "out")
    assert len(rows(tmp_path / "out" / "grades.csv")) == students
    for page in (tmp_path / "out").rglob("*.html"):
        assert not re.search(r"\b(nan|NaN|NaT|None|inf)\b", Page(page).text.partition("All assignments")[2])


def test_a_course_without_assignments_makes_an_index_that_says_so(classroom: Classroom, tmp_path: Path) -> None:
    write(classroom.course, None, tmp_path / "out")
    assert "lists no assignment yet" in Page(tmp_path / "out" / "index.html").text


def test_the_configured_gradebook_is_used_and_a_relative_one_is_meant_from_the_course(
    classroom: Classroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    classroom.assignment()
    classroom.book.close()
    (classroom.root / "gradebook.db").rename(classroom.root / "other.db")
    (classroom.root / "nbgrader_config.py").write_text(
        'c = get_config()\nc.CourseDirectory.db_url = "sqlite:///other.db"\nc.CourseDirectory.course_id = "maths"\n'
    )
    monkeypatch.chdir(tmp_path)
    assert write(classroom.course, ASSIGNMENT, tmp_path / "out")
    assert "maths" in Page(tmp_path / "out" / "index.html").text


def test_exercises_are_listed_as_in_the_source_notebook(classroom: Classroom, tmp_path: Path) -> None:
    import nbformat

    classroom.assignment()
    classroom.book.add_student("ada")
    names = ["test_ridge", "m2", "test_line_grad", "test_gd", "m1", "test_fit"]
    cells = [nbformat.v4.new_code_cell(metadata={"nbgrader": {"grade_id": name}}) for name in names]
    folder = classroom.root / "source" / ASSIGNMENT
    folder.mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / f"{ASSIGNMENT}.ipynb")
    write(classroom.course, ASSIGNMENT, tmp_path / "out")
    header = list(rows(tmp_path / "out" / "exercises.csv")[0])
    assert header[3:] == ["ridge", "m2", "line_grad", "gd", "m1", "fit"]


def test_without_a_gradebook_the_command_to_run_is_named_and_none_is_made(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    with pytest.raises(GradebookError, match=r"no gradebook .*gradebook.db.*Run"):
        write(Course(tmp_path), None, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_an_unknown_assignment_is_answered_with_the_nearest(full_course: Course, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=f"Did you mean '{ASSIGNMENT}'"):
        write(full_course, "a01_linear_model", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_assignment_that_was_never_released_is_not_unknown(classroom: Classroom, tmp_path: Path) -> None:
    (classroom.root / "source" / "a03_new").mkdir()
    with pytest.raises(GradebookError, match=r"nothing about a03_new yet\. Run `nbgrader generate_assignment a03_new`"):
        write(classroom.course, "a03_new", tmp_path / "out")


def _damage(path: Path) -> None:
    path.write_bytes(b"not a database at all" * 100)


def _outdate(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE student DROP COLUMN lms_user_id")
    connection.close()


@pytest.mark.parametrize(("break_it", "message"), [(_damage, "damaged"), (_outdate, "another version.*db upgrade")])
def test_a_broken_gradebook_is_named_with_what_to_do(
    make_classroom: Callable[[str], Classroom], tmp_path: Path, break_it: Callable[[Path], None], message: str
) -> None:
    room = make_classroom("broken")
    room.assignment()
    room.book.close()
    break_it(room.root / "gradebook.db")
    with pytest.raises(GradebookError, match=message):
        write(room.course, ASSIGNMENT, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_broken_configuration_is_named(classroom: Classroom, tmp_path: Path) -> None:
    (classroom.root / "nbgrader_config.py").write_text("c = get_config(\n")
    with pytest.raises(CourseError, match=r"nbgrader_config.py cannot be loaded: SyntaxError"):
        write(classroom.course, ASSIGNMENT, tmp_path / "out")


def test_an_out_folder_that_cannot_be_made_is_named(full_course: Course, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ChainruleError, match="cannot be written"):
        write(full_course, ASSIGNMENT, tmp_path / "file" / "out")


def test_a_report_that_cannot_be_written_whole_leaves_the_earlier_one(full_course: Course, tmp_path: Path) -> None:
    """The system lets no file grow beyond 3000 bytes, as a full disk would somewhere half-way."""
    (tmp_path / "index.html").write_text("earlier")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, hard))
    try:
        with pytest.raises(ChainruleError, match=f"cannot be written to {tmp_path}: File too large"):
            write(full_course, ASSIGNMENT, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
    assert (tmp_path / "index.html").read_text() == "earlier"


def test_the_gradebook_is_as_it_was(full_course: Course, tmp_path: Path) -> None:
    before = (full_course.root / "gradebook.db").read_bytes()
    write(full_course, None, tmp_path)
    assert (full_course.root / "gradebook.db").read_bytes() == before
    assert not list(full_course.root.glob("gradebook.db-*"))
