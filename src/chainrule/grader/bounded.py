"""Numbers in a message for the student: those that are ours, and so few others that they carry no hidden input.

A student's process has seen the hidden inputs when it answers, and most numbers of a message are of its choice: a
shape, a count, a ratio, how often it called a function. Hence the rule, whoever wrote the message: a number stays if
the grader or the check wrote it; of all others two whole numbers up to `SMALL` (or lengths of what was sent), or one
decimal number in two digits: fewer than 3000 messages for one text.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection
from functools import cache
from pathlib import Path

SMALL = 20
"""Whole numbers up to here may be said, negative ones, too. Larger ones are "more than 20"."""

MOST = 8
"""Most numbers of one message, ours among them: also which of ours are said, in which order, could be a choice."""

FREE = 2
"""Most places in one message for numbers that are not ours."""

LEFT_OUT = "…"
_BUDGET = 2
_NUMBER = re.compile(r"(?<!\w)[-−+]?(?:[0-9]+(?:_[0-9]+)*\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")


def bounded(message: str, ours: Collection[float] = (), lengths: Collection[int] = ()) -> str:
    """The message with at most so many numbers as the rule allows; …, or "more than 20", stands for the others.

    ours     numbers that the grader or the check wrote into the message
    lengths  lengths of the arrays that were sent; with them, those one more or less
    """
    near = {n + step for n in lengths for step in (-1, 0, 1)}
    said: dict[float, str] = {}
    left, count, free = _BUDGET, 0, 0

    def say(found: re.Match[str]) -> str:
        nonlocal left, count, free
        text, count = found[0], count + 1
        # A full stop that ends a sentence is no part of the number.
        text, end = (text[:-1], ".") if text.endswith(".") else (text, "")
        value = float(text.replace("−", "-"))
        free += value not in ours
        if count > MOST or free > FREE:
            return LEFT_OUT + end
        if value not in said:
            said[value], cost = _said(text, value, value in ours, value in near, left)
            left -= cost
        return said[value] + end

    return _NUMBER.sub(say, message)


def _said(text: str, value: float, is_ours: bool, is_length: bool, left: int) -> tuple[str, int]:
    """How a number is said, and what that costs of the budget."""
    if is_ours:
        return text, 0
    if abs(value) < 1e15 and value == int(value):
        if abs(value) <= SMALL or is_length:
            return (text, 1) if left else (LEFT_OUT, 0)
        return (f"more than {SMALL}" if value > 0 else LEFT_OUT), 0
    if 0.01 <= abs(value) < 100 and left == _BUDGET:
        short = f"{value:.2g}"
        return (short if float(short) == value else f"about {short}"), 2
    return (f"more than {SMALL}" if value > SMALL else LEFT_OUT), 0


def numbers(text: str) -> frozenset[float]:
    """All numbers that stand in a text."""
    return frozenset(float(found.rstrip(".").replace("−", "-")) for found in _NUMBER.findall(text))


@cache
def written(path: Path) -> frozenset[float]:
    """The numbers in the texts of a grader file, those between the holes of an f-string among them."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return frozenset()
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return frozenset().union(*map(numbers, texts))
