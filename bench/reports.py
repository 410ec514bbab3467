"""The report of a large course: how long `chainrule report` takes and how much memory, in a file and on a server."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import synthetic
from bench.courses import environment
from bench.growth import MB, watch
from bench.postgres import NoPostgres, server

SQLITE, POSTGRES = "SQLite", "PostgreSQL"
EVERY = 0.1
"""Seconds between two looks at the memory."""


@dataclass(frozen=True)
class Report:
    """One run of the command. `peak` is the most resident memory in MB, of all its processes added up."""

    database: str
    outcomes: int
    seconds: float
    peak: float


def measure(size: synthetic.Size, folder: Path) -> list[Report]:
    """In SQLite and, where Debian's package is installed, in a PostgreSQL started for it."""
    found = [_measured(SQLITE, size, folder / "file", None)]
    with ExitStack() as stack:
        try:
            running = stack.enter_context(server())
        except NoPostgres as error:
            print(error, file=sys.stderr)
            return found
        found.append(_measured(POSTGRES, size, folder / "server", running.create("synthetic")))
    return found


def _measured(database: str, size: synthetic.Size, root: Path, db_url: str | None) -> Report:
    outcomes = synthetic.make(root, size, db_url)
    try:
        return run(database, root, outcomes)
    finally:
        shutil.rmtree(root)


def run(database: str, root: Path, outcomes: int) -> Report:
    """Write the report of the course folder `root`, watched from outside."""
    command = [sys.executable, "-m", "chainrule.cli", "report", "--out", "report"]
    clock = time.monotonic()
    with (root / "output").open("w") as output:
        process = subprocess.Popen(command, cwd=root, env=environment(), stdout=output, stderr=output)
        samples, ended = watch(process, clock, EVERY)
    if process.returncode:
        raise RuntimeError(f"The report was not written:\n{(root / 'output').read_text()[-2000:]}")
    peak = max((sum(sample.resident.values()) for sample in samples), default=0)
    return Report(database, outcomes, ended, peak / MB)
