"""The steps to a total: `explain`."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from chainrule.policy import Line


def print_lines(console: Console, lines: Sequence[Line]) -> None:
    """The steps to a total, under the name of the assignment that they are about."""
    subject = None
    for line in lines:
        if line.subject != subject and line.rule != "group":
            console.print(f"\n{line.subject or 'Total'}", style="bold", highlight=False, markup=False)
        subject = None if line.rule == "group" else line.subject
        indent = "\n" if line.rule == "group" else "  "
        console.print(f"{indent}{line.text}", highlight=False, markup=False, soft_wrap=True)
