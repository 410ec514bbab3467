"""The workers of a run share what takes long to start; whatever happens to it, each can start its own."""

from __future__ import annotations

import contextlib
import os
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import wait
from pathlib import Path
from typing import Any

import pytest
from tests.processes import below, gone

from chainrule.errors import GraderError
from chainrule.forkservers import ForkServers
from chainrule.graderprocess import GraderProcess, GraderTemplate
from chainrule.model import Exercise, Job, Limits
from chainrule.sandbox import start
from chainrule.workers import grade, processes

RIGHT = "def double(x):\n    return 2 * x"
GRADER = """
import os
from chainrule import check
from chainrule.grader import points

@points(2)
def test_double(student, rng):
    check.close(student.double(3.0), 6.0)
    open("seen", "a").close()
    assert set(os.listdir(".")) - {"pytest.ini"} == {"log", "seen"}
"""


@pytest.fixture
def job(tmp_path: Path) -> Job:
    (tmp_path / "test_double.py").write_text(GRADER)
    meta = {"schema_version": 3, "locked": False, "task": False}
    solution = meta | {"grade_id": "double", "grade": False, "solution": True}
    test = meta | {"grade_id": "test_double", "grade": True, "solution": False, "points": 2, "locked": True}
    code = {"cell_type": "code", "outputs": [], "execution_count": None}
    notebook = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [
            code | {"id": "a", "source": RIGHT, "metadata": {"nbgrader": solution}},
            code | {"id": "b", "source": "double(1.0)", "metadata": {"nbgrader": test}},
        ],
    }
    exercise = Exercise("double", "test_double", 2.0, tmp_path / "test_double.py")
    return Job("c", "a", "s", "n", notebook, (exercise,))


@pytest.fixture
def others() -> set[int]:
    """Processes that earlier tests left running."""
    return set(below(os.getpid()))


@pytest.fixture
def servers(others: set[int], job: Job) -> Iterator[ForkServers]:
    servers = ForkServers(job)
    servers.ready()
    yield servers
    servers.close()


def ours(others: set[int]) -> dict[int, str]:
    """The processes of this test, each with the module that it runs; but for Python's own, which stays to the end."""
    return {
        process: next((word for word in words if word.startswith("chainrule.")), "other")
        for process, words in below(os.getpid()).items()
        if process not in others and not any("resource_tracker" in word for word in words)
    }


def running(others: set[int]) -> Counter[str]:
    return Counter(ours(others).values())


def kill(module: str, others: set[int]) -> None:
    """Kill them, and wait until they have ended: a moment longer each could take an order, and lose it."""
    killed = [process for process, name in ours(others).items() if name == module]
    for process in killed:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    assert gone(killed)


def points(pool: Any, job: Job, times: int = 4) -> list[float]:
    futures = [pool.submit(grade, job) for _ in range(times)]
    wait(futures, 120)
    return [future.result(0).points for future in futures]


def test_workers_grade_with_one_zygote_and_copies_of_one_grader(
    job: Job, servers: ForkServers, others: set[int]
) -> None:
    assert running(others) == {"chainrule.worker": 1, "chainrule.grader.session": 1}
    with processes(2, servers.handles) as pool:
        assert points(pool, job) == [2.0] * 4
        copies = running(others)["chainrule.grader.session"] - 1
        assert copies in (1, 2)  # a worker that had nothing to do made none
        assert running(others)["chainrule.worker"] == 1


@pytest.mark.parametrize("module", ["chainrule.worker", "chainrule.grader.session"])
def test_if_what_is_shared_is_killed_each_worker_starts_its_own(
    job: Job, servers: ForkServers, others: set[int], module: str
) -> None:
    with processes(2, servers.handles) as pool:
        assert points(pool, job, 1) == [2.0]
        kill(module, others)
        assert points(pool, job) == [2.0] * 4
        assert running(others)[module] >= 1


def test_workers_start_while_the_fork_servers_do(job: Job, others: set[int]) -> None:
    servers = ForkServers(job)  # does not wait for them: here the zygote could not start
    assert servers._zygote is not None
    zygote = servers._zygote._process.pid
    os.kill(zygote, signal.SIGSTOP)
    with processes(1, servers.handles) as pool:
        assert pool.submit(os.getpid).result(60) != os.getpid()
        os.kill(zygote, signal.SIGCONT)
        servers.ready()
        assert points(pool, job, 1) == [2.0]
        assert running(others)["chainrule.worker"] == 1
    servers.close()


def test_nothing_is_left_when_the_workers_and_the_fork_servers_end(job: Job, others: set[int]) -> None:
    servers = ForkServers(job)
    servers.ready()
    with processes(2, servers.handles) as pool:
        points(pool, job)
    servers.close()
    assert not running(others)


def test_a_copy_works_in_a_folder_and_a_log_of_its_own(job: Job) -> None:
    [exercise] = job.exercises
    template = GraderTemplate(exercise.grader.parent)
    template.ready()
    grader = GraderProcess(exercise.grader.parent, template.control)
    with start(None, Limits()) as child:
        child.connection.limit(60)
        child.connection.request("run", RIGHT, on_output=lambda _: None)
        assert grader.grade(exercise, job, child.connection.sock).points == 2.0
    grader.close()
    template.close()


def test_graders_that_start_threads_cannot_be_copied_and_are_started_instead(job: Job) -> None:
    path = job.exercises[0].grader
    threads = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    path.write_text(threads + path.read_text())
    with pytest.raises(GraderError, match="cannot be copied"):
        GraderTemplate(path.parent).ready()
    servers = ForkServers(job)
    servers.ready()
    assert servers.handles.template is None
    with processes(1, servers.handles) as pool:
        assert points(pool, job, 1) == [2.0]
    servers.close()
