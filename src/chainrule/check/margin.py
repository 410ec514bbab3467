"""Thresholds, and by how much they were met: a trained result must pass with room to spare."""

from __future__ import annotations

from typing import Any

from chainrule.check.failure import Failed, passed, prefixed
from chainrule.check.values import scalar

_met: list[tuple[str, float, float]] = []
KEPT = 64


def at_least(got: Any, least: float, what: str) -> None:
    """Require got ≥ least. `what` names the number: "test accuracy". Raises `Failed`, saying the number."""
    _threshold(got, least, what, 1.0)


def at_most(got: Any, most: float, what: str) -> None:
    """Require got ≤ most. `what` names the number: "training loss". Raises `Failed`, saying the number."""
    _threshold(got, most, what, -1.0)


def _threshold(got: Any, bound: float, what: str, sign: float) -> None:
    number = scalar(got)
    word, relation = ("at least", "≥") if sign > 0 else ("at most", "≤")
    if sign * (number - bound) < 0:
        message = prefixed(what, f"yours is {number:.4g}, and {word} {bound:g} is needed.")
        raise Failed(message, ours=[float(f"{bound:g}")])
    _met.append((what, number, bound))
    del _met[:-KEPT]
    passed(f"{what}: {number:.4g} {relation} {bound:g}")


def taken() -> list[tuple[str, float, float]]:
    """What was met since the last call, as (what, number, bound); the grader keeps it with the outcome."""
    met = _met.copy()
    _met.clear()
    return met
