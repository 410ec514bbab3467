"""The ledger of changed scores: `audit`, as a table for people, documented JSON, CSV."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TextIO

from rich.console import Console

from chainrule.audit import Entry
from chainrule.formats.files import write_rows
from chainrule.model import FORMAT_VERSION
from chainrule.present.tables import SHORT, Json, arrow, csv_row, number, print_table, print_words


def print_audit(console: Console, entries: Sequence[Entry]) -> None:
    """The ledger: on a terminal a table for each run, elsewhere a line an entry, for `grep`."""
    if not entries:
        console.print("No score was changed yet.")
    elif console.is_terminal:
        for place, (run, own) in enumerate(groupby(entries, key=_run)):
            _print_run(console, run, list(own), first=place == 0)
    else:
        head = ("when (UTC)", "who", "assignment", "student", "exercise", "points", "reason", "graders")
        print_table(console, head, [_line(entry) for entry in entries])


def _run(entry: Entry) -> tuple[str, ...]:
    """What the neighbouring entries of one run have in common."""
    return entry.who, entry.assignment, entry.reason, _graders(entry)


def _print_run(console: Console, run: tuple[str, ...], entries: Sequence[Entry], *, first: bool) -> None:
    who, assignment, reason, graders = run
    if not first:
        console.print()
    begin, end = (f"{entries[at].at:%Y-%m-%d %H:%M}" for at in (0, -1))
    when = begin if begin == end else f"{begin} to {end}"
    print_words(console, f"{assignment}, {when} UTC, by {who}: {reason}", style="bold")
    print_words(console, f"graders {graders}", style="dim")
    print_table(
        console,
        ("student", "exercise", "points", ""),
        [
            (entry.student, entry.exercise, arrow(entry.points_from, entry.points_to), _aside(entry))
            for entry in entries
        ],
    )


def _line(entry: Entry) -> tuple[str, ...]:
    points = arrow(entry.points_from, entry.points_to) + (f" ({aside})" if (aside := _aside(entry)) else "")
    when = f"{entry.at:%Y-%m-%d %H:%M:%S}"
    return when, entry.who, entry.assignment, entry.student, entry.exercise, points, entry.reason, _graders(entry)


def _aside(entry: Entry) -> str:
    words = [f"mark by hand {entry.manual:g} counts"] if entry.manual is not None else []
    words += [f"kept; graders gave {number(entry.computed)}"] if entry.computed is not None else []
    return "; ".join(words)


def _graders(entry: Entry) -> str:
    before, after = entry.graders_from[:SHORT], entry.graders_to[:SHORT]
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
