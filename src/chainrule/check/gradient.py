"""Gradients against central differences, the oracle that needs no formula."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from chainrule.check.failure import Failed, passed, prefixed
from chainrule.check.ratio import constant_ratio, describe_ratio
from chainrule.check.values import array


def central_differences(f: Callable[[np.ndarray], Any], at: ArrayLike) -> np.ndarray:
    """∂f/∂x_i ≈ (f(x + h e_i) − f(x − h e_i)) / 2h with h = 1e-5·max(1, |x_i|), for a scalar f; shape of `at`.

    The error is O(h²) from truncation and O(ε/h) from rounding, about 1e-10 each for values near 1.
    """
    point = np.array(at, dtype=np.float64)
    result = np.empty_like(point)
    for index in np.ndindex(point.shape):
        step = 1e-5 * max(1.0, abs(float(point[index])))
        above, below = point.copy(), point.copy()
        above[index] += step
        below[index] -= step
        result[index] = (float(f(above)) - float(f(below))) / (2 * step)
    return result


def gradient(f: Callable[[np.ndarray], Any], got: Any, at: ArrayLike, what: str = "", *, tol: float = 1e-6) -> None:
    """Require that `got` is the gradient of f at `at`: |fd − g| ≤ tol·max(1, |fd|, |g|) in each component.

    Raises `Failed`; in a visible check its detail is the table of both.
    """
    oracle = central_differences(f, at)
    mine = array(got, oracle.shape)
    allowed = tol * np.maximum(1.0, np.maximum(np.abs(oracle), np.abs(mine)))
    right = np.abs(oracle - mine) <= allowed
    if right.all():
        passed(what)
        return
    rows = [f"{index!s:>10} {mine[index]:>16.8g} {oracle[index]:>20.8g}" for index in np.ndindex(oracle.shape)]
    detail = "\n".join([f"{'component':>10} {'yours':>16} {'central difference':>20}", *rows[:12]])
    ratio = constant_ratio(mine, oracle)
    if ratio is not None:
        times, look = describe_ratio(round(ratio, 6), oracle.shape)
        raise Failed(
            prefixed(what, f"Your gradient is {times} what it should be. {look}"), detail, ratio=round(ratio, 6)
        )
    wrong = ", ".join(str(index[0] if len(index) == 1 else tuple(index)) for index in np.argwhere(~right)[:2].tolist())
    raise Failed(prefixed(what, f"Your gradient differs from central differences in component {wrong}."), detail)
