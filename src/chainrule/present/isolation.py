"""How well student code is shut in: `doctor`."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from chainrule.present.tables import print_words, wrapped
from chainrule.sandbox import Report


def print_doctor(console: Console, report: Report) -> None:
    """The tier, its layers (✓ works, ✗ does not, · is not needed here), and the one thing that would make it better."""
    head = f"isolation: {report.tier}"
    meaning = escape(wrapped(console, report.meaning, len(head) + 2))
    console.print(f"[bold]{head}[/bold]  {meaning}", highlight=False, soft_wrap=True)
    width = max(len(layer.name) for layer in report.layers)
    for layer in report.layers:
        sign = "[yellow]✗[/yellow]" if layer.missing else "[green]✓[/green]" if layer.works else "[dim]·[/dim]"
        detail = escape(wrapped(console, layer.detail, width + 5))
        console.print(f"  {sign} {escape(layer.name):<{width}} {detail}", highlight=False, soft_wrap=True)
    print_words(console, report.advice, style="" if report.allowed else "red")
