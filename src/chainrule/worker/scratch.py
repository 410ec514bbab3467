"""The scratch folders of students' processes in a bubblewrap: in its memory, made and removed by their monitors.

All processes inside have one uid and share that file system, whose size bounds them together. So that none takes the
others' part, each monitor ends a process whose own folder outgrows its limit.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from chainrule.worker.jail import bubblewrap
from chainrule.worker.jail.bubblewrap import PLACE

EXITING = 0x4
"""The flag PF_EXITING of the kernel's tasks."""
ROUNDS, ROUND_SECONDS = 100, 0.002
"""How often it is looked whether orphans are left: each time some were ended, they may have left others."""
MOST_FILES = 20_000
"""As many as in a file system of one's own."""
PATIENCE = 2
"""The next count comes after so many times what the last one took: a monitor has other things to look at."""


class Full(Exception):
    """There is more than may be."""


def make() -> str:
    """An empty folder for this monitor's process. What monitors that were killed left is removed first."""
    if not bubblewrap.is_around_us():
        raise RuntimeError("Scratch folders are made in a bubblewrap only: elsewhere the first process is not ours.")
    _end_orphans()
    for name in os.listdir(PLACE):
        pid = name.partition("-")[0]
        if pid.isdigit() and (int(pid) == os.getpid() or _is_ending(int(pid))):
            remove(Path(PLACE, name))
    return tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=PLACE)


def _end_orphans() -> None:
    """End what a killed monitor left running, also while that one is still on its way out and has its children."""
    zygote = os.getppid()
    if zygote == 1:  # it was killed as well: now the monitors that live are children of the first process, too
        return
    for _ in range(ROUNDS):
        orphans = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _is_orphan(pid, zygote)]
        if not orphans:
            return
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(ROUND_SECONDS)


def _is_orphan(pid: int, zygote: int) -> bool:
    """Whether a process lives and none of the zygote's children that live is above it."""
    above = pid
    while True:
        try:
            parent, exiting = _state(above)
        except (FileNotFoundError, ProcessLookupError):
            if above == pid:
                return False
            above = pid  # what was above has ended just now: something else is
            continue
        if above == pid and (exiting or pid in (1, zygote)):
            return False
        if parent in (1, zygote):
            return parent == 1 or exiting
        above = parent


def _is_ending(pid: int) -> bool:
    """Whether a process has ended, or is about to."""
    try:
        return _state(pid)[1]
    except (FileNotFoundError, ProcessLookupError):
        return True


def _state(pid: int) -> tuple[int, bool]:
    """The parent of a process, and whether it is ending or has ended (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[1]), bool(int(fields[6]) & EXITING)


class Watch:
    """Whether a folder holds more than `disk` bytes, or too many files: cheap as long as all together hold less."""

    def __init__(self, folder: str, disk: int) -> None:
        self.folder, self.disk = folder, disk
        self._next = 0.0

    def over(self, pids: Iterable[int]) -> bool:
        """`pids` are the processes that may have files open which have no name any longer."""
        used = os.statvfs(PLACE)
        if (used.f_blocks - used.f_bfree) * used.f_frsize <= self.disk and used.f_files - used.f_ffree <= MOST_FILES:
            return False
        begin = time.monotonic()
        if begin < self._next:
            return False
        try:
            self._count(itertools.chain(_below(self.folder), _nameless(pids)))
        except Full:
            return True
        self._next = time.monotonic() + PATIENCE * (time.monotonic() - begin)
        return False

    def _count(self, found: Iterable[os.stat_result]) -> None:
        seen: set[int] = set()
        total = 0
        for entry in found:
            if entry.st_ino not in seen:
                seen.add(entry.st_ino)
                total += entry.st_blocks * 512
            if total > self.disk or len(seen) > MOST_FILES:
                raise Full


def _below(folder: str) -> Iterator[os.stat_result]:
    """All that lies below a folder, which changes meanwhile. Raises `Full` for what cannot be looked into."""
    todo = [folder]
    while todo:
        place = todo.pop()
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            for entry in _listed(place):
                with contextlib.suppress(FileNotFoundError):
                    yield entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    todo.append(entry.path)


def _listed(folder: str) -> list[os.DirEntry[str]]:
    for _ in range(2):
        try:
            return list(os.scandir(folder))
        except PermissionError:  # closed to its owner, which is us
            os.chmod(folder, 0o700)
        except FileNotFoundError:
            return []
        except OSError:
            break
    raise Full(folder)


def _nameless(pids: Iterable[int]) -> Iterator[os.stat_result]:
    """Open files that have been removed from their folder."""
    device = os.stat(PLACE).st_dev
    for pid in pids:
        with contextlib.suppress(OSError):
            for name in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    found = os.stat(f"/proc/{pid}/fd/{name}")
                    if found.st_dev == device and found.st_nlink == 0 and stat.S_ISREG(found.st_mode):
                        yield found


def remove(folder: Path) -> None:
    """Remove a folder of a student's with all that is in it: nested deeper than any stack, or closed to its owner."""
    numbers = itertools.count()
    todo = [str(folder)]
    while todo:
        place = todo.pop()
        with contextlib.suppress(OSError):
            os.chmod(place, 0o700)
            for entry in list(os.scandir(place)):
                if not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry.path)
                    continue
                os.chmod(entry.path, 0o700)
                target = entry.path
                if place != str(folder):  # up to the top, so that no path grows beyond what the kernel takes
                    free = (f"{folder}/{number}" for number in numbers)
                    target = next(path for path in free if not os.path.lexists(path))
                    os.rename(entry.path, target)
                todo.append(target)
            if place != str(folder):
                os.rmdir(place)
    with contextlib.suppress(OSError):
        os.rmdir(folder)
