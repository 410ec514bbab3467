"""The assignments that count, by group, each with its share of the total; the best choice among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from chainrule.policy import best
from chainrule.policy.cases import Case
from chainrule.policy.model import Group, added
from chainrule.policy.rules import WILD, Policy
from chainrule.policy.words import number

ZERO, HUNDRED = Fraction(0), Fraction(100)


@dataclass(frozen=True)
class Unit:
    """Assignments that count together. `weight` of `whole` is what they have of the total, in any unit."""

    group: Group
    cases: tuple[Case, ...]
    extra: bool
    weight: Fraction
    whole: Fraction

    @cached_property
    def items(self) -> dict[str, best.Item]:
        return {case.name: self._item(case) for case in self.cases}

    @cached_property
    def factor(self) -> Fraction:
        """Percent of the total for a value of 1."""
        return HUNDRED * self.weight / self.whole if self.whole else ZERO

    @property
    def alone(self) -> bool:
        """Extra credit in a plain sum: its points are added to the others', so they are not divided by its own."""
        return self.extra and self.group.name == ""

    def _item(self, case: Case) -> best.Item:
        if self.alone:
            return best.Item(Fraction(1), case.worth)
        if self.group.by_points:
            return best.Item(case.maximum, case.worth)
        return best.Item(Fraction(1), tuple(points / case.maximum for points in case.worth))


@dataclass(frozen=True)
class Chosen:
    """A unit with what is best for it. Shares and gains are in percent of the total."""

    unit: Unit
    choice: best.Choice

    def cases(self) -> list[tuple[Case, int, bool]]:
        """Each assignment with the late days spent on it and whether it is kept."""
        return list(zip(self.unit.cases, self.choice.spent, self.choice.kept, strict=True))

    @cached_property
    def _each(self) -> Fraction:
        return self.unit.factor / self.choice.weight if self.choice.weight else ZERO

    @cached_property
    def _shares(self) -> dict[Fraction, str]:
        return {}

    def share(self, case: Case) -> str:
        """What all points of a kept assignment are, in words: the same for most of a group."""
        weight = self.unit.items[case.name].weight
        if weight not in self._shares:
            self._shares[weight] = number(self._each * weight)
        return self._shares[weight]

    def gain(self, case: Case, spent: int) -> Fraction:
        """What a kept assignment brings."""
        return self._each * self.unit.items[case.name].worth[spent]


def units(policy: Policy, cases: Sequence[Case], budget: int) -> list[Chosen]:
    """The units with their best choices, in the order of the file; extra credit at the end."""
    made = _plain(cases) if not policy.groups else _weighted(policy, cases)
    made = [unit for unit in made if unit.whole]
    offers = [(unit.factor, best.choices(list(unit.items.values()), unit.group.drop_lowest, budget)) for unit in made]
    return [Chosen(unit, choice) for unit, choice in zip(made, best.together(offers, budget), strict=True)]


def _plain(cases: Sequence[Case]) -> list[Unit]:
    """All points are added up; extra credit adds points to have, and none to be had."""
    regular = tuple(case for case in cases if case.counts and not case.extra)
    whole = added(case.maximum for case in regular)
    made = [Unit(regular[0].group or Group("", whole, ("*",)), regular, False, whole, whole)] if regular else []
    return made + [
        Unit(case.group, (case,), True, Fraction(1), whole)
        for case in cases
        if case.counts and case.extra and case.group is not None
    ]


def _weighted(policy: Policy, cases: Sequence[Case]) -> list[Unit]:
    """Regular weights are of those that count so far; extra credit adds its weight of all regular weights there are."""
    found: dict[tuple[str, bool, str], list[Case]] = {}
    for case in cases:
        if case.counts and case.group is not None:
            key = (case.group.name, case.group.apart, case.name if case.group.apart else "")
            found.setdefault(key, []).append(case)
    places = {(group.name, group.apart): place for place, group in enumerate(policy.groups)}
    ordered = [found[key] for key in sorted(found, key=lambda key: places[key[:2]])]
    regular = [(_group(members), members) for members in ordered if not members[0].extra]
    counting = added(group.weight for group, _ in regular)
    if not counting:
        return []
    made = [Unit(group, tuple(members), False, group.weight, counting) for group, members in regular]
    extra = [members for members in ordered if members[0].extra]
    whole = _all(policy, cases) if extra else ZERO
    return made + [Unit(_group(members), tuple(members), True, _group(members).weight, whole) for members in extra]


def _all(policy: Policy, cases: Sequence[Case]) -> Fraction:
    """The sum of the regular weights, also of what is not due yet. A group without assignments so far is regular."""
    weights = []
    for group in policy.groups:
        mine = [case for case in cases if case.group is group]
        if group.apart and (mine or WILD & set(group.name)):
            weights += [group.weight for case in mine if not case.extra]
        elif group.apart and policy.is_extra(group.name):
            continue
        elif not mine or not mine[0].extra:
            weights.append(group.weight)
    return added(weights)


def _group(members: Sequence[Case]) -> Group:
    assert members[0].group is not None
    return members[0].group
