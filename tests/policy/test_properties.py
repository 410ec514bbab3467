"""What holds for every policy and every student, against an independent calculation that tries everything."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.policy import Record, Total, read

DUE = datetime(2026, 3, 6, 18)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Rules:
    """A policy as numbers: what the oracle calculates with, and the text of its file."""

    weights: tuple[int, ...]
    drop: int
    by_points: bool
    extra: int
    cap: int | None
    grace: int
    percent: int
    floor: int
    zero_after: int | None
    budget: int
    most: int | None

    @property
    def text(self) -> str:
        lines = [] if self.cap is None else [f"cap = {self.cap}"]
        lines += ["decimals = 4", 'extra_credit = ["x*"]']
        for index, weight in enumerate(self.weights):
            lines += [f"[groups.g{index}]", f"weight = {weight}", f'assignments = ["g{index}*"]']
            lines += [f"drop_lowest = {self.drop}", f'counting = "{"points" if self.by_points else "equal"}"']
        lines += ["[weights]", f'"x*" = {self.extra}']
        lines += ["[late]", f"grace_minutes = {self.grace}", f"percent_per_day = {self.percent}"]
        lines += [f"at_least_percent = {self.floor}", f"late_days = {self.budget}"]
        lines += [] if self.zero_after is None else [f"zero_after_days = {self.zero_after}"]
        lines += [] if self.most is None else [f"late_days_per_assignment = {self.most}"]
        return "\n".join(lines)


rules = st.builds(
    Rules,
    weights=st.lists(st.integers(1, 9), min_size=1, max_size=3).map(tuple),
    drop=st.integers(0, 2),
    by_points=st.booleans(),
    extra=st.integers(0, 5),
    cap=st.none() | st.integers(60, 110),
    grace=st.sampled_from([0, 15, 120]),
    percent=st.sampled_from([0, 7, 10, 35, 100]),
    floor=st.sampled_from([0, 0, 40]),
    zero_after=st.none() | st.integers(0, 3),
    budget=st.integers(0, 3),
    most=st.none() | st.integers(0, 2),
)


@st.composite
def records(draw: st.DrawFn, groups: int, most: int = 5) -> list[Record]:
    found = []
    for index in range(draw(st.integers(1, most))):
        group = draw(st.sampled_from([*(f"g{number}" for number in range(groups)), "x"]))
        maximum = draw(st.sampled_from([3.0, 10.0, 60.0, 100.0]))
        share = draw(st.integers(0, 103) | st.none())
        late = timedelta(hours=draw(st.sampled_from([-30, 0, 1, 25, 26, 49, 80, 200])))
        found.append(
            Record(
                f"{group}_{index}",
                None if share is None else round(share * maximum / 100, 2),
                maximum,
                None if share is None else DUE + late,
                DUE,
            )
        )
    return found


cases = rules.flatmap(lambda policy: st.tuples(st.just(policy), records(len(policy.weights))))


def total(policy: Rules, found: list[Record], more: str = "") -> Total:
    return read(f"{policy.text}\n{more}").total("ada", found, NOW)


def remaining(policy: Rules, record: Record, spent: int) -> Fraction:
    """By the words of docs/grades.md, with days counted one by one."""
    points = Fraction(str(record.points or 0))
    if record.submitted is None:
        return Fraction(0)
    end = DUE + (record.extension or timedelta(0)) + timedelta(minutes=policy.grace)
    days = 0
    while record.submitted > end + days * DAY:
        days += 1
    days -= spent
    if days <= 0:
        return points
    if policy.zero_after is not None and days > policy.zero_after:
        return Fraction(0)
    return max(points * (100 - days * policy.percent) / 100, points * policy.floor / 100, Fraction(0))


def brute_force(policy: Rules, found: list[Record]) -> Fraction | None:
    """The best over all ways to spend late days and, in each group, all subsets that may be dropped."""
    offers = [range(0, min(policy.budget, 3 if policy.most is None else policy.most) + 1) for _ in found]
    ways = [way for way in itertools.product(*offers) if sum(way) <= policy.budget]
    totals = [_spent(policy, found, way) for way in ways]
    known = [value for value in totals if value is not None]
    if not known:
        return None
    return min(max(known), Fraction(policy.cap)) if policy.cap is not None else max(known)


def _spent(policy: Rules, found: list[Record], way: tuple[int, ...]) -> Fraction | None:
    points = {record.assignment: remaining(policy, record, spent) for record, spent in zip(found, way, strict=True)}
    maxima = {record.assignment: Fraction(str(record.max_points)) for record in found}
    sums = Fraction(0)
    counting = 0
    for index, weight in enumerate(policy.weights):
        names = [name for name in points if name.startswith(f"g{index}_")]
        if names:
            kept = max(1, len(names) - policy.drop)
            value = max(_value(policy, points, maxima, some) for some in itertools.combinations(names, kept))
            sums, counting = sums + weight * value, counting + weight
    if not counting:
        return None
    extra = [name for name in points if name.startswith("x")]
    regular = sum(policy.weights)
    bonus = sum((policy.extra * points[name] / maxima[name] for name in extra), Fraction(0))
    return 100 * (sums / counting + bonus / regular)


def _value(policy: Rules, points: dict[str, Fraction], maxima: dict[str, Fraction], names: tuple[str, ...]) -> Fraction:
    if policy.by_points:
        return sum((points[name] for name in names), Fraction(0)) / sum(maxima[name] for name in names)
    return sum((points[name] / maxima[name] for name in names), Fraction(0)) / len(names)


@settings(max_examples=300, deadline=None)
@given(cases)
def test_the_total_is_the_best_of_all_ways_to_drop_and_to_spend_late_days(case: tuple[Rules, list[Record]]) -> None:
    policy, found = case
    assert total(policy, found).exact == brute_force(policy, found)


@settings(max_examples=200, deadline=None)
@given(cases)
def test_the_lines_add_up_to_the_total(case: tuple[Rules, list[Record]]) -> None:
    """Each line begins where the one before ended; what the assignments' lines end with is what counts."""
    policy, found = case
    result = total(policy, found)
    at = Fraction(0)
    for line in result.lines:
        if line.unit == "percent":
            assert line.before == at
            at = line.after
    if result.exact is not None:
        assert abs(at - result.exact) <= Fraction(1, 20000)
        assert float(at) == result.percent
    points = dict.fromkeys((record.assignment for record in found), Fraction(0))
    for line in result.lines:
        if line.unit == "points":
            assert line.before == points[line.subject]
            points[line.subject] = line.after
    for standing in result.standings:
        assert standing.points == points[standing.assignment]
        assert set(standing.lines) <= set(result.lines)
    spent = [line.late_days for line in result.lines]
    assert sum(spent) == result.late_days_used == policy.budget - (result.late_days_left or 0)
    counted = sum(standing.points for standing in result.standings if standing.counts and standing.points)
    assert result.points == pytest.approx(float(counted))


@settings(max_examples=200, deadline=None)
@given(cases, st.data())
def test_more_points_never_lower_the_total(case: tuple[Rules, list[Record]], data: st.DataObject) -> None:
    policy, found = case
    index = data.draw(st.integers(0, len(found) - 1))
    old = found[index]
    more = round((old.points or 0) + data.draw(st.integers(0, 3000)) / 100, 2)
    better = [*found[:index], replace(old, points=more, submitted=old.submitted or DUE), *found[index + 1 :]]
    assert (total(policy, better).exact or 0) >= (total(policy, found).exact or 0)


@settings(max_examples=200, deadline=None)
@given(cases, st.data())
def test_an_extension_never_lowers_the_total(case: tuple[Rules, list[Record]], data: st.DataObject) -> None:
    """Neither one in the file nor one in the gradebook; also where it moves a missing one before its due date."""
    policy, found = case
    index = data.draw(st.integers(0, len(found) - 1))
    days = data.draw(st.sampled_from([1, 2, 5, 365]))
    name = found[index].assignment
    before = total(policy, found).exact
    after = total(policy, found, f'[[extensions]]\nstudent = "ada"\nassignment = "{name}"\ndays = {days}\n').exact
    assert after is None or after >= (before or 0)
    longer = [*found[:index], replace(found[index], extension=days * DAY), *found[index + 1 :]]
    assert total(policy, longer).exact == after


@settings(max_examples=100, deadline=None)
@given(cases)
def test_an_unspent_late_day_would_gain_nothing_and_a_spent_one_does(case: tuple[Rules, list[Record]]) -> None:
    """With a day fewer than are used the total is lower (where no cap hides it); the order of records is no matter."""
    policy, found = case
    result = total(policy, found)
    assert total(policy, found[::-1]) == result
    if result.late_days_used and policy.cap is None:
        assert (total(replace(policy, budget=result.late_days_used - 1), found).exact or 0) < (result.exact or 0)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10000), st.integers(1, 10000), st.integers(0, 2000)), min_size=1, max_size=8))
def test_without_a_file_it_is_the_sum_of_nbgraders_scores(rows: list[tuple[int, int, int]]) -> None:
    from chainrule.policy import Policy

    found = [Record(f"a{i}", p / 100, m / 100, DUE, DUE, penalty=q / 100) for i, (p, m, q) in enumerate(rows)]
    result = Policy().total("ada", found, NOW)
    score = sum(max(0, p - q) for p, _, q in rows)
    assert result.points == pytest.approx(score / 100)
    assert result.exact == Fraction(100 * score, sum(m for _, m, _ in rows))
