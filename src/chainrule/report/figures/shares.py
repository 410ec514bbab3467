"""Stacked bars: what became of the submissions of an exercise, and of the students of an assignment."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from markupsafe import Markup

from chainrule.report.figures.canvas import WIDTH, Canvas, Figure, short

SHARES = (
    ("full", "all points"),
    ("partial", "some points"),
    ("none", "no points"),
    ("unscored", "not graded yet"),
)
"""Parts of a bar of `exercise_shares`: column (also the CSS class) and label."""

COMPLETION = (
    ("complete", "graded completely"),
    ("waiting", "partly graded"),
    ("ungraded", "handed in, not graded"),
    ("missing", "nothing handed in"),
)
"""Parts of a bar of `completion`."""


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
    text = f"Bars of {submissions} submissions per exercise. {_rows(data, 'exercise', SHARES)}."
    axis = "Share of submissions, percent (numbers: submissions)"
    svg = _stacked(title, text, data.set_index("exercise"), SHARES, axis)
    return Figure("exercise_shares", title, text, svg, data)


def completion(states: pd.DataFrame) -> Figure:
    """One bar per assignment. `states` has assignment and, as numbers of students, the columns of COMPLETION."""
    data = states[["assignment", *(name for name, _ in COMPLETION)]]
    title = "How far each assignment is"
    if data.empty or not data.iloc[:, 1:].to_numpy().any():
        return Figure("completion", title, "There are no students or no assignments yet.", Markup(""), data)
    text = f"Bars of students per assignment. {_rows(data, 'assignment', COMPLETION)}."
    axis = "Share of the students in the gradebook, percent (numbers: students)"
    svg = _stacked(title, text, data.set_index("assignment"), COMPLETION, axis)
    return Figure("completion", title, text, svg, data)


def _rows(data: pd.DataFrame, key: str, parts: Sequence[tuple[str, str]]) -> str:
    return "; ".join(
        f"{row[key]}: " + ", ".join(f"{row[name]} {label}" for name, label in parts if row[name])
        for row in data.to_dict("records")
    )


def _stacked(title: str, text: str, data: pd.DataFrame, parts: Sequence[tuple[str, str]], axis: str) -> Markup:
    """Each row of whole numbers is one bar whose whole length is the sum of the row."""
    labels = [short(str(name), 30) for name in data.index]
    left, right, top, step = 20 + 7.3 * max(map(len, labels)), WIDTH - 16, 42, 26
    bottom = top + step * len(labels)
    canvas = Canvas(bottom + 54, title, text)
    shown = [(name, label) for name, label in parts if data[name].any()]
    legend = sum(34 + 6.6 * len(label) for _, label in shown)
    canvas.legend(max(0.0, min(left, right - legend)), shown)
    for percent in range(0, 101, 20):
        at = left + (right - left) * percent / 100
        canvas.line(at, top - 4, at, bottom, "grid")
        canvas.text(at, bottom + 18, str(percent), "tick", "middle")
    for index, (label, row) in enumerate(zip(labels, data.to_dict("records"), strict=True)):
        middle = top + step * (index + 0.5)
        canvas.text(left - 10, middle + 4, label, "name", "end")
        start, total = left, max(sum(row[name] for name, _ in parts), 1)
        for name, _ in shown:
            size = (right - left) * row[name] / total
            if size > 0:
                canvas.rect(start + 0.5, middle - 9, max(size - 1, 0.5), 18, name)
            if size >= 20:
                canvas.text(start + size / 2, middle + 4, str(row[name]), f"inside on-{name}", "middle")
            start += size
    canvas.text((left + right) / 2, bottom + 42, axis, "label", "middle")
    return canvas.markup()
