"""`python -m bench`: measure, print `name: value` lines, write results.md and results.svg."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from bench import compute, contenders, courses, figure, growth, primitives, reports, table
from bench.results import CHAINRULE, COMPUTE, NBGRADER, OTTER, Results, Rounds, report_values
from bench.synthetic import Size

REPORT = "report"
HERE = Path(__file__).resolve().parent
QUICK = {
    "rounds": 1,
    "small": 3,
    "training": 2,
    "peers": 1,
    "training_peers": 0,
    "growth": 8,
    "repeat": 3,
    "steps": 30,
    "students": 40,
}


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="chainrule-bench-") as folder:
        options.out.mkdir(parents=True, exist_ok=True)
        if options.only == REPORT:
            measured = reports.measure(Size(options.students), Path(folder))
            values, written = report_values(measured), table.write_reports(measured, options.out)
        else:
            results = _measure(options, Path(folder))
            figure.write(results, options.out)
            values, written = results.values(), table.write(results, options.out)
    for name, value in values.items():
        print(f"{name}: {value:.4g}")
    _say(f"The tables are in {written}.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="everything once and tiny: does it run? Times mean nothing"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--small", type=int, default=100, help="small notebooks in a class")
    parser.add_argument("--training", type=int, default=30, help="training notebooks in a class")
    parser.add_argument("--peers", type=int, default=10, help="small notebooks that the other graders grade in a round")
    parser.add_argument("--training-peers", type=int, default=4, help="the same of training notebooks")
    parser.add_argument("--steps", type=int, default=6000, help="steps of a training")
    parser.add_argument("--growth", type=int, default=2000, help="submissions of the large class")
    parser.add_argument(
        "--repeat", type=int, default=50, help="repetitions for the start of a jail, a snapshot, a call"
    )
    parser.add_argument("--students", type=int, default=2000, help="of the synthetic course whose report is written")
    parser.add_argument(
        "--only", choices=[REPORT], help="measure this part alone, and put it in its place in the table"
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--without-otter", action="store_true", help="do not install and run otter-grader")
    parser.add_argument("--out", type=Path, default=HERE, help="folder for results.md and results.svg; default: bench/")
    options = parser.parse_args()
    if options.quick:
        vars(options).update(QUICK)
        if options.out == HERE:
            parser.error("--quick measures nothing that should be kept: say with --out where to write")
    least = {"rounds": 1, "repeat": 1, "workers": 1, "small": 2, "training": 1, "growth": 8, "students": 3}
    for name, number in least.items():
        if getattr(options, name) < number:
            parser.error(f"--{name} has to be at least {number}")
    return options


def _measure(options: argparse.Namespace, folder: Path) -> Results:
    started, load = datetime.now(UTC), os.getloadavg()[0]
    graders = {CHAINRULE: contenders.chainrule(options.workers), NBGRADER: contenders.nbgrader()}
    if not options.without_otter:
        _say("Installing otter-grader …")
        venv = HERE.parent / "build" / "bench" / "otter"
        contenders.install_otter(venv)
        graders[OTTER] = contenders.otter(options.workers, venv)
    parts = primitives.measure(options.repeat)
    layers = courses.make("layers", folder / "courses")
    training = courses.make("training", folder / "courses", STEPS=options.steps)
    small_rounds, training_rounds = Rounds(options.small), Rounds(options.training)
    for number in range(1, options.rounds + 1):
        place = folder / f"round{number}"
        _take_turns(graders, layers, small_rounds, options.peers, place)
        seconds = compute.seconds(training, options.training, options.workers, place / COMPUTE)
        training_rounds.add(COMPUTE, seconds, options.training)
        _take_turns(graders, training, training_rounds, options.training_peers, place)
        _say(f"Round {number} of {options.rounds} is done.")
    large = growth.measure(layers, options.growth, options.workers, folder / "growth")
    written = reports.measure(Size(options.students), folder / "reports")
    return Results(
        options.workers,
        options.rounds,
        small_rounds,
        training_rounds,
        large,
        parts,
        written,
        load,
        started,
        OTTER in graders,
    )


def _take_turns(
    graders: dict[str, contenders.Contender], assignment: courses.Assignment, rounds: Rounds, peers: int, place: Path
) -> None:
    for name, grade in graders.items():
        count = rounds.size if name == CHAINRULE else min(peers, rounds.size)
        if count == 0:
            continue
        timing = grade(assignment, range(count), place / assignment.name / name)
        rounds.add(name, timing.of_class(rounds.size), count)
        _say(f"{assignment.name}, {name}: {count} in {timing.wall:.1f} s")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
