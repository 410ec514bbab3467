"""Filters for nbconvert's HTML, so that what students wrote cannot act in the name of who reads it in formgrader.

nbgrader's templates render Markdown with raw HTML as it comes. Formgrader's page may change grades, so scripts, forms
and the names that its own buttons go by must not get through.
"""

from __future__ import annotations

import html
import re
from functools import cache
from typing import Any

import bleach
from bleach.css_sanitizer import CSSSanitizer
from jinja2 import pass_context
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

TAGS = """
    a abbr b blockquote br center cite code dd del details div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i img ins
    kbd li mark ol p pre q s samp small span strike strong sub summary sup table tbody td tfoot th thead tr tt u ul var
"""
CLASSES = re.compile(
    r"highlight|hl-[\w-]+|[a-z]{1,2}\d?|anchor-link|table|table-condensed|tex2jax_ignore|mathjax_ignore|chainrule-[\w-]+"
)
STYLES = """
    border-collapse color font-style font-weight max-height overflow overflow-wrap padding text-align vertical-align
    white-space width
"""
ATTRIBUTES = ("align", "alt", "colspan", "height", "open", "rowspan", "scope", "start", "style", "title", "width")
PICTURE = re.compile(r"data:image/(png|jpeg|gif);base64,|https?://|attachment:|(?![a-z][a-z0-9+.-]*:)", re.IGNORECASE)
LINK = re.compile(r"https?://|mailto:|(?![a-z][a-z0-9+.-]*:)", re.IGNORECASE)


def clean_html(text: object) -> str:
    """HTML with harmless tags and attributes only; everything else shows as text."""
    return str(_cleaner().clean(text.decode() if isinstance(text, bytes) else str(text)))


@pass_context
def markdown2html(context: Any, source: str) -> str:
    """nbconvert's own conversion, cleaned. `\\href` goes too: in TeX it makes links that run scripts."""
    cell = context.get("cell", {})
    renderer = IPythonRenderer(
        escape=False,
        attachments=cell.get("attachments", {}),
        path=context.get("resources", {}).get("metadata", {}).get("path", ""),
    )
    return clean_html(MarkdownWithMath(renderer=renderer).render(re.sub(r"\\href\b", r"\\text", source)))


@cache
def _cleaner() -> Any:
    return bleach.Cleaner(
        tags=TAGS.split(),
        attributes=_allowed,
        protocols=("http", "https", "mailto", "data", "attachment"),
        css_sanitizer=CSSSanitizer(allowed_css_properties=STYLES.split()),
    )


def _allowed(tag: str, name: str, value: str) -> bool:
    if name == "class":
        return all(CLASSES.fullmatch(word) for word in value.split())
    if name == "href":
        return tag == "a" and LINK.match(_address(value)) is not None
    if name == "src":
        return tag == "img" and PICTURE.match(_address(value)) is not None
    if name == "id":
        return tag in ("h1", "h2", "h3", "h4", "h5", "h6")
    return name in ATTRIBUTES


def _address(value: str) -> str:
    """The address as a browser reads it: entities resolved, blanks and control characters left out."""
    return re.sub(r"[\x00-\x20]", "", html.unescape(value))
