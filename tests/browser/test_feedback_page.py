"""What students wrote cannot act in the browser of who reads the feedback page or the staff's report."""

from __future__ import annotations

import hashlib
import re
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.browser.hostile import HOSTILE, hostile_results
from tests.plugins.pieces import b64

from chainrule.plugins.staff import staff_report

pytestmark = pytest.mark.browser


def test_the_payload_is_live_where_it_is_not_escaped(watched: Any, tmp_path: Path) -> None:
    """The control: without it, the next tests could pass because the payload is harmless."""
    watched.page.set_content(f"<title>own</title>{HOSTILE}")
    taken = "https://evil.example/taken"
    for _ in range(200):
        if watched.dialogs and taken in watched.requests:
            break
        watched.page.wait_for_timeout(100)
    assert watched.dialogs
    assert taken in watched.requests


def test_nothing_of_a_hostile_submission_runs(watched: Any, hostile_page: str, tmp_path: Path) -> None:
    watched.show(hostile_page, tmp_path)
    assert watched.page.title().startswith("Feedback: a01")
    assert watched.dialogs == []
    assert watched.console == []
    assert watched.left == []
    assert [url for url in watched.requests if not url.startswith("data:image/")] == []
    assert watched.page.locator("h1").is_visible(), "no style of the student's hides anything"


def test_the_policy_names_one_style_and_no_script(hostile_page: str) -> None:
    policy = hostile_page.split('http-equiv="Content-Security-Policy" content="')[1].split('"')[0]
    rules = dict(rule.strip().split(" ", 1) for rule in unescape(policy).split(";"))
    assert rules == {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": rules["style-src"],
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    style = hostile_page.split("<style>")[1].split("</style>")[0]
    assert rules["style-src"] == f"'sha256-{b64(hashlib.sha256(style.encode()).digest())}'"


def test_text_keeps_its_direction_and_pictures_their_place(watched: Any, hostile_page: str, tmp_path: Path) -> None:
    """An override mark turns no name around, and a picture a pixel wide is not a mile high."""
    watched.show(hostile_page, tmp_path)
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", hostile_page)
    assert "user\ufffdgnp.exe" in hostile_page
    assert max(watched.page.evaluate("[...document.images].map(i => i.getBoundingClientRect().height)")) < 900


def test_a_hostile_submission_adds_no_element(watched: Any, hostile_page: str, tmp_path: Path) -> None:
    """Not even if the policy of the page were gone: there is nothing to stop."""
    watched.show(hostile_page, tmp_path)
    count = watched.page.evaluate
    forbidden = (
        "script, style:not(head > style), iframe, object, embed, svg:not(.bar), form, input, button, link, base, "
        "video, audio, template, img[src^=http]"
    )
    assert count(f"document.querySelectorAll({forbidden!r}).length") == 0
    assert count("document.querySelectorAll('meta[http-equiv=refresh]').length") == 0
    assert count("document.querySelectorAll('a:not([href^=\"#\"])').length") == 0
    handlers = (
        "[...document.querySelectorAll('*')].flatMap(e => [...e.attributes]).filter(a => a.name.startsWith('on'))"
    )
    assert count(f"{handlers}.length") == 0
    assert "\x1b" not in hostile_page
    assert "49" not in watched.page.inner_text("h1")
    assert len(hostile_page) < 1_000_000


def test_the_policy_stops_what_would_slip_through(watched: Any, hostile_page: str, tmp_path: Path) -> None:
    """A second wall: with a payload written into the page unescaped, still nothing runs and nothing is fetched."""
    watched.show(hostile_page.replace("<main>", f"<main>{HOSTILE.split('<meta')[0]}"), tmp_path)
    assert watched.page.title().startswith("Feedback: a01")
    assert watched.dialogs == []
    assert [url for url in watched.requests if "evil.example" in url and url not in watched.blocked] == []


def test_the_staff_report_is_as_safe(watched: Any, tmp_path: Path) -> None:
    reports = "".join(staff_report(result)[1] for result in hostile_results())
    watched.show(f"<!DOCTYPE html><title>own</title>{reports}", tmp_path)
    assert watched.page.title() == "own"
    assert watched.dialogs == []
    assert watched.console == []
    assert watched.requests == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1100])
def test_the_page_fits_and_can_be_read(
    watched: Any, hostile_page: str, tmp_path: Path, width: int, scheme: str
) -> None:
    """No sideways scrolling, and text contrasts with its background at least 4.5 to 1, whatever was written."""
    watched.page.set_viewport_size({"width": width, "height": 800})
    watched.show(hostile_page, tmp_path, color_scheme=scheme)
    assert watched.page.evaluate("document.documentElement.scrollWidth") <= width
    assert watched.page.evaluate(FAINT) == []


def test_the_page_has_the_structure_that_screen_readers_use(watched: Any, hostile_page: str, tmp_path: Path) -> None:
    watched.show(hostile_page, tmp_path)
    count = watched.page.evaluate
    assert count("document.documentElement.lang") == "en"
    for landmark in ("header", "main", "nav", "footer", "h1"):
        assert count(f"document.querySelectorAll('{landmark}').length") == 1
    levels = count("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")
    assert all(below <= above + 1 for above, below in pairwise(levels))
    assert count("[...document.querySelectorAll('section')].every(s => s.ariaLabelledByElements?.length === 1)")
    assert count("[...document.images].every(i => i.alt)")
    ids = count("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    targets = count("[...document.querySelectorAll('a')].map(a => a.getAttribute('href').slice(1))")
    assert set(targets) <= set(ids)


def test_print_shows_what_is_folded(watched: Any, hostile_page: str, tmp_path: Path) -> None:
    watched.show(hostile_page, tmp_path)
    watched.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = false)")
    watched.page.emulate_media(media="print")
    assert watched.page.evaluate("[...document.querySelectorAll('pre')].every(p => p.checkVisibility())")


FAINT = """
() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const background = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const color = channels(getComputedStyle(e).backgroundColor);
      if (color.length < 4 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const faint = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    const [a, b] = [channels(getComputedStyle(element).color), background(element)].map(luminance);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faint.add(`${element.tagName}.${element.className} ${ratio.toFixed(2)}`);
  }
  return [...faint];
}
"""
