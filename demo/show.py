"""The table at the end, and where to look next."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .answers import Deserves
from .classroom import Pupil
from .play import FIRST, Play
from .results import Result


def table(play: Play, console: Console) -> None:
    """Every student in the first assignment: what they did, the score, and why."""
    first = play.rounds[FIRST]
    grid = Table(box=None, pad_edge=False, header_style="bold", row_styles=("", "dim"))
    grid.add_column("student", no_wrap=True)
    grid.add_column("handed in", width=26)
    grid.add_column("score", justify="right", no_wrap=True)
    grid.add_column("why", ratio=1)
    longest = max(2 * (console.width - 62), 60)
    for student, pupil in first.pupils.items():
        result = first.results[student]
        did = Text.assemble((pupil.kind, "bold"), f": {pupil.did}" if pupil.did else "")
        grid.add_row(play.names[student], did, _score(result), Text(_shortened(_reason(pupil, result), longest)))
    console.print(grid)
    console.print(f"[bold]{FIRST}[/bold]")
    console.print(grid)


def rounds(play: Play, console: Console) -> None:
    """A line for each assignment."""
    grid = Table(box=None, pad_edge=False, header_style="bold")
    grid.add_column("assignment")
    for name in ("handed in", "median", "to read"):
        grid.add_column(name, justify="right")
    for name, round_ in play.rounds.items():
        points = [result.points for result in round_.results.values() if result.points is not None]
        of = max(result.max_points for result in round_.results.values())
        waiting = sum(result.to_read for result in round_.results.values())
        grid.add_row(name, f"{len(points)} of {len(round_.results)}", f"{median(points):g} / {of:g}", str(waiting))
    console.print()
    console.print(grid)
    console.print("\nScores are of the automatic part; the answers to read wait in formgrader.")


def _score(result: Result) -> str:
    return "–" if result.points is None else f"{result.points:g} / {result.max_points:g}"


def _reason(pupil: Pupil, result: Result) -> str:
    """The most telling facts first."""
    if result.points is None:
        return "no submission"
    parts = [f"{result.late_seconds / 3600:.0f} h late"] if result.late_seconds else []
    parts += [message for kind, message in result.notes.items() if kind in pupil.notes]
    lost = {name: got for name, got in result.exercises.items() if got.points != got.max_points}
    dearest = sorted(lost.items(), key=lambda item: (item[1].points or 0) - item[1].max_points)
    named = [(name, got.misconceptions[0]) for name, got in dearest if got.misconceptions]
    empty = [name for name in lost if name in pupil.answers and pupil.answers[name].deserves is Deserves.NONE]
    if named:
        more = f" (and {len(named) - 1} more)" if len(named) > 1 else ""
        parts.append(f"{named[0][0]}: {named[0][1]}{more}")
    elif empty and not pupil.notes:
        parts.append(f"nothing right in {', '.join(empty) if len(empty) < 4 else f'{len(empty)} exercises'}")
    if not lost:
        parts.append("all hidden tests pass")
    return "; ".join(parts)


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rsplit(" ", 1)[0] + " …"


def places(play: Play, console: Console) -> None:
    """Paths to open."""
    course = play.scratch.course
    feedback = (play.scratch.home(play.fetched) / FIRST / "feedback").rglob("*.html")
    release = (course / "release" / FIRST).glob("*.ipynb")
    jupyter = f"{Path(sys.executable).parent / 'jupyter'} lab{' --allow-root' if os.geteuid() == 0 else ''}"
    waiting = play.scratch.report / FIRST / "review.html"
    rows = [
        ("report", _shown(play.scratch.report / "index.html")),
        *([("answers to mark", _shown(waiting))] if waiting.exists() else []),
        ("grades", _shown(play.scratch.report / "grades.csv")),
        (f"feedback of {play.names[play.fetched]}", _shown(next(feedback, play.scratch.home(play.fetched)))),
        ("what students got", _shown(next(release))),
        ("formgrader", f"cd {_shown(course)} && {jupyter}"),
        ("", "then the menu Nbgrader, Formgrader"),
    ]
    width = max(len(name) for name, _ in rows)
    console.print("\n[bold]To look at[/bold]")
    for name, place in rows:
        console.print(f"  {name:{width}}  {place}", soft_wrap=True, highlight=False, markup=False)


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
