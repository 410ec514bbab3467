"""What a cell prints and shows, on its way out: text streams, file descriptors, and the one outlet they share."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

Output = dict[str, Any]
Emit = Callable[[Output], None]

JOIN_CHARACTERS = 8192
JOIN_SECONDS = 0.1
PIECE_CHARACTERS = 256 << 10
"""A text that no message can hold would end the cell that prints it: it is sent in pieces."""
MAX_TEXT = 1 << 20
"""Characters of one output, bytes of one cell's file descriptors: what is longer, nobody reads."""

TURN: ContextVar[int] = ContextVar("turn", default=0)
"""Which cell the code works for, where the context was passed on."""

WARNERS = frozenset({"warnings", "tqdm"})
"""Libraries whose writing to stderr is a warning or a progress bar, never a verdict on the cell."""


class Outlet:
    """Takes the outputs of the cell that runs, from all its threads and child processes, and joins small writes.

    Between cells, and from threads of earlier cells, outputs go nowhere: as in Jupyter, they have missed their turn.
    """

    def __init__(self) -> None:
        self.widgets = 0  # Output widgets that take what is shown now
        self.sending = False  # a message is half written: an interrupt has to wait
        self.interrupted = False
        self._emit: Emit | None = None
        self._pid = 0
        self._turn = 0
        self._late: frozenset[threading.Thread] = frozenset()
        self._lock = threading.RLock()
        self._name, self._warning = "", False
        self._pending: list[str] = []
        self._size, self._since = 0, 0.0
        self._descriptors = Descriptors()

    def open(self, emit: Emit) -> None:
        """From now on, outputs go to `emit`."""
        self._pid = os.getpid()
        self._turn += 1
        TURN.set(self._turn)
        self._late = frozenset(threading.enumerate()) - {threading.current_thread()}
        self.widgets, self.interrupted = 0, False
        self._pending, self._size = [], 0
        self._descriptors.open()
        self._emit = emit

    def close(self) -> None:
        """Send what is left of this cell's outputs."""
        try:
            self.drain()
        finally:
            self._emit = None

    def keep_descriptors(self) -> None:
        """Remember what descriptors 1 and 2 are now, for `restore_descriptors`."""
        self._descriptors.keep()

    def restore_descriptors(self) -> None:
        """Give descriptors 1 and 2 back: forks of this process get their own."""
        self._descriptors.restore()

    def __call__(self, output: Output) -> None:
        if os.getpid() != self._pid:
            self._from_child_process(output)
        elif self._emit is not None and not self.widgets and self._in_time():
            with self._lock:
                self._take(output)

    def _in_time(self) -> bool:
        """Not a thread of an earlier cell, unless it works for this one, as that of `%%bash` does."""
        return threading.current_thread() not in self._late or TURN.get() == self._turn

    def flush(self) -> None:
        with self._lock:
            if self._size:
                text = "".join(self._pending)
                self._pending, self._size = [], 0
                for start in range(0, len(text), PIECE_CHARACTERS):
                    piece = text[start : start + PIECE_CHARACTERS]
                    output = {"output_type": "stream", "name": self._name, "text": piece}
                    self._send({**output, "warning": True} if self._warning else output)

    def drain(self) -> None:
        """Send what was printed so far, also what child processes and libraries wrote to the descriptors themselves."""
        self.flush()
        for name, text in self._descriptors.read():
            self._send({"output_type": "stream", "name": name, "text": text})

    def _take(self, output: Output) -> None:
        if output["output_type"] != "stream":
            self.flush()
            self._send(output)
            return
        warning = output.get("warning", False)
        if (output["name"], warning) != (self._name, self._warning):
            self.flush()
            self._name, self._warning = output["name"], warning
        now = time.monotonic()
        self._since = self._since if self._size else now
        self._pending.append(output["text"])
        self._size += len(output["text"])
        if self._size > JOIN_CHARACTERS or now - self._since > JOIN_SECONDS:
            self.flush()

    def _send(self, output: Output) -> None:
        if self._emit is None:
            return
        main = threading.current_thread() is threading.main_thread()
        self.sending = self.sending or main
        try:
            self._emit(output)
        finally:
            self.sending = self.sending and not main
        if main and self.interrupted:
            self.interrupted = False
            raise KeyboardInterrupt

    def _from_child_process(self, output: Output) -> None:
        """In a process that the student's code forked: the connection is not ours to write to."""
        if output["output_type"] == "stream":
            descriptor = 2 if output["name"] == "stderr" else 1
            with contextlib.suppress(OSError):
                os.write(descriptor, output["text"].encode("utf-8", "replace"))


class Descriptors:
    """Descriptors 1 and 2 as files, read at the end of a cell: what programs and C libraries print."""

    def __init__(self) -> None:
        self._pid = 0
        self._read = {1: 0, 2: 0}
        self._before: dict[int, int] = {}

    def open(self) -> None:
        """Forget what was written since the last cell."""
        if self._pid != os.getpid():
            self._pid = 0
            with contextlib.suppress(OSError):
                self._make()
                self._pid = os.getpid()
        if self._pid:
            for number in self._read:
                with contextlib.suppress(OSError):
                    os.ftruncate(number, 0)
        self._read = {1: 0, 2: 0}

    def read(self) -> list[tuple[str, str]]:
        """What was written since the last look."""
        found = []
        for number, name in ((1, "stdout"), (2, "stderr")) if self._pid == os.getpid() else ():
            with contextlib.suppress(OSError):
                data = os.pread(number, max(0, MAX_TEXT - self._read[number]), self._read[number])
                self._read[number] += len(data)
                if data:
                    found.append((name, data.decode("utf-8", "replace")))
        return found

    def restore(self) -> None:
        """Put back what the descriptors were."""
        for number, kept in self._before.items():
            os.dup2(kept, number)
            os.close(kept)
        self._before, self._pid = {}, 0

    def keep(self) -> None:
        """Remember what the descriptors are, for `restore`."""
        self._before = {number: os.dup(number) for number in self._read}

    def _make(self) -> None:
        for number in self._read:
            handle = _unlinked()
            os.dup2(handle, number)
            os.close(handle)


def _unlinked() -> int:
    """A file that has no name and is written at its end, whoever writes."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
    with contextlib.suppress(OSError, AttributeError):  # one call, where system and file system know it
        return os.open(os.environ.get("TMPDIR", "/tmp"), flags | os.O_TMPFILE, 0o600)
    handle, path = tempfile.mkstemp(prefix="output-")
    os.close(handle)
    try:
        return os.open(path, flags)
    finally:
        os.unlink(path)


class Stream(io.TextIOBase):
    """`sys.stdout` or `sys.stderr` of a notebook. It lives as long as the process: loggers keep it."""

    def __init__(self, name: str, outlet: Outlet) -> None:
        self._name, self._outlet = name, outlet

    @property
    def name(self) -> str:
        return f"<{self._name}>"

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]
        return "replace"

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if text:
            output: Output = {"output_type": "stream", "name": self._name, "text": text}
            if self._name == "stderr" and _is_warning():
                output["warning"] = True
            self._outlet(output)
        return len(text)

    def flush(self) -> None:
        self._outlet.flush()

    def close(self) -> None: ...

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 2 if self._name == "stderr" else 1


def _is_warning() -> bool:
    """Whether it is `warnings`, a logger below ERROR or a progress bar that writes to the stream."""
    frame = sys._getframe(2)
    module = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    if module == "logging":
        level = getattr(frame.f_locals.get("record"), "levelno", logging.ERROR)
        return isinstance(level, int) and level < logging.ERROR
    return module in WARNERS
