"""Figures as SVG elements for a page: each with a title, axes with units, a text that says the same, and its data.

Colours are classes that the page's style sheet defines for light, dark and print; no figure relies on colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
from markupsafe import Markup

WIDTH = 720
SHARES = (
    ("full", "all points"),
    ("partial", "some points"),
    ("none", "no points"),
    ("unscored", "not graded yet"),
)
"""Parts of a bar of `exercise_shares`: column (also the CSS class) and label."""


@dataclass(frozen=True)
class Figure:
    """`name` is the stem of its CSV; `text` says what the picture shows."""

    name: str
    title: str
    text: str
    svg: Markup
    data: pd.DataFrame


def score_distribution(percent: pd.Series) -> Figure:
    """Histogram of scores in steps of 10 %. Scores above 100 % (extra credit) get bars of their own."""
    values = percent.dropna().to_numpy(dtype="float64")
    top = max(100, 10 * math.ceil(values.max() / 10 - 1e-9)) if len(values) else 100
    edges = np.arange(0, top + 1, 10)
    counts = np.histogram(values, edges)[0]
    data = pd.DataFrame({"percent_from": edges[:-1], "percent_to": edges[1:], "students": counts})
    title = "Score distribution"
    if not len(values):
        return Figure("score_distribution", title, "Nobody has a score yet.", Markup(""), data)
    median = float(np.median(values))
    filled = "; ".join(
        f"{low} to {high} %: {count}" for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True) if count
    )
    text = f"Histogram of {len(values)} scores in percent of the points. Median {median:.0f} %. Students: {filled}."
    return Figure("score_distribution", title, text, _histogram(title, text, edges, counts, median), data)


def _histogram(title: str, text: str, edges: np.ndarray, counts: np.ndarray, median: float) -> Markup:
    left, right, top, bottom, height = 52, WIDTH - 12, 46, 228, 278
    root = _svg(height, title, text)
    ticks = _whole_ticks(int(counts.max()))

    def x(percent: float) -> float:
        return left + (right - left) * percent / float(edges[-1])

    def y(count: float) -> float:
        return bottom - (bottom - top) * count / ticks[-1]

    for tick in ticks:
        _line(root, left, y(tick), right, y(tick), "axis" if tick == 0 else "grid")
        _text(root, left - 8, y(tick) + 4, str(tick), "tick", "end")
    for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True):
        _rect(root, x(low) + 1.5, y(count), x(high) - x(low) - 3, bottom - y(count), "bar")
    for name in ("casing", "mark"):
        _line(root, x(median), top - 34, x(median), bottom, name)
    for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True):
        if count:
            _text(root, (x(low) + x(high)) / 2, y(count) - 5, str(count), "value", "middle")
    for edge in edges:
        _text(root, x(edge), bottom + 18, str(edge), "tick", "middle")
    anchor, gap = ("end", -6) if median > 0.75 * float(edges[-1]) else ("start", 6)
    _text(root, x(median) + gap, top - 24, f"median {median:.0f} %", "marked", anchor)
    _text(root, (left + right) / 2, bottom + 42, "Score, percent of the points", "label", "middle")
    _text(root, 14, (top + bottom) / 2, "Number of students", "label", "middle", turned=True)
    return _markup(root)


def exercise_shares(items: pd.DataFrame, submissions: int) -> Figure:
    """One bar per exercise of `items.exercises`: how many of the submissions have all, some, none of the points."""
    graded = items["graded"]
    full, none = (items[name].fillna(0.0) * graded for name in ("full", "none"))
    data = pd.DataFrame(
        {
            "exercise": items["exercise"],
            "full": full.round(),
            "partial": (graded - full - none).round(),
            "none": none.round(),
            "unscored": (submissions - graded).clip(lower=0),
        }
    ).astype(dict.fromkeys([name for name, _ in SHARES], "int64"))
    title = "How each exercise went"
    if not submissions or data.empty:
        return Figure("exercise_shares", title, "There is nothing graded yet.", Markup(""), data)
    rows = "; ".join(
        f"{row['exercise']}: " + ", ".join(f"{row[name]} {label}" for name, label in SHARES if row[name])
        for row in data.to_dict("records")
    )
    text = f"Bars of {submissions} submissions per exercise. {rows}."
    return Figure("exercise_shares", title, text, _stacked(title, text, data, submissions), data)


def _stacked(title: str, text: str, data: pd.DataFrame, total: int) -> Markup:
    labels = [_short(name, 30) for name in data["exercise"]]
    left, right, top, step = 20 + 7.3 * max(map(len, labels)), WIDTH - 16, 42, 26
    bottom = top + step * len(labels)
    root = _svg(bottom + 54, title, text)
    place = left
    shown = [(name, label) for name, label in SHARES if data[name].any()]
    for name, label in shown:
        _rect(root, place, 8, 12, 12, name)
        _text(root, place + 18, 18.5, label, "tick", "start")
        place += 34 + 6.6 * len(label)
    for percent in range(0, 101, 20):
        at = left + (right - left) * percent / 100
        _line(root, at, top - 4, at, bottom, "grid")
        _text(root, at, bottom + 18, str(percent), "tick", "middle")
    for index, (label, row) in enumerate(zip(labels, data.to_dict("records"), strict=True)):
        middle = top + step * (index + 0.5)
        _text(root, left - 10, middle + 4, label, "name", "end")
        start = left
        for name, _ in shown:
            size = (right - left) * row[name] / total
            if size > 0:
                _rect(root, start + 0.5, middle - 9, max(size - 1, 0.5), 18, name)
            if size >= 20:
                _text(root, start + size / 2, middle + 4, str(row[name]), f"inside on-{name}", "middle")
            start += size
    _text(
        root, (left + right) / 2, bottom + 42, "Share of submissions, percent (numbers: submissions)", "label", "middle"
    )
    return _markup(root)


def _whole_ticks(largest: int) -> Sequence[int]:
    """About five whole numbers from 0 to at least `largest`, in steps of 1, 2 or 5 times a power of ten."""
    rough = max(largest, 1) / 5
    power = 10 ** max(0, math.floor(math.log10(rough)))
    step = next(size * power for size in (1, 2, 5, 10) if size * power >= rough)
    return range(0, step * math.ceil(max(largest, 1) / step) + 1, step)


def _short(text: str, size: int) -> str:
    return text if len(text) <= size else text[: size - 1] + "…"


def _svg(height: float, title: str, text: str) -> ET.Element:
    root = ET.Element("svg", {"viewBox": f"0 0 {WIDTH} {height:g}", "role": "img", "aria-label": f"{title}. {text}"})
    ET.SubElement(root, "title").text = title
    return root


def _rect(root: ET.Element, x: float, y: float, width: float, height: float, name: str) -> None:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "width": f"{width:.1f}", "height": f"{height:.1f}"}
    ET.SubElement(root, "rect", {**place, "class": name})


def _line(root: ET.Element, x1: float, y1: float, x2: float, y2: float, name: str) -> None:
    place = {"x1": f"{x1:.1f}", "y1": f"{y1:.1f}", "x2": f"{x2:.1f}", "y2": f"{y2:.1f}"}
    ET.SubElement(root, "line", {**place, "class": name})


def _text(root: ET.Element, x: float, y: float, text: str, name: str, anchor: str, *, turned: bool = False) -> None:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "class": name, "text-anchor": anchor}
    if turned:
        place["transform"] = f"rotate(-90 {x:.1f} {y:.1f})"
    ET.SubElement(root, "text", place).text = text


def _markup(root: ET.Element) -> Markup:
    return Markup(ET.tostring(root, encoding="unicode"))  # ElementTree has escaped every text in it
