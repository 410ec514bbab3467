"""Answers that are formulas: equal as expressions, or of the same order of growth."""

from __future__ import annotations

import random
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from chainrule.check.expression import Builder
from chainrule.check.failure import Failed, passed, prefixed

POINTS = 20
DIGITS = 30
GROWTH = (10**3, 10**6, 10**9)


def symbolic(
    got: Any,
    want: Any,
    what: str = "",
    *,
    symbols: str = "",
    domain: Mapping[str, tuple[float, float]] | None = None,
) -> None:
    """Require that two expressions are equal.

    `got` is an expression of SymPy, a number, a text such as "2*x + 1", or a tree from `student.symbolic`; its symbols
    are matched by name with those of `want` and `symbols` (names, separated by blanks). Equal means: the same value to
    15 of 30 digits at 20 points drawn from `domain` (default 0.5..2 for each symbol), or that the difference simplifies
    to 0.
    Raises `Failed`.
    """
    try:
        with _time_limit(5.0, "Your expression takes too long to compare. Simplify it."):
            mine, target, names = _both(got, want, symbols)
            if not (_same_values(mine, target, names, domain or {}) or _same_form(mine, target)):
                raise Failed("Your expression is not equal to the right one.", f"{_shown(mine)}\nexpected: {target}")
    except Failed as failure:
        raise Failed(prefixed(what, failure.message), failure.detail) from None
    passed(what)


def theta(got: Any, want: Any, what: str = "", *, symbols: str = "") -> None:
    """Require that got = Θ(want) along each path: one variable alone → ∞, and for each pair a = b, a = b², b = a².

    The ratio at 10³, 10⁶, 10⁹ must settle at a finite positive value. `O(…)` around an expression is dropped.
    Raises `Failed`, naming the path.
    """
    try:
        with _time_limit(5.0, "Your expression takes too long to compare. Simplify it."):
            mine, target, names = _both(got, want, symbols)
            for path, values in _paths([symbol for symbol in names if symbol in target.free_symbols] or names):
                if not _settles(mine, target, values):
                    raise Failed(f"Your expression grows differently from the cost when {path}.", _shown(mine))
    except Failed as failure:
        raise Failed(prefixed(what, failure.message), failure.detail, relation="theta") from None
    passed(what)


def _both(got: Any, want: Any, symbols: str) -> tuple[Any, Any, list[Any]]:
    import sympy

    target = sympy.sympify(want)  # the grader's own
    known = {symbol.name: symbol for symbol in target.free_symbols}
    for name in symbols.split():
        known.setdefault(name, sympy.Symbol(name))
    names = [known[name] for name in sorted(known)]
    with _of_the_student():
        return Builder(names).build(got), target, names


def _same_values(mine: Any, target: Any, names: list[Any], domain: Mapping[str, tuple[float, float]]) -> bool:
    import sympy

    draw = random.Random(0)
    for _ in range(POINTS):
        point = {symbol: sympy.Float(draw.uniform(*domain.get(symbol.name, (0.5, 2.0))), DIGITS) for symbol in names}
        b = target.evalf(DIGITS, subs=point)
        with _of_the_student():
            a = mine.evalf(DIGITS, subs=point)
            if not (a.is_number and b.is_number) or a.has(sympy.nan, sympy.zoo) or b.has(sympy.nan, sympy.zoo):
                return False
            if not abs(a - b) <= sympy.Float("1e-15") * max(abs(b), 1):
                return False
    return True


def _same_form(mine: Any, target: Any) -> bool:
    import sympy

    # Only where values could not decide: poles or undefined points inside the domain.
    with _of_the_student():
        difference = mine - target
        if not difference.has(sympy.nan, sympy.zoo, sympy.oo) and difference.free_symbols:
            return bool(sympy.simplify(difference) == 0)
        return bool(difference == 0)


def _paths(names: list[Any]) -> Iterator[tuple[str, Any]]:
    """(description, function from the growing argument n to the values of all variables)."""
    for symbol in names:
        yield (
            f"{symbol} grows and the rest stays fixed",
            lambda n, grows=symbol: {other: n if other == grows else 7 for other in names},
        )
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            for text, powers in ((f"{a} = {b}", (1, 1)), (f"{a} = {b}²", (2, 1)), (f"{b} = {a}²", (1, 2))):
                yield (
                    f"{text} grow together",
                    lambda n, a=a, b=b, powers=powers: {
                        other: n ** powers[0] if other == a else n ** powers[1] if other == b else 7 for other in names
                    },
                )


def _settles(mine: Any, target: Any, values: Any) -> bool:
    ratios = []
    for n in GROWTH:
        point = values(n)
        bottom = target.subs(point).evalf(20)
        with _of_the_student():
            top = mine.subs(point).evalf(20)
            if not (top.is_number and top.is_finite and top.is_real) or bottom == 0:
                return False
            ratios.append(float(top / bottom))
    return all(ratio > 0 for ratio in ratios) and abs(ratios[2] / ratios[1] - 1) < 0.05


@contextmanager
def _of_the_student() -> Iterator[None]:
    """Whatever SymPy raises over a student's expression is the expression's fault, not ours."""
    try:
        yield
    except Failed:
        raise
    except Exception as error:
        raise Failed("Your expression cannot be evaluated.", f"{type(error).__name__}: {error}"[:500]) from None


def _shown(mine: Any) -> str:
    try:
        return f"yours: {mine}"[:2000]
    except (ValueError, RecursionError):  # Python prints no integer of more than 4300 digits
        return "yours is too long to be shown"


@contextmanager
def _time_limit(seconds: float, message: str) -> Iterator[None]:
    """Stop after `seconds` of processor time, which others on the machine do not use up, with `Failed(message)`.

    Only in the main thread, where signals arrive.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: Any) -> None:
        raise Failed(message)

    previous = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, previous)
