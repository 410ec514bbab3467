"""The control group (version 2) that this run may divide among students' processes: found out by doing it.

A group whose processes are in its own children only can hand on controllers to them. So all of ours move into one
child, `LEAF`, and beside it each student's process gets a group with limits. No process of anybody else is moved: where
one is in the group, or where systemd has not handed the group over, there is nothing to be had here.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chainrule.errors import IsolationError
from chainrule.model import Limits
from chainrule.sandbox import members
from chainrule.sandbox.delegation import (
    AGAIN,
    DELEGATE,
    GIVE,
    HAND_ON,
    MOUNT,
    PART,
    VERSION_2,
    Absent,
    Lacking,
    NotDelegated,
)
from chainrule.worker.jail import group

LEAF = "chainrule"
JAIL = "jail-"
NEEDED = ("memory", "pids")
USEFUL = ("cpu",)
MARKS = ("user.delegate", "trusted.delegate")
SYSTEMD = Path("/run/systemd/system")
MOUNTS = Path("/proc/self/mountinfo")
OWN = Path("/proc/self/cgroup")
ROUNDS = 100
LOCK_SECONDS = 10.0
CORE = "100000 100000"
"""Microseconds of processor time in each period of so many: one core."""
WEIGHT = "10"
"""Beside 100 of the group with graders and supervisor, who come first."""


@dataclass(frozen=True)
class Found:
    """`path` is the group to divide; if there is none it is None, and `why` says why.

    `action` is what an administrator can do about it. `elsewhere`: a process that is started in a group of its own may
    have one. `delegated`: this is such a group already.
    """

    path: Path | None
    why: str = ""
    elsewhere: bool = True
    action: str = ""
    delegated: bool = False


_found: Found | None = None
_finding = threading.Lock()


def find() -> Found:
    """The group whose children may be limited, with us moved out of the way. Found once in this process.

    Several processes may do it at the same time. Processes that are started afterwards find it as it is.
    """
    global _found
    with _finding:
        if _found is None:
            try:
                _found = Found(_prepare())
            except NotDelegated as error:
                elsewhere = not isinstance(error, Absent)
                _found = Found(None, str(error), elsewhere, error.action, isinstance(error, Lacking))
            except OSError as error:
                _found = Found(None, f"its control group cannot be divided: {error}")
        return _found


class Group:
    """A group for one student's processes, with its limits. The lock on it says that somebody still needs it."""

    def __init__(self, limits: Limits) -> None:
        """Raises `IsolationError` if there can be none."""
        parent = find()
        if parent.path is None:
            raise IsolationError(f"Tier A+ does not work here: {parent.why}")
        try:
            self.path, self._lock = _locked_folder(parent.path)
        except OSError as error:
            raise IsolationError(f"A control group for student code cannot be made: {error}") from None
        try:
            _limit(self.path, limits)
        except OSError as error:
            self.close()
            raise IsolationError(f"A control group for student code cannot be limited: {error}") from None

    def close(self) -> None:
        """Kill what is left in it, and remove it."""
        if self._lock >= 0:
            group.remove(str(self.path))
            os.close(self._lock)
            self._lock = -1


def _limit(path: Path, limits: Limits) -> None:
    wanted = {
        "memory.max": str(limits.memory),
        "memory.oom.group": "1",
        "pids.max": str(group.most_tasks(limits.processes)),
    }
    for name, value in wanted.items():
        _write(path / name, value)
    # Files that a kernel without swap, or a parent without that controller, does not have.
    for name, value in {"memory.swap.max": "0", "cpu.max": CORE, "cpu.weight": WEIGHT}.items():
        with contextlib.suppress(FileNotFoundError):
            _write(path / name, value)


def _locked_folder(parent: Path) -> tuple[Path, int]:
    """A new group and the lock on it; anew if another process took it for one that was left behind."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=JAIL, dir=parent))
        with contextlib.suppress(FileNotFoundError):
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(lock, fcntl.LOCK_SH)
            if path.exists():
                return path, lock
            os.close(lock)


# -- where we are ------------------------------------------------------------------------------------------------------


def own_path(text: str) -> str | None:
    """The path of the group of version 2 in the text of /proc/PID/cgroup, or None."""
    found = [line.removeprefix("0::") for line in text.splitlines() if line.startswith("0::/")]
    return found[0] if found and not found[0].endswith(" (deleted)") else None


def folders(path: str, text: str) -> list[Path]:
    """The folders that show the group `path`, from the text of /proc/PID/mountinfo (proc(5)): one for each mount."""
    found = []
    for line in text.splitlines():
        fields, _, kind = line.partition(" - ")
        if kind.split(" ", 1)[0] == "cgroup2":
            top, place = (_unescaped(field) for field in fields.split()[3:5])
            top = top.rstrip("/")
            if path == top or path.startswith(top + "/"):
                found.append(Path(place + path[len(top) :]))
    return found


def _unescaped(field: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)


def of_version_1(text: str) -> list[str]:
    """The controllers that are needed and that version 1 has, from the text of /proc/PID/cgroup."""
    taken = {name for line in text.splitlines() for name in line.split(":", 2)[1].split(",")}
    return [name for name in NEEDED if name in taken]


def _here() -> Path:
    """The folder of the group in which this process is."""
    for _ in range(ROUNDS):
        path = _own()
        shown = folders(path, MOUNTS.read_text())
        for folder in shown:
            with contextlib.suppress(OSError):
                if os.getpid() in members.of(folder):
                    return folder
        if not shown:
            break
        time.sleep(0.001)  # another process of ours has moved us meanwhile
    raise NotDelegated(f"its control group {path} is mounted nowhere in sight", MOUNT)


def _own() -> str:
    text = OWN.read_text() if OWN.exists() else ""
    if old := of_version_1(text):
        raise Absent(f"on this system {' and '.join(old)} are limited by control groups of version 1, not 2", VERSION_2)
    path = own_path(text)
    if path is None:
        raise Absent("this system has no control groups of version 2", VERSION_2)
    return path


# -- making room -------------------------------------------------------------------------------------------------------


def _prepare() -> Path:
    here = _here()
    whole = here.parent if here.name == LEAF and _writable(here.parent) else here
    _see_that_it_is_ours(whole)
    with _alone(whole):
        if not _hands_on(whole):
            _make_room(whole)
        _remove_old(whole)
    return whole


def _see_that_it_is_ours(whole: Path) -> None:
    there = _words(whole / "cgroup.controllers")
    if missing := [name for name in NEEDED if name not in there]:
        why = f"the control group {whole} has no controller for {' and '.join(missing)}"
        if _marked(whole):
            raise Lacking(why, DELEGATE)
        words = " ".join(f"+{name}" for name in missing)
        raise NotDelegated(why, HAND_ON.format(words=words, above=whole.parent))
    if not _writable(whole):
        action = GIVE.format(user=os.geteuid(), whole=whole)
        raise NotDelegated(f"this process may not divide the control group {whole}", action)
    if SYSTEMD.exists() and not _marked(whole):
        raise NotDelegated(f"systemd has left no mark on the control group {whole} that it is delegated")


def _writable(whole: Path) -> bool:
    return all(os.access(whole / name, os.W_OK) for name in (".", "cgroup.procs", "cgroup.subtree_control"))


def _marked(whole: Path) -> bool:
    for name in MARKS:
        with contextlib.suppress(OSError):
            if os.getxattr(whole, name) == b"1":
                return True
    return False


def _hands_on(whole: Path) -> bool:
    return set(NEEDED) <= set(_words(whole / "cgroup.subtree_control"))


def _make_room(whole: Path) -> None:
    """Move our processes into the leaf and hand controllers on. As before, if that fails."""
    root = not (whole / "cgroup.type").exists()  # the one group that may have processes and children with limits
    try:
        if not root:
            _empty(whole)
        _write(whole / "cgroup.subtree_control", " ".join(f"+{name}" for name in NEEDED))
        for name in USEFUL:
            with contextlib.suppress(OSError):
                _write(whole / "cgroup.subtree_control", f"+{name}")
    except BaseException:
        if not root:
            _move_back(whole)
        raise


def _empty(whole: Path) -> None:
    leaf = whole / LEAF
    for _ in range(ROUNDS):  # a process may start another one while it is being moved
        inside = members.of(whole)
        if not inside:
            return
        mine = members.ours(inside, whole)
        if strangers := members.staying(inside - mine):
            pids = " ".join(map(str, sorted(strangers)))
            why = f"the control group {whole} has other programs: {members.names(strangers)}"
            raise NotDelegated(why, PART.format(whole=whole, pids=pids))
        leaf.mkdir(exist_ok=True)
        members.move(mine, leaf)
        if mine != inside:
            time.sleep(0.001)  # what is ending is gone in a moment
    raise NotDelegated(f"the control group {whole} does not become empty", AGAIN)


def _move_back(whole: Path) -> None:
    leaf = whole / LEAF
    if leaf.exists():
        members.move(members.of(leaf), whole)
        with contextlib.suppress(OSError):
            leaf.rmdir()


def restore() -> None:
    """Leave the group as it was found, if nobody else is in it: then processes can be put into it again."""
    whole = None if _found is None else _found.path
    if whole is None or members.is_worker() or not (whole / LEAF).exists():
        return
    with contextlib.suppress(OSError, NotDelegated), _alone(whole):
        _remove_old(whole)
        inside = members.of(whole / LEAF)
        if os.getpid() in inside and inside == members.ours(inside, whole) and not list(whole.glob(f"{JAIL}*")):
            taken = _words(whole / "cgroup.subtree_control")
            _write(whole / "cgroup.subtree_control", " ".join(f"-{name}" for name in taken))
            _move_back(whole)


atexit.register(restore)


def _remove_old(whole: Path) -> None:
    """Remove the groups that nobody needs any more: whoever made them was killed, and so were their processes."""
    for path in whole.glob(f"{JAIL}*"):
        with contextlib.suppress(OSError):
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.rmdir()  # not if a process is in it: its monitor still lives, and ends it
            finally:
                os.close(lock)


@contextlib.contextmanager
def _alone(whole: Path) -> Iterator[None]:
    """Hold the lock on a group. Whoever waits for it may be moved by who holds it."""
    lock = os.open(whole, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with members.agree(whole):
            _wait_for(lock, whole)
            yield
    finally:
        os.close(lock)


def _wait_for(lock: int, whole: Path) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        if time.monotonic() > deadline:
            raise NotDelegated(f"another program keeps the control group {whole} locked", AGAIN)
        time.sleep(0.01)


def _words(path: Path) -> list[str]:
    return path.read_text().split()


def _write(path: Path, text: str) -> None:
    # Never created: a missing file of a control group is said to be missing, not forbidden.
    with open(path, "r+b", buffering=0) as file:
        file.write(text.encode())
