"""What the commands print: documented, versioned JSON (docs/json.md), and tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from chainrule.model import FORMAT_VERSION, ExerciseResult, Graded, Outcome, Status
from chainrule.policy import Line
from chainrule.sandbox import Report
from chainrule.verify import AssignmentReport, Entry, ExerciseReport

if TYPE_CHECKING:
    from chainrule.autograde import Row  # which brings nbgrader along; most commands do without

SIGNS = {
    Status.PASSED: "[green]✓[/green]",
    Status.FAILED: "[red]✗[/red]",
    Status.TIMEOUT: "[red]⧗[/red]",
    Status.CRASHED: "[red]†[/red]",
    Status.UNGRADED: "[yellow]?[/yellow]",
}

Json = dict[str, Any]


def outcome_json(outcome: Outcome) -> Json:
    return {
        "id": outcome.test,
        "title": outcome.title,
        "points": outcome.points,
        "max_points": outcome.max_points,
        "status": outcome.status.value,
        "message": outcome.message,
        "seconds": outcome.seconds,
    }


def exercise_json(result: ExerciseResult) -> Json:
    return {
        "exercise": result.exercise,
        "points": result.points,
        "max_points": result.max_points,
        "misconception": result.misconception,
        "tests": [outcome_json(outcome) for outcome in result.outcomes],
    }


def graded_json(graded: Graded) -> Json:
    return {
        "version": FORMAT_VERSION,
        "assignment": graded.assignment,
        "points": graded.points,
        "max_points": graded.max_points,
        "exercises": [exercise_json(result) for result in graded.exercises],
        "notes": [{"kind": note.kind, "cell": note.cell, "message": note.message} for note in graded.notes],
    }


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


# -- for people ------------------------------------------------------------------------------------------------------


def number(points: float | None) -> str:
    return "–" if points is None else f"{points:g}"


def print_exercise(console: Console, result: ExerciseResult) -> None:
    """One exercise: its tests by title, what was said of those that failed, the misconception if it was recognised."""
    console.print(f"[bold]{escape(result.exercise)}[/bold]  {number(result.points)} of {result.max_points:g} points")
    for outcome in result.outcomes:
        worth = f"{outcome.points:g}/{outcome.max_points:g}"
        console.print(f"  {SIGNS[outcome.status]} {worth:>7}  {escape(outcome.title)}", highlight=False)
        if outcome.message:
            console.print(f"             {escape(outcome.message)}", style="dim", highlight=False)
    if result.misconception:
        console.print(f"  → {escape(result.misconception)}", style="yellow", highlight=False)


def print_graded(console: Console, graded: Graded) -> None:
    for result in graded.exercises:
        print_exercise(console, result)
    for note in graded.notes:
        console.print(f"note ({note.kind}): {escape(note.message)}", style="yellow", highlight=False)
    console.print(f"[bold]{number(graded.points)} of {graded.max_points:g} points[/bold] in {graded.seconds:.1f} s")


def print_matrix(console: Console, report: ExerciseReport) -> None:
    """The self-test matrix of one exercise: a line of counts, then a line for each entry that is not as it must be."""
    sign = "[green]✓[/green]" if report.ok else "[red]✗[/red]"
    right = sum(entry.ok for entry in report.alternatives)
    named = sum(entry.ok for entry in report.misconceptions)
    console.print(
        f"{sign} {report.exercise:<22} solution {number(report.solution.points)}/{report.max_points:g}"
        f"   stub {number(report.stub.points)}"
        f"   alternatives {right}/{len(report.alternatives)}"
        f"   misconceptions {named}/{len(report.misconceptions)}",
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


def print_doctor(console: Console, report: Report) -> None:
    """The tier, its layers, and the one thing that would make it better."""
    console.print(f"[bold]isolation: {report.tier}[/bold]  {escape(report.meaning)}", highlight=False)
    for layer in report.layers:
        sign = "[green]✓[/green]" if layer.works else "[yellow]–[/yellow]"
        console.print(f"  {sign} {escape(layer.name):<14} {escape(layer.detail)}", highlight=False)
    console.print(escape(report.advice), style="" if report.allowed else "red", highlight=False)


def print_summary(console: Console, rows: tuple[Row, ...]) -> None:
    """One line a student."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("student")
    table.add_column("points", justify="right")
    table.add_column("")
    for row in rows:
        words = [row.error] if row.error else [note.message for note in row.notes]
        if row.skipped:
            words.insert(0, "graded before; nothing newer was collected")
        elif row.needs_manual:
            words.append("waits for a human")
        points = "–" if row.points is None else f"{row.points:g}/{row.max_points:g}"
        table.add_row(escape(row.student), points, escape("; ".join(words)[:300]))
    console.print(table)


def print_lines(console: Console, lines: Sequence[Line]) -> None:
    """The steps to a total, under the name of the assignment that they are about."""
    subject = None
    for line in lines:
        if line.subject != subject and line.rule != "group":
            console.print(f"\n{line.subject or 'Total'}", style="bold", highlight=False, markup=False)
        subject = None if line.rule == "group" else line.subject
        indent = "\n" if line.rule == "group" else "  "
        console.print(f"{indent}{line.text}", highlight=False, markup=False, soft_wrap=True)
