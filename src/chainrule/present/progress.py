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
QUIET = ("weak", "kept")
"""Notes that say nothing of a submission, but of the machine (tier C) or of what was asked for (raise-only)."""


@contextmanager
def progress(console: Console, title: str, every: float = EVERY_SECONDS) -> Iterator[Callable[[Row, int, int], None]]:
    """Gives a function to call for each student that is done. Plain lines come every so many seconds."""
    if not console.is_terminal:
        yield _lines(console, title, every)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.fields[rate]}"), console=console, transient=True) as bar:
        task = bar.add_task(title, total=None, rate="")
        begin = time.monotonic()

        def show(row: Row, done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, rate=_rate(done, time.monotonic() - begin))
            _anomaly(console, row)

        yield show


def _lines(console: Console, title: str, every: float) -> Callable[[Row, int, int], None]:
    begin = last = time.monotonic()

    def show(row: Row, done: int, total: int) -> None:
        nonlocal last
        _anomaly(console, row)
        now = time.monotonic()
        if done == total or now - last > every:
            last = now
            left = (now - begin) / done * (total - done)
            rate = _rate(done, now - begin)
            console.print(f"{title}: {done} of {total}, {rate}, about {left:.0f} s left", highlight=False)

    return show


def _rate(done: int, seconds: float) -> str:
    """Submissions in a second; in a minute where they are few."""
    rate = done / max(seconds, 1e-9)
    return f"{rate:.1f}/s" if rate >= 1 else f"{60 * rate:.1f}/min"


def _anomaly(console: Console, row: Row) -> None:
    if row.error:
        console.print(f"  {escape(row.student)}: {escape(row.error)}", style="red", highlight=False)
    elif not row.skipped:
        for note in row.notes:
            if note.kind not in QUIET:
                console.print(f"  {escape(row.student)}: {escape(note.message)}", style="yellow", highlight=False)
