"""What all figures are drawn with: SVG elements on a canvas of fixed width, ticks on round numbers, short labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

import pandas as pd
from markupsafe import Markup

WIDTH = 720
"""Of every figure, in the units of its viewBox; a character of a tick is about 6.6 of them wide."""


@dataclass(frozen=True)
class Figure:
    """`name` is the stem of its CSV; `text` says what the picture shows. Without data `svg` is empty."""

    name: str
    title: str
    text: str
    svg: Markup
    data: pd.DataFrame


class Canvas:
    """One SVG element. Coordinates are in units of the viewBox from the top left; `name` is a class of the style."""

    def __init__(self, height: float, title: str, text: str) -> None:
        label = f"{title}. {text}"
        self._root = ET.Element("svg", {"viewBox": f"0 0 {WIDTH} {height:g}", "role": "img", "aria-label": label})
        ET.SubElement(self._root, "title").text = title
        ET.SubElement(self._root, "desc").text = text

    def rect(self, x: float, y: float, width: float, height: float, name: str, tip: str = "") -> None:
        """A rectangle; `tip` is shown where a pointer rests on it."""
        place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "width": f"{width:.1f}", "height": f"{height:.1f}"}
        element = ET.SubElement(self._root, "rect", {**place, "class": name})
        if tip:
            ET.SubElement(element, "title").text = tip

    def line(self, x1: float, y1: float, x2: float, y2: float, name: str) -> None:
        """A straight line."""
        place = {"x1": f"{x1:.1f}", "y1": f"{y1:.1f}", "x2": f"{x2:.1f}", "y2": f"{y2:.1f}"}
        ET.SubElement(self._root, "line", {**place, "class": name})

    def circle(self, x: float, y: float, radius: float, name: str) -> None:
        """A disc."""
        ET.SubElement(self._root, "circle", {"cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": f"{radius:.1f}", "class": name})

    def path(self, commands: str, name: str) -> None:
        """A path in SVG's commands."""
        ET.SubElement(self._root, "path", {"d": commands, "class": name})

    def text(self, x: float, y: float, text: str, name: str, anchor: str, *, turned: bool = False) -> None:
        """A line of text; `anchor` (start, middle, end) says which part of it is at `x`; `turned` reads upwards."""
        place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "class": name, "text-anchor": anchor}
        if turned:
            place["transform"] = f"rotate(-90 {x:.1f} {y:.1f})"
        ET.SubElement(self._root, "text", place).text = text

    def legend(self, x: float, entries: Sequence[tuple[str, str]]) -> None:
        """Squares of the classes with their labels, in one line at the top from `x` on."""
        for name, label in entries:
            self.rect(x, 8, 12, 12, name)
            self.text(x + 18, 18.5, label, "tick", "start")
            x += 34 + 6.6 * len(label)

    def markup(self) -> Markup:
        """The element as text."""
        return Markup(ET.tostring(self._root, encoding="unicode"))  # ElementTree has escaped every text in it


def whole_ticks(largest: int) -> Sequence[int]:
    """About five whole numbers from 0 to at least `largest`, in steps of 1, 2 or 5 times a power of ten."""
    step = max(1, round(_step(max(largest, 1))))
    return range(0, step * math.ceil(max(largest, 1) / step) + 1, step)


def ticks(largest: float) -> list[float]:
    """About five numbers from 0 to at least `largest`, in steps of 1, 2 or 5 times a power of ten."""
    step = _step(largest if largest > 0 else 1.0)
    return [step * i for i in range(math.ceil(largest / step - 1e-9) + 1)] if largest > 0 else [0.0, 1.0]


def _step(largest: float) -> float:
    rough = largest / 5
    power = 10.0 ** math.floor(math.log10(rough))
    return next(size * power for size in (1, 2, 5, 10) if size * power >= rough * (1 - 1e-9))


def short(text: str, size: int) -> str:
    """At most `size` characters, the last one an ellipsis if some are left out."""
    return text if len(text) <= size else text[: size - 1] + "…"
