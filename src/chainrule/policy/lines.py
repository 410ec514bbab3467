"""The steps from an assignment's marks to the points that count, in words."""

from __future__ import annotations

from fractions import Fraction

from chainrule.policy.cases import Case, State
from chainrule.policy.lateness import left, utc
from chainrule.policy.model import Late, Line, exact
from chainrule.policy.rules import Policy
from chainrule.policy.words import count, duration, moment, number


class Steps:
    """A chain of lines: each begins where the one before ended."""

    def __init__(self, subject: str, unit: str, at: Fraction = Fraction(0)) -> None:
        self.subject, self.unit, self.at = subject, unit, at
        self.lines: list[Line] = []

    def add(self, rule: str, text: str, after: Fraction | None = None, *, days: int = 0, arrow: bool = True) -> None:
        """A step to `after`, which the text gets to show unless `arrow` is off; without it nothing changes."""
        if after is not None and arrow:
            sign = " points" if self.unit == "points" else " %"
            text += f" {number(self.at)} → {number(after)}{sign}."
        self.lines.append(Line(self.subject, rule, text, self.at, self.at if after is None else after, self.unit, days))
        self.at = self.lines[-1].after


def points(policy: Policy, case: Case, spent: int) -> list[Line]:
    """What became of the marks, with `spent` late days."""
    steps = Steps(case.name, "points")
    _score(policy, steps, case)
    if case.state is State.EXCUSED:
        return steps.lines
    _deadline(policy, steps, case)
    if case.state in (State.GRADED, State.UNGRADED):
        _late(policy, steps, case, spent)
    return steps.lines


def _score(policy: Policy, steps: Steps, case: Case) -> None:
    maximum = f"{number(case.maximum)} points"
    due = "" if case.deadline.at is None else moment(case.deadline.at, policy.zone)
    match case.state:
        case State.EXCUSED:
            steps.add("excused", "Excused: it does not count.")
        case State.NOT_DUE:
            when = f"not due before {due}" if due else "without a due date"
            steps.add("not due", f"Not handed in, and {when}: it does not count yet.")
        case State.UNGRADED:
            steps.add("not graded", "Handed in and not graded yet: it does not count so far.")
        case State.MISSING if case.record.is_there:
            steps.add("not graded", f"Handed in and not graded yet: 0 of {maximum} so far.")
        case State.MISSING:
            steps.add("missing", f"Not handed in{f', and it was due {due}' if due else ''}: 0 of {maximum}.")
        case State.GRADED:
            text = f"Graded with {number(case.points)} of {maximum}."
            steps.add("marks", text, case.points, arrow=False)
    if case.state is State.GRADED and case.record.waiting:
        waiting = count(case.record.waiting, "mark")
        verb = "is" if case.record.waiting == 1 else "are"
        steps.add("waiting", f"{waiting} {verb} not final yet; what is not marked counts 0 until then.")


def _deadline(policy: Policy, steps: Steps, case: Case) -> None:
    deadline = case.deadline
    if deadline.source and deadline.at is not None and deadline.due is not None:
        until, due = moment(deadline.at, policy.zone), moment(deadline.due, policy.zone)
        steps.add("extension", f"The deadline is {until}, by an extension ({deadline.source}); for others it is {due}.")


def _late(policy: Policy, steps: Steps, case: Case, spent: int) -> None:
    submitted, at = utc(case.record.submitted), case.deadline.at
    if policy.late and case.late and submitted is not None and at is not None:
        how = f"Handed in {moment(submitted, policy.zone)}, {duration(case.late)} after {moment(at, policy.zone)}"
        if case.days == 0:
            steps.add("grace", f"{how}: within the grace of {duration(policy.late.grace)}, nothing is taken off.")
        else:
            after = " after the grace" if policy.late.grace else ""
            steps.add("late", f"{how}: {count(case.days, 'started day')}{after}.")
            _penalty(policy.late, steps, case, spent)
    held = exact(case.record.penalty)
    if held and policy.late:
        steps.add(
            "replaced",
            f"The gradebook holds a late penalty of {number(held)} points. It does not count: grades.toml replaces it.",
        )
    elif held and case.state is State.GRADED:
        steps.add("penalty", "The gradebook holds a late penalty:", case.worth[0])


def _penalty(late: Late, steps: Steps, case: Case, spent: int) -> None:
    if case.state is not State.GRADED:
        return
    days = case.days - spent
    if spent:
        verb = "is" if spent == 1 else "are"
        rest = f"{count(days, 'day')} late {'remains' if days == 1 else 'remain'}" if days else "nothing is taken off"
        steps.add("late days", f"{count(spent, 'late day')} {verb} spent here: {rest}.", days=spent)
    if days == 0:
        return
    after = left(late, case.points, case.maximum, days)
    if late.zero_after is not None and days > late.zero_after:
        steps.add("penalty", f"More than {count(late.zero_after, 'day')} late:", after)
        return
    if not late.percent and not late.points:
        return
    each = f"{number(late.points)} points"
    if late.percent:
        of = f"{number(case.maximum)} points there are" if late.of_maximum else f"{number(case.points)} points earned"
        each = f"{number(late.percent)} % of the {of}"
    kept = late.at_least_percent and after == case.points * late.at_least_percent / 100
    floor = f" ({number(late.at_least_percent)} % of what was earned stays)" if kept else ""
    steps.add("penalty", f"{count(days, 'day')} late, {each} off for each{floor}:", after)
