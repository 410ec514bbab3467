"""Tables and numbers as all commands print them."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from chainrule.formats.text import safe
from chainrule.regrade.difference import Points

Json = dict[str, Any]
"""A document of docs/json.md."""

SHORT = 10
"""Characters of a grader's digest that people see."""


def number(points: float | None) -> str:
    return "–" if points is None else f"{points:g}"


def arrow(before: Points, after: Points, signed: bool = False) -> str:
    if before == after:
        return number(after)
    gain = f" ({(after or 0.0) - (before or 0.0):+g})" if signed else ""
    return f"{number(before)} -> {number(after)}{gain}"


ROOM = 24
"""Columns of a terminal that the words in a table's last column need; below that the other columns wrap, too."""


def print_table(console: Console, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Names and numbers, and words in the last column, which wraps on a terminal. Elsewhere aligned text, a line a row,
    for `less` and `grep`.
    """
    rows = [[" ".join(text.split()) for text in row] for row in rows]
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    if console.is_terminal:
        needed = sum(width + 2 for width in widths[:-1]) + min(widths[-1], ROOM)
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in head:
            table.add_column(name, overflow="fold", no_wrap=needed <= console.width and name != head[-1])
        for row in rows:
            table.add_row(*(escape(text) for text in row))
        console.print(table)
        return
    for row in (head, *rows):
        line = "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True))
        console.print(line.rstrip(), highlight=False, markup=False, soft_wrap=True)


def print_words(console: Console, text: str, indent: int = 0, style: str = "") -> None:
    """A sentence: wrapped between words on a terminal, with its indent on each line; elsewhere one line."""
    margin = " " * indent
    if console.is_terminal:
        # A path stays in one piece, so that it can be copied.
        lines = textwrap.wrap(text, console.width - indent, break_long_words=False, break_on_hyphens=False)
    else:
        lines = [text]
    console.print(
        "\n".join(margin + line for line in lines), style=style, highlight=False, markup=False, soft_wrap=True
    )


def csv_row(row: Mapping[str, Any], columns: Sequence[str]) -> list[object]:
    """The cells of `row` under `columns`; what it lacks is empty."""
    return [_csv_cell(row.get(column)) for column in columns]


def _csv_cell(value: object) -> object:
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    return safe(value) if isinstance(value, str) else value
