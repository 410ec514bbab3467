"""`chainrule similar`: pairs side by side, as text only, in words that judge nobody."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner
from tests.test_similarity import without_a_copy

from chainrule.cli import main
from chainrule.errors import ChainruleError
from chainrule.notebook import cells
from chainrule.report import write
from chainrule.report.review import similar

from . import review_course
from .conftest import ASSIGNMENT, Classroom
from .test_write import Page


@pytest.fixture
def room(classroom: Classroom) -> Classroom:
    review_course.fill(classroom)
    return classroom


def table(out: Path) -> list[dict[str, str]]:
    with (out / similar.TABLE).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_copy_is_listed_and_only_the_copy(room: Classroom, tmp_path: Path) -> None:
    done = similar.write(room.course, ASSIGNMENT, tmp_path)
    (row,) = table(tmp_path)
    assert (done.submissions, done.groups, len(done.paths)) == (12, 1, 2)
    assert (row["exercise"], row["student_a"], row["student_b"]) == ("fit", "s05", "s06")


def test_the_texts_stand_side_by_side_with_what_they_share_marked(room: Classroom, tmp_path: Path) -> None:
    similar.write(room.course, ASSIGNMENT, tmp_path)
    page = Page(tmp_path / similar.PAGE)
    assert [attrs["class"] for tag, attrs in page.tags if tag == "mark"].count("rare") >= 3
    assert page.text.count("np.cumsum(x[2:])") == 2
    assert "Worth a look, not a verdict." in page.text
    for word in ("cheat", "plagiar", "fraud", "guilty", "suspect"):
        assert word not in page.text.lower()


def test_starter_code_and_graders_are_left_out(room: Classroom, tmp_path: Path) -> None:
    grader = room.root / "graders" / ASSIGNMENT / "test_fit.py"
    grader.parent.mkdir(parents=True)
    grader.write_text(f"def as_in_the_lecture(x, w):\n{review_course.COPIED}\n    return h\n")
    similar.write(room.course, ASSIGNMENT, tmp_path)
    assert table(tmp_path) == []
    assert "No pair is worth a look." in Page(tmp_path / similar.PAGE).text


REGION = "    ### BEGIN SOLUTION\n    {}\n    ### END SOLUTION"
GIVEN = {
    "starter code": f"def fit(x, w):\n{review_course.COPIED}\n{REGION.format('return h')}",
    "sample solution": f"### BEGIN SOLUTION\ndef fit(x, w):\n{review_course.COPIED}\n    return h\n### END SOLUTION",
    "stubs": "def fit(x, w):\n"
    + "\n".join(f"{line}\n{REGION.format('pass')}" for line in review_course.COPIED.split("\n")),
}


@pytest.mark.parametrize("given", GIVEN)
def test_what_was_given_out_or_is_the_solution_makes_no_pair(room: Classroom, tmp_path: Path, given: str) -> None:
    """`stubs`: two students handed in what they were given, in which every other line is a stub."""
    name = f"{ASSIGNMENT}.ipynb"
    source = nbformat.read(room.root / "source" / ASSIGNMENT / name, 4)
    (cell,) = [cell for cell in source.cells if cells.grade_id(cell) == "fit"]
    cell.source = GIVEN[given]
    nbformat.write(source, room.root / "source" / ASSIGNMENT / name)
    if given == "stubs":
        (released,) = [cell for cell in cells.released(source)["cells"] if cells.grade_id(cell) == "fit"]
        for student in ("s05", "s06"):
            path = room.root / "autograded" / student / ASSIGNMENT / name
            path.unlink()
            nbformat.write(review_course.notebook({"fit": released["source"]}), path)
    similar.write(room.course, ASSIGNMENT, tmp_path)
    assert table(tmp_path) == []


def hand_in(room: Classroom, student: str, **answers: str) -> None:
    path = room.root / "autograded" / student / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(review_course.notebook(answers), path)


COPY = f"def fit(x, w):\n{review_course.COPIED}\n    return h"


def test_a_ring_is_one_row_and_one_section_that_names_all(room: Classroom, tmp_path: Path) -> None:
    ring = [f"t{i:02}" for i in range(22)]
    for place, student in enumerate(ring):
        room.book.add_student(student)
        hand_in(room, student, fit=COPY.replace("w", "weights") if place % 2 else COPY)
    for student, text in without_a_copy(40).items():
        room.book.add_student(student)
        hand_in(room, student, fit=text)
    done = similar.write(room.course, ASSIGNMENT, tmp_path)
    (row,) = similar.read(tmp_path)
    assert {row.first, row.second, *row.more} == {"s05", "s06", *ring}
    assert (done.groups, done.largest, len(table(tmp_path))) == (1, 24, 23), "a line for each beside the first"
    assert row.reason.startswith("24 texts are the same but for names, numbers, comments and layout.")
    page = Page(tmp_path / similar.PAGE)
    assert [attrs["id"] for tag, attrs in page.tags if tag == "h2" and "id" in attrs] == ["pair-1"]
    assert "s05 and s06 , t00 , t01" in page.text, "a link to two of them, and the others"
    assert "and 12 more" in page.text
    assert "The text of these is also that of: t00 , t01" in page.text
    assert "t21 ." in page.text
    assert page.text.count("np.cumsum(x[2:])") == 2, "two stand side by side"
    write(room.course, ASSIGNMENT, tmp_path)
    assert "24 texts are the same" in Page(tmp_path / "review.html").text
    assert "24 texts are the same" in Page(tmp_path / "review" / "fit.html").text


SHORT = "def gd(f, x):\n    for k in range(9):\n        x = x - f(x) / 2\n    return x"


def test_what_most_wrote_alike_names_nobody_and_the_page_says_why(room: Classroom, tmp_path: Path) -> None:
    for i in range(8):
        hand_in(room, f"s{i:02}", fit=COPY, gd=SHORT)
    done = similar.write(room.course, ASSIGNMENT, tmp_path)
    page = Page(tmp_path / similar.PAGE)
    assert (done.groups, done.largest, table(tmp_path)) == (0, 0, [])
    assert "fit 8 of 12 8 A usual way to write it" in page.text
    assert "gd 8 of 12 8 Short: little else can be written." in page.text
    assert "s05" not in page.text


def test_the_command_says_how_many_have_one_text(room: Classroom, tmp_path: Path) -> None:
    for student in ("s07", "s08"):
        hand_in(room, student, fit=COPY)
    command = ["similar", ASSIGNMENT, "--out", str(tmp_path)]
    said = CliRunner().invoke(main, ["--course", str(room.root), *command])
    assert said.output.startswith("12 submissions compared: 1 to look at, the same text in up to 4 submissions\n")


def test_the_review_page_lists_what_was_found_or_says_how_to_look(room: Classroom, tmp_path: Path) -> None:
    write(room.course, ASSIGNMENT, tmp_path)
    assert f"chainrule similar {ASSIGNMENT}" in Page(tmp_path / "review.html").text
    similar.write(room.course, ASSIGNMENT, tmp_path)
    write(room.course, ASSIGNMENT, tmp_path)
    assert ("a", {"href": "similar.html#pair-1"}) in Page(tmp_path / "review.html").tags
    assert ("a", {"href": "../similar.html#pair-1"}) in Page(tmp_path / "review" / "fit.html").tags


def test_a_damaged_table_costs_only_its_damaged_lines(tmp_path: Path) -> None:
    head = ",".join(similar.COLUMNS)
    (tmp_path / similar.TABLE).write_text(f"{head}\nx,y\n1,fit,'=a,b,1,9,9,9,9,9,because\n", encoding="utf-8")
    (row,) = similar.read(tmp_path)
    assert (row.first, row.second, row.reason) == ("=a", "b", "because")
    (tmp_path / similar.TABLE).write_bytes(b"\xff\xfe\x00")
    assert similar.read(tmp_path) == []


def test_an_assignment_without_anything_says_so(classroom: Classroom, tmp_path: Path) -> None:
    with pytest.raises(ChainruleError):
        similar.write(classroom.course, "nothing", tmp_path)
    assert not tmp_path.joinpath(similar.PAGE).exists()


@pytest.mark.slow
def test_a_class_of_two_thousand_is_read_and_shown_in_reasonable_time(classroom: Classroom, tmp_path: Path) -> None:
    """All of the 2,000 wait in both questions: the worst case of the review pages."""
    review_course.fill(classroom)
    template = (classroom.root / "autograded" / "s03" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").read_bytes()
    from sqlalchemy import text

    book = classroom.book
    with book.engine.begin() as connection:
        rows = dict.fromkeys(("student", "submitted_assignment", "submitted_notebook", "grade"))
        for name in rows:
            rows[name] = [dict(row) for row in connection.execute(text(f"SELECT * FROM {name}")).mappings()]
        keep = {row["id"]: row for row in rows["submitted_assignment"] if row["student_id"] == "s03"}
        books = [row for row in rows["submitted_notebook"] if row["assignment_id"] in keep]
        grades = [row for row in rows["grade"] if row["notebook_id"] == books[0]["id"]]
        new: dict[str, list[dict[str, object]]] = {name: [] for name in rows}
        for i in range(2000):
            key = f"t{i:04d}"
            new["student"].append({**rows["student"][0], "id": key})
            new["submitted_assignment"].append({**next(iter(keep.values())), "id": f"a{i}", "student_id": key})
            new["submitted_notebook"].append({**books[0], "id": f"n{i}", "assignment_id": f"a{i}"})
            new["grade"] += [{**row, "id": f"g{i}-{at}", "notebook_id": f"n{i}"} for at, row in enumerate(grades)]
        for name, lines in new.items():
            columns = ", ".join(lines[0])
            values = ", ".join(f":{column}" for column in lines[0])
            connection.execute(text(f"INSERT INTO {name} ({columns}) VALUES ({values})"), lines)
    for i in range(2000):
        path = classroom.root / "autograded" / f"t{i:04d}" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(template)
    start = time.process_time()
    write(classroom.course, ASSIGNMENT, tmp_path)
    seconds = time.process_time() - start
    print("report with review pages, 2,000 students, 4,000 answers waiting:", round(seconds, 1), "s")
    sizes = [path.stat().st_size for path in tmp_path.rglob("review/*.html")]
    assert len(sizes) >= 2 * 2000 // 50
    assert max(sizes) < 400_000
    start = time.process_time()
    similar.write(classroom.course, ASSIGNMENT, tmp_path)
    print("similar:", round(time.process_time() - start, 1), "s")
    assert seconds < 60


def test_pairs_and_report_share_a_folder_and_neither_removes_the_others_files(room: Classroom, tmp_path: Path) -> None:
    for _ in range(2):
        write(room.course, ASSIGNMENT, tmp_path)
        similar.write(room.course, ASSIGNMENT, tmp_path)
        assert {"index.html", "review.html", similar.PAGE, similar.TABLE} <= {path.name for path in tmp_path.iterdir()}
