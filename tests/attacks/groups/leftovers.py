"""Promises about what is left of a student's process when it ends, or when those who should clean up are killed."""

from __future__ import annotations

import os
import signal
import time
import traceback
from pathlib import Path

from tests.attacks.groups.promises import SMALL, gone, jailed, jails, parents_of, pids_of, promise, run
from tests.processes import until

from chainrule.errors import IsolationError
from chainrule.model import Limits
from chainrule.sandbox import Zygote, cgroup, child
from chainrule.sandbox.zygote import zygote


@promise
def nothing_is_left_when_it_ends(whole: Path) -> None:
    with jailed() as process:
        run(process, "import os, time\nif os.fork() == 0: os.setsid(); time.sleep(600)")
        pids = pids_of(process)
        assert len(pids) == 3
        assert len(jails(whole)) == 1
    assert gone(pids)
    assert jails(whole) == []


@promise
def nothing_is_left_of_a_launch_that_fails(whole: Path) -> None:
    assert "mount" in _refusal(Limits(disk=-1))
    assert jails(whole) == []


@promise
def a_limit_in_which_nothing_can_start_is_named(whole: Path) -> None:
    assert "nothing can start with 1 MiB of memory" in _refusal(Limits(memory=1 << 20, start=120))
    assert jails(whole) == []


def _refusal(limits: Limits) -> str:
    try:
        child.launch(zygote(), "A+", limits).close()
    except IsolationError as error:
        return str(error)
    return "it started"


@promise
def nothing_is_left_when_the_monitor_is_killed(whole: Path) -> None:
    with jailed() as process:
        pids = pids_of(process)
        (monitor,) = parents_of(pids)
        os.kill(monitor, signal.SIGKILL)
        assert until(process.was_lost)
    assert gone(pids)
    assert jails(whole) == []


@promise
def nothing_is_left_when_the_grading_process_is_killed(whole: Path) -> None:
    pid, pids = _graded_by_another(whole)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert gone(pids)
    assert until(lambda: jails(whole) == []), jails(whole)


@promise
def what_is_left_when_all_are_killed_is_removed_by_the_next_run(whole: Path) -> None:
    pid, pids = _graded_by_another(whole)
    (monitor,) = parents_of(pids)
    os.kill(pid, signal.SIGSTOP)
    os.kill(monitor, signal.SIGKILL)
    assert gone(pids)
    with jailed() as process:
        try:
            assert cgroup._prepare() == whole  # as another process would
            assert len(jails(whole)) == 2  # who made it lives
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        assert len(jails(whole)) == 2
        assert cgroup._prepare() == whole
        assert process.group is not None
        assert jails(whole) == [process.group.path.name]  # and what is in use stays


def _graded_by_another(whole: Path) -> tuple[int, list[int]]:
    """Another process that uses our zygote, and the student's processes that it has."""
    control = zygote().control
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            process = child.launch(Zygote(frozenset(), control), "A+", SMALL)
            run(process, "import os, time\nif os.fork() == 0: os.setsid(); time.sleep(600)")
            assert process.group is not None
            os.write(writing, (process.group.path / "cgroup.procs").read_bytes())
            time.sleep(600)
        finally:
            traceback.print_exc()
            os._exit(1)
    os.close(writing)
    pids = list(map(int, os.read(reading, 4096).split()))
    os.close(reading)
    assert len(pids) == 3
    return pid, pids
