"""The same work on many things, on all cores: this process and forks of it."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import warnings
from collections.abc import Callable, Sequence
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

    What fails in one of them is raised here, and the others are stopped. Results travel by pickle. The children read
    nothing from this process, so that none is left over if it is killed.
    """
    workers = min(workers or len(os.sched_getaffinity(0)), MOST, len(items))
    if workers < 2 or multiprocessing.current_process().daemon:  # a daemon may have no children
        return [function(item) for item in items]
    context = multiprocessing.get_context("fork")  # a new interpreter would import for as long as it then works
    gc.freeze()  # what is there stays there: no collection, here or in a child, has to walk over it
    children: list[tuple[ForkProcess, Connection]] = []
    try:
        for number in range(1, workers):
            children.append(_start(context, function, items[number::workers]))
        parts = [[function(item) for item in items[::workers]]]
        parts += [_received(process, pipe) for process, pipe in children]
    finally:
        gc.unfreeze()
        for process, pipe in children:
            pipe.close()
            process.terminate()
            process.join()
    return [parts[place % workers][place // workers] for place in range(len(items))]


def _start(
    context: ForkContext, function: Callable[[Any], Any], items: Sequence[Any]
) -> tuple[ForkProcess, Connection]:
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(function, items, theirs), daemon=True)
    with warnings.catch_warnings():
        # Python 3.12 warns of forks beside threads. Those of NumPy's BLAS, the only ones, begin anew after a fork.
        warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
        process.start()
    theirs.close()
    return process, ours


def _work(function: Callable[[Any], Any], items: Sequence[Any], pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us
    try:
        pipe.send((True, [function(item) for item in items]))
    except Exception as error:
        pipe.send((False, error))


def _received(process: ForkProcess, pipe: Connection) -> list[Any]:
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
    return list(found)
