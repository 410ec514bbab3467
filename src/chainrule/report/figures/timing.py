"""When students hand in, and which tests take long."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime

import numpy as np
import pandas as pd
from markupsafe import Markup

from chainrule.report.figures.canvas import WIDTH, Canvas, Figure, short, ticks
from chainrule.report.timing import duration

EARLIEST, LATEST = -14 * 24.0, 7 * 24.0
"""Hours from the due date that the curve shows at most; its data has all."""

STEPS = (1, 2, 3, 6, 12, 24, 48, 72, 168)
"""Distances of ticks, in hours."""

SLOWEST = 10


def hand_in(timestamps: pd.Series, due: datetime | None, enrolled: int) -> Figure:
    """The cumulative curve of the hand-ins, in hours from the due date. `timestamps` are in UTC, as `due` is."""
    name, title = "hand_in", "When students handed in"
    empty = pd.DataFrame({"hours_from_due": [], "students": [], "percent": []})
    times = pd.to_datetime(timestamps).dropna()
    if due is None or times.empty:
        reason = "There is no due date to compare with." if due is None else "Nobody has handed in yet."
        return Figure(name, title, reason, Markup(""), empty)
    # In microseconds, as in frames.
    hours = (times.astype("datetime64[us]") - pd.Timestamp(due).as_unit("us")).dt.total_seconds().to_numpy() / 3600
    at, counts = np.unique(hours, return_counts=True)
    total = np.cumsum(counts)
    everybody = max(enrolled, int(total[-1]))
    data = pd.DataFrame({"hours_from_due": at, "students": total, "percent": 100 * total / everybody})
    late, last = int((hours > 0).sum()), int(((hours > -24) & (hours <= 0)).sum())
    half = float(np.median(hours))
    text = (
        f"Cumulative curve: {total[-1]} of {everybody} students have handed in, {total[-1] - late} of them by the due "
        f"date ({last} in its last 24 hours) and {late} after it. The middle one came {duration(abs(half) * 3600)} "
        f"{'after' if half > 0 else 'before'} it. Only a student’s last hand-in counts."
    )
    return Figure(name, title, text, _curve(title, text, data), data)


def _curve(title: str, text: str, data: pd.DataFrame) -> Markup:
    left, right, top, bottom = 52, WIDTH - 24, 30, 228
    canvas = Canvas(278, title, text)
    hours, percent = data["hours_from_due"].to_numpy(), data["percent"].to_numpy()
    low, high = max(EARLIEST, min(float(hours[0]), -6.0)), min(LATEST, max(float(hours[-1]), 3.0))
    step = next((step for step in STEPS if (high - low) / step <= 10), STEPS[-1])
    low, high = step * math.floor(low / step), step * math.ceil(high / step)

    def x(hour: float) -> float:
        return left + (right - left) * (hour - low) / (high - low)

    def y(value: float) -> float:
        return bottom - (bottom - top) * value / 100

    for tick in range(0, 101, 20):
        canvas.line(left, y(tick), right, y(tick), "axis" if tick == 0 else "grid")
        canvas.text(left - 8, y(tick) + 4, str(tick), "tick", "end")
    days = step % 24 == 0
    for tick in range(low, high + 1, step):
        canvas.text(x(tick), bottom + 18, f"{tick // 24 if days else tick}".replace("-", "−"), "tick", "middle")
    for name in ("casing", "mark"):
        canvas.line(x(0), top - 20, x(0), bottom, name)
    canvas.text(x(0) - 6, top - 10, "due", "marked", "end")
    canvas.path(_steps(hours, percent, low, high, x, y), "curve")
    unit = "days" if days else "hours"
    canvas.text((left + right) / 2, bottom + 42, f"Time from the due date, {unit} (− before it)", "label", "middle")
    canvas.text(14, (top + bottom) / 2, "Students handed in, percent", "label", "middle", turned=True)
    return canvas.markup()


def _steps(
    hours: np.ndarray,
    percent: np.ndarray,
    low: float,
    high: float,
    x: Callable[[float], float],
    y: Callable[[float], float],
) -> str:
    """SVG commands of the step curve within [low, high]; steps closer than a third of a unit are drawn as one."""
    before = percent[hours < low]
    level = float(before[-1]) if len(before) else 0.0
    parts = [f"M{x(low):.1f} {y(level):.1f}"]
    inside = (hours >= low) & (hours <= high)
    places = np.round(3 * np.array([x(hour) for hour in hours[inside]])) / 3
    values = percent[inside]
    last = np.flatnonzero(np.append(np.diff(places) > 0, True)[: len(places)])
    parts += [f"H{places[i]:.1f}V{y(float(values[i])):.1f}" for i in last]
    return "".join([*parts, f"H{x(high):.1f}"])


def slowest_tests(tests: pd.DataFrame) -> Figure:
    """Bars of the median time of the slowest tests of `items.tests`, with a tick at the 95th percentile."""
    name, title = "slowest_tests", "The slowest hidden tests"
    columns = ["exercise", "test", "title", "seconds", "seconds_95"]
    data = tests.loc[tests["seconds"].notna(), columns].sort_values("seconds", ascending=False, kind="stable")
    data = data.head(SLOWEST).reset_index(drop=True)
    if data.empty:
        return Figure(name, title, "No test has been timed yet.", Markup(""), data)
    first = data.iloc[0]
    text = (
        f"Bars of the median time of the {len(data)} slowest tests. The slowest, of {first['exercise']} "
        f"({first['title'] or first['test']}), takes {first['seconds']:.3g} s; one run in twenty takes more than "
        f"{first['seconds_95']:.3g} s."
    )
    return Figure(name, title, text, _bars(title, text, data), data)


def _bars(title: str, text: str, data: pd.DataFrame) -> Markup:
    labels = [
        short(f"{row['exercise']} · {row['title'] or row['test']}", 46)
        for row in data.astype("object").to_dict("records")
    ]
    left, right, top, step = 20 + 6.4 * max(map(len, labels)), WIDTH - 40, 36, 26
    bottom = top + step * len(labels)
    canvas = Canvas(bottom + 54, title, text)
    marks = ticks(float(data["seconds_95"].max()))

    def x(seconds: float) -> float:
        return left + (right - left) * seconds / marks[-1]

    canvas.legend(left, [("bar", "median")])
    canvas.line(left + 90, 8, left + 90, 20, "limit")
    canvas.text(left + 98, 18.5, "95th percentile", "tick", "start")
    for tick in marks:
        canvas.line(x(tick), top - 4, x(tick), bottom, "grid")
        canvas.text(x(tick), bottom + 18, f"{tick:.3g}", "tick", "middle")
    for index, (label, row) in enumerate(zip(labels, data.to_dict("records"), strict=True)):
        middle = top + step * (index + 0.5)
        canvas.text(left - 10, middle + 4, label, "tick", "end")
        canvas.rect(left, middle - 7, max(x(row["seconds"]) - left, 0.5), 14, "bar")
        canvas.line(x(row["seconds_95"]), middle - 10, x(row["seconds_95"]), middle + 10, "limit")
    canvas.text((left + right) / 2, bottom + 42, "Time of one run of the test, seconds", "label", "middle")
    return canvas.markup()
