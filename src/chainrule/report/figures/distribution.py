"""The histogram of scores."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from markupsafe import Markup

from chainrule.report.figures.canvas import WIDTH, Canvas, Figure, whole_ticks


def score_distribution(
    percent: pd.Series, name: str = "score_distribution", title: str = "Score distribution"
) -> Figure:
    """Histogram of scores in steps of 10 %. Scores above 100 % (extra credit) get bars of their own."""
    values = percent.dropna().to_numpy(dtype="float64")
    top = max(100, 10 * math.ceil(values.max() / 10 - 1e-9)) if len(values) else 100
    edges = np.arange(0, top + 1, 10)
    counts = np.histogram(values, edges)[0]
    data = pd.DataFrame({"percent_from": edges[:-1], "percent_to": edges[1:], "students": counts})
    if not len(values):
        return Figure(name, title, "Nobody has a score yet.", Markup(""), data)
    median = float(np.median(values))
    filled = "; ".join(
        f"{low} to {high} %: {count}" for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True) if count
    )
    text = f"Histogram of {len(values)} scores in percent of the points. Median {median:.0f} %. Students: {filled}."
    return Figure(name, title, text, _histogram(title, text, edges, counts, median), data)


def _histogram(title: str, text: str, edges: np.ndarray, counts: np.ndarray, median: float) -> Markup:
    left, right, top, bottom, height = 52, WIDTH - 12, 46, 228, 278
    canvas = Canvas(height, title, text)
    marks = whole_ticks(int(counts.max()))

    def x(percent: float) -> float:
        return left + (right - left) * percent / float(edges[-1])

    def y(count: float) -> float:
        return bottom - (bottom - top) * count / marks[-1]

    for tick in marks:
        canvas.line(left, y(tick), right, y(tick), "axis" if tick == 0 else "grid")
        canvas.text(left - 8, y(tick) + 4, str(tick), "tick", "end")
    for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True):
        canvas.rect(x(low) + 1.5, y(count), x(high) - x(low) - 3, bottom - y(count), "bar")
    for name in ("casing", "mark"):
        canvas.line(x(median), top - 34, x(median), bottom, name)
    for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True):
        if count:
            canvas.text((x(low) + x(high)) / 2, y(count) - 5, str(count), "value", "middle")
    for edge in edges:
        canvas.text(x(edge), bottom + 18, str(edge), "tick", "middle")
    anchor, gap = ("end", -6) if median > 0.75 * float(edges[-1]) else ("start", 6)
    canvas.text(x(median) + gap, top - 24, f"median {median:.0f} %", "marked", anchor)
    canvas.text((left + right) / 2, bottom + 42, "Score, percent of the points", "label", "middle")
    canvas.text(14, (top + bottom) / 2, "Number of students", "label", "middle", turned=True)
    return canvas.markup()
