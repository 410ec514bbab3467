"""Texts of people as HTML of our own making: Markdown of written answers, comments, messages.

A parser reads the Markdown into a tree; every element that is written here is named here, and every text is escaped.
HTML in the Markdown shows as text, a link as its words and its address, a picture as its description: nothing is
passed through that anybody else has written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import mistune
from markupsafe import Markup, escape

from chainrule.plugins import mathml

Token = Mapping[str, Any]

LONGEST = 30_000
"""Most characters of Markdown that are parsed; the parser's time can grow with the square of it."""

WIDE = 25
"""Characters of TeX from which a formula may be wider than a phone."""

_CODE_OR_MATH = re.compile(r"`([^`\n]{1,200})`|\$([^$\s](?:[^$\n]{0,300}[^$\s])?)\$(?!\d)")

_WRAPPED = {
    "paragraph": "p",
    "strong": "strong",
    "emphasis": "em",
    "strikethrough": "del",
    "block_quote": "blockquote",
    "list_item": "li",
    "table_head": "tr",
    "table_row": "tr",
}


def markdown(text: str) -> Markup:
    """Markdown with formulas as HTML. A text that cannot be parsed is set as it was typed.

    Headings become bold lines: the headings of the page are its own.
    """
    if len(text) > LONGEST:
        return _typed(text)
    try:
        tokens = mistune.create_markdown(renderer="ast", plugins=["math", "table", "strikethrough"])(text)
        return _all(tokens if isinstance(tokens, list) else [])
    except Exception:  # the parser is not ours and the text is anybody's: a page must come out
        return _typed(text)


def inline(text: str) -> Markup:
    """Escaped text in which `words in backticks` are code and $formulas$ are set."""
    found, at = Markup(""), 0
    for match in _CODE_OR_MATH.finditer(text):
        found += escape(text[at : match.start()])
        found += Markup("<code>{}</code>").format(match[1]) if match[1] else _formula(match[2])
        at = match.end()
    return found + escape(text[at:])


def _typed(text: str) -> Markup:
    return Markup('<p class="text">{}</p>').format(text)


def _formula(tex: str, *, block: bool = False) -> Markup:
    found = mathml.mathml(tex, block=block) or mathml.source(tex, block=block)
    if not block:
        return found
    return Markup('<span class="formula"{}>{}</span>').format(_scrolls("Formula") if len(tex) > WIDE else "", found)


def _scrolls(what: str) -> Markup:
    """For what may be wider than a phone: the keyboard must get there to move it."""
    return Markup(' tabindex="0" role="group" aria-label="{}"').format(what)


def _all(tokens: Iterable[Token]) -> Markup:
    return Markup("").join(_one(token) for token in tokens)


def _one(token: Token) -> Markup:
    kind, raw, attrs = token["type"], str(token.get("raw", "")), token.get("attrs", {})
    if kind == "text":
        return escape(raw)
    if kind in ("inline_html", "block_html"):
        return escape(raw) if kind == "inline_html" else _typed(raw.strip("\n"))
    if kind in ("inline_math", "block_math"):
        return _formula(raw.strip(), block=kind == "block_math")
    if kind == "codespan":
        return Markup("<code>{}</code>").format(raw)
    if kind == "block_code":
        return Markup("<pre{}><code>{}</code></pre>").format(_scrolls("Code"), raw.strip("\n"))
    if kind in ("softbreak", "linebreak"):
        return Markup("<br>") if kind == "linebreak" else Markup("\n")
    children = _all(token.get("children", ()))
    if kind in _WRAPPED:
        return Markup("<{0}>{1}</{0}>").format(_WRAPPED[kind], children)
    if kind == "heading":
        return Markup("<p><strong>{}</strong></p>").format(children)
    if kind == "link":
        address = str(attrs.get("url", ""))
        return children if str(children) == escape(address) else Markup("{} ({})").format(children, address)
    if kind == "image":
        return Markup("[{}]").format(children or "picture")
    return _block(kind, attrs, children)


def _block(kind: str, attrs: Mapping[str, Any], children: Markup) -> Markup:
    if kind == "list":
        start = attrs.get("start")
        number = Markup(' start="{}"').format(start) if isinstance(start, int) and 0 <= start < 10**6 else ""
        return Markup("<{0}{1}>{2}</{0}>").format("ol" if attrs.get("ordered") else "ul", number, children)
    if kind == "table":
        return Markup('<div class="wide"{}><table>{}</table></div>').format(_scrolls("Table"), children)
    if kind == "table_cell":
        return Markup("<{0}>{1}</{0}>").format("th" if attrs.get("head") else "td", children)
    return children  # block_text and blank_line have nothing of their own; nor has what is not known
