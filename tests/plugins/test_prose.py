"""Markdown of anybody becomes HTML in which every element is ours."""

from __future__ import annotations

import re
import time

import pytest

from chainrule.plugins.prose import LONGEST, inline, markdown

OURS = re.compile(r"</?(?:p|strong|em|del|code|pre|ul|ol|li|blockquote|br|table|tr|th|td|div|span|m\w+)(?: [^<>]*)?>")


def test_markdown_is_set_as_its_writer_meant_it() -> None:
    text = (
        "# Proof\n\n*Let* $x_1$ be **one**.\n\n- a\n- `b < c`\n\n3. third\n\n> said\n\n| n | v |\n|---|---|\n| 1 | 2 |"
    )
    html = markdown(text)
    for part in (
        "<p><strong>Proof</strong></p>",
        "<em>Let</em> <math><msub><mi>x</mi><mn>1</mn></msub></math> be <strong>one</strong>.",
        "<ul><li>a</li><li><code>b &lt; c</code></li></ul>",
        '<ol start="3"><li>third</li></ol>',
        "<blockquote><p>said</p></blockquote>",
        "<tr><th>n</th><th>v</th></tr><tr><td>1</td><td>2</td></tr>",
    ):
        assert part in html


def test_headings_of_an_answer_are_no_headings_of_the_page() -> None:
    assert not re.search(r"<h\d", markdown("# A\n\nB\n===\n\n### C"))


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "a <img src=x onerror=alert(1)> b",
        "[click](javascript:alert(1))",
        '[click](<https://evil.example> "o\' onclick=alert(1)")',
        "![x](https://evil.example/i.png)",
        "<https://evil.example>",
        "[ref]\n\n[ref]: javascript:alert(1)",
        "`</code><script>`",
        "```\n</code></pre><script>\n```",
        "$</math><script>alert(1)</script>$",
        r"$\href{javascript:alert(1)}{x}$ $\text{<script>}$",
        "<div>\n\n**bold**\n\n</div>",
        "<!-- --><iframe>",
        "| <b> | x |\n|--|--|\n| <i onclick=1> | y |",
        '1. a\n" onclick=alert(1) x="',
    ],
)
def test_nothing_of_the_writer_becomes_an_element_or_an_attribute(text: str) -> None:
    for html in (markdown(text), inline(text)):
        rest = OURS.sub("", html)
        assert "<" not in rest
        assert not re.search(r"<[^>]*(href|src|on\w+)=", html)


def test_words_in_backticks_and_formulas_are_set_in_messages() -> None:
    assert inline("`f<g>` of $x$ costs $5 or $6 & more") == (
        "<code>f&lt;g&gt;</code> of <math><mi>x</mi></math> costs $5 or $6 &amp; more"
    )


@pytest.mark.parametrize(
    "piece", ["[", "*a ", ">", "`a", "$", "$a", "<", "![[", "**_", "[a](", "[a]: ", "<!--", "- ", "&#", "a|\n-|", "\\("]
)
def test_no_text_keeps_the_parser_busy(piece: str) -> None:
    start = time.process_time()
    markdown((piece * LONGEST)[:LONGEST])
    assert time.process_time() - start < 5


def test_a_text_too_long_for_the_parser_is_set_as_typed() -> None:
    assert markdown("*a*" * LONGEST).startswith('<p class="text">*a**a*')
