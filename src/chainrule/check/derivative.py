"""Formulas of derivatives against the definition: the visible check of a derivation on paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chainrule.check.expression import Builder
from chainrule.check.failure import Failed, passed, prefixed

DIGITS = 30
STEP = "1e-10"


def derivative(got: Any, of: Any, wrt: Any, at: Mapping[str, float], what: str = "", *, tol: float = 1e-8) -> None:
    """Require that the formula `got` has the value of ∂of/∂wrt at one point, by a central difference quotient.

    got  expression of SymPy, number or text; its symbols are matched by name
    of   expression of SymPy: what was differentiated
    wrt  its symbol, or the name of it
    at   name of each symbol -> value

    The quotient has step 1e-10 and is taken with 30 digits, so it is right to about 1e-19. Agreement at one point is
    no proof: graders use `symbolic`. Raises `Failed` with both numbers.
    """
    import sympy

    target = sympy.sympify(of)
    known = {symbol.name: symbol for symbol in target.free_symbols}
    for name in at:
        known.setdefault(name, sympy.Symbol(name))
    try:
        formula = Builder([known[name] for name in sorted(known)]).build(got)
    except Failed as failure:
        raise Failed(prefixed(what, failure.message), failure.detail) from None
    point = {known[name]: sympy.Float(str(value), DIGITS) for name, value in at.items()}
    symbol, step = known[getattr(wrt, "name", str(wrt))], sympy.Float(STEP, DIGITS)
    above, below = ({**point, symbol: point[symbol] + sign * step} for sign in (1, -1))
    quotient = float((target.evalf(DIGITS, subs=above) - target.evalf(DIGITS, subs=below)) / (2 * step))
    try:
        value = formula.evalf(DIGITS, subs=point)
    except ZeroDivisionError:  # a pole
        value = sympy.nan
    where = ", ".join(f"{name} = {number:g}" for name, number in at.items())
    if not (value.is_number and value.is_real and value.is_finite):
        raise Failed(prefixed(what, f"Your formula has no finite real value at {where}."), f"yours: {value}")
    mine = float(value)
    if abs(mine - quotient) > tol * max(1.0, abs(quotient)):
        detail = f"at {where}\nyours:               {mine:.8g}\ndifference quotient: {quotient:.8g}"
        raise Failed(prefixed(what, "Your formula differs from the difference quotient."), detail)
    passed(f"{what}: {mine:.6g} at {where}" if what else "")
