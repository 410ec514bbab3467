"""The ledger of changed scores: `audit`, as a table for people, documented JSON, CSV."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TextIO

from rich.console import Console

from chainrule.audit import Entry
from chainrule.formats.files import write_rows
from chainrule.model import FORMAT_VERSION
from chainrule.present.tables import SHORT, Json, arrow, csv_row, number, print_table


def print_audit(console: Console, entries: Sequence[Entry]) -> None:
    """The ledger, a line an entry."""
    head = ("when (UTC)", "who", "assignment", "student", "exercise", "points", "reason", "graders")
    rows = [
        (
            f"{entry.at:%Y-%m-%d %H:%M:%S}",
            entry.who,
            entry.assignment,
            entry.student,
            entry.exercise,
            arrow(entry.points_from, entry.points_to)
            + (f" (mark by hand {entry.manual:g} counts)" if entry.manual is not None else "")
            + (f" (kept; graders gave {number(entry.computed)})" if entry.computed is not None else ""),
            entry.reason,
            _arrow_text(entry.graders_from[:SHORT], entry.graders_to[:SHORT]),
        )
        for entry in entries
    ]
    if rows:
        print_table(console, head, rows)
    else:
        console.print("No score was changed yet.")


def _arrow_text(before: str, after: str) -> str:
    return after if before == after else f"{before or 'none'} -> {after}"


def audit_json(entries: Iterable[Entry]) -> Json:
    """The document of `chainrule audit --json` (docs/json.md)."""
    return {"version": FORMAT_VERSION, "entries": [_entry(entry) for entry in entries]}


def _entry(entry: Entry) -> Json:
    return {**vars(entry), "at": f"{entry.at:%Y-%m-%dT%H:%M:%S.%fZ}"}


def write_audit(file: TextIO, entries: Iterable[Entry]) -> None:
    """The ledger, a row an entry."""
    columns = tuple(Entry.__dataclass_fields__)
    write_rows(file, columns, (csv_row(_entry(entry), columns) for entry in entries))
