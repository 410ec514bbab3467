"""Layer 4: limits of a single process. The whole tree's memory and number of processes are watched by the monitor."""

from __future__ import annotations

import resource
from dataclasses import dataclass

OPEN_FILES = 512
LAST_SECONDS = 5
"""Who is told that its processor time is used up (SIGXCPU) and goes on is killed so much later."""


@dataclass(frozen=True)
class Bounds:
    """What one process may use; None: not limited here."""

    address_space: int | None
    file: int
    processes: int | None
    cpu: int | None


def apply(bounds: Bounds) -> None:
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, OPEN_FILES)
    _limit(resource.RLIMIT_FSIZE, bounds.file)
    if bounds.cpu is not None:
        _limit(resource.RLIMIT_CPU, bounds.cpu, LAST_SECONDS)
    _limit(resource.RLIMIT_MEMLOCK, 64 << 10)
    if bounds.address_space is not None:
        _limit(resource.RLIMIT_AS, bounds.address_space)
    if bounds.processes is not None:
        _limit(resource.RLIMIT_NPROC, bounds.processes)
    for name in ("MSGQUEUE", "NICE", "RTPRIO"):  # Linux only
        if hasattr(resource, f"RLIMIT_{name}"):
            _limit(getattr(resource, f"RLIMIT_{name}"), 0)


def _limit(which: int, value: int, more: int = 0) -> None:
    """Set the limit; what is hard lies `more` above what is soft."""
    hard = resource.getrlimit(which)[1]
    highest = value + more if hard == resource.RLIM_INFINITY else min(value + more, hard)
    resource.setrlimit(which, (min(value, highest), highest))
