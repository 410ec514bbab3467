"""Results of submissions: `grade`, `try` and `autograde`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from chainrule.model import FORMAT_VERSION, ExerciseResult, Graded, Outcome, Status
from chainrule.present.tables import Json, number, print_table, print_words, wrapped

if TYPE_CHECKING:
    from chainrule.autograde import Row  # which brings nbgrader along; `grade` and `try` do without


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
        "isolation": graded.isolation,
        "notes": [{"kind": note.kind, "cell": note.cell, "message": note.message} for note in graded.remarks],
    }


SIGNS = {
    Status.PASSED: "[green]✓[/green]",
    Status.FAILED: "[red]✗[/red]",
    Status.TIMEOUT: "[red]⧗[/red]",
    Status.CRASHED: "[red]†[/red]",
    Status.UNGRADED: "[yellow]?[/yellow]",
}

INDENT = 13
"""Columns before a test's title: its sign and its points."""


def print_exercise(console: Console, result: ExerciseResult) -> None:
    """One exercise: its tests by title, what was said of those that failed, the misconception if it was recognised."""
    console.print(f"[bold]{escape(result.exercise)}[/bold]  {number(result.points)} of {result.max_points:g} points")
    for outcome in result.outcomes:
        worth = f"{outcome.points:g}/{outcome.max_points:g}"
        title = escape(wrapped(console, outcome.title, INDENT))
        console.print(f"  {SIGNS[outcome.status]} {worth:>7}  {title}", highlight=False, soft_wrap=True)
        if outcome.message:
            print_words(console, outcome.message, INDENT, "dim")
    if result.misconception:
        words = escape(wrapped(console, result.misconception, 4))
        console.print(f"  → {words}", style="yellow", highlight=False, soft_wrap=True)


def print_graded(console: Console, graded: Graded) -> None:
    for result in graded.exercises:
        print_exercise(console, result)
    for note in graded.remarks:
        print_words(console, f"note ({note.kind}): {note.message}", style="yellow")
    console.print(f"[bold]{number(graded.points)} of {graded.max_points:g} points[/bold] in {graded.seconds:.1f} s")


def print_summary(console: Console, rows: tuple[Row, ...]) -> None:
    """One line a student."""
    lines = []
    for row in rows:
        words = [row.error] if row.error else [note.message for note in row.notes]
        if row.skipped:
            words.insert(0, "graded before; nothing newer was collected")
        elif row.needs_manual:
            words.append("waits for a human")
        points = "–" if row.points is None else f"{row.points:g}/{row.max_points:g}"
        lines.append((row.student, points, "; ".join(words)[:300]))
    print_table(console, ("student", "points", ""), lines)
