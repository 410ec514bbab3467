"""A student's drawing is drawn anew from its harmless parts."""

from __future__ import annotations

import base64
import io
import time

import pytest
from matplotlib.figure import Figure
from tests.plugins.pieces import b64, png

from chainrule.plugins.svg import ELEMENTS, LONGEST, svg

NS = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'


def drawn(inner: str, attributes: str = "") -> str | None:
    """The text of the drawing that is made of an SVG with this inside."""
    uri = svg(f"<svg {NS} {attributes}>{inner}</svg>")
    return None if uri is None else base64.b64decode(uri.removeprefix("data:image/svg+xml;base64,")).decode()


def test_a_figure_of_matplotlib_keeps_its_lines_text_and_pictures() -> None:
    figure = Figure()
    axes = figure.subplots()
    axes.plot([1, 2, 4], marker="o", label="loss")
    axes.imshow([[0.0, 1.0], [1.0, 0.0]])
    axes.set_title(r"$\nabla L$")
    axes.legend()
    text = io.StringIO()
    figure.savefig(text, format="svg")
    uri = svg(text.getvalue())
    assert uri is not None
    kept = base64.b64decode(uri.partition(",")[2]).decode()
    for tag in ("<path ", "<use ", "<image ", "<g "):
        assert kept.count(tag) == text.getvalue().count(tag), tag
    assert "data:image/png;base64," in kept
    assert "stroke-linejoin: round" in kept


@pytest.mark.parametrize(
    "inner",
    [
        "<script>alert(1)</script>",
        '<g onclick="alert(1)" onload="alert(1)"/>',
        '<a xlink:href="javascript:alert(1)"><rect/></a>',
        '<foreignObject><body xmlns="http://www.w3.org/1999/xhtml"><iframe src="x"/></body></foreignObject>',
        '<image href="https://evil.example/i.png"/>',
        f'<image xlink:href="data:image/svg+xml;base64,{b64(b"<svg/>")}"/>',
        f'<image href="data:image/png;base64,{b64(png(60_000, 60_000))}"/>',
        '<use href="https://evil.example/x.svg#a"/>',
        '<use href="data:image/svg+xml,x#a"/>',
        '<rect fill="url(https://evil.example/#p)"/>',
        '<rect style="fill: u\\72l(https://evil.example)"/>',
        "<style>@import 'https://evil.example/s.css';</style>",
        "<style><![CDATA[rect { fill: ur]]><![CDATA[l(https://evil.example) }]]></style>",
        '<animate attributeName="href" to="javascript:alert(1)"/><set to="x"/>',
        '<filter id="f"><feImage href="https://evil.example"/></filter>',
        '<x:script xmlns:x="http://www.w3.org/2000/svg">alert(1)</x:script>',
        '<rect xml:base="https://evil.example/"/>',
        "<?xml-stylesheet href='https://evil.example'?>",
    ],
)
def test_what_acts_or_fetches_goes(inner: str) -> None:
    kept = drawn(f'<circle r="3"/>{inner}', 'onload="alert(1)"')
    assert kept is not None
    assert '<circle r="3">' in kept
    for trace in ("alert", "evil", "script", "href", "60000", "feImage", "animate", "foreign", "onload", "base="):
        assert trace not in kept


def test_references_inside_the_drawing_stay() -> None:
    kept = drawn('<defs><path id="m" d="M 0 0"/></defs><use xlink:href="#m" x="1" clip-path="url(#c)"/>')
    assert kept is not None
    assert '<use href="#m" x="1" clip-path="url(#c)">' in kept


def copies_of_copies() -> str:
    """Thirty levels, each two of the next: a billion rectangles."""
    levels = "".join(f'<g id="a{n}">' + f'<use href="#a{n + 1}"/>' * 2 + "</g>" for n in range(30))
    return f'<svg {NS}>{levels}<rect id="a30"/></svg>'


@pytest.mark.parametrize(
    "text",
    [
        copies_of_copies(),
        f'<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><svg {NS}><text>&b;</text></svg>',
        f'<!DOCTYPE svg SYSTEM "file:///etc/passwd" [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg {NS}>&x;</svg>',
        f"<svg {NS}>{'<g>' * 5000}{'</g>' * 5000}</svg>",
        f"<svg {NS}>{'<g/>' * (ELEMENTS + 1)}</svg>",
        f"<svg {NS}>{' ' * LONGEST}</svg>",
        "<svg><script/></svg>",
        f"<svg {NS}><g></svg>",
        "not a drawing",
        "",
    ],
)
def test_what_is_no_drawing_or_a_bomb_is_refused_at_once(text: str) -> None:
    start = time.process_time()
    assert svg(text) is None
    assert time.process_time() - start < 2


@pytest.mark.parametrize("value", [None, 3, b"<svg/>", {"a": 1}])
def test_what_is_no_text_is_refused(value: object) -> None:
    assert svg(value) is None


def test_a_list_of_lines_is_a_text() -> None:
    assert svg([f"<svg {NS}>\n", "<rect/></svg>"]) is not None
