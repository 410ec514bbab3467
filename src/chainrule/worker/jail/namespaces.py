"""Layer 1: namespaces of its own, so that the host's processes, network and IPC do not exist for a student."""

from __future__ import annotations

import os
from pathlib import Path

from chainrule.worker.jail import kernel

NEWNS = 0x00020000
NEWCGROUP = 0x02000000
NEWUTS = 0x04000000
NEWIPC = 0x08000000
NEWUSER = 0x10000000
NEWPID = 0x20000000
NEWNET = 0x40000000
NEWTIME = 0x00000080
EVERY = NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET | NEWTIME

HOST_UID = 0x70000000
"""Students' processes started by root run under uids from here on: no account has them, so they own no file."""
INNER = 1000
"""Who a student is in a user namespace."""


def enter(*, as_root: bool, cgroup: bool = True) -> None:
    """Leave the host's namespaces, except that of mounts (the process that builds the view leaves that one itself).

    Call it in a process of one thread. Processes forked from now on are in a new PID namespace. An ordinary user gets
    a user namespace in which nobody but itself exists. `cgroup`: leave that of control groups, too.
    """
    flags = NEWUTS | NEWIPC | NEWPID | NEWNET | (NEWCGROUP if cgroup else 0)
    if as_root:
        kernel.unshare(flags)
        return
    uid, gid = os.geteuid(), os.getegid()
    kernel.unshare(flags | NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{INNER} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{INNER} {gid} 1")


def private_mounts() -> None:
    """A mount namespace whose changes the host does not see."""
    kernel.unshare(NEWNS)
    kernel.mount(None, "/", None, 0x4000 | 0x40000)  # MS_REC | MS_PRIVATE


def own_uid(slot: int) -> int | None:
    """A uid for one student's process if we are root and may take it, else None.

    One for each process: a uid shared between two would share the count of processes, and let one signal the other.
    """
    if os.geteuid() != 0:
        return None
    slot %= 1 << 24
    for line in Path("/proc/self/uid_map").read_text().splitlines():
        first, _, count = (int(part) for part in line.split())
        if first <= HOST_UID + slot < first + count:
            return HOST_UID + slot
    return None  # a container that maps few uids


def reachable(path: str) -> bool:
    """Whether any user may go to `path` (not so where the interpreter lies under /root)."""
    real = Path(os.path.realpath(path))
    return all(place.stat().st_mode & 0o001 for place in (real, *real.parents) if place.is_dir())
