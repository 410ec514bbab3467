"""The feedback page can be read on a phone, on a desk, on paper, by keyboard and by ear."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.browser.accessibility import complaints

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(ordinary_page: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("shown") / "a01.html"
    file.write_text(ordinary_page, encoding="utf-8")
    return file.as_uri()


def test_the_check_finds_what_is_wrong(chromium: Any, tmp_path: Path) -> None:
    """The control: a page without a language, faint, with a picture that says nothing, wider than a phone."""
    file = tmp_path / "bad.html"
    file.write_text('<title>x</title><p style="color:#999;width:600px">faint</p><img src="data:,"><a href="#"></a>')
    found = " ".join(complaints(chromium, file.as_uri()))
    for rule in ("html-has-lang", "color-contrast", "image-alt", "link-name", "landmark-one-main", "wider than"):
        assert rule in found


def test_axe_has_no_complaint_on_any_screen_in_any_scheme(chromium: Any, address: str) -> None:
    assert complaints(chromium, address) == []


def test_axe_has_no_complaint_whatever_was_submitted(chromium: Any, hostile_page: str, tmp_path: Path) -> None:
    (tmp_path / "hostile.html").write_text(hostile_page, encoding="utf-8")
    assert complaints(chromium, (tmp_path / "hostile.html").as_uri()) == []


def test_a_screen_reader_is_told_each_exercise_in_a_line(watched: Any, address: str) -> None:
    watched.page.goto(address)
    heard = watched.page.locator("#part-1 .marks").inner_text()
    assert " ".join(heard.split()) == "◐ Partly: 7 of 10 points, 2 of 3 tests passed"
    snapshot = watched.page.locator("main").aria_snapshot()
    assert 'columnheader "Points"' in snapshot
    assert 'rowheader "Exercise 1 · line_grad"' in snapshot
    assert 'region "Exercise 1 · line_grad"' in snapshot
    assert "math" in snapshot
    assert "◐" not in watched.page.locator("nav").aria_snapshot(), "signs are not read aloud"


def test_parts_stand_in_the_order_of_the_notebook(watched: Any, address: str) -> None:
    watched.page.goto(address)
    titles = watched.page.locator(".item h2").all_inner_texts()
    assert titles == [
        "Exercise 1 · line_grad",
        "Exercise 2 · all right",
        "Exercise 3 · a fault",
        "Question M1 · When to stop",
        "Question M2 · Level lines",
    ]
    assert watched.page.locator("nav tbody th").all_inner_texts() == titles


def test_comments_keep_their_lines_and_marks_their_origin(watched: Any, address: str) -> None:
    watched.page.goto(address)
    question = watched.page.locator("#part-4")
    comment = question.locator(".comment p")
    assert comment.evaluate("e => getComputedStyle(e).whiteSpaceCollapse") == "preserve"
    assert "Well argued.\n\nFor" in comment.inner_text()
    assert "Extra credit: 0.5, included." in question.inner_text()
    assert question.locator("math").count() == 3
    top = " ".join(watched.page.locator(".score").inner_text().split())
    assert "with your extension of 1 hour" in top
    assert "Deadline 1 Mar 2025, 13:00 UTC" in top
    assert "Late 2 hours 5 minutes" in top


def test_the_keyboard_reaches_everything_and_shows_where_it_is(watched: Any, address: str) -> None:
    page = watched.page
    page.goto(address)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["width"] > 50, "the skip link shows when it has the focus"
    seen = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        state = page.evaluate(
            "(e => [e.tagName, e.outerHTML.slice(0, 80), getComputedStyle(e).outlineStyle])(document.activeElement)"
        )
        if state[0] == "BODY":
            break
        assert state[2] == "solid", f"no focus to be seen on {state[1]}"
        seen.add(state[0])
    assert seen >= {"A", "SUMMARY", "PRE"}
    page.locator(".skip").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "parts"
    folded = page.locator("#part-2 summary").first
    folded.focus()
    page.keyboard.press("Enter")
    assert folded.evaluate("e => e.parentElement.open")


def test_it_prints_dark_on_white_with_nothing_folded_or_cut(watched: Any, address: str) -> None:
    page = watched.page
    page.set_viewport_size({"width": 700, "height": 990})  # A4 without its margins
    page.emulate_media(media="print", color_scheme="dark")
    page.goto(address)
    assert page.evaluate("document.documentElement.scrollWidth") <= 700
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("[...document.querySelectorAll('pre')].every(p => p.checkVisibility())")
    assert page.evaluate("[...document.querySelectorAll('pre')].every(p => p.scrollWidth <= p.clientWidth + 1)")
    assert page.evaluate("[...document.querySelectorAll('pre')].every(p => p.scrollHeight <= p.clientHeight + 1)")


def test_it_moves_nothing(watched: Any, address: str) -> None:
    """Nobody who asks for reduced motion has to: there is none."""
    watched.page.goto(address)
    moving = "e => (s => s.animationName !== 'none' || s.transitionDuration !== '0s')(getComputedStyle(e))"
    assert watched.page.evaluate(f"[...document.querySelectorAll('*')].filter({moving}).length") == 0


def test_own_figures_are_pictures_and_draw_something(watched: Any, ordinary_page: str, tmp_path: Path) -> None:
    watched.show(ordinary_page, tmp_path)
    sizes = watched.page.evaluate("[...document.images].map(i => [i.naturalWidth, i.naturalHeight])")
    assert [200, 80] in sizes
    assert [3, 2] in sizes
    assert watched.page.locator("svg:not(.bar)").count() == 0
    assert watched.console == []
