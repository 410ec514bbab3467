"""bench/results.svg: four panels, readable without colour."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot as plt

from bench.results import CHAINRULE, COMPUTE, NBGRADER, OTTER, Results, Spread

ALT = (
    "Four panels. Seconds a submission of small notebooks, by grader. Time for notebooks that train, in multiples of "
    "their cells alone, by grader. For one large class, seconds and memory against the number of submissions graded. "
    "The tables below hold the numbers."
)
COLOURS = {CHAINRULE: "#0b6e4f", NBGRADER: "#b5651d", OTTER: "#4f5d75", COMPUTE: "#9aa5b1"}


def write(results: Results, folder: Path) -> Path:
    with plt.rc_context({"svg.hashsalt": "bench", "svg.fonttype": "none", "font.size": 9, "font.family": "sans-serif"}):
        figure, panels = plt.subplots(2, 2, figsize=(9, 5.6), layout="constrained")
        (small, training), (seconds, memory) = panels
        _bars(small, {n: results.small.per_submission(n) for n in results.small.seconds}, "s")
        small.set(title=f"Small notebooks, a class of {results.small.size}", xlabel="seconds a submission (log scale)")
        _bars(training, {n: results.training.ratio(n, COMPUTE) for n in results.training.seconds}, "×")
        training.set(title=f"Notebooks that train, {results.training.size}", xlabel="times the cells alone (log scale)")
        _lines(results, seconds, memory)
        path = folder / "results.svg"
        figure.savefig(path, metadata={"Date": None, "Creator": "bench"})
        plt.close(figure)
    _describe(path)
    return path


def _bars(panel: Any, spreads: dict[str, Spread], unit: str) -> None:
    names = list(spreads)[::-1]
    for row, name in enumerate(names):
        spread = spreads[name]
        error = [[spread.median - spread.low], [spread.high - spread.median]]
        panel.barh(row, spread.median, xerr=error, color=COLOURS[name], capsize=3, ecolor="black")
        panel.annotate(
            f"{spread.median:.3g} {unit}",
            (spread.high, row),
            xytext=(6, 0),
            textcoords="offset points",
            verticalalignment="center",
        )
    panel.set_xscale("log")
    low, high = min(s.low for s in spreads.values()), max(s.high for s in spreads.values())
    panel.set_xlim(low / 2, high * 4)
    panel.set_yticks(range(len(names)), names)
    panel.spines[["top", "right"]].set_visible(False)


def _lines(results: Results, seconds: Any, memory: Any) -> None:
    growth = results.growth
    counts = range(1, len(growth.finished) + 1)
    seconds.plot(counts, growth.finished, color=COLOURS[CHAINRULE])
    seconds.set(title="chainrule, one large class: time", xlabel="submissions graded", ylabel="seconds")
    memory.plot(growth.done, growth.memory, color=COLOURS[CHAINRULE], label="all processes that stay")
    memory.plot(growth.done, growth.coordinator, color=COLOURS[NBGRADER], linestyle="--", label="coordinator")
    memory.set(title="chainrule, one large class: memory", xlabel="submissions graded", ylabel="resident MB")
    memory.legend(frameon=False)
    for panel in (seconds, memory):
        panel.set_xlim(left=0)
        panel.set_ylim(bottom=0)
        panel.spines[["top", "right"]].set_visible(False)


def _describe(path: Path) -> None:
    """A title and a description for who does not see it; matplotlib writes none that browsers read out."""
    text = path.read_text(encoding="utf-8")
    inside = f"<title>What grading costs</title><desc>{escape(ALT)}</desc>"
    text = re.sub(r"<svg ([^>]*)>", rf'<svg role="img" \1>{inside}', text, count=1)
    path.write_text("\n".join(line.rstrip() for line in text.splitlines()) + "\n", encoding="utf-8")
