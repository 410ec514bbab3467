"""Builds a SymPy expression from data: a tree or a text from a student, without evaluating any of it as code.

A tree is what `worker.serve` makes of an expression: nested lists `[function name, *arguments]`, symbols by name.
"""

from __future__ import annotations

import ast
import math
import string
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from chainrule.check.failure import Failed

MAX_NODES = 5000
MAX_TEXT = 2000
MAX_EXPONENT = 10_000
MAX_DIGITS = 20_000
"""Of a number on the way to the result. Larger ones can take hours in one operation, which no time limit interrupts."""
MAX_DEGREE = 8
UNEVALUATED = {"Derivative", "Integral", "Limit", "Subs"}
FUNCTIONS = frozenset(
    """
    exp log sqrt sin cos tan cot asin acos atan atan2 sinh cosh tanh asinh acosh atanh
    Abs sign Max Min Heaviside erf floor ceiling binomial
    """.split()
)
SYMBOLS = frozenset(
    [
        *string.ascii_letters,
        *"alpha beta gamma delta epsilon eta theta kappa mu nu xi rho sigma tau phi psi omega lamda lambda".split(),
    ]
)
"""Names that a message may repeat of what is no known symbol. Any other name is a text that a process chose."""
KNOWN_FUNCTIONS = frozenset("Piecewise Product Matrix MatMul Tuple list Mod gamma factorial re im conjugate".split())
CONSTANTS = {"Pi": "pi", "Exp1": "E", "ImaginaryUnit": "I", "Infinity": "oo", "NegativeInfinity": "-oo"}
ENORMOUS = "Your expression holds an enormous number, or one with an enormous exponent."
_ALIASES = {"ln": "log", "abs": "Abs", "max": "Max", "min": "Min", "arctan": "atan"}


class Builder:
    """Expressions over the given symbols only; anything else raises `Failed` with what to do."""

    def __init__(self, symbols: Iterable[Any]) -> None:
        import sympy

        self.sympy = sympy
        self.symbols = {symbol.name: symbol for symbol in symbols}
        self.nodes = 0

    def build(self, value: Any) -> Any:
        """The expression of a tree, a text or a number, or one of SymPy itself, its symbols matched by name."""
        if value is None or value is Ellipsis:
            raise Failed("There is no expression yet: the name still holds nothing.")
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, self.sympy.Basic):
            return self._live(value)
        return self._tree(value)

    def _live(self, value: Any) -> Any:
        """An expression of this process, as in a notebook's visible check."""
        if value.has(self.sympy.Derivative, self.sympy.Integral, self.sympy.Limit):
            raise Failed("Enter the result, not the instruction.")
        if isinstance(value, self.sympy.Equality):
            value = value.rhs
        value = value.replace(self.sympy.Order, lambda inner, *_: inner)
        return value.xreplace({symbol: self._symbol(symbol.name) for symbol in value.free_symbols})

    def _count(self) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise Failed("Your expression is far too long. Simplify it.")

    # -- trees --------------------------------------------------------------------------------------------------------

    def _tree(self, node: Any) -> Any:
        self._count()
        if isinstance(node, bool) or node is None:
            raise Failed("Expected an expression, got a truth value or nothing.")
        if isinstance(node, int):
            return self.sympy.Integer(node)
        if isinstance(node, float):
            return self.sympy.Rational(str(node)) if math.isfinite(node) else self.sympy.nan
        if isinstance(node, str):
            return self._text(node)
        if not isinstance(node, list) or not node or not isinstance(node[0], str):
            raise Failed("Expected an expression of SymPy, a number or a text.")
        name, *args = node
        return self._node(name, args)

    def _node(self, name: str, args: list[Any]) -> Any:
        if name == "Symbol":
            return self._symbol(args[0])
        if name == "Rational":
            if max(len(args[0]), len(args[1])) > 400:
                raise Failed("Your expression holds a number with hundreds of digits.")
            return self.sympy.Rational(int(args[0]), int(args[1]))
        if name == "Float":
            return self._float(args[0])
        if name in CONSTANTS:
            return self.sympy.sympify(CONSTANTS[name])  # a text of ours, not the student's
        if name == "Equality" and len(args) == 2:
            return self._tree(args[1])
        if name in ("list", "Tuple") and len(args) == 1:
            return self._tree(args[0])
        if name == "Order":
            return self._tree(args[0])
        if name in UNEVALUATED:
            raise Failed("Enter the result, not the instruction.")
        if name == "Sum":
            return self._sum(args)
        return self._apply(name, [self._tree(arg) for arg in args])

    def _float(self, text: str) -> Any:
        number = Decimal(text[:400])  # SymPy would work out the power of ten, of any size
        if number.is_finite() and abs(number.adjusted()) > MAX_DIGITS:
            raise Failed(ENORMOUS)
        return self.sympy.Float(text[:400])

    def _sum(self, args: list[Any]) -> Any:
        """The closed form of a sum of polynomials in its index; other sums might take for ever."""
        match args:
            case [body, ["Tuple", ["Symbol", str(name)], low, high]] if name not in self.symbols:
                bounds, index = (self._tree(low), self._tree(high)), self.sympy.Dummy(integer=True)
                self.symbols[name] = index
                try:
                    summand = self._tree(body)
                finally:
                    del self.symbols[name]
                if summand.is_polynomial(index) and self.sympy.degree(summand, index) <= MAX_DEGREE:
                    return self.sympy.summation(summand, (index, *bounds))
        raise Failed("Your sum cannot be worked out. Enter a closed expression.")

    def _symbol(self, name: str) -> Any:
        if name not in self.symbols:
            known = ", ".join(sorted(self.symbols)) or "none"
            said = f"the symbol {name}, which" if name in SYMBOLS else "a symbol that"
            detail = f"the symbol: {str(name)[:30]}"
            raise Failed(f"Your expression contains {said} is not one of: {known}.", detail)
        return self.symbols[name]

    def _apply(self, name: str, args: list[Any]) -> Any:
        if name == "Add":
            return self._bounded(self.sympy.Add(*args))
        if name == "Mul":
            return self._bounded(self.sympy.Mul(*args))
        if name == "Pow" and len(args) == 2:
            return self._power(*args)
        if name == "binomial" and any(arg.is_number and not abs(arg.evalf(10)) <= MAX_EXPONENT for arg in args):
            raise Failed(ENORMOUS)
        if name in FUNCTIONS:
            return self._bounded(getattr(self.sympy, name)(*args))
        said = name if name in KNOWN_FUNCTIONS or name in SYMBOLS else "a function"
        message = f"Your expression uses {said}, which has no place here. Enter a closed expression."
        raise Failed(message, f"the function: {name[:30]}")

    def _power(self, base: Any, exponent: Any) -> Any:
        if base.is_number and exponent.is_number:
            power = abs(exponent.evalf(10))
            if not power <= MAX_EXPONENT or not (base.is_zero or power * _digits(base) <= MAX_DIGITS):
                raise Failed(ENORMOUS)
        return self._bounded(self.sympy.Pow(base, exponent))

    def _bounded(self, value: Any) -> Any:
        if value.is_number and value.is_finite and not value.is_zero and not _digits(value) <= MAX_DIGITS:
            raise Failed(ENORMOUS)
        return value

    # -- texts --------------------------------------------------------------------------------------------------------

    def _text(self, text: str) -> Any:
        if len(text) > MAX_TEXT:
            raise Failed("Your expression is far too long. Simplify it.")
        try:
            parsed = ast.parse(text.replace("^", "**").strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise Failed("Your text is not a formula in Python's notation, such as 2*x**2 + 1.") from None
        return self._syntax(parsed)

    def _syntax(self, node: ast.expr) -> Any:
        self._count()
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return self._tree(number)
            case ast.Name(id=name):
                constant = {"pi": "pi", "E": "E", "e": "E"}.get(name)
                return getattr(self.sympy, constant) if constant and name not in self.symbols else self._symbol(name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self._syntax(operand)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self._syntax(operand)
            case ast.BinOp(left=left, op=operation, right=right):
                return self._binary(self._syntax(left), operation, self._syntax(right))
            case ast.Call(func=func, args=args, keywords=[]) if isinstance(func, ast.Name | ast.Attribute):
                name = func.id if isinstance(func, ast.Name) else func.attr
                if name in ("O", "Theta", "Order") and args:
                    return self._syntax(args[0])
                if name in UNEVALUATED:
                    raise Failed("Enter the result, not the instruction.")
                return self._apply(_ALIASES.get(name, name), [self._syntax(arg) for arg in args])
        raise Failed("Your text is not a plain formula: use numbers, the given symbols, + - * / ** and functions.")

    def _binary(self, left: Any, operation: ast.operator, right: Any) -> Any:
        match operation:
            case ast.Add():
                return self._bounded(left + right)
            case ast.Sub():
                return self._bounded(left - right)
            case ast.Mult():
                return self._bounded(left * right)
            case ast.Div():
                return self._bounded(left / right)
            case ast.Pow():
                return self._power(left, right)
        raise Failed("Your formula uses an operation that has no place here.")


def _digits(number: Any) -> Any:
    """Decimal digits before the point, or zeros after it, of a number that is not 0."""
    import sympy

    return abs(sympy.log(abs(number.evalf(10)), 10).evalf(10))
