"""What a tree of processes uses, read from /proc: cheap to ask forty times a second, exact when it matters."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
LEAST_FREE = 1 << 30


class Tree:
    """The processes below `root`. What the zygote had at the fork (`base_…`, bytes) is shared, and nobody's use.

    `adopter` is who gets the orphans among them, where that is not the root: all its children belong to the tree.
    """

    def __init__(
        self, root: int, base_resident: int, base_anonymous: int, base_size: int, adopter: int | None = None
    ) -> None:
        self.root, self.adopter = root, adopter
        self.base_resident, self.base_anonymous, self.base_size = base_resident, base_anonymous, base_size

    def pids(self) -> list[int]:
        """All of them, the root first."""
        return list(self.threads())

    def threads(self) -> dict[int, int]:
        """All processes, each with the number of its threads; the root first."""
        found: dict[int, int] = {}
        todo = self.adopted() if self.adopter is not None else []
        todo.append(self.root)
        while todo:
            pid = todo.pop()
            if pid not in found:
                children, found[pid] = _children(pid)
                todo += children
        return found

    def adopted(self) -> list[int]:
        """The orphans, and others that are nobody's descendants, such as sisters of the root."""
        assert self.adopter is not None
        return [pid for pid in _children(self.adopter)[0] if pid != self.root]

    def over(self, limit: int) -> bool:
        """Whether the tree uses more than `limit` bytes beyond what it shares with the zygote."""
        pids = self.pids()
        resident = size = 0
        for pid in pids:
            with contextlib.suppress(OSError, ValueError):
                pages = Path(f"/proc/{pid}/statm").read_text().split()
                size += max(0, int(pages[0]) * PAGE - self.base_size)
                resident += max(0, int(pages[1]) * PAGE - self.base_resident)
        # Shared memory that was dropped from the page tables is in no process's count, but the machine feels it.
        if size > limit and (_shared(pids) > limit or available() < LEAST_FREE):
            return True
        return resident > limit and self._exact(pids) > limit

    def _exact(self, pids: list[int]) -> int:
        """Pages that several processes share count once, not for each."""
        total = 0
        for pid in pids:
            try:
                sizes = _fields(f"/proc/{pid}/smaps_rollup")
                total += sizes.get("Pss_Anon", sizes.get("Pss", 0)) + sizes.get("Pss_Shmem", 0)
            except OSError:  # it has just ended, or may not be looked into
                with contextlib.suppress(OSError):
                    sizes = _fields(f"/proc/{pid}/status")
                    total += max(0, sizes.get("RssAnon", 0) - self.base_anonymous) + sizes.get("RssShmem", 0)
        return total


def _children(pid: int) -> tuple[list[int], int]:
    """The children of a process, and the number of its threads (0 when it is gone)."""
    found: list[int] = []
    threads = 0
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            threads += 1
            found += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text().split())
    return found, threads


def _shared(pids: list[int]) -> int:
    """The size of the shared memory that these processes have mapped, used or not; what several map counts once."""
    sizes: dict[str, int] = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
                addresses, permissions, offset, device, inode, *name = line.split(maxsplit=5)
                if permissions.endswith("s") and name and name[0].startswith(("/dev/zero", "/dev/shm", "/memfd")):
                    begin, end = (int(address, 16) for address in addresses.split("-"))
                    key = f"{device} {inode}"
                    sizes[key] = max(sizes.get(key, 0), int(offset, 16) + end - begin)
    return sum(sizes.values())


def own() -> tuple[int, int, int]:
    """Resident, anonymous and virtual size of this process in bytes."""
    sizes = _fields("/proc/self/status")
    return sizes.get("VmRSS", 0), sizes.get("RssAnon", 0), sizes.get("VmSize", 0)


def available() -> int:
    return _fields("/proc/meminfo").get("MemAvailable", LEAST_FREE)


def _fields(path: str) -> dict[str, int]:
    """The fields in kB of a file of /proc, in bytes."""
    found = {}
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if value.endswith("kB"):
            found[key] = int(value[:-2]) << 10
    return found
