"""How well student code is shut in: `doctor`."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from chainrule.sandbox import Report


def print_doctor(console: Console, report: Report) -> None:
    """The tier, its layers, and the one thing that would make it better."""
    console.print(f"[bold]isolation: {report.tier}[/bold]  {escape(report.meaning)}", highlight=False)
    width = max(len(layer.name) for layer in report.layers)
    for layer in report.layers:
        sign = "[green]✓[/green]" if layer.works else "[yellow]–[/yellow]"
        console.print(f"  {sign} {escape(layer.name):<{width}} {escape(layer.detail)}", highlight=False)
    console.print(escape(report.advice), style="" if report.allowed else "red", highlight=False)
