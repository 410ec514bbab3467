"""`python -m demo`: play the class, print the results, exit 0 if everybody got what they deserve."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from . import results, show
from .play import Play, Round
from .scratch import CHECKOUT, prepare


def main() -> int:
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--scratch", type=Path, default=CHECKOUT / ".demo", help="folder to work in; it is wiped first")
    scratch = prepare(parser.parse_args().scratch.resolve())
    console = Console()
    console.print("[bold]chainrule, the whole way[/bold]\n")
    play = Play(scratch, console)
    play.run()
    console.print()
    show.table(play, console)
    show.rounds(play, console)
    show.places(play, console)
    results.dump({name: _rows(play, round_) for name, round_ in play.rounds.items()}, scratch.results)
    console.print()
    wrong = [
        f"{name}, {student} ({round_.pupils[student].kind}): {complaint}"
        for name, round_ in play.rounds.items()
        for student, found in round_.complaints.items()
        for complaint in found
    ]
    for line in wrong:
        console.print(f"[red]✗[/red] {line}", highlight=False)
    if wrong:
        return 1
    count = sum(bool(pupil.hand_ins) for round_ in play.rounds.values() for pupil in round_.pupils.values())
    console.print(f"[green]✓[/green] Each of {count} submissions got what it deserves, in {play.seconds:.0f} s.")
    return 0


def _rows(play: Play, round_: Round) -> list[dict[str, Any]]:
    """What is known of each student in one assignment."""
    return [
        asdict(round_.results[student])
        | {"name": play.names[student], "kind": pupil.kind, "did": pupil.did, "complaints": round_.complaints[student]}
        for student, pupil in round_.pupils.items()
    ]


if __name__ == "__main__":
    raise SystemExit(main())
