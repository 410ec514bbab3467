"""Layer 4: limits of a single process. The whole tree's memory and number of processes are watched by the monitor."""

from __future__ import annotations

import resource
from dataclasses import dataclass

OPEN_FILES = 512
CPU_SECONDS = 4 * 3600  # a net below the wall clocks


@dataclass(frozen=True)
class Bounds:
    """What one process may use; None: not limited here."""

    address_space: int | None
    file: int
    processes: int | None


def apply(bounds: Bounds) -> None:
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, OPEN_FILES)
    _limit(resource.RLIMIT_FSIZE, bounds.file)
    _limit(resource.RLIMIT_CPU, CPU_SECONDS)
    _limit(resource.RLIMIT_MEMLOCK, 64 << 10)
    if bounds.address_space is not None:
        _limit(resource.RLIMIT_AS, bounds.address_space)
    if bounds.processes is not None:
        _limit(resource.RLIMIT_NPROC, bounds.processes)
    for name in ("MSGQUEUE", "NICE", "RTPRIO"):  # Linux only
        if hasattr(resource, f"RLIMIT_{name}"):
            _limit(getattr(resource, f"RLIMIT_{name}"), 0)


def _limit(which: int, value: int) -> None:
    hard = resource.getrlimit(which)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(which, (value, value))
