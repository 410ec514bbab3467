"""One student's process: ordered from a zygote, talked to over its connection, ended with everything it started."""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from chainrule.errors import FileNotPlaced, IsolationError, StudentCrashed, StudentProcessError, SubmissionError
from chainrule.model import Limits
from chainrule.sandbox import tiers
from chainrule.sandbox.cgroup import Group
from chainrule.sandbox.connection import Connection, stretched
from chainrule.sandbox.files import chunks
from chainrule.sandbox.zygote import Zygote, receive_report, zygote_for
from chainrule.worker.jail.order import Order
from chainrule.worker.scratch import remove

CLOSE_SECONDS = 10.0
END_SECONDS = 5.0
"""So long a monitor may take to say how its process ended: below tier A it waits for what that had started."""
GONE_SECONDS = 0.5
"""So long a killed zygote may take to be seen as gone: in a bubblewrap all processes have to end before."""
OUTSIDE = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
"""The namespaces of ours that no process in a bubblewrap is in."""


class Child:
    """A running student process. `close` kills it and all it started.

    `isolation` says what stands between it and this machine. After `exit_status`, `exit_reason` is "" or the limit that
    ended it ("memory", "processes", "disk", "cpu"), and `lost` is True if its monitor ended first or if it was just
    killed (SIGKILL): that need not be the student's doing.
    """

    def __init__(
        self,
        connection: Connection,
        status: socket.socket,
        handle: int | None,
        isolation: str,
        folder: Path | None,
        group: Group | None = None,
    ) -> None:
        self.connection, self.isolation, self.folder, self.group = connection, isolation, folder, group
        self.exit_reason = ""
        self.lost = False
        self._status, self._handle = status, handle
        self._wait_status: int | None = None
        self._report = b""

    def exit_status(self) -> int | None:
        """The exit status of a process that ends (negative: killed by that signal); None if it goes on living."""
        self._listen(stretched(END_SECONDS))
        return self._exit_code()

    def _exit_code(self) -> int | None:
        return None if self._wait_status is None else os.waitstatus_to_exitcode(self._wait_status)

    def was_lost(self) -> bool:
        """Whether a process that ends is `lost`. Waits until it has ended, as `exit_status` does."""
        self._listen(stretched(END_SECONDS))
        return self.lost

    def _listen(self, seconds: float) -> None:
        """Take the monitor's last report, if it comes within so many seconds."""
        if self._status.fileno() < 0:
            return
        deadline = time.monotonic() + seconds
        with contextlib.suppress(TimeoutError, OSError):
            while True:
                self._status.settimeout(max(0.001, deadline - time.monotonic()))
                part = self._status.recv(65536)
                if not part:
                    self.lost = not self._report.endswith(b"\n")
                    break
                self._report += part
        if self._report.endswith(b"\n"):
            last = json.loads(self._report.splitlines()[-1])
            self._wait_status, self.exit_reason = last["ended"], last["reason"]
            self.lost = not self.exit_reason and self._exit_code() == -signal.SIGKILL

    def close(self) -> None:
        """Kill the process and its children, and wait until they are gone."""
        self.connection.close()
        if self._handle is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
            os.close(self._handle)
            self._handle = None
        with contextlib.suppress(OSError):
            self._status.shutdown(socket.SHUT_WR)
        self._listen(CLOSE_SECONDS)
        self._status.close()
        if self.folder is not None:
            remove(self.folder)
        if self.group is not None:
            self.group.close()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def start(files: Path | None, limits: Limits, *, libraries: Iterable[str] = ()) -> Child:
    """Start a process for a notebook whose neighbours are a copy of the folder `files`.

    `libraries` are what its code will import: it is forked from a zygote that has them warm. Raises `IsolationError` if
    this machine cannot run student code safely enough, `SubmissionError` if it cannot have those files, which is a
    `FileNotPlaced` where one of them does not fit.
    """
    names = frozenset(libraries)
    child = _launch_anyhow(names, limits)
    if files is None:
        return child
    try:
        _place(child, files, limits)
    except _Killed:
        child = _launch_anyhow(names, limits)
        _place(child, files, limits)
    return child


class _Killed(SubmissionError):
    """Somebody killed the process while it got its files."""


def _place(child: Child, files: Path, limits: Limits) -> None:
    """Put the files beside the notebook. Closes the process of which it raises."""
    name = ""
    child.connection.limit(limits.start)
    try:
        for name, content in chunks(files):
            reply = child.connection.request("file", name, content)
            if reply.error is not None:  # a part of a file would be worse than none
                raise _not_placed(name, reply.error["text"], limits)
        child.connection.deadline = None
    except StudentProcessError as error:
        ended = isinstance(error, StudentCrashed) and child.exit_status() is not None
        lost = isinstance(error, StudentCrashed) and child.lost
        child.close()
        if ended and child.exit_reason == "disk":
            raise _not_placed(name, "the disk is full", limits) from None
        # Not the machine's fault: there may be more of them than the time allows. The others are graded.
        kind = _Killed if lost else SubmissionError
        raise kind(f"The files beside the notebook could not be put there: {error}") from None
    except BaseException:
        child.close()
        raise


def _not_placed(name: str, why: str, limits: Limits) -> FileNotPlaced:
    shown = "".join(sign if sign.isprintable() else "\ufffd" for sign in name)[:200]
    return FileNotPlaced(
        name,
        f"The file {shown} cannot be put beside the notebook whole ({why[:200]}). All files together "
        f"have {limits.disk / (1 << 20):,.1f} MiB of disk: allow more (`c.Limits.disk`), or make them smaller.",
    )


def _launch_anyhow(libraries: frozenset[str], limits: Limits) -> Child:
    """Launch in the best tier; once more if that fails, for a zygote or a monitor may be killed any moment."""
    tier = tiers.chosen(_trial(libraries))
    try:
        return launch(zygote_for(tier, libraries), tier, limits)
    except IsolationError:
        time.sleep(stretched(GONE_SECONDS))
        return launch(zygote_for(tier, libraries), tier, limits)


def _trial(libraries: frozenset[str]) -> Callable[[str], None]:
    def trial(tier: str) -> None:
        launch(zygote_for(tier, libraries), tier, Limits()).close()

    return trial


def strong() -> bool:
    """Whether this machine can shut student code in. The first time, that is tried, which takes seconds."""
    return tiers.best(_trial(frozenset())) in tiers.STRONG


def launch(parent: Zygote, tier: str, limits: Limits, *, landlock: int | None = None) -> Child:
    """Fork a process in this tier. Raises `IsolationError` if its lock-down fails."""
    group = Group(limits) if tier == "A+" else None
    folder = Path(tempfile.mkdtemp(prefix="chainrule-")) if tier in ("B", "C") else None
    ours, theirs = socket.socketpair()
    status, report = socket.socketpair()
    order = Order(
        tier=tiers.lockdown(tier),
        memory=limits.memory,
        disk=limits.disk,
        processes=limits.processes,
        cpu=math.ceil(limits.processor),
        folder=str(folder or ""),
        gpu=limits.gpu,
        landlock=landlock,
        cgroup=str(group.path) if group else "",
        outside=_namespaces() if tier == "B+" else {},
    )
    try:
        with theirs, report:
            parent.order(order, theirs, report)
        first = receive_report(status, time.monotonic() + limits.start)
        if first is None or "ready" not in first[0]:
            raise IsolationError(f"Tier {tier} does not work here: {_why(first[0] if first else {}, limits)}")
    except BaseException as error:
        ours.close()
        status.close()
        if folder is not None:
            remove(folder)
        if group is not None:
            group.close()
        if isinstance(error, OSError):  # also: too slow
            raise IsolationError(f"A process for student code could not be started in tier {tier}: {error!r}") from None
        raise
    report_, handle = first
    return Child(Connection(ours), status, handle, f"{tier} ({report_['ready']})", folder, group)


def _why(report: dict[str, Any], limits: Limits) -> str:
    """Why no process is ready, from the first that a monitor said of it."""
    if report.get("reason") == "memory":  # of a control group: it counts what starting takes, some MiB
        return f"nothing can start with {limits.memory / (1 << 20):g} MiB of memory, so allow more (`limits.memory`)"
    return str(report.get("failed", "it ended at once"))


def _namespaces() -> dict[str, str]:
    """Those of this process, by name."""
    return {name: os.readlink(f"/proc/self/ns/{name}") for name in OUTSIDE}
