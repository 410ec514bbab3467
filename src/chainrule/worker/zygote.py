"""The process that every student's process is a fork of: all libraries imported, nothing of a course in its memory.

Started by its own exec with an empty environment. On its one socket it gets orders, each with two sockets: the one
the student's process will serve, and the one its monitor reports on. It never reads a notebook, a path of the course or
a test: what a fork inherits, no jail can hide.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import random
import signal
import socket
import time
from collections.abc import Sequence
from typing import NoReturn

from chainrule.worker import monitor
from chainrule.worker.compact import compact
from chainrule.worker.jail import bubblewrap, kernel, seccomp, view
from chainrule.worker.jail.order import Order
from chainrule.worker.jail.syscalls import AUDIT_ARCH
from chainrule.worker.serve import Server
from chainrule.worker.shell import Shell, forget_process, make_shell, run_cell
from chainrule.worker.warm import SEED, warm

SETTLE_SECONDS = 5.0
WARM_SECONDS = 60.0
LONGEST_ORDER = 65536


def main(control: socket.socket, names: Sequence[str], standing: bubblewrap.Standing) -> None:
    """Warm up, say so, then fork on every order until the other side hangs up."""
    _take_low_numbers()
    shell = make_shell()
    warmed = warm(["numpy", *names])
    _warm_shell(shell)
    _one_thread()
    plan = view.plan()
    if kernel.MACHINE in AUDIT_ARCH:
        seccomp.program()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps our monitors
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the supervisor, which then hangs up
    gc.collect()
    gc.freeze()
    compact()
    control.sendall(json.dumps({"warm": warmed}).encode() + b"\n")
    while True:
        text, descriptors, _, _ = socket.recv_fds(control, LONGEST_ORDER, 2)
        if not text:
            break
        student, status = (socket.socket(fileno=descriptor) for descriptor in descriptors)
        if text == bubblewrap.STANDING:
            with contextlib.suppress(OSError):
                status.sendall(json.dumps(standing.as_dict()).encode() + b"\n")
        elif os.fork() == 0:
            control.close()
            order = Order.decode(text)
            if bool(order.outside) != standing.inside:
                _refuse(status, standing)  # before anything is done that is right on the other side only
            monitor.run(order, student, status, plan, lambda connection: _serve(connection, shell))
        student.close()
        status.close()
    if standing.inside and bubblewrap.is_around_us():
        _end_inside()


def _refuse(status: socket.socket, standing: bubblewrap.Standing) -> NoReturn:
    where = "is in a bubblewrap" if standing.inside else "is in no bubblewrap"
    with contextlib.suppress(OSError):
        status.sendall(json.dumps({"failed": f"The process that it would be a fork of {where}."}).encode() + b"\n")
    os._exit(0)


def _end_inside() -> None:
    """Let the students' processes end when their supervisors say so; then end what is left, whatever became of its
    monitor: bubblewrap itself stays as long as anything does."""
    with contextlib.suppress(ChildProcessError):
        os.wait()  # for all monitors, since the kernel reaps them
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)  # all but ourselves and the first in this namespace


def _serve(connection: socket.socket, shell: Shell) -> None:
    random.seed(SEED)  # Python seeds it anew after a fork; a regrade shall see the same numbers
    Server(connection, shell).serve()


def _warm_shell(shell: Shell) -> None:
    """Run a cell of each kind, then forget them. It leaves nothing open that a fork must not share."""
    shell.outlet.keep_descriptors()
    for source in ("1 + 1", "1 / 0", "import time", "def f(x):\n    return x", "print(f(1))", "await f"):
        run_cell(shell, source, lambda _: None, WARM_SECONDS)
    forget_process(shell)
    shell.reset()


def _take_low_numbers() -> None:
    """So that no library owns a file with a number that a student's process uses for its connection."""
    while (number := os.open(os.devnull, os.O_RDWR)) < 5:
        pass
    os.close(number)


def _one_thread() -> None:
    """A fork of a process with threads may hang: what they held stays locked."""
    end = time.monotonic() + SETTLE_SECONDS  # a timer of matplotlib's may still be ending
    while len(os.listdir("/proc/self/task")) > 1:
        if time.monotonic() > end:
            raise RuntimeError("The zygote has threads after its imports, so it cannot be forked safely.")
        time.sleep(0.01)
