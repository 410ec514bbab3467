"""The assignments that count, by group, each with its share of the total; the best choice among them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from chainrule.policy import best
from chainrule.policy.cases import Case
from chainrule.policy.model import Group
from chainrule.policy.rules import WILD, Policy

ZERO, HUNDRED = Fraction(0), Fraction(100)


@dataclass(frozen=True)
class Unit:
    """Assignments that count together. `weight` of `whole` is what they have of the total, in any unit."""

    group: Group
    cases: tuple[Case, ...]
    extra: bool
    weight: Fraction
    whole: Fraction
    choice: best.Choice | None = None

    @property
    def factor(self) -> Fraction:
        """Percent of the total for a value of 1."""
        return HUNDRED * self.weight / self.whole if self.whole else ZERO

    @property
    def alone(self) -> bool:
        """Extra credit in a plain sum: its points are added to the others', so they are not divided by its own."""
        return self.extra and self.group.name == ""

    def item(self, case: Case) -> best.Item:
        if self.alone:
            return best.Item(Fraction(1), case.worth)
        if self.group.by_points:
            return best.Item(case.maximum, case.worth)
        return best.Item(Fraction(1), tuple(points / case.maximum for points in case.worth))

    def chosen(self) -> list[tuple[Case, int, bool]]:
        """Each assignment with the late days spent on it and whether it is kept."""
        assert self.choice is not None
        return list(zip(self.cases, self.choice.spent, self.choice.kept, strict=True))

    def share(self, case: Case) -> Fraction:
        """Percent of the total that all points of a kept assignment are."""
        kept = sum((self.item(other).weight for other, _, is_kept in self.chosen() if is_kept), ZERO)
        return self.factor * self.item(case).weight / kept if kept else ZERO

    def gain(self, case: Case, spent: int) -> Fraction:
        """Percent of the total that a kept assignment brings."""
        kept = sum((self.item(other).weight for other, _, is_kept in self.chosen() if is_kept), ZERO)
        return self.factor * self.item(case).worth[spent] / kept if kept else ZERO


def units(policy: Policy, cases: Sequence[Case], budget: int) -> list[Unit]:
    """The units with their best choices, in the order of the file; extra credit at the end."""
    made = _plain(cases) if not policy.groups else _weighted(policy, cases)
    made = [unit for unit in made if unit.whole]
    useful = min(budget, sum(len(case.worth) - 1 for unit in made for case in unit.cases))
    offers = [
        (unit.factor, best.choices([unit.item(case) for case in unit.cases], unit.group.drop_lowest, useful))
        for unit in made
    ]
    picked = best.together(offers, useful)
    return [
        Unit(unit.group, unit.cases, unit.extra, unit.weight, unit.whole, choice)
        for unit, choice in zip(made, picked, strict=True)
    ]


def _plain(cases: Sequence[Case]) -> list[Unit]:
    """All points are added up; extra credit adds points to have, and none to be had."""
    regular = tuple(case for case in cases if case.counts and not case.extra)
    whole = sum((case.maximum for case in regular), ZERO)
    made = [Unit(regular[0].group or Group("", whole, ("*",)), regular, False, whole, whole)] if regular else []
    return made + [
        Unit(case.group, (case,), True, Fraction(1), whole)
        for case in cases
        if case.counts and case.extra and case.group is not None
    ]


def _weighted(policy: Policy, cases: Sequence[Case]) -> list[Unit]:
    """Regular weights are of those that count so far; extra credit adds its weight of all regular weights there are."""
    found: dict[tuple[str, str], list[Case]] = {}
    for group in policy.groups:
        for case in cases:
            if case.counts and case.group == group:
                found.setdefault((group.name, case.name if group.apart else ""), []).append(case)
    counting = sum((_group(members).weight for members in found.values() if not members[0].extra), ZERO)
    all_weights = _all(policy, cases)
    made = [
        Unit(_group(members), tuple(members), extra, _group(members).weight, all_weights if extra else counting)
        for members in found.values()
        for extra in [members[0].extra]
    ]
    if not counting:
        return []
    return sorted(made, key=lambda unit: unit.extra)


def _all(policy: Policy, cases: Sequence[Case]) -> Fraction:
    """The sum of the regular weights, also of what is not due yet. A group without assignments so far is regular."""
    weights = []
    for group in policy.groups:
        mine = [case for case in cases if case.group == group]
        if group.apart and (mine or WILD & set(group.name)):
            weights += [group.weight for case in mine if not case.extra]
        elif group.apart and policy.is_extra(group.name):
            continue
        elif not mine or not mine[0].extra:
            weights.append(group.weight)
    return sum(weights, ZERO)


def _group(members: Iterable[Case]) -> Group:
    group = next(iter(members)).group
    assert group is not None
    return group
