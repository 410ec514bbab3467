"""A student's total: the assignments' points, what counts of them, and the lines that lead to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction

from chainrule.policy import lines as words
from chainrule.policy.cases import Case, State, case
from chainrule.policy.lateness import utc
from chainrule.policy.lines import Steps
from chainrule.policy.model import Line, Record, Standing, Total, added, rounded
from chainrule.policy.rules import Policy
from chainrule.policy.units import Chosen, units
from chainrule.policy.words import count, number, percent

ZERO = Fraction(0)


def total(policy: Policy, student: str, records: Sequence[Record], now: datetime) -> Total:
    """See `Policy.total`. Exact fractions throughout; only the very last number is rounded."""
    moment = utc(now) or now
    end = datetime.max.replace(tzinfo=UTC)
    ordered = sorted(records, key=lambda record: (utc(record.due) or end, record.assignment))
    cases = [case(policy, student, record, moment) for record in ordered]
    budget = policy.budget(student)
    found = units(policy, cases, budget)
    sheet = _Sheet(policy)
    for chosen in found:
        sheet.unit(chosen)
    for outside in cases:
        if outside.name not in sheet.standings:
            sheet.outside(outside)
    waiting = [c.name for c in cases if _waits(c)]
    exact, percent = sheet.finish(waiting, counts=any(not chosen.unit.extra for chosen in found))
    used = sum(standing.late_days_used for standing in sheet.standings.values())
    return Total(
        student=student,
        percent=percent,
        exact=exact,
        points=float(added(sheet.points)),
        max_points=float(added(sheet.maximum)),
        lines=tuple(sheet.lines),
        standings=tuple(sheet.standings[c.name] for c in cases),
        late_days_used=used,
        late_days_left=budget - used if policy.late and (budget or policy.late.budget) else None,
        provisional=bool(waiting),
    )


def _waits(case: Case) -> bool:
    if case.state is State.EXCUSED or case.group is None:
        return False
    ungraded = case.record.is_there and case.record.points is None
    return ungraded or (case.state is State.GRADED and case.record.waiting > 0)


class _Sheet:
    """The lines as they are written, with the running total in percent."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.lines: list[Line] = []
        self.standings: dict[str, Standing] = {}
        self.percent = ZERO
        self.points: list[Fraction] = []
        self.maximum: list[Fraction] = []

    def unit(self, chosen: Chosen) -> None:
        unit = chosen.unit
        if heading := self._heading(chosen):
            self.lines.append(Line(unit.group.name, "group", heading, self.percent, self.percent))
        for member, spent, kept in chosen.cases():
            steps = Steps(member.name, "percent", self.percent)
            points = member.worth[spent]
            if kept:
                self._count(steps, chosen, member, spent)
                self.points.append(points)
                self.maximum += [] if unit.extra else [member.maximum]
            else:
                steps.add("dropped", f"Dropped as one of the lowest of {unit.group.name}: it does not count.")
            self._add(member, points, spent, kept, steps.lines)

    def _heading(self, chosen: Chosen) -> str:
        unit, group = chosen.unit, chosen.unit.group
        if group.apart or unit.alone:
            return ""
        if not group.name:
            if not self.policy.file:
                return "All points are added up, as nbgrader does it: there is no grades.toml."
            return "The points of all that counts are added up."
        if unit.extra:
            text = f"Group {group.name}: extra credit, {number(unit.weight)} on top of {number(unit.whole)}"
        else:
            text = f"Group {group.name}: weight {number(unit.weight)} of the {number(unit.whole)} that count so far"
        dropped = sum(not kept for kept in chosen.choice.kept)
        of = f", in the ratio of their points, {'' if dropped else 'all '}of " if group.by_points else " of "
        text += f"; {len(unit.cases) - dropped}{of}{count(len(unit.cases), 'assignment')}"
        return f"{text} {'count' if len(unit.cases) - dropped != 1 else 'counts'}."

    def _count(self, steps: Steps, chosen: Chosen, member: Case, spent: int) -> None:
        unit, points, after = chosen.unit, member.worth[spent], self.percent + chosen.gain(member, spent)
        if unit.alone or not member.maximum:
            steps.add("extra credit", f"{number(points)} points on top: total", after)
        else:
            fraction = percent(points, member.maximum)
            rule, extra = ("extra credit", "extra credit ") if unit.extra else ("counts", "")
            of = f"{number(points)} of {number(member.maximum)} points are {fraction}"
            steps.add(rule, f"{of}, {extra}with {chosen.share(member)} % of the total: total", after)
        self.percent = after

    def outside(self, outside: Case) -> None:
        """An assignment that counts nothing, and why."""
        steps = Steps(outside.name, "percent", self.percent)
        graded = outside.state in (State.GRADED, State.MISSING)
        if outside.group is None:
            steps.add("no weight", "It is in no group and has no weight in grades.toml: it does not count.")
        elif graded and outside.maximum == 0:
            steps.add("no points", "It has no points to be had: it does not count.")
        elif graded:
            steps.add("no weight", "Nothing that it could be added to counts yet.")
        self._add(outside, outside.worth[0] if graded else None, 0, False, steps.lines)

    def _add(self, member: Case, points: Fraction | None, spent: int, counts: bool, more: list[Line]) -> None:
        lines = (*words.points(self.policy, member, spent), *more)
        self.lines += lines
        self.standings[member.name] = Standing(
            assignment=member.name,
            points=points,
            max_points=member.maximum,
            deadline=member.deadline.at,
            days_late=member.days,
            late_days_used=spent if counts else 0,
            counts=counts,
            lines=lines,
        )

    def finish(self, waiting: Sequence[str], *, counts: bool) -> tuple[Fraction | None, float | None]:
        """The lines about the whole; the exact total and the rounded one, None if nothing counts."""
        steps = Steps("", "percent", self.percent)
        cap, places = self.policy.cap, self.policy.decimals
        if cap is not None and self.percent > cap:
            steps.add("cap", f"No total is above {number(cap)} %:", cap)
        exact, near = steps.at, rounded(steps.at, places)
        if waiting:
            steps.add("provisional", f"Provisional: marks are missing in {', '.join(waiting)}.")
        if not counts:
            steps.add("total", "Nothing counts yet, so there is no total.")
        else:
            note = "" if near == exact else f", rounded half up to {count(places, 'decimal')}"
            steps.add("total", f"Total: {number(near, places)} %{note}.", near, arrow=False)
        self.lines += steps.lines
        return (exact, float(near)) if counts else (None, None)
