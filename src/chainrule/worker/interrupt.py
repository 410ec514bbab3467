"""Stops a cell that takes too long the way Jupyter's stop button does: a KeyboardInterrupt, and what ran before stays.

The alarm is a timer of the kernel that sends SIGINT: a thread would make the process unsafe to fork, and SIGALRM is the
student's. It is a courtesy: who ignores it is killed from outside.
"""

from __future__ import annotations

import contextlib
import ctypes
import signal
import threading
from collections.abc import Iterator
from functools import cache
from typing import Any

from chainrule.worker.streams import Outlet

CLOCK_MONOTONIC = 1
SIGEV_SIGNAL = 0


class _Event(ctypes.Structure):
    """`struct sigevent`."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signal", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("rest", ctypes.c_char * 48),
    )


class _Times(ctypes.Structure):
    """`struct itimerspec`."""

    _fields_ = (
        ("every_seconds", ctypes.c_long),
        ("every_nanoseconds", ctypes.c_long),
        ("seconds", ctypes.c_long),
        ("nanoseconds", ctypes.c_long),
    )


@contextlib.contextmanager
def interrupts(seconds: float | None, outlet: Outlet) -> Iterator[None]:
    """Raise `KeyboardInterrupt` in the code below after `seconds` (None: never), or when SIGINT comes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        if outlet.sending:
            outlet.interrupted = True
        else:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    timer = None if seconds is None else _start(seconds)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if timer is not None:
            _library().timer_delete(timer)
        signal.signal(signal.SIGINT, before if before is not None else signal.SIG_DFL)


@cache
def _library() -> Any:
    return ctypes.CDLL(None)


def _start(seconds: float) -> ctypes.c_void_p | None:
    """A running timer, or None where there is no such thing."""
    timer = ctypes.c_void_p()
    event = _Event(None, signal.SIGINT, SIGEV_SIGNAL)
    whole = int(seconds)
    times = _Times(0, 0, whole, int((seconds - whole) * 1e9))
    try:
        library = _library()
        if library.timer_create(CLOCK_MONOTONIC, ctypes.byref(event), ctypes.byref(timer)):
            return None
        library.timer_settime(timer, 0, ctypes.byref(times), None)
    except AttributeError:  # not Linux
        return None
    return timer
