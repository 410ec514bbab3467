"""A large class: does the hundredth submission cost what the two-thousandth does, in time and in memory?"""

from __future__ import annotations

import bisect
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.contenders import check_scores, finished_students
from bench.courses import OURS, Assignment, environment

EVERY = 0.5
"""Seconds between two looks at the memory."""

STAYED = 0.9
"""A process seen in this share of the looks lived through the run; another one started with it may be a little late."""

MB = 1e6


@dataclass(frozen=True)
class Sample:
    """Resident memory of the run's processes at a time, by process."""

    at: float
    resident: dict[tuple[int, float], int]


@dataclass(frozen=True)
class Growth:
    """A run over a large class. `memory` are MB of the processes that lived through it, at the times of `sampled`."""

    finished: tuple[float, ...]
    sampled: tuple[float, ...]
    memory: tuple[float, ...]
    coordinator: tuple[float, ...]

    @property
    def done(self) -> list[int]:
        """How many submissions were done at each sample."""
        return [bisect.bisect_right(self.finished, at) for at in self.sampled]

    def slope(self, values: Sequence[float], first: int) -> float:
        """Growth of a value for 1,000 submissions, after the first few: a straight line through the samples."""
        pairs = [(count, value) for count, value in zip(self.done, values, strict=True) if count >= first]
        if len({count for count, _ in pairs}) < 2:
            return float("nan")
        return 1000 * statistics.linear_regression(*zip(*pairs, strict=True)).slope

    def cost(self, first: int, last: int) -> float:
        """Seconds a submission between two counts."""
        return (self.finished[last - 1] - self.finished[first - 1]) / (last - first)


def measure(assignment: Assignment, size: int, workers: int, folder: Path) -> Growth:
    """Grade a class of `size` with chainrule, watched from outside."""
    root = assignment.course(folder, range(size), OURS)
    command = [sys.executable, "-m", "chainrule.cli", "autograde", assignment.name, "--workers", str(workers)]
    begin, clock = time.time(), time.monotonic()
    with (root / "output").open("w") as output:
        process = subprocess.Popen(command, cwd=root, env=environment(), stdout=output, stderr=output)
        samples, _ = watch(process, clock)
    if process.returncode:
        raise RuntimeError(f"A class of {size} was not graded:\n{(root / 'output').read_text()[-2000:]}")
    check_scores(assignment, range(size), root)
    finished = finished_students(root, assignment.name, begin)
    return _growth(samples, finished, process.pid)


def watch(process: subprocess.Popen[bytes], clock: float, every: float = EVERY) -> tuple[list[Sample], float]:
    """The memory of a process and all below it until it ends, and when that was; times in seconds since `clock`."""
    samples: list[Sample] = []
    ended = threading.Event()
    ends: list[float] = []
    waiter = threading.Thread(target=lambda: (process.wait(), ends.append(time.monotonic() - clock), ended.set()))
    waiter.start()
    coordinator = psutil.Process(process.pid)
    while not ended.wait(every):
        at, resident = time.monotonic() - clock, {}
        try:
            family = [coordinator, *coordinator.children(recursive=True)]
        except psutil.NoSuchProcess:
            break
        for member in family:
            try:
                resident[member.pid, member.create_time()] = member.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        samples.append(Sample(at, resident))
    waiter.join()
    return samples, ends[0]


def _growth(samples: Sequence[Sample], finished: tuple[float, ...], coordinator: int) -> Growth:
    """Students' processes come and go, and how many there are is chance: only those that stay are added up."""
    used = [sample for sample in samples if finished[0] <= sample.at <= finished[-1]]
    seen = Counter(key for sample in used for key in sample.resident)
    stayed = {key for key, count in seen.items() if count > STAYED * len(used)}

    def sums(keys: set[tuple[int, float]]) -> tuple[float, ...]:
        return tuple(sum(sample.resident.get(key, 0) for key in keys) / MB for sample in used)

    times = tuple(sample.at for sample in used)
    return Growth(finished, times, sums(stayed), sums({key for key in stayed if key[0] == coordinator}))
