"""A student's SVG drawn anew from what is harmless in it, to be shown as an `<img>`.

As an image a browser runs no script of an SVG and fetches nothing for it. It is drawn anew all the same: a reader may
open the picture on its own, a browser may have a fault, and a drawing can be made to take minutes. Shapes, text and
colours are kept; scripts, events, links, filters, animations, foreign content and references to anything outside go.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from chainrule.plugins.untrusted import picture

LONGEST = 1 << 20
"""Most characters of one drawing."""

ELEMENTS = 30_000
"""Most elements of one drawing."""

DEEPEST = 60

NAMESPACE = "http://www.w3.org/2000/svg"

SHAPES = frozenset(
    "svg g path rect circle ellipse line polyline polygon text tspan defs use symbol clipPath linearGradient "
    "radialGradient stop image title desc style".split()
)
ATTRIBUTES = frozenset(
    "id class d x y x1 x2 y1 y2 dx dy cx cy r rx ry fx fy width height points viewBox preserveAspectRatio transform "
    "style offset version href type gradientUnits gradientTransform spreadMethod clipPathUnits fill fill-opacity "
    "fill-rule stroke stroke-width stroke-opacity stroke-linecap stroke-linejoin stroke-dasharray stroke-dashoffset "
    "stroke-miterlimit opacity color font-size font-family font-style font-weight text-anchor dominant-baseline "
    "letter-spacing clip-path clip-rule stop-color stop-opacity rotate textLength lengthAdjust pathLength "
    "vector-effect".split()
)
_RASTER = re.compile(r"data:image/(?:png|jpeg);base64,")
_INSIDE = re.compile(r"#[\w.:-]+")
_FETCHES = re.compile(r"url\s*\(\s*(?![\"']?#[\w.:-]+[\"']?\s*\))|@|\\|expression|image-set|src\s*\(", re.IGNORECASE)


class Refused(ValueError):
    """Not an SVG, or none that can be shown."""


def svg(data: object) -> str | None:
    """The `data:` URI of the drawing, or None if it is none, too large, or made to take long."""
    if isinstance(data, list):
        data = "".join(part for part in data if isinstance(part, str))
    if not isinstance(data, str) or len(data) > LONGEST:
        return None
    try:
        drawn = _Drawing(data).text()
    except (Refused, expat.ExpatError, UnicodeError, RecursionError):
        return None
    return "data:image/svg+xml;base64," + base64.b64encode(drawn.encode()).decode("ascii")


class _Drawing:
    """Reads the XML once and writes what is kept as it goes."""

    def __init__(self, data: str) -> None:
        self._out: list[str] = []
        self._ids: list[str] = []  # of the open elements, "" for those without one
        self._skipped = 0  # how deep inside an element that goes
        self._style = False
        self._count = 0
        self._around: list[frozenset[str]] = []  # the ids around each use
        self._used: set[str] = set()
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text, parser.buffer_size = True, LONGEST  # a style is seen as a whole
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.EntityDeclHandler = self._entity
        parser.Parse(re.sub(r"^\s*<\?xml[^>]*\?>", "", data), True)

    def text(self) -> str:
        """The drawing. Raises `Refused` if copies are made of copies: a few lines then grow to billions of shapes."""
        if any(self._used & around for around in self._around):
            raise Refused("uses within what is used")
        return "".join(self._out)

    def _entity(self, *_: object) -> None:
        raise Refused("declares entities")

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._count += 1
        space, _, element = name.rpartition(" ")
        if self._count > ELEMENTS or len(self._ids) > DEEPEST:
            raise Refused("too large or too deep")
        if not self._ids and (space, element) != (NAMESPACE, "svg"):
            raise Refused("not an SVG")
        self._ids.append(attributes.get("id", ""))
        if self._skipped or space != NAMESPACE or element not in SHAPES:
            self._skipped += 1
            return
        kept = dict(pair for full, value in attributes.items() if (pair := _kept(element, full, value)))
        if element == "use":
            self._around.append(frozenset(self._ids) - {""})
            self._used.add(kept.get("href", "#").removeprefix("#"))
        self._style = element == "style"
        first = f' xmlns="{NAMESPACE}"' if len(self._ids) == 1 else ""
        self._out.append(f"<{element}{first}" + "".join(f" {key}={quoteattr(kept[key])}" for key in kept) + ">")

    def _end(self, name: str) -> None:
        self._ids.pop()
        if self._skipped:
            self._skipped -= 1
            return
        self._style = False
        self._out.append(f"</{name.rpartition(' ')[2]}>")

    def _characters(self, text: str) -> None:
        if not self._skipped and not (self._style and _FETCHES.search(text)):
            self._out.append(escape(text))


def _kept(element: str, full: str, value: str) -> tuple[str, str] | None:
    """The attribute's own name and its value if it stays."""
    name = full.rpartition(" ")[2]
    if name not in ATTRIBUTES or (" " in full and name != "href") or _FETCHES.search(value):
        return None
    if name != "href":
        return name, value
    if element == "image":
        start = _RASTER.match(value)
        raster = picture(value[start.end() :]) if start else None
        return (name, raster) if raster else None
    return (name, value) if _INSIDE.fullmatch(value) else None
