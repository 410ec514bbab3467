"""The processes of this machine that grade jobs: how they start, and how they end with the process that asked.

What a worker process imports, each of them pays for: that is only this module and what grading needs.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import Executor, ProcessPoolExecutor

from chainrule import grading
from chainrule.forkservers import Handles
from chainrule.model import Graded, Job


def processes(workers: int, handles: Handles | None = None) -> Executor:
    """Processes of this machine. Spawned: a fork would copy our threads' locks and the connection to the gradebook."""
    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start, (handles,))


def grade(job: Job) -> Graded:
    """What a worker does."""
    return grading.grade(job)


def _start(handles: Handles | None) -> None:
    """Prepare a worker process: it ends with the process that asked, its children first, and leaves Ctrl-C to it."""
    from multiprocessing.util import Finalize

    def stop(*_: object) -> None:
        grading.close()
        os._exit(1)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, lambda *_: None)  # not SIG_IGN, which the students' processes would inherit
    if handles is not None:
        handles.take()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    Finalize(None, grading.close, exitpriority=10)


def _end_with_parent() -> None:
    """Nobody else tells a worker that waits for its next job that the process that asked was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
