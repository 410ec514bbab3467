"""Many jobs at once, on any `concurrent.futures.Executor`; by default on processes of this machine.

A worker process that dies takes no submission with it: what was under way is tried once more, each job alone, so that
only the one to blame can fail again. That one is reported as ungraded.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import (
    ALL_COMPLETED,
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    wait,
)
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from chainrule import submission
from chainrule.forkservers import ForkServers
from chainrule.model import Graded, Job
from chainrule.workers import grade, processes

AHEAD = 2
"""Jobs under way for each worker: one at work and one that waits, so that none idles while results are written."""

POLL = 0.2
"""Seconds between two looks whether to stop."""

STOP = 5.0
"""Seconds that a worker has to end its own children after Ctrl-C."""

DIED = "The process that graded it died twice (out of memory, or killed). Grade it again, or by hand."


@dataclass
class _Flight:
    key: str
    job: Job
    cleanup: ExitStack = field(default_factory=ExitStack)


class Interrupt:
    """Makes Ctrl-C wait for `check`: as an exception it could strike, and be lost, anywhere within nbgrader.

    A second Ctrl-C is an exception at once. Outside the main thread it does nothing.
    """

    def __init__(self) -> None:
        self._asked = False
        self._before: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _ask(self, *_: object) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True

    def check(self) -> None:
        """Raises `KeyboardInterrupt` if Ctrl-C was pressed."""
        if self._asked:
            raise KeyboardInterrupt


class Pool:
    """Runs jobs and gives back their results as they come. Use it in a `with` statement: leaving by an error cancels.

    `executor` makes the executor for a number of workers; it is called again after a worker died. Without it the
    workers are processes that share fork servers. `check` is called often while results are awaited; what it raises
    cancels.
    """

    def __init__(
        self,
        workers: int | None = None,
        executor: Callable[[int], Executor] | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self.workers = max(1, workers or os.cpu_count() or 1)
        self._make = executor
        self._servers: ForkServers | None = None
        self._check = check
        self._before = {child.pid for child in multiprocessing.active_children()}
        self._executor: Executor | None = None
        self._flights: dict[Future[Graded], _Flight] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        for flight in self._flights.values():
            flight.cleanup.close()
        if self._executor is not None:
            self._executor.shutdown(wait=kind is None, cancel_futures=True)
        if kind is not None:
            self._stop_processes()
        if self._servers is not None:
            self._servers.close()

    @property
    def full(self) -> bool:
        return len(self._flights) >= AHEAD * self.workers

    @property
    def busy(self) -> bool:
        return bool(self._flights)

    def submit(self, key: str, job: Job, cleanup: ExitStack) -> None:
        """Start a job. `cleanup` is closed when it is done."""
        if self._executor is None:
            self._executor = self._started(job)
        flight = _Flight(key, job, cleanup)
        try:
            self._flights[self._executor.submit(grade, job)] = flight
        except BrokenExecutor:
            # A worker died since the last look; `finished` finds out about the others.
            broken: Future[Graded] = Future()
            broken.set_exception(BrokenExecutor())
            self._flights[broken] = flight

    def _started(self, job: Job) -> Executor:
        if self._make is not None:
            return self._make(self.workers)
        first = self._servers is None
        self._servers = self._servers or ForkServers(job)
        executor = processes(self.workers, self._servers.handles)
        if first:
            for _ in range(self.workers):
                executor.submit(os.getpid)  # the processes start, and import, while the fork servers do
            self._servers.ready()
        return executor

    def finished(self) -> Iterator[tuple[str, Job, Graded | Exception]]:
        """Wait for results and give them out. An exception in place of one is a fault of ours, not of a student."""
        done = self._wait(self._flights, FIRST_COMPLETED)
        if any(isinstance(future.exception(), BrokenExecutor) for future in done):
            yield from self._one_by_one()
            return
        for future in done:
            flight = self._flights.pop(future)
            flight.cleanup.close()
            yield flight.key, flight.job, _outcome(future)

    def _one_by_one(self) -> Iterator[tuple[str, Job, Graded | Exception]]:
        """After a worker died: what was done is kept, the rest is tried once more."""
        done = self._wait(self._flights, ALL_COMPLETED)
        if self._executor is not None:
            self._executor.shutdown()
            self._executor = None
        for future in sorted(done, key=lambda future: isinstance(future.exception(), BrokenExecutor)):
            flight = self._flights[future]
            result = _outcome(future)
            if isinstance(result, BrokenExecutor):
                result = self._again(flight.job)
            del self._flights[future]
            flight.cleanup.close()
            yield flight.key, flight.job, result

    def _wait(self, futures: Collection[Future[Graded]], until: str) -> set[Future[Graded]]:
        while True:
            done, pending = wait(futures, POLL, until)
            self._check()
            if not pending or (done and until == FIRST_COMPLETED):
                return done

    def _again(self, job: Job) -> Graded | Exception:
        with (self._make or processes)(1) as alone:  # of all its own, whatever ended the others
            future = alone.submit(grade, job)
            self._wait((future,), ALL_COMPLETED)
            result = _outcome(future)
        return submission.ungraded(job, DIED) if isinstance(result, BrokenExecutor) else result

    def _stop_processes(self) -> None:
        ours = [child for child in multiprocessing.active_children() if child.pid not in self._before]
        for child in ours:
            child.terminate()
        for child in ours:
            child.join(STOP)
            if child.is_alive():
                child.kill()
                child.join()


def _outcome(future: Future[Graded]) -> Graded | Exception:
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, Exception):
        return error
    raise error
