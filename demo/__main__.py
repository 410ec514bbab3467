"""`python -m demo`: play the class, print the results, exit 0 if everybody got what they deserve."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from . import results, show
from .play import Play
from .scratch import CHECKOUT, prepare
from .verdict import complaints


def main() -> int:
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--scratch", type=Path, default=CHECKOUT / ".demo", help="folder to work in; it is wiped first")
    scratch = prepare(parser.parse_args().scratch.resolve())
    console = Console()
    console.print("[bold]chainrule, the whole way on one assignment[/bold]\n")
    play = Play(scratch, console)
    play.run()
    console.print()
    show.table(play, console)
    show.places(play, console)

    wrong = {student: complaints(pupil, play.results[student]) for student, pupil in play.pupils.items()}
    extra = {
        student: {"name": play.names[student], "kind": pupil.kind, "did": pupil.did, "complaints": wrong[student]}
        for student, pupil in play.pupils.items()
    }
    results.dump(play.results, extra, scratch.results)
    console.print()
    for student, found in wrong.items():
        for complaint in found:
            console.print(f"[red]✗[/red] {student} ({play.pupils[student].kind}): {complaint}", highlight=False)
    if any(wrong.values()):
        return 1
    console.print(
        f"[green]✓[/green] Each of {len(play.pupils)} students got what they deserve, in {play.seconds:.0f} s."
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
