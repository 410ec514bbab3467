"""Tables and numbers as all commands print them."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from chainrule.formats.text import safe

if TYPE_CHECKING:
    from chainrule.regrade.difference import Points  # which brings nbgrader along; `grade` and `doctor` do without

Json = dict[str, Any]
"""A document of docs/json.md."""

SHORT = 10
"""Characters of a grader's digest that people see."""

ROOM = 24
"""Columns of a terminal that the words in a table's last column need; below that the other columns wrap, too."""


def number(points: float | None) -> str:
    return "–" if points is None else f"{points:g}"


def arrow(before: Points, after: Points, signed: bool = False) -> str:
    if before == after:
        return number(after)
    gain = f" ({(after or 0.0) - (before or 0.0):+g})" if signed else ""
    return f"{number(before)} -> {number(after)}{gain}"


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


def wrapped(console: Console, text: str, indent: int) -> str:
    """`text` for a place `indent` columns from the left: wrapped between words on a terminal, its lines below each
    other; elsewhere as it is.
    """
    if not console.is_terminal:
        return text
    width = max(console.width - indent, ROOM)
    # A path stays in one piece, so that it can be copied.
    parts = [
        textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) or [""] for line in text.splitlines()
    ]
    return ("\n" + " " * indent).join(line for part in parts for line in part)


def print_words(console: Console, text: str, indent: int = 0, style: str = "") -> None:
    """A sentence, `wrapped`."""
    line = " " * indent + wrapped(console, text, indent)
    console.print(line, style=style, highlight=False, markup=False, soft_wrap=True)


def csv_row(row: Mapping[str, Any], columns: Sequence[str]) -> list[object]:
    """The cells of `row` under `columns`; what it lacks is empty."""
    return [_csv_cell(row.get(column)) for column in columns]


def _csv_cell(value: object) -> object:
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    return safe(value) if isinstance(value, str) else value
