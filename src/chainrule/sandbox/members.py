"""The processes in a control group: which of them are ours to move, and moving them."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

PROCESSES = "cgroup.procs"
NAMES = 3
EXITING = 4
"""PF_EXITING, among the flags of a process."""


def of(folder: Path) -> set[int]:
    """The processes of a group; 0 stands for one that cannot be seen from here."""
    return set(map(int, (folder / PROCESSES).read_text().split()))


def ours(inside: Iterable[int], folder: Path) -> set[int]:
    """Those of `inside` that this run started, and those that agree to be moved, with all that they started."""
    roots = {_trunk(), *_agreeing(folder)}
    return {pid for pid in inside if any(ancestor in roots for ancestor in _ancestry(pid))}


def staying(pids: Iterable[int]) -> set[int]:
    """Those that have not ended and are not about to: whose they were can no longer be told."""
    return {pid for pid in pids if not pid or not _ending(pid)}


def move(pids: Iterable[int], folder: Path) -> None:
    """Put processes into a group. One that has ended is no error; raises `OSError` for any other that cannot."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError), open(folder / PROCESSES, "r+b", buffering=0) as file:
            file.write(str(pid).encode())


def names(pids: Iterable[int]) -> str:
    """A few of them in words."""
    shown = sorted(pids)
    words = [f"{_name(pid)} ({pid})" if pid else "one that is not in sight" for pid in shown[:NAMES]]
    return ", ".join([*words, *(["…"] if len(shown) > NAMES else [])])


def is_worker() -> bool:
    """Whether another process of ours started this one to grade for it."""
    return _trunk() != os.getpid()


@contextlib.contextmanager
def agree(folder: Path) -> Iterator[None]:
    """Within it, other processes that make room in this group may move this one, too."""
    with (folder / PROCESSES).open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def _agreeing(folder: Path) -> set[int]:
    """Who holds the lock by which `agree` says so, from /proc/locks (proc(5))."""
    status = (folder / PROCESSES).stat()
    place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    with contextlib.suppress(OSError):
        rows = (line.split() for line in Path("/proc/locks").read_text().splitlines())
        return {int(row[4]) for row in rows if row[1] == "FLOCK" and row[5] == place}
    return set()


def _trunk() -> int:
    """The process from which all of this run's come: who started us to grade for it, or this one."""
    import multiprocessing

    parent = multiprocessing.parent_process()
    return os.getpid() if parent is None or parent.pid is None else parent.pid


def _ancestry(pid: int) -> Iterator[int]:
    while pid > 1:
        yield pid
        try:
            pid = int(_stat(pid)[1])
        except OSError:
            return


def _ending(pid: int) -> bool:
    try:
        return bool(int(_stat(pid)[6]) & EXITING)
    except OSError:
        return True


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on (proc(5)); the name before it may hold anything."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return "one that has ended"
