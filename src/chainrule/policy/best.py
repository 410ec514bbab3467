"""Which assignments to drop, and where to spend late days, so that the total is the highest there is.

A group's value is Σ n_i / Σ w_i over the assignments that are kept. Dropping the lowest one after the other is not
optimal if the weights differ (D. M. Kane, J. M. Kane, Dropping lowest grades, Mathematics Magazine 79, 2006), and a
late day gains more in one place than in another. So both are chosen together. Dinkelbach's method turns the quotient
into sums: for a price q the best choice maximises Σ (n_i − q w_i), a knapsack solved by dynamic programming; its
quotient is the next q, until q stays. In whole numbers, hence exact. A group's gain from d late days is known for each
d, so the groups are put together by one more such sum.

Because it is a maximum over the same choices, no total falls when points rise or when a deadline moves back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from chainrule.policy.model import added

ZERO = Fraction(0)


@dataclass(frozen=True)
class Item:
    """An assignment: its weight w, and n with 0, 1, 2 … late days spent on it, rising."""

    weight: Fraction
    worth: tuple[Fraction, ...]


@dataclass(frozen=True)
class Choice:
    """The value of a group, the late days spent on each item, which are kept, and the sum of the kept weights."""

    value: Fraction
    spent: tuple[int, ...]
    kept: tuple[bool, ...]
    weight: Fraction

    @property
    def days(self) -> int:
        return sum(self.spent)


def choices(items: Sequence[Item], drop: int, budget: int) -> list[Choice]:
    """The best choices with at most `budget` late days, each better than the one before that spends fewer.

    `drop` items are dropped, but one is kept.
    """
    drop = min(drop, len(items) - 1)
    useful = min(budget, sum(len(item.worth) - 1 for item in items))
    if not drop and not useful:
        return [_choice(items, (0,) * len(items))]
    whole = [_Whole(item, scale) for scale in [_scale(items)] for item in items]
    if not drop or len({item.weight for item in items}) == 1:  # Σ w is the same whatever is dropped
        found = [_choice(items, moves) for moves in _select(whole, drop, useful, 0, 1)]
    else:
        found = [_quotient(items, whole, drop, days) for days in range(useful + 1)]
    better = found[:1]
    for choice in found[1:]:
        if choice.value > better[-1].value:
            better.append(choice)
    return better


class _Whole:
    """An item in whole numbers, which are much faster: all times the same scale."""

    def __init__(self, item: Item, scale: int) -> None:
        self.weight = int(item.weight * scale)
        self.worth = [int(n * scale) for n in item.worth]


def _scale(items: Sequence[Item]) -> int:
    return math.lcm(*(number.denominator for item in items for number in (item.weight, *item.worth)))


def _quotient(items: Sequence[Item], whole: Sequence[_Whole], drop: int, days: int) -> Choice:
    """Dinkelbach's method, from the price 0."""
    price = ZERO
    while True:
        choice = _choice(items, _select(whole, drop, days, price.numerator, price.denominator)[-1])
        if choice.value == price:
            return choice
        price = choice.value


def _select(items: Sequence[_Whole], drop: int, budget: int, above: int, below: int) -> list[tuple[int, ...]]:
    """The moves with the greatest Σ (n − price·w), price = above/below, for at most 0, 1 … `budget` late days.

    A move is the late days spent on an item, or −1 where it is dropped; exactly `drop` are.
    """
    states: dict[tuple[int, int], tuple[int, tuple[int, ...]]] = {(0, 0): (0, ())}
    for item in items:
        following: dict[tuple[int, int], tuple[int, tuple[int, ...]]] = {}
        gains = [below * n - above * item.weight for n in item.worth]
        for (dropped, used), (sum_, moves) in states.items():
            ways = [(dropped, used + d, sum_ + gain, d) for d, gain in enumerate(gains) if used + d <= budget]
            if dropped < drop:
                ways.append((dropped + 1, used, sum_, -1))
            for now_dropped, now_used, value, move in ways:
                key = (now_dropped, now_used)
                if key not in following or value > following[key][0]:
                    following[key] = (value, (*moves, move))
        states = following
    ends = sorted((used, value, moves) for (dropped, used), (value, moves) in states.items() if dropped == drop)
    best: list[tuple[int, ...]] = []
    top: int | None = None
    for _, value, moves in ends:
        if top is None or value > top:
            top = value
            best.append(moves)
    return best


def _choice(items: Sequence[Item], moves: tuple[int, ...]) -> Choice:
    kept = [(item, move) for item, move in zip(items, moves, strict=True) if move >= 0]
    weight = added(item.weight for item, _ in kept)
    amount = added(item.worth[move] for item, move in kept)
    spent = tuple(max(0, move) for move in moves)
    return Choice(amount / weight if weight else ZERO, spent, tuple(move >= 0 for move in moves), weight)


def together(groups: Sequence[tuple[Fraction, Sequence[Choice]]], budget: int) -> list[Choice]:
    """One choice a group, with `budget` late days in all: the greatest Σ factor·value, with the fewest days."""
    if all(len(offered) == 1 for _, offered in groups):
        return [offered[0] for _, offered in groups]
    states: dict[int, tuple[Fraction, tuple[Choice, ...]]] = {0: (ZERO, ())}
    for factor, offered in groups:
        following: dict[int, tuple[Fraction, tuple[Choice, ...]]] = {}
        for choice in offered:
            gain, more = factor * choice.value, choice.days
            for used, (sum_, chosen) in states.items():
                days = used + more
                if days <= budget and (days not in following or sum_ + gain > following[days][0]):
                    following[days] = (sum_ + gain, (*chosen, choice))
        states = following
    _, best = max(((value, -used), used) for used, (value, _) in states.items())
    return list(states[best][1])
