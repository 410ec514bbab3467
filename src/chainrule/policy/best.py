"""Which assignments to drop, and where to spend late days, so that the total is the highest there is.

A group's value is Σ n_i / Σ w_i over the assignments that are kept. Dropping the lowest one after the other is not
optimal if the weights differ (D. M. Kane, J. M. Kane, Dropping lowest grades, Mathematics Magazine 79, 2006), and a
late day gains more in one place than in another. So both are chosen together. Dinkelbach's method turns the quotient
into sums: for a price q the best choice maximises Σ (n_i − q w_i), a knapsack solved by dynamic programming; its
quotient is the next q, until q stays. All in fractions, hence exact. A group's gain from d late days is known for each
d, so the groups are put together by one more such sum.

Because it is a maximum over the same choices, no total falls when points rise or when a deadline moves back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

ZERO = Fraction(0)


@dataclass(frozen=True)
class Item:
    """An assignment: its weight w, and n with 0, 1, 2 … late days spent on it, rising."""

    weight: Fraction
    worth: tuple[Fraction, ...]


@dataclass(frozen=True)
class Choice:
    """The value of a group, the late days spent on each item, and which are kept."""

    value: Fraction
    spent: tuple[int, ...]
    kept: tuple[bool, ...]


def choices(items: Sequence[Item], drop: int, budget: int) -> list[Choice]:
    """The best with at most 0, 1 … `budget` late days. `drop` items are dropped, but one is kept."""
    drop = min(drop, len(items) - 1)
    found: list[Choice] = []
    for days in range(budget + 1):
        price = found[-1].value if found else ZERO
        while True:
            choice = _priced(items, drop, days, price)
            if choice.value == price or not drop:
                break
            price = choice.value
        if found and choice.value <= found[-1].value:
            choice = found[-1]  # nothing gained: spend fewer
        found.append(choice)
    return found


def _priced(items: Sequence[Item], drop: int, days: int, price: Fraction) -> Choice:
    """The choice with the greatest Σ (n − price·w) that drops `drop` items and spends at most `days`."""
    states: dict[tuple[int, int], tuple[Fraction, tuple[int, ...]]] = {(0, 0): (ZERO, ())}
    for item in items:
        following: dict[tuple[int, int], tuple[Fraction, tuple[int, ...]]] = {}
        gains = [n - price * item.weight for n in item.worth]
        for (dropped, used), (sum_, moves) in states.items():
            ways = [(dropped, used + d, sum_ + gain, d) for d, gain in enumerate(gains) if used + d <= days]
            if dropped < drop:
                ways.append((dropped + 1, used, sum_, -1))
            for now_dropped, now_used, value, move in ways:
                old = following.get((now_dropped, now_used))
                if old is None or value > old[0]:
                    following[now_dropped, now_used] = (value, (*moves, move))
        states = following
    _, moves = max(((value, -used), moves) for (dropped, used), (value, moves) in states.items() if dropped == drop)
    weight = sum((item.weight for item, move in zip(items, moves, strict=True) if move >= 0), ZERO)
    amount = sum((item.worth[move] for item, move in zip(items, moves, strict=True) if move >= 0), ZERO)
    return Choice(
        amount / weight if weight else ZERO, tuple(max(0, move) for move in moves), tuple(move >= 0 for move in moves)
    )


def together(groups: Sequence[tuple[Fraction, Sequence[Choice]]], budget: int) -> list[Choice]:
    """One choice a group, with `budget` late days in all: the greatest Σ factor·value, with the fewest days."""
    states: dict[int, tuple[Fraction, tuple[Choice, ...]]] = {0: (ZERO, ())}
    for factor, offered in groups:
        following: dict[int, tuple[Fraction, tuple[Choice, ...]]] = {}
        for used, (sum_, chosen) in states.items():
            for choice in dict.fromkeys(offered):
                days, value = used + sum(choice.spent), sum_ + factor * choice.value
                if days <= budget and (days not in following or value > following[days][0]):
                    following[days] = (value, (*chosen, choice))
        states = following
    _, best = max(((value, -used), used) for used, (value, _) in states.items())
    return list(states[best][1])
