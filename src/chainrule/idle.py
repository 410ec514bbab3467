"""Warm processes that go when nobody has needed them for a while: formgrader's server lives for days."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Idle:
    """Calls `close` once `seconds` have passed in which `busy` was not entered. `busy` is for one thread at a time.

    Nothing runs before `busy` was first entered, and what waits to close keeps no interpreter from ending.
    """

    def __init__(self, close: Callable[[], None]) -> None:
        self._close = close
        self._lock = threading.RLock()
        self._timer: threading.Timer | None = None

    @contextmanager
    def busy(self, seconds: float) -> Iterator[None]:
        """Within it nothing is closed; `seconds` after it everything is, unless it was entered again."""
        with self._lock:
            self._stop()
            try:
                yield
            finally:
                self._stop()
                self._timer = timer = threading.Timer(seconds, lambda: self._expire(timer))
                timer.daemon = True
                timer.start()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self, timer: threading.Timer) -> None:
        with self._lock:
            if timer is self._timer:  # else it was entered again in the last moment
                self._timer = None
                self._close()
