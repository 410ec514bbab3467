"""bench/results.md: the figures as tables, with what they mean and how they were got."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.figure import ALT
from bench.reports import Report
from bench.results import CHAINRULE, COMPUTE, NBGRADER, OTTER, Results, Rounds, Spread

NAME = "results.md"
REPORTS = "## The report of a large course"
LABELS = {
    CHAINRULE: "`chainrule autograde`",
    NBGRADER: "`nbgrader autograde`",
    OTTER: "`otter run`",
    COMPUTE: "the cells alone",
}


def write(results: Results, folder: Path) -> Path:
    path = folder / NAME
    path.write_text("\n\n".join(_parts(results)) + "\n", encoding="utf-8")
    return path


def write_reports(reports: Sequence[Report], folder: Path) -> Path:
    """Put the part about reports in the place of the one in the table, or at its end."""
    path = folder / NAME
    text = path.read_text(encoding="utf-8") if path.exists() else "# Measured\n"
    before, _, rest = text.partition(REPORTS)
    _, heading, after = rest.partition("\n## ")
    path.write_text(f"{before.rstrip()}\n\n{_reports(reports)}\n{heading}{after}", encoding="utf-8")
    return path


def _parts(results: Results) -> Iterable[str]:
    yield "# Measured\n\nWritten by `make bench`; run it on your own machine."
    yield _table(("", ""), [(name, text) for name, text in results.facts().items()])
    yield f"![{ALT}](results.svg)"
    yield (
        "Ranges are the smallest and the largest of "
        f"{results.rounds} rounds; in each round the graders took turns, and a ratio compares figures of one round. "
        "Before a time counts, all scores are compared with what the submissions deserve."
    )
    yield "## Many small notebooks\n\n" + _about(
        results.small, "six exercises with two hidden tests each on four inputs, torch imported"
    )
    yield _contenders(results.small, "times as long as chainrule", CHAINRULE)
    yield "## Notebooks that train\n\n" + _about(results.training, "one exercise whose cell trains a network")
    yield _contenders(results.training, "times as long as the cells alone", COMPUTE)
    yield (
        "The cells alone: the same code in Python processes that have torch already, as many at a time as chainrule "
        "has workers. chainrule's time has all in it, from the start of the command to its end."
    )
    yield "## A large class\n\n" + _growth(results)
    yield _reports(results.reports)
    yield "## The parts\n\n" + _primitives(results)


def _about(rounds: Rounds, what: str) -> str:
    others = {name: count for name, count in rounds.graded.items() if count != rounds.size}
    text = f"A class of {rounds.size}: {what}."
    if others:
        graded = ", ".join(f"{LABELS[name]} {count}" for name, count in others.items())
        text += f" Of these, graded in each round: {graded}; the others are counted at the rate of these."
    return text


def _contenders(rounds: Rounds, title: str, base: str) -> str:
    rows = []
    for name in rounds.seconds:
        per = rounds.per_submission(name)
        ratio = "1" if name == base else _spread(rounds.ratio(name, base))
        rows.append((LABELS[name], _spread(per), f"{60 / per.median:.3g}", ratio))
    return _table(("", "seconds a submission", "submissions a minute", title), rows)


def _growth(results: Results) -> str:
    growth, values = results.growth, results.values()
    size = len(growth.finished)
    rows = []
    for count in sorted({results.skip, size // 4, size // 2, size}):
        index = min(range(len(growth.done)), key=lambda i: abs(growth.done[i] - count), default=None)
        memory = "" if index is None else f"{growth.memory[index]:.0f}"
        coordinator = "" if index is None else f"{growth.coordinator[index]:.0f}"
        rows.append((f"{count:,}", f"{growth.finished[count - 1]:.1f}", memory, coordinator))
    table = _table(("submissions", "seconds since the start", "MB, all that stay", "MB, coordinator"), rows)
    return (
        f"One run of chainrule over {size:,} small notebooks. Memory is resident, of the processes that live "
        "through the run (pages that they share count in each): it grows by "
        f"{values['rss_growth_mb_per_1000']:.1f} MB for 1,000 submissions, of which the coordinator "
        f"{values['coordinator_growth_mb_per_1000']:.1f} MB. A submission of the second half takes "
        f"{values['growth_cost_ratio']:.2f} times as long as one of the first. From the start of "
        f"the command, each took {growth.finished[-1] / size:.3g} s; stock nbgrader, at the rate above, takes "
        f"{results.large_class_ratio:.3g} times as long.\n\n{table}"
    )


def _reports(reports: Sequence[Report]) -> str:
    rows = [(one.database, f"{one.outcomes:,}", f"{one.seconds:.1f}", f"{one.peak:.0f}") for one in reports]
    return (
        f"{REPORTS}\n\n`chainrule report` of a synthetic course (bench/synthetic.py), from the start of the command to "
        "its end. Memory is resident, of all its processes at the same time (pages that they share count in each).\n\n"
        + _table(("gradebook in", "outcomes", "seconds", "MB at the peak"), rows)
    )


def _primitives(results: Results) -> str:
    parts = results.primitives
    rows = [
        ("start of a jailed process, to its first answer", parts.jail_start),
        ("its end, with all it started", parts.jail_end),
        ("one call of a student's function", parts.rpc_call),
        ("one snapshot: fork, first answer, end", parts.snapshot),
    ]
    return _table(
        ("", "median, ms", "middle nine tenths, ms", "repetitions"),
        [
            (what, f"{s.median:.3g}", f"{s.low:.3g} to {s.high:.3g}", str(len(v)))
            for what, v in rows
            for s in [Spread.middle(v)]
        ],
    )


def _spread(spread: Spread) -> str:
    if spread.low == spread.high:
        return f"{spread.median:.3g}"
    return f"{spread.median:.3g} ({spread.low:.3g} to {spread.high:.3g})"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
