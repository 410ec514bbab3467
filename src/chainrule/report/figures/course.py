"""The course as a whole: scores from one assignment to the next, and how hard every exercise is."""

from __future__ import annotations

import numpy as np
import pandas as pd
from markupsafe import Markup

from chainrule.report.figures.canvas import WIDTH, Canvas, Figure, short

HEAT = (
    ("heat-0", "under 20 %"),
    ("heat-1", "20 to 40 %"),
    ("heat-2", "40 to 60 %"),
    ("heat-3", "60 to 80 %"),
    ("heat-4", "from 80 %"),
)
"""Classes of a difficulty: CSS class and label."""


def trend(scores: pd.DataFrame) -> Figure:
    """Means and quartiles. `scores` has assignment, scored (students) and, in percent, mean, sd, low, median, high."""
    name, title = "trend", "Scores from one assignment to the next"
    data = scores[["assignment", "scored", "mean", "sd", "low", "median", "high"]]
    shown = data[data["mean"].notna()]
    if shown.empty:
        return Figure(name, title, "Nobody has a score yet.", Markup(""), data)
    rows = "; ".join(
        f"{row['assignment']}: mean {row['mean']:.0f} %, middle half {row['low']:.0f} to {row['high']:.0f} %"
        for row in shown.to_dict("records")
    )
    text = f"Mean scores of {len(shown)} assignments with the range of the middle half of the students. {rows}."
    return Figure(name, title, text, _trend(title, text, data), data)


def _trend(title: str, text: str, data: pd.DataFrame) -> Markup:
    labels = _stems(data["assignment"].astype("str").tolist())
    left, right, top, bottom = 52, WIDTH - 12, 36, 228
    canvas = Canvas(278, title, text)
    step = (right - left) / len(labels)
    highest = max(100.0, float(np.nanmax(data[["mean", "high"]].to_numpy())))

    def y(value: float) -> float:
        return bottom - (bottom - top) * value / highest

    canvas.circle(left + 6, 14, 4, "dot")
    canvas.text(left + 18, 18.5, "mean", "tick", "start")
    canvas.rect(left + 66, 8, 12, 12, "spread")
    canvas.text(left + 84, 18.5, "middle half of the students", "tick", "start")
    canvas.line(left + 268, 14, left + 282, 14, "limit")
    canvas.text(left + 288, 18.5, "median", "tick", "start")
    for tick in range(0, 101, 20):
        canvas.line(left, y(tick), right, y(tick), "axis" if tick == 0 else "grid")
        canvas.text(left - 8, y(tick) + 4, str(tick), "tick", "end")
    half, points = min(14.0, 0.35 * step), []
    for index, (label, row) in enumerate(zip(labels, data.to_dict("records"), strict=True)):
        middle = left + step * (index + 0.5)
        canvas.text(middle, bottom + 18, label, "tick", "middle")
        if row["mean"] != row["mean"]:
            continue
        tip = f"{row['assignment']}: mean {row['mean']:.0f} %, {row['scored']} students"
        canvas.rect(middle - half, y(row["high"]), 2 * half, max(y(row["low"]) - y(row["high"]), 1.0), "spread", tip)
        canvas.line(middle - half, y(row["median"]), middle + half, y(row["median"]), "limit")
        points.append((middle, y(row["mean"])))
    canvas.path("M" + "L".join(f"{x:.1f} {height:.1f}" for x, height in points), "curve")
    for x, height in points:
        canvas.circle(x, height, 4, "dot")
    canvas.text((left + right) / 2, bottom + 42, "Assignment", "label", "middle")
    canvas.text(14, (top + bottom) / 2, "Score, percent of the points", "label", "middle", turned=True)
    return canvas.markup()


def _stems(names: list[str]) -> list[str]:
    """`a07` of `a07_backprop` where these are different; else names cut to what fits."""
    stems = [name.partition("_")[0] for name in names]
    fits = max(4, int((WIDTH - 64) / max(len(names), 1) / 6.8))
    return [short(stem, fits) for stem in (stems if len(set(stems)) == len(names) and len(names) > 4 else names)]


def difficulty_map(difficulties: pd.DataFrame) -> Figure:
    """A row of cells per assignment. `difficulties` has assignment, exercise and difficulty, in the course's order."""
    name, title = "difficulty_map", "How hard each exercise is"
    data = difficulties[["assignment", "exercise", "difficulty"]].reset_index(drop=True)
    data.insert(1, "place", data.groupby("assignment", sort=False).cumcount() + 1)
    known = data.dropna(subset="difficulty")
    if known.empty:
        return Figure(name, title, "No exercise has enough scores yet.", Markup(""), data)
    hardest = known.sort_values("difficulty", kind="stable").head(5)
    rows = "; ".join(
        f"{row['exercise']} in {row['assignment']} {100 * row['difficulty']:.0f} %"
        for row in hardest.to_dict("records")
    )
    text = (
        f"Cells of {len(data)} exercises of {data['assignment'].nunique()} assignments, by the mean fraction of the "
        f"points in percent: 100 is easy, 0 is hard. The hardest: {rows}."
    )
    return Figure(name, title, text, _cells(title, text, data), data)


def _cells(title: str, text: str, data: pd.DataFrame) -> Markup:
    names = data["assignment"].astype("str").drop_duplicates().tolist()
    labels = [short(name, 26) for name in names]
    left, right, top, step = 20 + 7.3 * max(map(len, labels)), WIDTH - 12, 46, 26
    bottom = top + step * len(names)
    width = min(48.0, (right - left) / int(data["place"].max()))
    canvas = Canvas(bottom + 40, title, text)
    canvas.legend(0.0, HEAT)
    for index, label in enumerate(labels):
        canvas.text(left - 10, top + step * (index + 0.5) + 4, label, "name", "end")
    rows = {name: index for index, name in enumerate(names)}
    for cell in data.to_dict("records"):
        x, y = left + width * (cell["place"] - 1), top + step * rows[str(cell["assignment"])]
        value = cell["difficulty"]
        known = value == value
        level = min(4, max(0, int(5 * value + 1e-9))) if known else None
        tip = f"{cell['exercise']}: " + (f"{100 * value:.0f} %" if known else "too few scores")
        canvas.rect(x + 1, y + 1, width - 2, step - 2, "unscored" if level is None else f"heat-{level}", tip)
        if width >= 23 or level is None:
            shown = "–" if level is None else f"{100 * value:.0f}"
            canvas.text(
                x + width / 2, y + 17, shown, f"inside on-{'unscored' if level is None else f'heat-{level}'}", "middle"
            )
    canvas.text(
        left,
        bottom + 22,
        "Exercises in the order of the notebook; numbers: mean fraction of the points, percent",
        "label",
        "start",
    )
    return canvas.markup()
