"""Progress of a run: a bar with rate and time left on a terminal, plain lines elsewhere, a line for each anomaly."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from chainrule.autograde import Row

EVERY_SECONDS = 5.0


@contextmanager
def progress(console: Console, title: str) -> Iterator[Callable[[Row, int, int], None]]:
    """Gives a function to call for each student that is done."""
    if not console.is_terminal:
        yield _lines(console, title)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.fields[rate]}"), console=console, transient=True) as bar:
        task = bar.add_task(title, total=None, rate="")
        begin = time.monotonic()

        def show(row: Row, done: int, total: int) -> None:
            rate = done / max(time.monotonic() - begin, 1e-9)
            bar.update(task, completed=done, total=total, rate=f"{rate:.1f}/s")
            _anomaly(console, row)

        yield show


def _lines(console: Console, title: str) -> Callable[[Row, int, int], None]:
    begin = last = time.monotonic()

    def show(row: Row, done: int, total: int) -> None:
        nonlocal last
        _anomaly(console, row)
        now = time.monotonic()
        if done == total or now - last > EVERY_SECONDS:
            last = now
            left = (now - begin) / done * (total - done)
            console.print(f"{title}: {done} of {total}, about {left:.0f} s left", highlight=False)

    return show


def _anomaly(console: Console, row: Row) -> None:
    if row.error:
        console.print(f"  {escape(row.student)}: {escape(row.error)}", style="red", highlight=False)
    elif not row.skipped:
        for note in row.notes:
            if note.kind in ("unreadable", "crashed", "timeout", "ungraded"):
                console.print(f"  {escape(row.student)}: {escape(note.message)}", style="yellow", highlight=False)
