"""Answers requests about a student's notebook: run a cell, call a function, read a value, fork a snapshot.

A request is `[id, operation, *arguments]`; while it is worked on, events `[id, "output" | "callback", …]` may be sent;
the reply is `[id, "ok", value, facts]` or `[id, "error", error, facts]`. The facts say what the call did besides
returning: arguments it changed, random state it touched, what it printed. All of it is the student's word.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import io
import os
import random
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from chainrule.worker import wire
from chainrule.worker.jail import kernel

CLONE_THREAD = 0x00010000
MAX_TEXT = 2000
MAX_PRINTED = 20_000
CELL_FILES = ("<ipython-input", "/ipykernel_")


class HasNamespace(Protocol):
    """Any IPython shell: ours in a worker, ipykernel's in an instructor's notebook."""

    user_ns: dict[str, Any]


class NotSafeToFork(RuntimeError):
    """This process has threads: a fork of it could hang."""


class Server:
    """One connection to a trusted process, and what it may ask for."""

    def __init__(self, sock: socket.socket, shell: HasNamespace) -> None:
        self.sock = sock
        self.shell = shell
        self.objects: dict[int, Any] = {}
        self.forks: set[int] = set()
        self.ended: set[int] = set()  # forks that were killed, to be waited for
        self.shipped: dict[tuple[str, str], Any] = {}
        self.request = 0

    # -- the loop -----------------------------------------------------------------------------------------------------

    def serve(self) -> None:
        """Answer until the other side hangs up."""
        while True:
            try:
                message = wire.receive(self.sock)
            except wire.Gone:
                self._kill_forks()
                return
            self.request, operation, *arguments = message
            facts: dict[str, Any] = {}
            try:
                value = getattr(self, f"do_{operation}")(facts, *arguments)
                frame = wire.encode([self.request, "ok", value, facts], self._keep)
            except BaseException as error:  # SystemExit and KeyboardInterrupt of student code are answers, too
                frame = wire.encode([self.request, "error", _describe(error), facts], self._keep)
            try:
                wire.send(self.sock, frame)
            except wire.Gone:
                return

    def _event(self, *parts: Any) -> None:
        wire.send(self.sock, wire.encode([self.request, *parts], self._keep))

    def _keep(self, value: Any) -> wire.Handle:
        self.objects[id(value)] = value
        return wire.Handle(id(value), type(value).__name__)

    # -- operations ---------------------------------------------------------------------------------------------------

    def do_file(self, facts: dict[str, Any], name: str, content: bytes) -> None:
        """Add to a file of the working folder."""
        folder = os.path.dirname(name)
        if folder:
            os.makedirs(folder, exist_ok=True)
        with open(name, "ab") as file:
            file.write(content)

    def do_run(self, facts: dict[str, Any], source: str, seconds: float | None = None) -> str:
        """Run a cell; its outputs are sent as events. After `seconds` it is interrupted, if it lets itself be."""
        from chainrule.worker.shell import run_cell

        sent, process = self.request, os.getpid()

        def emit(output: dict[str, Any]) -> None:
            # A thread of an earlier cell may print while another request is worked on: it has missed its turn.
            if self.request == sent:
                self._event("output", _plain(output))

        status = run_cell(self.shell, source, emit, seconds)  # type: ignore[arg-type]
        if os.getpid() != process:
            os._exit(0)  # a process that the cell forked and let run on: only its origin answers
        return status

    def do_call(self, facts: dict[str, Any], target: Any, attribute: str | None, args: Any, kwargs: Any) -> Any:
        """Call a global, a kept object, or a method of one."""
        return self._call(facts, target, attribute, self._resolve(args), self._resolve(kwargs))

    def do_inplace(self, facts: dict[str, Any], target: Any, attribute: str | None, args: Any, kwargs: Any) -> Any:
        """Call, and send the arguments back as they are afterwards."""
        args = self._resolve(args)
        return (self._call(facts, target, attribute, args, self._resolve(kwargs)), tuple(args))

    def _call(self, facts: dict[str, Any], target: Any, attribute: str | None, args: Any, kwargs: Any) -> Any:
        function = self._resolve(target)
        if attribute is not None:
            function = getattr(function, attribute)
        with _observe(args, kwargs, facts):
            return function(*args, **kwargs)

    def do_value(self, facts: dict[str, Any], target: Any, attribute: str | None) -> Any:
        value = self._resolve(target)
        return value if attribute is None else getattr(value, attribute)

    def do_has(self, facts: dict[str, Any], name: str) -> bool:
        return name in self.shell.user_ns

    def do_symbolic(self, facts: dict[str, Any], name: str) -> Any:
        return _tree(self._resolve(wire.GlobalName(name)))

    def do_fork(self, facts: dict[str, Any]) -> int:
        """Fork a snapshot of this process that serves the socket sent along. Returns its pid."""
        _, descriptors, _, _ = socket.recv_fds(self.sock, 1, 1)
        theirs = socket.socket(fileno=descriptors[0])
        if not _single_threaded():
            theirs.close()
            raise NotSafeToFork("the notebook has started threads")
        self._reap()
        state = random.getstate()
        pid = os.fork()
        if pid:
            theirs.close()
            self.forks.add(pid)
            return pid
        try:
            gc.freeze()  # what is there already is never looked through: that would copy its pages
            random.setstate(state)  # a fork of Python's seeds it anew; a snapshot is to be the same on every regrade
            self.sock.close()
            self.sock, self.forks, self.ended = theirs, set(), set()
            self.serve()
        finally:
            os._exit(0)  # never run the exit handlers of the process we are a copy of

    def do_kill(self, facts: dict[str, Any], pid: int) -> None:
        if pid in self.forks:
            self.forks.discard(pid)
            # EPERM in tier B on an older kernel: there it ends when its connection does, or with all of us.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
            self.ended.add(pid)

    def _reap(self) -> None:
        """Take leave of ended forks. Not when they are killed: a large process takes milliseconds to go."""
        for pid in list(self.ended):
            with contextlib.suppress(ChildProcessError):
                if os.waitpid(pid, os.WNOHANG) == (0, 0):
                    continue
            self.ended.discard(pid)

    def _kill_forks(self) -> None:
        for pid in list(self.forks):
            self.do_kill({}, pid)

    # -- references ---------------------------------------------------------------------------------------------------

    def _resolve(self, value: Any) -> Any:
        """`value` with handles, names, callbacks and shipped functions replaced by what they stand for."""
        kind = type(value)
        if kind in (list, tuple):
            return kind(self._resolve(part) for part in value)
        if kind is dict:
            return {key: self._resolve(part) for key, part in value.items()}
        if kind is wire.Handle:
            return self.objects[value.id]
        if kind is wire.GlobalName:
            if value.name not in self.shell.user_ns:
                raise NameError(f"name {value.name!r} is not defined")
            return self.shell.user_ns[value.name]
        if kind is wire.Callback:
            return self._callback(value)
        if kind is wire.Shipped:
            return self._ship(value)
        return value

    def _callback(self, callback: wire.Callback) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            self._event("callback", callback.id, args, kwargs)
            status, value = wire.receive(self.sock)
            if status == "raise":
                name, text = value
                raise getattr(__import__("builtins"), name, RuntimeError)(text)
            return self._resolve(value)

        return call

    def _ship(self, shipped: wire.Shipped) -> Any:
        namespace: dict[str, Any] = {"__name__": "helper", **dict(shipped.bindings)}
        exec(compile(shipped.source, "<helper>", "exec"), namespace)
        namespace.update(shipped.bindings)
        return namespace[shipped.name]


def _single_threaded() -> bool:
    """Asked of the kernel, where it can tell: native threads count, and /proc may not be readable."""
    try:
        kernel.unshare(CLONE_THREAD)  # changes nothing, and fails in a process of several threads
        return True
    except OSError as error:
        return error.errno != errno.EINVAL and threading.active_count() == 1
    except AttributeError:  # not Linux
        return threading.active_count() == 1


def _plain(output: dict[str, Any]) -> dict[str, Any]:
    """An output of which only what is data is left."""
    try:
        wire.encode(output)
        return output
    except wire.WireError:
        import json

        return dict(json.loads(json.dumps(output, default=repr)))


def _describe(error: BaseException) -> dict[str, Any]:
    """Type names from the most special on, bounded text, and the line of the student's cell where it arose."""
    try:
        text = str(error)[:MAX_TEXT]
    except Exception:
        text = ""
    line, trace = None, error.__traceback__
    while trace is not None:
        if any(mark in trace.tb_frame.f_code.co_filename for mark in CELL_FILES):
            line = trace.tb_lineno
        trace = trace.tb_next
    return {"types": [kind.__name__[:100] for kind in type(error).__mro__], "text": text, "line": line}


class _Bounded(io.StringIO):
    """Keeps the first characters only, counts all."""

    count = 0

    def write(self, text: str) -> int:
        room = MAX_PRINTED - self.count
        self.count += len(text)
        if room > 0:
            super().write(text[:room])
        return len(text)


@contextlib.contextmanager
def _observe(args: Any, kwargs: dict[str, Any], facts: dict[str, Any]) -> Iterator[None]:
    """Note what a call does besides returning."""
    named: dict[Any, Any] = {**dict(enumerate(args)), **kwargs}
    before = {name: _fingerprint(value) for name, value in named.items()}
    state = _random_state()
    printed = _Bounded()
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            yield
    finally:
        facts["mutated"] = [name for name, value in named.items() if before[name] != _fingerprint(value)]
        facts["rng_touched"] = state != _random_state()
        facts["printed"] = printed.count
        facts["text"] = printed.getvalue()


def _fingerprint(value: Any) -> bytes | None:
    """The encoded value, for data that can change; None for the rest."""
    if type(value) in (int, float, bool, str, type(None)) or callable(value):
        return None
    try:
        return wire.encode(value)
    except wire.WireError:
        return None


def _random_state() -> tuple[Any, ...]:
    state: Any = np.random.get_state()
    torch = sys.modules.get("torch")
    tensor = torch.get_rng_state().numpy().tobytes() if torch is not None and hasattr(torch, "get_rng_state") else b""
    return (random.getstate(), state[1].tobytes(), *state[2:], tensor)


def _tree(value: Any, depth: int = 0) -> Any:
    """An expression of SymPy as nested lists `[function name, *arguments]`; plain numbers and text stay as they are."""
    if depth > 30:
        raise wire.WireError("the expression is nested too deeply")
    if value is None or type(value) in (bool, int, float, str, complex):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if type(value) in (list, tuple):
        return ["list", *(_tree(part, depth + 1) for part in value)]
    if getattr(value, "is_Symbol", False):
        return ["Symbol", str(value.name)]
    if getattr(value, "is_Rational", False):
        return ["Rational", str(value.p), str(value.q)]
    if getattr(value, "is_Float", False):
        return ["Float", str(value)]
    arguments = getattr(value, "args", None)
    if not isinstance(arguments, tuple):
        return ["object", type(value).__name__]
    name = getattr(getattr(value, "func", None), "__name__", type(value).__name__)
    return [str(name), *(_tree(part, depth + 1) for part in arguments)]
