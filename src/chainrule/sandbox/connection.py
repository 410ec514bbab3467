"""The trusted end of a connection to a student's process: requests with ids, deadlines, callbacks, forks."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chainrule.errors import GraderError, StudentCrashed, StudentProcessError, StudentProtocolError, StudentTimeout
from chainrule.worker import wire

CALLBACK_ERRORS = (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError)
"""What a callback may raise into the student's code; anything else is a fault of the grader and ends the test."""


@dataclass(frozen=True)
class Reply:
    """What came back: a value, or the description of an exception of the student's code; and what else the call did."""

    value: Any = None
    error: dict[str, Any] | None = None
    facts: dict[str, Any] = field(default_factory=dict)


MOST_CROWDING = 8.0


def crowding(load: float, cores: int) -> float:
    """Runnable processes for each core, at least 1 and at most `MOST_CROWDING`: limits grow by this factor."""
    return min(max(1.0, load / cores), MOST_CROWDING)


def stretched(seconds: float) -> float:
    """A time limit as it is now: longer where the machine has more to do than it has cores."""
    return seconds * crowding(os.getloadavg()[0], os.cpu_count() or 1)


class Connection:
    """Requests to a student's process, one at a time. After any `StudentProcessError` it is closed for good.

    `deadline` (a `time.monotonic` value, or None) bounds every request from now on, `allowance` (or None) the bytes of
    all replies.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.deadline: float | None = None
        self.allowance: wire.Allowance | None = None
        self._request = 0
        self._dead: StudentProcessError | None = None

    def limit(self, seconds: float) -> None:
        """From now on, requests have `seconds` (`stretched`) together."""
        self.deadline = time.monotonic() + stretched(seconds)

    def close(self) -> None:
        self._dead = self._dead or StudentCrashed("The connection to the student's process is closed.")
        self.sock.close()

    def request(
        self,
        operation: str,
        *arguments: Any,
        on_output: Callable[[dict[str, Any]], None] | None = None,
        callbacks: dict[int, Callable[..., Any]] | None = None,
        pass_socket: socket.socket | None = None,
    ) -> Reply:
        """Send a request and wait for its reply. Raises `StudentProcessError`."""
        if self._dead is not None:
            raise self._dead
        self._request += 1
        frame = _encoded([self._request, operation, *arguments])
        try:
            wire.send(self.sock, frame, self.deadline)
            if pass_socket is not None:
                socket.send_fds(self.sock, [b"\0"], [pass_socket.fileno()])
            return self._reply(on_output, callbacks or {})
        except (wire.Gone, OSError):
            raise self._die(StudentCrashed("The student's process ended.")) from None
        except wire.OutOfTime:
            raise self._die(StudentTimeout("The student's process did not answer in time.")) from None
        except wire.WireError as error:
            raise self._die(
                StudentProtocolError(f"The student's process sent something that is not data: {error}.")
            ) from None

    def _die(self, error: StudentProcessError) -> StudentProcessError:
        self._dead = error
        self.sock.close()
        return error

    def _reply(
        self, on_output: Callable[[dict[str, Any]], None] | None, callbacks: dict[int, Callable[..., Any]]
    ) -> Reply:
        while True:
            message = wire.receive(self.sock, self.deadline, allowance=self.allowance)
            # Types first: an array in these places has an equality of its own, a list cannot be looked up.
            if type(message) is not list or len(message) < 3 or type(message[0]) is not int:
                raise wire.WireError("a malformed message")
            number, kind, *parts = message
            if number != self._request or type(kind) is not str:
                raise wire.WireError("a message out of turn")
            if kind == "ok" and len(parts) == 2 and type(parts[1]) is dict:
                return Reply(value=parts[0], facts=parts[1])
            if kind == "error" and len(parts) == 2 and _is_error(parts[0]) and type(parts[1]) is dict:
                return Reply(error=parts[0], facts=parts[1])
            if kind == "output" and on_output is not None and type(parts[0]) is dict:
                on_output(parts[0])
            elif kind == "callback" and len(parts) == 3 and type(parts[0]) is int and parts[0] in callbacks:
                self._call_back(callbacks[parts[0]], parts[1], parts[2])
            else:
                raise wire.WireError(f"an unexpected message {kind!r:.20}")

    def _call_back(self, function: Callable[..., Any], args: Any, kwargs: Any) -> None:
        if type(args) is not tuple or type(kwargs) is not dict:
            raise wire.WireError("a malformed call of a function")
        try:
            answer = ["value", function(*args, **kwargs)]
        except CALLBACK_ERRORS as error:
            answer = ["raise", [type(error).__name__, str(error)[:500]]]
        wire.send(self.sock, _encoded(answer), self.deadline)

    @contextlib.contextmanager
    def forked(self) -> Any:
        """A connection to a snapshot of the process, which is killed at the end.

        Where a snapshot is unsafe (the notebook has threads) it is this connection itself.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                reply = self.request("fork", pass_socket=theirs)
            except StudentProcessError:
                ours.close()
                raise
        if reply.error is not None or type(reply.value) is not int:
            ours.close()
            yield self
            return
        fork = Connection(ours)
        try:
            yield fork
        finally:
            fork.close()
            self.deadline = time.monotonic() + 10
            with contextlib.suppress(StudentProcessError):
                self.request("kill", reply.value)
            self.deadline = None


def _encoded(value: Any) -> bytes:
    try:
        return wire.encode(value)
    except wire.WireError as error:
        raise GraderError(
            f"A grader gave the student's code something that cannot be sent: {error}. Send data."
        ) from None


def _is_error(value: Any) -> bool:
    return (
        type(value) is dict
        and type(value.get("types")) is list
        and all(type(name) is str for name in value["types"])
        and type(value.get("text")) is str
        and type(value.get("line")) in (int, type(None))
    )
