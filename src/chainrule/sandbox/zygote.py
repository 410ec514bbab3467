"""The zygotes of this process: started when first needed or lent by another, one for each set of
warm libraries, shared by all threads."""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from chainrule import temporary
from chainrule.errors import IsolationError
from chainrule.sandbox import cgroup
from chainrule.worker.jail.bubblewrap import IF_NEEDED, NEVER, STANDING, Standing
from chainrule.worker.jail.order import Order

START_SECONDS = 180.0
"""Importing torch for the first time after a reboot takes a minute on a slow disk."""
MOST = 3
"""Zygotes kept at a time; each holds a few hundred MB."""

ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    # Before numpy is imported: it starts a thread for each core, and then a fork is unsafe.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "PYTHONHASHSEED": "0",
    # Else `torch.cuda.is_available()` sets CUDA up, after which no fork may use it.
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
}


class Zygote:
    """A process to fork students' processes from, with `wanted` libraries imported; another process of ours owns it.

    Its control socket keeps orders apart (SOCK_SEQPACKET), so that several processes may use it at a time. `wrapped`
    says whether it was to move into a bubblewrap; whether it did, `standing` does.
    """

    def __init__(self, wanted: frozenset[str], control: socket.socket, wrapped: str = IF_NEEDED) -> None:
        self.wanted, self.control, self.wrapped = wanted, control, wrapped
        self._user = os.getpid()

    @property
    def alive(self) -> bool:
        return self._user == os.getpid() and not hung_up(self.control)

    def order(self, order: Order, student: socket.socket, status: socket.socket) -> None:
        """Have a process forked that serves `student`, and a monitor that reports on `status`."""
        socket.send_fds(self.control, [order.encode()], [student.fileno(), status.fileno()])

    @functools.cached_property
    def standing(self) -> Standing:
        """Whether it is in a bubblewrap, and why. Raises `IsolationError` if it does not say so."""
        status, theirs = socket.socketpair()
        with status:
            try:
                with theirs:
                    socket.send_fds(self.control, [STANDING], [theirs.fileno(), theirs.fileno()])
                told = receive_report(status, time.monotonic() + START_SECONDS)
            except OSError:
                told = None
        if told is None:
            raise IsolationError("The process that student code is started from ended.")
        return Standing(**told[0])

    def close(self) -> None:
        self.control.close()


class OwnZygote(Zygote):
    """One that this process starts, and ends. It can be lent at once, and used after `ready`.

    `wrapped` says whether it moves into a bubblewrap: `IF_NEEDED`, where it finds that it needs one for a good tier.
    """

    def __init__(self, wanted: frozenset[str], wrapped: str = IF_NEEDED) -> None:
        cgroup.find()  # while there is little to move
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        super().__init__(wanted, control, wrapped)
        self._place = temporary.make("zygote")
        self._log = (self._place / "log").open("w+b")
        self._ready = False
        package = str(Path(__file__).resolve().parents[2])
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-s", "-m", "chainrule.worker", str(theirs.fileno()), wrapped, *sorted(wanted)],
                pass_fds=[theirs.fileno()],
                cwd="/",
                env={**ENVIRONMENT, "PYTHONPATH": package, "HOME": str(self._place), "TMPDIR": str(self._place)},
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                start_new_session=True,  # Ctrl-C is for us, who then end it
            )

    def ready(self) -> None:
        """Wait until it is warm. Raises `IsolationError` if it did not start, and is closed then."""
        self.control.settimeout(START_SECONDS)
        try:
            started = bool(self.control.recv(65536))
        except OSError:
            started = False
        if not started:
            self._log.seek(0)
            tail = self._log.read()[-2000:].decode(errors="replace").strip()
            self.close()
            raise IsolationError(
                f"The process that student code is started from did not start. Its last words: {tail or 'none'}"
            )
        self.control.settimeout(None)
        self._ready = True
        # It was for caches during the imports. Gone now, it is not left behind if we are killed.
        temporary.remove(self._place)

    def close(self) -> None:
        super().close()
        if self._user == os.getpid():
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=1)
            if self._ready:
                self._process.kill()
            else:  # in a bubblewrap it is a grandchild, and has nothing yet that should live on
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            temporary.remove(self._place)
        self._log.close()


def hung_up(sock: socket.socket) -> bool:
    """Whether nobody is left at the other end."""
    poll = select.poll()
    poll.register(sock, 0)
    return any(event & select.POLLHUP for _, event in poll.poll(0))


_zygotes: list[Zygote] = []
_starting = threading.RLock()


def zygote(wanted: Iterable[str] = (), wrapped: str = IF_NEEDED) -> Zygote:
    """A zygote that has at least these libraries warm; with `NEVER`, one that is in no bubblewrap.

    Raises `IsolationError` if it cannot be started.
    """
    names = frozenset(wanted)
    with _starting:
        for old in [old for old in _zygotes if not old.alive]:
            _zygotes.remove(old)
            old.close()
        for found in _zygotes:
            if names <= found.wanted and (found.wrapped == wrapped or (wrapped == NEVER and not found.standing.inside)):
                _zygotes.remove(found)
                _zygotes.append(found)  # the one used last
                return found
        while len(_zygotes) >= MOST:
            _zygotes.pop(0).close()
        started = OwnZygote(names, wrapped)
        started.ready()
        _zygotes.append(started)
        return started


def zygote_for(tier: str, wanted: Iterable[str] = ()) -> Zygote:
    """A zygote for processes of this tier. Raises `IsolationError` if there is none: then it was tried to make one.

    Whether a bubblewrap is needed, each zygote finds out when it starts: A+ and A are had outside of one, B+ inside.
    """
    if tier in ("B", "C"):
        return zygote(wanted, NEVER)
    found = zygote(wanted)
    standing = found.standing
    if tier != "B+" and standing.inside:
        raise IsolationError(f"Tier {tier} does not work here: no namespaces ({standing.no_namespaces}).")
    if tier == "B+" and not standing.inside:
        raise IsolationError(f"Tier B+ does not work here: {standing.not_used}.")
    return found


def adopt(lent: Zygote) -> None:
    """Use a zygote of another process of ours, from now on."""
    with _starting:
        _zygotes.append(lent)


def close() -> None:
    """End the zygotes of this process. Processes forked from them live on until they are closed."""
    with _starting:
        while _zygotes:
            _zygotes.pop().close()


atexit.register(close)


def receive_report(status: socket.socket, deadline: float) -> tuple[dict[str, Any], int | None] | None:
    """The first report of a monitor, and the handle (pidfd) that came with it; None if it ended without one."""
    status.settimeout(max(0.01, deadline - time.monotonic()))
    data, handle = b"", None
    while not data.endswith(b"\n"):
        part, descriptors, _, _ = socket.recv_fds(status, 65536, 1)
        handle = descriptors[0] if descriptors else handle
        if not part:
            return None
        data += part
    return json.loads(data.splitlines()[0]), handle
