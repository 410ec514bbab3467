"""Checks of numbers and arrays."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from chainrule.check.failure import Failed, passed, prefixed
from chainrule.check.ratio import constant_ratio, describe_ratio

MOST_AXES = 3
"""A shape with more axes, and more than expected, is said without lengths: they could be the digits of an input."""
RETURNED_NONE = "Your function returned None – is a `return` missing?"


def _converted(got: Any, what: str) -> np.ndarray:
    """Whatever holds numbers, as an array. A student's object that is not data becomes a failed check."""
    if got is None:
        raise Failed(prefixed(what, RETURNED_NONE))
    if _is_tensor(got):
        got = got.detach().cpu().numpy()
    if isinstance(got, (list, tuple)):
        got = [part.detach().cpu().numpy() if _is_tensor(part) else part for part in got]
    if not isinstance(got, (bool, int, float, complex, list, tuple, np.ndarray, np.generic)):
        raise Failed(prefixed(what, f"Expected numbers, got {_kind(got)}."))
    try:
        result = np.asarray(got)
    except (ValueError, TypeError):
        raise Failed(prefixed(what, "The parts of your result have different shapes; expected one array.")) from None
    if result.dtype.kind not in "biufc":
        raise Failed(prefixed(what, f"Expected numbers, got {_kind(got)} holding something else."))
    return result


def _is_tensor(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _kind(value: Any) -> str:
    described = getattr(value, "student_object", None)  # one that stays in the student's process
    return str(described) if described else f"a {type(value).__name__}"


def _axes(got: np.ndarray, wanted: int) -> str:
    """The shape of a result, without its lengths if it has more axes than can be a slip."""
    few = got.ndim <= max(wanted, MOST_AXES)
    return str(got.shape) if few else f"({', '.join('…' * min(got.ndim, 2 * MOST_AXES))})"


def _finite(got: np.ndarray, what: str) -> None:
    if not np.all(np.isfinite(got)):
        raise Failed(prefixed(what, "Your result contains NaN/inf for finite input."), f"yours: {_shown(got)}")


def _shown(values: np.ndarray) -> str:
    return np.array2string(values, precision=6, threshold=12, edgeitems=3, separator=", ")


def array(got: Any, shape: tuple[int | None, ...] | None = None, what: str = "", *, finite: bool = True) -> np.ndarray:
    """`got` as an array of floats (or complex numbers) of the given shape; None in the shape stands for any size.

    Accepts lists, tuples and tensors. Raises `Failed` on None, other objects, another shape, and (if `finite`) NaN or
    inf.
    """
    result = _converted(got, what)
    if shape is not None and not (
        result.ndim == len(shape) and all(n is None or n == m for n, m in zip(shape, result.shape, strict=True))
    ):
        wanted = str(tuple("any" if n is None else n for n in shape)).replace("'", "")
        ours = [n for n in shape if n is not None]
        message = f"Expected shape {wanted}, got {_axes(result, len(shape))}."
        raise Failed(prefixed(what, message), ours=ours)
    if result.dtype.kind != "c":
        result = result.astype(np.float64)
    if finite:
        _finite(result, what)
    passed(what)
    return result


def scalar(got: Any, what: str = "", *, finite: bool = True) -> float:
    """`got` as a float: a number, a 0-d array or tensor, or an array of shape (1,). Raises `Failed` otherwise."""
    result = _converted(got, what)
    if result.shape not in ((), (1,)):
        raise Failed(prefixed(what, f"Expected one number, got an array of shape {_axes(result, 0)}."))
    if result.dtype.kind == "c":
        raise Failed(prefixed(what, "Expected a real number, got a complex one."))
    if finite:
        _finite(result, what)
    passed(what)
    return float(result.reshape(()))


def parts(got: Any, n: int, what: str = "") -> tuple[Any, ...]:
    """`got` as a tuple of `n` parts. Raises `Failed` if it is not a tuple or list of that length."""
    if got is None:
        raise Failed(prefixed(what, RETURNED_NONE))
    if isinstance(got, np.ndarray) and got.ndim >= 1:
        got = list(got)
    if not isinstance(got, (tuple, list)):
        raise Failed(prefixed(what, f"Expected {n} results, got one: {_kind(got)}."), ours=[n])
    if len(got) != n:
        raise Failed(prefixed(what, f"Expected {n} results, got {len(got)}."), ours=[n])
    passed(what)
    return tuple(got)


def close(got: Any, want: ArrayLike, what: str = "", *, rtol: float = 1e-7, atol: float = 1e-9) -> None:
    """Require `|got − want| ≤ atol + rtol·|want|`, with the same shape; inf equals inf, NaN equals NaN.

    A scalar may also have shape (1,). Raises `Failed`, which names a constant ratio where there is one.
    """
    expected = _converted(want, "expected")
    result = _converted(got, what)
    if expected.shape == () and result.shape == (1,):
        result = result.reshape(())
    if result.shape != expected.shape:
        message = f"Expected shape {expected.shape}, got {_axes(result, expected.ndim)}."
        raise Failed(prefixed(what, message), ours=expected.shape)
    finite = np.isfinite(expected)
    if finite.all():
        _finite(result, what)
    with np.errstate(invalid="ignore"):
        near = np.abs(result - expected) <= atol + rtol * np.abs(expected)
    right = np.where(finite, near, (result == expected) | (np.isnan(result) & np.isnan(expected)))
    if not right.all():
        raise _difference(result, expected, right, what)
    passed(what)


def _difference(got: np.ndarray, want: np.ndarray, right: np.ndarray, what: str) -> Failed:
    detail = f"yours:    {_shown(got)}\nexpected: {_shown(want)}"
    if np.isfinite(got).all() and np.isfinite(want).all() and got.dtype.kind != "c" and want.dtype.kind != "c":
        ratio = constant_ratio(got.astype(float), want.astype(float))
        if ratio is not None:
            times, look = describe_ratio(ratio, want.shape)
            return Failed(prefixed(what, f"Your result is {times} what it should be. {look}"), detail, ratio=ratio)
    if got.shape == ():
        return Failed(prefixed(what, "Your number differs from the expected one."), detail)
    wrong = int((~right).sum())
    return Failed(prefixed(what, f"{wrong} of {right.size} entries of your result differ."), detail, ours=[right.size])
