"""The steps to a total: `explain`."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from chainrule.policy import Line
from chainrule.present.tables import print_words


def print_lines(console: Console, lines: Sequence[Line]) -> None:
    """The steps to a total, under the name of the assignment that they are about."""
    subject = None
    for line in lines:
        if line.subject != subject and line.rule != "group":
            console.print(f"\n{line.subject or 'Total'}", style="bold", highlight=False, markup=False)
        subject = None if line.rule == "group" else line.subject
        if line.rule == "group":
            console.print()
        print_words(console, line.text, indent=0 if line.rule == "group" else 2)
