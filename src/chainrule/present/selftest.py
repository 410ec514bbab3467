"""The self-test of graders: `verify`."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from chainrule.model import FORMAT_VERSION, Status
from chainrule.present.tables import Json, number
from chainrule.verify import AssignmentReport, Entry, ExerciseReport


def verify_json(reports: list[AssignmentReport]) -> Json:
    return {
        "version": FORMAT_VERSION,
        "ok": all(report.ok for report in reports),
        "assignments": [
            {
                "assignment": report.assignment,
                "ok": report.ok,
                "problems": list(report.problems),
                "exercises": [_report_json(exercise) for exercise in report.exercises],
            }
            for report in reports
        ],
    }


def _report_json(report: ExerciseReport) -> Json:
    return {
        "exercise": report.exercise,
        "ok": report.ok,
        "max_points": report.max_points,
        "problems": list(report.problems),
        "margins": [{"what": what, "value": met, "bound": bound} for what, met, bound in report.margins],
        "solution": _entry_json(report.solution),
        "stub": _entry_json(report.stub),
        "alternatives": [_entry_json(entry) for entry in report.alternatives],
        "misconceptions": [
            _entry_json(entry) | {"named": entry.named, "expected": entry.expected} for entry in report.misconceptions
        ],
    }


def _entry_json(entry: Entry) -> Json:
    return {
        "name": entry.name,
        "points": entry.points,
        "max_points": entry.max_points,
        "ok": entry.ok,
        "message": entry.message,
    }


def print_matrix(console: Console, report: ExerciseReport) -> None:
    """The self-test matrix of one exercise: a line of counts, then a line for each entry that is not as it must be."""
    sign = "[green]✓[/green]" if report.ok else "[red]✗[/red]"
    right = sum(entry.ok for entry in report.alternatives)
    named = sum(entry.ok for entry in report.misconceptions)
    console.print(
        f"{sign} {report.exercise:<18} solution {number(report.solution.points)}/{report.max_points:g}"
        f"  stub {number(report.stub.points)}"
        f"  alternatives {right}/{len(report.alternatives)}"
        f"  mistakes {named}/{len(report.misconceptions)}",
        highlight=False,
    )
    for what, number_met, bound in report.margins:
        line = f"    {what}: {number_met:.4g}, the bound is {bound:g}"
        console.print(escape(line), style="dim", highlight=False)
    for problem in report.problems:
        console.print(f"    {escape(problem)}", style="red", highlight=False)
    for entry in report.entries:
        if not entry.ok:
            console.print(f"    [red]{escape(entry.name)}[/red]: {escape(_complaint(entry))}", highlight=False)


def _complaint(entry: Entry) -> str:
    got = f"{number(entry.points)} of {entry.max_points:g} points"
    said = f"; said: {entry.message}" if entry.message else ""
    if entry.points is None and entry.result is not None:
        said = "; " + next((o.detail for o in entry.result.outcomes if o.status is Status.UNGRADED), "")
    if not entry.expected:
        return got + said
    if entry.points is not None and entry.points >= entry.max_points:
        return f"{got}: no test notices it."
    return f"{got}{said}; expected: {entry.expected}"
