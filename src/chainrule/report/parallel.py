"""The same work on many things, on all cores: this process and forks of it."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkContext, ForkProcess
from typing import Any, TypeVar

from chainrule.errors import ChainruleError

MOST = 4
"""Processes at most: each has the frames of an assignment in memory."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def each(function: Callable[[Item], Result], items: Sequence[Item], workers: int | None = None) -> list[Result]:
    """`[function(item) for item in items]`, by `workers` processes (default: one for each core, up to `MOST`).

    Each takes the next item when it is done with one: put long ones first. What fails in one of them is raised here,
    and the others are stopped. Results travel by pickle. The children read nothing from this process, so that none is
    left over if it is killed.
    """
    workers = min(workers or len(os.sched_getaffinity(0)), MOST, len(items))
    if workers < 2 or multiprocessing.current_process().daemon:  # a daemon may have no children
        return [function(item) for item in items]
    context = multiprocessing.get_context("fork")  # a new interpreter would import for as long as it then works
    gc.freeze()  # what is there stays there: no collection, here or in a child, has to walk over it
    work = _Work(function, items, context.Value("i", 0))
    children: list[tuple[ForkProcess, Connection]] = []
    try:
        for _ in range(1, workers):
            children.append(_start(context, work))
        done = work.share()
        for process, pipe in children:
            done |= _received(process, pipe)
    finally:
        gc.unfreeze()
        for process, pipe in children:
            pipe.close()
            process.terminate()
            process.join()
    return [done[place] for place in range(len(items))]


@dataclass(frozen=True)
class _Work:
    """What is to be done; `taken` counts the items that somebody is at work on or done with."""

    function: Callable[[Any], Any]
    items: Sequence[Any]
    taken: Any

    def share(self) -> dict[int, Any]:
        """Take items until there are none left. Returns the results by the items' places."""
        done = {}
        while (place := self._next()) < len(self.items):
            done[place] = self.function(self.items[place])
        return done

    def _next(self) -> int:
        with self.taken.get_lock():
            self.taken.value += 1
            return int(self.taken.value) - 1


def _start(context: ForkContext, work: _Work) -> tuple[ForkProcess, Connection]:
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(work, theirs), daemon=True)
    with warnings.catch_warnings():
        # Python 3.12 warns of forks beside threads. Those of NumPy's BLAS, the only ones, begin anew after a fork.
        warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
        process.start()
    theirs.close()
    return process, ours


def _work(work: _Work, pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us
    try:
        pipe.send((True, work.share()))
    except Exception as error:
        pipe.send((False, error))


def _received(process: ForkProcess, pipe: Connection) -> dict[int, Any]:
    try:
        done, found = pipe.recv()
    except EOFError as error:
        process.join()
        raise ChainruleError(
            f"A process of the report ended with {process.exitcode} before it was done (out of memory, or killed). "
            "Nothing was changed; run the command again."
        ) from error
    if not done:
        raise found
    return dict(found)
