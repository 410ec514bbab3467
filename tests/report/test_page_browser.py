"""The page in a real browser: nothing runs, nothing loads, and it fits a phone and a desk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chainrule.course import Course
from chainrule.report import write

from .conftest import ASSIGNMENT

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def out(full_course: Course, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    write(full_course, None, folder)
    return folder


def test_the_page_fits_a_sheet_of_paper_and_prints_dark_on_white(chromium: Any, out: Path) -> None:
    page = chromium.new_page(viewport={"width": 680, "height": 970}, color_scheme="dark")  # A4 less its margins
    try:
        page.emulate_media(media="print", color_scheme="dark")
        page.goto((out / ASSIGNMENT / "index.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 680
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    finally:
        page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", ["index.html", f"{ASSIGNMENT}/index.html", "a02_foreign/index.html"])
def test_a_page_opens_without_complaint_and_fits(chromium: Any, out: Path, name: str, width: int, scheme: str) -> None:
    page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    try:
        heard: list[str] = []
        requests: list[str] = []
        page.on("console", lambda message: heard.append(message.text))
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("dialog", lambda dialog: heard.append(dialog.message))
        page.on("request", lambda request: requests.append(request.url))
        page.goto((out / name).as_uri())
        assert heard == []
        assert requests == [(out / name).as_uri()]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "with all details open"
        ink, paper = page.evaluate("(s => [s.color, s.backgroundColor])(getComputedStyle(document.body))")
        assert ink != paper, "the style sheet was applied"
        assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 29)"}[scheme]
    finally:
        page.close()


def test_every_part_that_scrolls_can_be_reached_by_keyboard_and_has_a_name(chromium: Any, out: Path) -> None:
    page = chromium.new_page(viewport={"width": 390, "height": 900})
    try:
        page.goto((out / ASSIGNMENT / "index.html").as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
        scrolling = page.evaluate(
            """[...document.querySelectorAll('*')].filter(part => part.scrollWidth > part.clientWidth + 1
                 && getComputedStyle(part).overflowX === 'auto').map(part => [part.tabIndex, part.ariaLabel])"""
        )
        assert len(scrolling) > 5
        assert all(index == 0 and label for index, label in scrolling)
        assert len({label for _, label in scrolling}) == len(scrolling), "no two have one name"
    finally:
        page.close()


def test_the_contents_lead_to_the_parts_of_the_page(chromium: Any, out: Path) -> None:
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    try:
        for name in ("index.html", f"{ASSIGNMENT}/index.html"):
            page.goto((out / name).as_uri())
            anchors = page.evaluate("[...document.querySelectorAll('nav a')].map(link => link.hash.slice(1))")
            parts = page.evaluate("[...document.querySelectorAll('h2')].map(part => part.id)")
            assert anchors == parts
            assert len(anchors) >= 5
    finally:
        page.close()


def test_printed_details_are_open_but_for_words_that_repeat_a_figure(chromium: Any, out: Path) -> None:
    page = chromium.new_page(viewport={"width": 680, "height": 970})
    try:
        page.emulate_media(media="print")
        page.goto((out / ASSIGNMENT / "index.html").as_uri())
        shown = page.evaluate(
            """[...document.querySelectorAll('details > :not(summary)')].map(
                 part => [part.parentElement.className, part.getBoundingClientRect().height > 0])"""
        )
        assert {name for name, visible in shown if not visible} <= {"words", "rest"}
        assert any(visible for _, visible in shown)
    finally:
        page.close()
