"""Promises about the group that a run finds for itself: which one it takes, and what it leaves alone."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from pathlib import Path

from tests.attacks.groups.promises import SMALL, alone, for_user
from tests.attacks.groups.users import become, delegated, forked, result, start_fork
from tests.processes import until

from chainrule.sandbox import cgroup
from chainrule.sandbox.advice import advice as advised


def finds(uid: int, whole: Path | None) -> str:
    """In a fork: which group it finds, or why none."""

    def find() -> str:
        become(uid, whole)
        found = cgroup.find()
        return str(found.path or found.why)

    return str(forked(find))


@alone
def a_group_without_a_controller_is_refused(uid: int) -> None:
    assert finds(uid, delegated("poor", uid, "pids cpu")).endswith("has no controller for memory")
    assert finds(uid, delegated("poorer", uid, "cpu")).endswith("has no controller for memory and pids")


@alone
@for_user
def a_group_of_somebody_else_is_refused(uid: int) -> None:
    whole = delegated("foreign", 0)
    assert finds(uid, whole).startswith("this process may not divide the control group")
    assert list(whole.glob("*/")) == []


@alone
def a_group_with_a_stranger_is_refused_and_left_as_it_was(uid: int) -> None:
    whole = delegated("shared", uid)

    def stay() -> None:
        (whole / "cgroup.procs").write_text("0")
        time.sleep(600)

    stranger, reading = start_fork(stay)
    try:
        assert until(lambda: (whole / "cgroup.procs").read_text().split())
        why = finds(uid, whole)
        assert f"has other programs: python3 ({stranger})" in why or f"({stranger})" in why, why
        assert list(whole.glob("*/")) == []
        assert (whole / "cgroup.procs").read_text().split() == [str(stranger)]
    finally:
        os.kill(stranger, signal.SIGKILL)
        os.waitpid(stranger, 0)
        os.close(reading)


@alone
def systemd_has_to_have_delegated_it(uid: int) -> None:
    def find(whole: Path) -> str:
        cgroup.SYSTEMD = Path("/run")  # a folder that is there
        return finds(uid, whole)

    def advice(whole: Path) -> str:
        cgroup.SYSTEMD = Path("/run")
        become(uid, whole)
        return advised("A", {})

    whole = delegated("unmarked", uid)
    assert forked(lambda: find(whole)).startswith("systemd has left no mark")
    wanted = f"systemd-run {'--user ' if uid else ''}--scope -p Delegate=yes chainrule autograde"
    assert wanted in forked(lambda: advice(whole))
    os.setxattr(whole, "trusted.delegate" if uid == 0 else "user.delegate", b"1")
    assert forked(lambda: find(whole)) == str(whole)


@alone
def many_at_once_find_the_same_group(uid: int) -> None:
    """Several processes that start in one group, each its own run, and each with a child."""
    whole = delegated("crowd", uid)
    barrier = multiprocessing.get_context("fork").Barrier(4)

    def find() -> list[str]:
        become(uid, whole)
        with cgroup.members.agree(whole):
            sleeper = os.fork()
            if sleeper == 0:
                time.sleep(600)
            barrier.wait()
            found = cgroup.find()
            barrier.wait()
        os.kill(sleeper, signal.SIGKILL)
        os.waitpid(sleeper, 0)
        return [str(found.path or found.why), Path("/proc/self/cgroup").read_text().strip()]

    started = [start_fork(find) for _ in range(4)]
    found = [result(*process) for process in started]
    assert found == [[str(whole), f"0::/{whole.parent.name}/{whole.name}/chainrule"]] * 4, found


@alone
def a_process_that_is_ending_is_no_stranger(uid: int) -> None:
    """Whose it was can no longer be told when its parent has ended, and it is gone in a moment."""
    whole = delegated("leaving", uid)

    def find() -> list[str]:
        become(uid, whole)
        answers = set()
        for _ in range(12):
            cgroup._found = None
            for _ in range(5):
                if os.fork() == 0:
                    os._exit(0)
            found = cgroup.find()
            answers.add(str(found.path or found.why))
            cgroup.restore()
            with contextlib.suppress(ChildProcessError):
                while True:
                    os.wait()
        return sorted(answers)

    found = forked(find)
    assert found == [str(whole)], found


@alone
def who_comes_and_who_goes_do_not_disturb_each_other(uid: int) -> None:
    whole = delegated("station", uid)
    barrier = multiprocessing.get_context("fork").Barrier(4)

    def come_and_go() -> list[str]:
        become(uid, whole)
        answers = set()
        with cgroup.members.agree(whole):
            barrier.wait()
            for _ in range(20):
                cgroup._found = None
                found = cgroup.find()
                answers.add(str(found.path or found.why))
                cgroup.restore()
            barrier.wait()
        return sorted(answers)

    started = [start_fork(come_and_go) for _ in range(4)]
    found = [result(*process) for process in started]
    assert found == [[str(whole)]] * 4, found


@alone
def a_worker_and_its_coordinator_do_not_take_each_other_for_strangers(uid: int) -> None:
    whole = delegated("workers", uid)

    def coordinate() -> list[str]:
        become(uid, whole)
        context = multiprocessing.get_context("fork")
        queue = context.Queue()
        workers = [context.Process(target=lambda: queue.put(str(cgroup.find().path))) for _ in range(3)]
        for worker in workers:
            worker.start()
        answers = [queue.get(timeout=60) for _ in workers] + [str(cgroup.find().path)]
        for worker in workers:
            worker.join()
        return answers

    found = forked(coordinate)
    assert found == [str(whole)] * 4, found


@alone
def the_last_one_leaves_the_group_as_it_was(uid: int) -> None:
    whole = delegated("clean", uid)

    def work() -> list[str]:
        become(uid, whole)
        first = str(cgroup.find().path)
        held = cgroup.Group(SMALL)
        cgroup.restore()  # not while there is a student's process
        kept = (whole / "cgroup.subtree_control").read_text().strip()
        held.close()
        cgroup.restore()
        return [first, kept, (whole / "cgroup.subtree_control").read_text().strip(), *map(str, whole.glob("*/"))]

    first, kept, now, *rest = forked(work)
    assert first == str(whole)
    assert set(kept.split()) == {"cpu", "memory", "pids"}
    assert now == ""
    assert rest == []
    assert finds(uid, whole) == str(whole)  # and again
