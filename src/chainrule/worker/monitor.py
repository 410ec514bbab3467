"""Stands between the zygote and a student's process: starts it, watches its memory, kills it, reports how it ended.

It is told to end everything by the other end of its socket being closed, which also happens when the supervisor dies.
To the supervisor it sends lines of JSON: `{"ready": layers}` (with a pidfd of the root of the student's processes), or
`{"failed": why}`; at the end `{"ended": wait status, "reason": …}`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from chainrule.worker import scratch, watch
from chainrule.worker.jail import check, group, kernel, lockdown, namespaces, privileges, view
from chainrule.worker.jail.order import Order

TICK_SECONDS = 0.025
REST_SECONDS = 2.0
FAILED = 111
"""Exit status of a process whose lock-down failed."""

OWNED = 64
"""File numbers below it may be owned by an object of a library that the zygote imported."""

Serve = Callable[[socket.socket], None]


def run(
    order: Order, student: socket.socket, status: socket.socket, plan: Sequence[view.Entry], serve: Serve
) -> NoReturn:
    """What a fork of the zygote does. `serve(student)` is what the locked process does. Never returns."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        sizes = watch.own()
        uid = namespaces.own_uid(os.getpid())  # nobody else has this pid while we live
        if order.tier == "A":
            namespaces.enter(as_root=uid is not None, cgroup=not order.cgroup)
        elif order.outside:
            privileges.adopt_orphans()
            order = dataclasses.replace(order, folder=scratch.make())
        else:
            uid = _own_folder(order, uid)
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            status.close()
            os.close(reading)
            _first(order, uid, student, plan, writing, sizes[2], serve)
        student.close()
        os.close(writing)
        _Monitor(
            order, status, reading, pid, watch.Tree(pid, *sizes, adopter=None if order.tier == "A" else os.getpid())
        ).run()
    except BaseException:
        with contextlib.suppress(OSError):
            _send(status, {"failed": traceback.format_exc(limit=-3)})
    finally:
        if order.folder:  # also when the supervisor is gone
            scratch.remove(Path(order.folder))
        if order.cgroup:
            group.remove(order.cgroup)
        os._exit(0)


def _own_folder(order: Order, uid: int | None) -> int | None:
    """Tiers that use a folder of the host: give it to the uid, if a process of that uid can run at all."""
    privileges.adopt_orphans()
    if uid is None or not all(namespaces.reachable(place) for place in (sys.prefix, sys.base_prefix, view.package())):
        return None
    os.chown(order.folder, uid, uid)
    return uid


# -- the student's side ------------------------------------------------------------------------------------------------


def _first(
    order: Order,
    uid: int | None,
    student: socket.socket,
    plan: Sequence[view.Entry],
    tell: int,
    address_space: int,
    serve: Serve,
) -> NoReturn:
    """The root of the student's processes: pid 1 of the namespace in tier A, else the student's process itself."""
    try:
        privileges.die_with_parent()
        if order.cgroup:
            group.enter(order.cgroup, order.memory, order.processes)
        if order.tier == "A":
            lockdown.build_view(order, plan, uid)
            pid = os.fork()
            if pid:
                student.close()
                _init(uid, pid, tell)
        _locked(order, uid, student, plan, tell, address_space, serve)
    except BaseException:
        with contextlib.suppress(OSError):
            os.write(tell, json.dumps({"failed": traceback.format_exc(limit=-3)}).encode() + b"\n")
    os._exit(FAILED)


def _init(uid: int | None, student: int, tell: int) -> NoReturn:
    """Pid 1: reap orphans; when the student's process ends, say how and end. The kernel then kills all others."""
    lockdown.give_up_privileges(uid)
    privileges.readable_by_itself(False)
    os.dup2(tell, 3)
    kernel.close_from(4)
    while True:
        pid, status, usage = os.wait4(-1, 0)
        if pid == student:
            os.write(3, json.dumps({"ended": status, "cpu": usage.ru_utime + usage.ru_stime}).encode() + b"\n")
            os._exit(0)


def _locked(
    order: Order,
    uid: int | None,
    student: socket.socket,
    plan: Sequence[view.Entry],
    tell: int,
    address_space: int,
    serve: Serve,
) -> NoReturn:
    connection, tell = _keep_two(student, tell)
    if order.outside:
        check.inside(order, [entry.path for entry in plan])
    layers = lockdown.lock(order, uid, address_space)
    check.check(order, [entry.path for entry in plan])
    os.write(tell, json.dumps({"ready": layers}).encode() + b"\n")
    os.close(tell)
    lockdown.yield_to_others()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    serve(connection)
    os._exit(0)


def _keep_two(student: socket.socket, tell: int) -> tuple[socket.socket, int]:
    """Close every file but the connection (3) and the way to tell the monitor (4).

    Low numbers stay taken, by nothing: a library may still own one, and will close it by its number when it likes.
    """
    high = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, OWNED) for descriptor in (student.detach(), tell)]
    for target, descriptor in zip((3, 4), high, strict=True):
        os.dup2(descriptor, target, inheritable=False)
    nothing = os.open(os.devnull, os.O_RDWR)
    for target in (0, 1, 2):
        os.dup2(nothing, target)
    for number in range(5, OWNED):
        with contextlib.suppress(OSError):
            os.fstat(number)
            os.dup2(nothing, number, inheritable=False)
    kernel.close_from(OWNED)
    return socket.socket(fileno=3), 4


# -- the supervisor's side ---------------------------------------------------------------------------------------------


class _Monitor:
    def __init__(self, order: Order, status: socket.socket, tell: int, root: int, tree: watch.Tree) -> None:
        self.order, self.status, self.tell, self.root, self.tree = order, status, tell, root, tree
        self.handle = os.pidfd_open(root)
        self.disk = scratch.Watch(order.folder, order.disk) if order.outside else None
        self.ended: tuple[int, float] | None = None
        self.rest = b""

    def run(self) -> None:
        """Until the student's process ends, breaks a limit, or the supervisor closes its end."""
        poll = select.poll()
        for descriptor in (self.status.fileno(), self.tell, self.handle):
            poll.register(descriptor, select.POLLIN)
        reason = ""
        # The kernel keeps a group's limits, and ends all of it at once: there is nothing to look at meanwhile.
        tick = None if self.order.cgroup else TICK_SECONDS * 1000
        while not reason:
            ready = dict(poll.poll(tick))
            if self.tell in ready and not self._listen():
                poll.unregister(self.tell)
            if self.status.fileno() in ready or self.handle in ready:
                break
            if not self.order.cgroup:
                reason = self._broken_limit()
        self._kill()
        _, status, usage = os.wait4(self.root, 0)
        if self.order.tier == "B":
            _await_the_rest()
        while self._listen():
            pass
        status, cpu = (status, usage.ru_utime + usage.ru_stime) if self.ended is None else self.ended
        if self.order.cgroup:
            reason = group.broken_limit(self.order.cgroup, status)
        if not reason and self.order.cpu and cpu > self.order.cpu - 0.5 and _is_stopped(status):
            reason = "cpu"
        with contextlib.suppress(OSError):
            _send(self.status, {"ended": status, "reason": reason})

    def _broken_limit(self) -> str:
        if self.tree.over(self.order.memory):
            return "memory"
        if self.disk is not None and self.disk.over(self.tree.pids()):
            return "disk"
        if self.order.tier != "A":
            self._reap()
            if sum(self.tree.threads().values()) > self.order.processes:
                return "processes"
        return ""

    def _reap(self) -> None:
        for pid in self.tree.adopted():
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)

    def _listen(self) -> bool:
        """Pass on what the student's side told. False when it has closed its end."""
        data = os.read(self.tell, 65536)
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "ended" in message:
                self.ended = message["ended"], message["cpu"]
            else:
                _send(self.status, message, [self.handle] if "ready" in message else [])
        return bool(data)

    def _kill(self) -> None:
        """End the whole tree. In tier A the kernel does it; in B nobody can leave the process group."""
        rest = [] if self.order.tier == "A" else self.tree.pids()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.root, signal.SIGKILL)
        if self.order.tier != "A":
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.root, signal.SIGKILL)
            for pid in rest[1:]:  # tier C: who left the group
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def _is_stopped(status: int) -> bool:
    """Whether a process ended as one does whose processor time is used up."""
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL)


def _await_the_rest() -> None:
    """What was killed with the root is gone a moment later: its orphans are our children."""
    deadline = time.monotonic() + REST_SECONDS
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < deadline:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.001)


def _send(status: socket.socket, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
    line = json.dumps(message).encode() + b"\n"
    if descriptors:
        socket.send_fds(status, [line], list(descriptors))
    else:
        status.sendall(line)
