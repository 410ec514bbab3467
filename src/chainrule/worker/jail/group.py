"""Layer 7: a control group (version 2) for one student's processes, whose limits the kernel enforces, all together.

The supervisor makes the group and sets its limits; here it is entered, asked how it ended, and removed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from chainrule.worker.jail import kernel, namespaces

INIT = 1
"""Pid 1 of the jail is in the group, and is none of the student's processes that `Limits.processes` counts."""
REMOVE_SECONDS = 5.0


def most_tasks(processes: int) -> int:
    """The limit of a group for so many processes of a student's: each of their threads is one, as for RLIMIT_NPROC."""
    return processes + INIT


def enter(path: str, memory: int, processes: int) -> None:
    """Join the group, see that it is limited, then forget that there are others.

    Call it in pid 1 of a PID namespace while the host's file system is in sight, before the namespace of cgroups is
    left: what is outside that namespace can neither be named nor joined. Raises `OSError` if any of it does not hold.
    """
    Path(path, "cgroup.procs").write_text("0")
    if str(os.getpid()) not in Path(path, "cgroup.procs").read_text().split():
        raise OSError(f"this process is not in the control group {path}")
    for name, most in (("memory.max", memory), ("pids.max", most_tasks(processes))):
        found = Path(path, name).read_text().strip()
        if found == "max" or int(found) > most:
            raise OSError(f"{name} of the control group {path} is {found}, not {most}")
    kernel.unshare(namespaces.NEWCGROUP)


def broken_limit(path: str, status: int) -> str:
    """Which limit ended the processes of the group, if one did: "memory", "processes" or "".

    `status` is the wait status of the student's process. A process that is refused to start another may well go on:
    that refusal is the reason only if it then ended otherwise than it should.
    """
    memory = events(path, "memory.events")
    # Without "oom" it was not this group's limit: the machine, or a group above, had no memory left.
    if memory.get("oom", 0) and (memory.get("oom_kill", 0) or memory.get("oom_group_kill", 0)):
        return "memory"
    return "processes" if status and events(path, "pids.events").get("max", 0) else ""


def events(path: str, name: str) -> dict[str, int]:
    """The counters of a file of events; none if the group is gone."""
    try:
        pairs = (line.split() for line in Path(path, name).read_text().splitlines())
        return {key: int(value) for key, value in pairs}
    except OSError:
        return {}


def remove(path: str) -> bool:
    """Kill what is in the group and remove it. Returns whether it is gone."""
    deadline = time.monotonic() + REMOVE_SECONDS
    while True:
        try:
            os.rmdir(path)
        except FileNotFoundError:
            return True
        except OSError:  # it has processes
            if time.monotonic() > deadline:
                return False
        else:
            return True
        _kill(path)
        time.sleep(0.002)


def _kill(path: str) -> None:
    with contextlib.suppress(OSError):
        try:
            # Not created where it is missing, as `write_text` would try: Linux before 5.14.
            with open(Path(path, "cgroup.kill"), "r+b", buffering=0) as file:
                file.write(b"1")
        except FileNotFoundError:
            for pid in Path(path, "cgroup.procs").read_text().split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
