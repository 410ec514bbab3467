"""The parts that a submission is made of: a jailed process, one call into it, one snapshot of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from chainrule import sandbox
from chainrule.model import Limits
from chainrule.worker.wire import GlobalName

LIBRARIES = ("numpy", "torch")
SECONDS = 60.0


@dataclass(frozen=True)
class Primitives:
    """Milliseconds of each repetition; `isolation` is the tier that was measured."""

    jail_start: list[float]
    jail_end: list[float]
    rpc_call: list[float]
    snapshot: list[float]
    isolation: str


def measure(repeat: int) -> Primitives:
    """From a warm zygote, as for the second submission of a class and all after it."""
    try:
        _started().close()  # starts the zygote
        starts, ends = [], []
        for _ in range(repeat):
            begin = time.perf_counter()
            child = _started()
            starts.append(1000 * (time.perf_counter() - begin))
            ends.append(_milliseconds(child.close))
        with _started() as child:
            connection = child.connection
            connection.request("run", "def double(x):\n    return 2 * x", on_output=lambda _: None)
            x = np.arange(9.0)

            def call() -> None:
                connection.request("call", GlobalName("double"), None, (x,), {})

            def snapshot() -> None:
                with connection.forked() as fork:
                    fork.request("has", "double")

            for action in (call, snapshot):  # once, so that no repetition pays for a first time
                action()
            calls = [_milliseconds(call) for _ in range(10 * repeat)]
            snapshots = [_milliseconds(snapshot) for _ in range(repeat)]
            return Primitives(starts, ends, calls, snapshots, child.isolation)
    finally:
        sandbox.close()


def _started() -> sandbox.Child:
    """A student's process that has answered once."""
    child = sandbox.start(None, Limits(), libraries=LIBRARIES)
    child.connection.limit(SECONDS)
    child.connection.request("has", "__name__")
    return child


def _milliseconds(action: Callable[[], object]) -> float:
    begin = time.perf_counter()
    action()
    return 1000 * (time.perf_counter() - begin)
