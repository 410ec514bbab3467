"""The review pages in a real browser: nothing runs, nothing loads, they fit, and the rubric stays beside the answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.browser.accessibility import complaints

from chainrule.report import review, write
from chainrule.report.review import similar

from . import review_course
from .conftest import ASSIGNMENT, Classroom

pytestmark = pytest.mark.browser

PAGES = ("review.html", "review/m1.html", "review/fit.html", "similar.html")


@pytest.fixture
def out(classroom: Classroom, tmp_path: Path) -> Path:
    review_course.fill(classroom)
    similar.write(classroom.course, ASSIGNMENT, tmp_path / "out")
    write(classroom.course, ASSIGNMENT, tmp_path / "out", review.Settings(graders=("ana", "ben")))
    return tmp_path / "out"


def test_every_page_opens_without_complaint_and_fits(chromium: Any, out: Path) -> None:
    for name in PAGES:
        for width in (390, 1280):
            for scheme in ("light", "dark"):
                page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
                heard: list[str] = []
                asked: list[str] = []
                page.on("console", lambda message, heard=heard: heard.append(message.text))
                page.on("dialog", lambda dialog, heard=heard: heard.append(dialog.message))
                page.on("request", lambda request, asked=asked: asked.append(request.url))
                page.goto((out / name).as_uri())
                assert heard == []
                assert asked == [(out / name).as_uri()]
                assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
                assert "taken" not in page.title()
                page.close()


def test_the_rubric_is_still_in_view_beside_the_last_answer(chromium: Any, out: Path) -> None:
    page = chromium.new_page(viewport={"width": 1280, "height": 700})
    page.goto((out / "review" / "m1.html").as_uri())
    page.locator("article").last.scroll_into_view_if_needed()
    rubric, answer = page.locator("aside").bounding_box(), page.locator("article").last.bounding_box()
    page.close()
    assert 0 <= rubric["y"] < 700
    assert rubric["x"] >= answer["x"] + answer["width"]


def test_one_click_selects_a_comment_and_nothing_else(chromium: Any, out: Path) -> None:
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    page.goto((out / "review" / "m1.html").as_uri())
    page.locator(".pick").first.click()
    chosen = page.evaluate("getSelection().toString()")
    page.close()
    assert chosen.strip() == "Name the plateau."


@pytest.mark.parametrize("name", PAGES)
def test_the_pages_pass_the_accessibility_check(chromium: Any, out: Path, name: str) -> None:
    assert complaints(chromium, (out / name).as_uri()) == []
