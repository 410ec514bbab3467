"""The review pages hold what needs a human, by exercise, safely, with the way into Formgrader."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from nbgrader.server_extensions.formgrader import handlers

from chainrule.errors import CourseError
from chainrule.report import review, write
from chainrule.report.review import similar
from chainrule.report.review.queue import ANSWERS
from chainrule.report.review.split import split

from . import review_course
from .conftest import ASSIGNMENT, TESTS, Classroom
from .test_write import Page

M1 = Path("review") / "m1.html"


@pytest.fixture
def room(classroom: Classroom) -> Classroom:
    review_course.fill(classroom)
    return classroom


def written(room: Classroom, out: Path, **settings: object) -> dict[str, Page]:
    """The report's pages by their paths."""
    write(room.course, ASSIGNMENT, out, review.Settings(**settings) if settings else None)  # type: ignore[arg-type]
    return {str(path.relative_to(out)): Page(path) for path in out.rglob("*.html")}


def test_an_answer_stands_with_its_rubric_solution_mark_and_comments(room: Classroom, tmp_path: Path) -> None:
    (room.root / "review.toml").write_text(f'[comments.{ASSIGNMENT}]\nm1 = ["Say when."]\n')
    text = written(room, tmp_path)[str(M1)].text
    assert "8 left to mark , 4 of 12 done" in text
    assert "• 2 names a plateau • 4 gives a better rule with <b>reason</b>" in text
    assert "The sample solution of m1." in text
    assert "Answer 7." in text
    assert "Answer 8." not in text, "only what waits is shown"
    assert text.count("No mark yet, of 6") == 8
    assert text.index("Say when.") < text.index("Name the plateau. given 3 times") < text.index("given 1 time")


def test_the_submitted_file_serves_where_there_is_no_graded_one(room: Classroom, tmp_path: Path) -> None:
    assert "Answer 4." in written(room, tmp_path)[str(M1)].text


def test_hostile_answers_names_and_comments_stay_text_of_bounded_length(room: Classroom, tmp_path: Path) -> None:
    similar.write(room.course, ASSIGNMENT, tmp_path)
    for name, page in written(room, tmp_path).items():
        assert not {tag for tag, _ in page.tags} & {"script", "img", "iframe", "object", "form", "base", "i", "b"}, name
        assert (tmp_path / name).stat().st_size < 120_000, name
    text = written(room, tmp_path)[str(M1)].text
    assert review_course.SCRIPT in text
    assert "\u202e" not in text
    assert "الميل" in text
    assert "the middle is left out" in text


@pytest.mark.parametrize("kind", ["link", "pipe", "damaged", "gone"])
def test_a_file_that_cannot_be_read_costs_only_its_own_text(room: Classroom, tmp_path: Path, kind: str) -> None:
    path = room.root / "autograded" / "s07" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    path.unlink()
    if kind == "link":
        path.symlink_to(room.root / "gradebook.db")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "damaged":
        path.write_text('{"cells": [')
    text = written(room, tmp_path)[str(M1)].text
    said = {"link": "symbolic link", "pipe": "named pipe", "damaged": "ends in the middle", "gone": "no notebook in"}
    assert "Answer 6." in text
    assert "No text." in text
    assert said[kind] in text


def test_faults_crashes_and_alterations_stand_with_their_exercise(room: Classroom, tmp_path: Path) -> None:
    pages = written(room, tmp_path)
    assert "KeyError: 'lr'" in pages["review/gd.html"].text
    assert "os._exit" in pages["review/fit.html"].text
    assert "test_ridge had been changed" in pages["review/ridge.html"].text
    assert "intro was missing" in pages["review.html"].text, "of no exercise: with the whole submissions"
    assert "review/line_grad.html" not in pages, "nothing there needs anybody"


def test_links_lead_to_formgraders_page_of_that_notebook_and_cell(room: Classroom, tmp_path: Path) -> None:
    pages = written(room, tmp_path, formgrader="https://hub.example/user/ana/formgrader/")
    links = [attrs["href"] or "" for tag, attrs in pages[str(M1)].tags if tag == "a" and attrs.get("target")]
    assert len(links) == 8
    route = next(regex for regex, handler, *_ in handlers.default_handlers if handler is handlers.SubmissionHandler)
    found = set()
    for link in links:
        address, anchor = link.removeprefix("https://hub.example/user/ana").split("#")
        assert anchor == "m1", "the grade_id is the id of the field for the points"
        match = re.fullmatch(route, address)
        assert match
        found.add(room.book.find_submission_notebook_by_id(match[1]).student.id)
    assert found == {f"s{i:02d}" for i in range(8)}
    template = Path(handlers.template_path) / "formgrade" / "index.html.j2"
    assert 'class="score tabbable" id="{{ cell.metadata.nbgrader.grade_id }}"' in template.read_text()


def test_the_class_is_divided_and_each_grader_sees_what_is_left(room: Classroom, tmp_path: Path) -> None:
    pages = written(room, tmp_path, graders=("ana", "<b>ben</b>", "chloé"))
    share = split([f"s{i:02d}" for i in range(12)], ("ana", "<b>ben</b>", "chloé"), ASSIGNMENT)
    left = sum(share[f"s{i:02d}"] == "ana" for i in range(8))
    assert f"ana 4 {2 * left} m1 {left}, m2 {left}" in pages["review.html"].text
    assert {attrs.get("id") for tag, attrs in pages[str(M1)].tags if tag == "h2"} >= {
        "grader-1",
        "grader-2",
        "grader-3",
    }


def test_a_mark_given_in_formgrader_leaves_the_page_and_an_emptied_page_goes(room: Classroom, tmp_path: Path) -> None:
    written(room, tmp_path)
    for i in range(8):
        grade = room.book.find_grade("m1", ASSIGNMENT, ASSIGNMENT, f"s{i:02d}")
        grade.manual_score, grade.needs_manual_grade = 3.0, False
    room.book.db.commit()
    pages = written(room, tmp_path)
    assert str(M1) not in pages
    assert "review/m2.html" in pages
    assert "12 of 12" in pages["review.html"].text


def test_an_answer_that_was_marked_and_graded_again_comes_back(room: Classroom, tmp_path: Path) -> None:
    room.book.find_grade("m1", ASSIGNMENT, ASSIGNMENT, "s08").needs_manual_grade = True
    room.book.db.commit()
    text = written(room, tmp_path)[str(M1)].text
    assert "Marked, then graded again: look once more" in text
    assert "4 of 6 now" in text


def test_names_are_hidden_if_asked(room: Classroom, tmp_path: Path) -> None:
    similar.write(room.course, ASSIGNMENT, tmp_path)
    pages = written(room, tmp_path, anonymous=True)
    for name in ("review.html", str(M1), "review/fit.html"):
        assert not re.search(r"\bs\d\d\b|Family\d", (tmp_path / name).read_text(encoding="utf-8")), name
    assert "Submission" in pages[str(M1)].text
    similar.write(room.course, ASSIGNMENT, tmp_path, anonymous=True)
    for name in ("similar.html", "similar.csv"):
        assert not re.search(r"\bs\d\d\b|Family\d", (tmp_path / name).read_text(encoding="utf-8")), name


def test_many_answers_are_split_into_pages_that_lead_to_one_another(classroom: Classroom, tmp_path: Path) -> None:
    classroom.assignment()
    for i in range(ANSWERS + 5):
        classroom.book.add_student(f"s{i:03d}")
        classroom.submit(f"s{i:03d}", {"m1": None, "m2": 1.0})
    pages = written(classroom, tmp_path)
    first, second = pages["review/m1.html"], pages["review/m1-2.html"]
    articles = [[attrs["id"] for tag, attrs in page.tags if tag == "article"] for page in (first, second)]
    assert [len(ids) for ids in articles] == [ANSWERS, 5]
    assert len({*articles[0], *articles[1]}) == ANSWERS + 5
    assert ("a", {"rel": "next", "href": "m1-2.html"}) in first.tags
    assert ("a", {"rel": "prev", "href": "m1.html"}) in second.tags


def test_a_report_of_the_course_has_them_and_leads_to_them(room: Classroom, tmp_path: Path) -> None:
    similar.write(room.course, ASSIGNMENT, tmp_path / ASSIGNMENT)
    write(room.course, None, tmp_path, review.Settings(graders=("ana", "ben")))
    alone = tmp_path / "alone"
    similar.write(room.course, ASSIGNMENT, alone)
    write(room.course, ASSIGNMENT, alone, review.Settings(graders=("ana", "ben")))
    assert {path.name for path in (tmp_path / ASSIGNMENT / "review").iterdir()} == {
        path.name for path in (alone / "review").iterdir()
    }
    course = Page(tmp_path / "index.html")
    assert ("a", {"href": f"{ASSIGNMENT}/review.html"}) in course.tags
    assert "--out" not in course.text
    assert ("a", {"href": "review.html"}) in Page(tmp_path / ASSIGNMENT / "index.html").tags
    text = Page(tmp_path / ASSIGNMENT / "review.html").text
    assert "ana 6" in text
    assert "s05 and s06" in text, "what `similar` left in the assignment's folder"


def test_what_is_long_to_read_is_left_to_a_command_that_the_course_page_says(
    room: Classroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    write(room.course, None, out)
    monkeypatch.setattr(review, "ALONG", 17)  # 16 answers, a fault and a crash
    write(room.course, None, out)
    assert not list(out.rglob("*review*"))
    page = Page(out / "index.html")
    assert "With more than 17 texts to read, an assignment gets these pages by a command of its own" in page.text
    assert f"chainrule report {ASSIGNMENT} --out out/{ASSIGNMENT}" in page.text
    assert ("a", {"href": "review.html"}) not in Page(out / ASSIGNMENT / "index.html").tags
    monkeypatch.setattr(review, "ALONG", 18)
    write(room.course, None, out)
    assert (out / ASSIGNMENT / "review.html").exists()


def test_nothing_that_waits_makes_no_review_page_of_a_course(classroom: Classroom, tmp_path: Path) -> None:
    classroom.assignment()
    classroom.book.add_student("ada")
    classroom.submit("ada", {"m1": 1.0, "m2": 1.0} | {f"test_{name}": 1.0 for name in TESTS})
    write(classroom.course, None, tmp_path)
    assert not list(tmp_path.rglob("*review*"))


def test_every_link_between_the_pages_leads_to_a_file(room: Classroom, tmp_path: Path) -> None:
    similar.write(room.course, ASSIGNMENT, tmp_path)
    for name, page in written(room, tmp_path, graders=("ana", "ben")).items():
        for tag, attrs in page.tags:
            href = attrs.get("href") or ""
            if tag == "a" and href and not href.startswith("http"):
                path, _, anchor = href.partition("#")
                target = ((tmp_path / name).parent / path).resolve() if path else tmp_path / name
                assert target.is_file(), (name, href)
                if anchor:
                    assert f'id="{anchor}"' in target.read_text(encoding="utf-8"), (name, href)


def test_without_a_source_notebook_the_answers_are_still_there(room: Classroom, tmp_path: Path) -> None:
    (room.root / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").unlink()
    text = written(room, tmp_path)[str(M1)].text
    assert "Answer 7." in text
    assert "The source notebook has none for this question" in text


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("formgrader = 3", "formgrader is 3"),
        ('formgrader = "javascript:alert(1)"', "no address of Formgrader"),
        ('grader = ["ana"]', "'grader' is not known"),
        ('graders = ["ana", "ana"]', "have to be different"),
        ("graders = [1]", "list of names"),
        ('[comments.a01]\nm1 = "one"', "list of texts"),
        ("graders = [", "is not TOML"),
    ],
)
def test_settings_that_make_no_sense_are_named(classroom: Classroom, given: str, complaint: str) -> None:
    (classroom.root / "review.toml").write_text(given)
    with pytest.raises(CourseError, match=re.escape(complaint)):
        review.load(classroom.course)


@pytest.mark.parametrize("size", [0, 1, 10, 31, 2000])
def test_shares_differ_by_one_at_most_and_stay_when_a_student_comes(size: int) -> None:
    students, graders = [f"s{i}" for i in range(size)], ("ana", "ben", "chloé")
    share = split(students, graders, "a01")
    counts = [list(share.values()).count(name) for name in graders]
    assert set(share) == set(students)
    assert max(counts) - min(counts) <= 1
    assert split(reversed(students), graders, "a01") == share
    later = split([*students, "new"], graders, "a01")
    assert sum(later[name] != share[name] for name in students) <= max(4, size // 20)
