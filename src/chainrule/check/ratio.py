"""Finds the constant factor between a student's result and the expected one: most normalisation slips are one."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

_NAMED = (
    (0.5, "½ times", "A factor of 2 is missing."),
    (2.0, "2 times", "There is a factor of 2 too many."),
    (-1.0, "−1 times", "The sign is flipped."),
    (-2.0, "−2 times", "The sign is flipped and there is a factor of 2 too many."),
    (-0.5, "−½ times", "The sign is flipped and a factor of 2 is missing."),
    (math.log(2), "log 2 times", "Use the natural logarithm."),
    (1 / math.log(2), "1/log 2 times", "Use the natural logarithm."),
    (1 / math.log(10), "1/log 10 times", "Use the natural logarithm."),
)
SIMPLE = 20
"""A ratio that is a whole number up to here, or one over it, is said as that."""


def constant_ratio(got: np.ndarray, want: np.ndarray) -> float | None:
    """got / want where that is one number other than 1, else None. Both arrays have the same shape and are finite."""
    scale = np.max(np.abs(want), initial=0.0)
    used = np.abs(want) > 1e-9 * scale
    if not used.any() or np.any(np.abs(got[~used]) > 1e-6 * scale):
        return None
    ratios = got[used] / want[used]
    ratio = float(np.median(ratios))
    if ratio == 0 or not np.allclose(ratios, ratio, rtol=1e-6, atol=0) or math.isclose(ratio, 1, rel_tol=1e-6):
        return None
    if used.sum() >= 3 or _named(ratio, ()) is not None:
        return ratio
    return ratio if _is_simple(ratio) else None


def describe_ratio(ratio: float, sizes: Iterable[int] = ()) -> tuple[str, str]:
    """What differs ("½ times") and where to look. `sizes` are lengths of the inputs: a ratio N names a missing mean."""
    named = _named(ratio, sizes)
    if named is not None:
        return named
    for value in (ratio, 1 / ratio):
        if 2 < abs(value) < SIMPLE + 0.5 and math.isclose(value, round(value), rel_tol=1e-6):
            sign, over = "−" * (value < 0), "1/" * (value != ratio)
            return f"{sign}{over}{abs(round(value))} times", "Look for a constant factor."
    return f"{ratio:.4g} times", "Look for a constant factor."


def _named(ratio: float, sizes: Iterable[int]) -> tuple[str, str] | None:
    for value, name, look in _NAMED:
        if math.isclose(ratio, value, rel_tol=1e-6):
            return name, look
    for size in sorted(set(sizes)):
        if size <= 2:
            continue
        if math.isclose(ratio, size, rel_tol=1e-6):
            return f"{size} times", f"{size} is the length of an input: take a mean, not a sum."
        if math.isclose(ratio, 1 / size, rel_tol=1e-6):
            return f"1/{size} times", f"{size} is the length of an input: you divide by it once too often."
        if math.isclose(ratio, size / (size - 1), rel_tol=1e-6):
            return f"{size}/{size - 1} times", f"Divide by {size}, not by {size - 1}."
    return None


def _is_simple(ratio: float) -> bool:
    """Whether a single number's ratio is n or 1/n: not an accident at this precision."""
    return any(
        math.isclose(abs(value), round(abs(value)), rel_tol=1e-9) and 2 <= round(abs(value)) <= 10_000
        for value in (ratio, 1 / ratio)
    )
