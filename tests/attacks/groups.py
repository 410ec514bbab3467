"""`python -m tests.attacks.groups FOLDER`, as root of a machine that has control groups of version 2 (`machine`).

Tries each promise about them, once for root and once for an ordinary user to whom a group was delegated as systemd does
it, and writes into FOLDER what became of each. A promise is a function of this module; it raises if it does not hold.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.processes import below, until
from tests.sandbox.ordinary import UID, open_way

from chainrule import grading, sandbox
from chainrule.errors import IsolationError, StudentCrashed
from chainrule.model import Limits
from chainrule.sandbox import cgroup, child
from chainrule.worker.jail import kernel, namespaces

MIB = 1 << 20
TOP = Path("/sys/fs/cgroup")
USERS = {"root": 0, "user": UID}
SMALL = Limits(memory=96 * MIB, disk=300 * MIB, processes=24, start=120)
SECONDS = 120.0
PR_SET_DUMPABLE = 4
EVERY = "nothing_is_left_after_all_that"

PROMISES: dict[str, Callable[[Path], None]] = {}
ALONE: dict[str, Callable[[int], None]] = {}
"""Those that need a process and a group of their own; they get the uid to run as."""


def promise(function: Callable[[Path], None]) -> Callable[[Path], None]:
    PROMISES[function.__name__] = function
    return function


def alone(function: Callable[[int], None]) -> Callable[[int], None]:
    ALONE[function.__name__] = function
    return function


# -- what the promises use -----------------------------------------------------------------------------------------


@contextlib.contextmanager
def jailed(limits: Limits = SMALL) -> Iterator[sandbox.Child]:
    with sandbox.start(None, limits) as process:
        yield process


def run(process: sandbox.Child, source: str, seconds: float = SECONDS) -> str:
    outputs: list[dict[str, Any]] = []
    process.connection.limit(seconds)
    process.connection.request("run", source, on_output=outputs.append)
    errors = [output["ename"] for output in outputs if output["output_type"] == "error"]
    return "".join(output["text"] for output in outputs if output["output_type"] == "stream") + " ".join(errors)


def how_it_ends(source: str, limits: Limits = SMALL) -> str:
    """What a student reads of the cell that ended its process."""
    with jailed(limits) as process:
        try:
            printed = run(process, source)
        except StudentCrashed:
            return grading._how(process, limits)
    raise AssertionError(f"it was not ended: {printed[-500:]}")


def jails(whole: Path) -> list[str]:
    return sorted(path.name for path in whole.glob("jail-*"))


def monitor_of(process: sandbox.Child) -> int:
    """Who watches over it: the parent of the first of its processes."""
    assert process.group is not None
    pids = list(map(int, (process.group.path / "cgroup.procs").read_text().split()))
    parents = {int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]) for pid in pids}
    (monitor,) = parents - set(pids)
    return monitor


def gone(pids: list[int]) -> bool:
    return until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


# -- promises about a jail -----------------------------------------------------------------------------------------


@promise
def doctor_says_that_it_is_the_best_tier(whole: Path) -> None:
    report = sandbox.doctor()
    assert (report.tier, report.allowed, report.advice) == ("A+", True, "This is the best tier."), report
    assert {layer.name: layer.works for layer in report.layers}["cgroup"], report
    assert cgroup.find().path == whole


@promise
def a_grade_records_it_and_the_limits_are_set(whole: Path) -> None:
    with jailed() as process:
        assert process.isolation.startswith("A+ (namespaces, "), process.isolation
        assert process.isolation.endswith("seccomp, cgroup)"), process.isolation
        assert process.group is not None
        assert process.group.path.parent == whole
        files = {path.name: path.read_text().strip() for path in process.group.path.iterdir() if _is_limit(path)}
        assert files["memory.max"] == str(SMALL.memory)
        assert files["memory.oom.group"] == "1"
        assert files["pids.max"] == str(SMALL.processes + 1)  # pid 1 of the jail
        assert files["cpu.max"] == "100000 100000"
        assert files.get("memory.swap.max", "0") == "0"
        inside = (process.group.path / "cgroup.procs").read_text().split()
        assert len(inside) == 2, inside  # pid 1 and the student's process; the monitor is outside


def _is_limit(path: Path) -> bool:
    return path.name in {"memory.max", "memory.oom.group", "pids.max", "cpu.max", "memory.swap.max"}


@promise
def a_student_sees_no_control_group(whole: Path) -> None:
    source = (
        "import os\nprint(open('/proc/self/cgroup').read().strip(), os.path.exists('/sys'))\n"
        "print([line for line in open('/proc/self/mounts') if 'cgroup' in line])"
    )
    with jailed() as process:
        assert run(process, source).split("\n")[:2] == ["0::/ False", "[]"]


@promise
def memory_of_ones_own_is_limited(whole: Path) -> None:
    ended = how_it_ends(
        "import mmap\nm = mmap.mmap(-1, 150 << 20, flags=mmap.MAP_PRIVATE)\nm.write(b'x' * (150 << 20))"
    )
    assert ended == "used more than 0.09375 GiB of memory and was stopped.", ended


@promise
def shared_memory_that_no_process_seems_to_use_is_limited(whole: Path) -> None:
    ended = how_it_ends(
        "import mmap\nkept = []\nfor _ in range(20):\n    kept.append(mmap.mmap(-1, 8 << 20))\n"
        "    kept[-1].write(b'x' * (8 << 20))\n    kept[-1].madvise(mmap.MADV_DONTNEED)"
    )
    assert "of memory and was stopped" in ended, ended


@promise
def files_in_memory_are_limited_and_others_go_on(whole: Path) -> None:
    fill = "with open('/dev/shm/fill', 'wb') as file:\n    for _ in range(150): file.write(b'x' * (1 << 20))"
    with jailed() as other:
        assert run(other, "kept = 41") == ""
        ended = how_it_ends(fill)
        assert "of memory and was stopped" in ended, ended
        assert run(other, "print(kept + 1)") == "42\n"
    with jailed(Limits(memory=400 * MIB, disk=300 * MIB, start=120)) as process:
        assert run(process, fill + "\nprint('room enough')") == "room enough\n"


@promise
def memory_of_many_processes_is_limited_together(whole: Path) -> None:
    ended = how_it_ends("import os, time\nfor _ in range(2): os.fork()\nkept = b'x' * (40 << 20)\ntime.sleep(60)")
    assert "of memory and was stopped" in ended, ended


FORKS = """
import os, time
made, refused = [], 0
while refused < 50 and len(made) < 300:
    try: pid = os.fork()
    except BlockingIOError: refused += 1; continue
    if pid == 0:
        time.sleep(600); os._exit(0)
    made.append(pid)
print(len(made), refused)
"""
THREADS = """
import threading
event, made = threading.Event(), 0
threading.stack_size(64 << 10)
try:
    while made < 300:
        threading.Thread(target=event.wait, daemon=True).start(); made += 1
except RuntimeError: pass
event.set()
print(made)
"""


@promise
def processes_are_limited_to_their_number_and_others_go_on(whole: Path) -> None:
    with jailed() as process, jailed() as other:
        # All but the student's process itself.
        assert run(process, FORKS) == f"{SMALL.processes - 1} 50\n"
        assert run(other, "import subprocess; print(subprocess.run(['true']).returncode)") == "0\n"
        assert run(process, "print('still there')") == "still there\n"
        pids = list(map(int, (process.group.path / "cgroup.procs").read_text().split())) if process.group else []
        assert len(pids) == SMALL.processes + 1
    assert gone(pids)


@promise
def threads_count_as_processes(whole: Path) -> None:
    with jailed() as process:
        assert 0 < int(run(process, THREADS)) <= SMALL.processes - 1


@promise
def who_ends_for_want_of_processes_is_told_so(whole: Path) -> None:
    ended = how_it_ends(FORKS + "os._exit(3)")
    assert ended == f"started more than {SMALL.processes} processes and was stopped.", ended
    assert how_it_ends("import os; os._exit(3)") == "ended the notebook's process (exit status 3)."
    assert how_it_ends("import os; os.kill(os.getpid(), 9)") == "ended the notebook's process."


@promise
def nobody_watches(whole: Path) -> None:
    """The monitor sleeps: what would be measured forty times a second is the kernel's to limit."""

    def woken(pid: int) -> int:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)

    with jailed() as process:
        monitor = monitor_of(process)
        before = woken(monitor)
        time.sleep(1)
        assert woken(monitor) - before <= 1


# -- promises about what is left -----------------------------------------------------------------------------------


@promise
def nothing_is_left_when_it_ends(whole: Path) -> None:
    with jailed() as process:
        run(process, "import os, time\nif os.fork() == 0: os.setsid(); time.sleep(600)")
        pids = list(map(int, (process.group.path / "cgroup.procs").read_text().split())) if process.group else []
        assert len(pids) == 3
        assert len(jails(whole)) == 1
    assert gone(pids)
    assert jails(whole) == []


@promise
def nothing_is_left_of_a_launch_that_fails(whole: Path) -> None:
    try:
        child.launch(sandbox.zygote.zygote(), "A+", Limits(disk=-1)).close()
    except IsolationError:
        assert jails(whole) == []
    else:
        raise AssertionError("it did not fail")


@promise
def nothing_is_left_when_the_monitor_is_killed(whole: Path) -> None:
    with jailed() as process:
        pids = list(map(int, (process.group.path / "cgroup.procs").read_text().split())) if process.group else []
        os.kill(monitor_of(process), signal.SIGKILL)
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
    parents = {int(Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()[1]) for each in pids}
    os.kill(pid, signal.SIGSTOP)
    for monitor in parents - set(pids):
        os.kill(monitor, signal.SIGKILL)
    assert gone(pids)
    with jailed() as process:
        assert len(jails(whole)) == 2
        os.kill(pid, signal.SIGCONT)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        assert len(jails(whole)) == 2
        assert cgroup._prepare() == whole  # as another process would
        assert process.group is not None
        assert jails(whole) == [process.group.path.name]  # and what is in use stays


def _graded_by_another(whole: Path) -> tuple[int, list[int]]:
    """Another process that uses our zygote, and the student's processes that it has."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            process = child.launch(Lent(), "A+", SMALL)
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


class Lent(sandbox.Zygote):
    """The zygote of the process that this one is a fork of."""

    def __init__(self) -> None:
        super().__init__(frozenset(), sandbox.zygote.zygote_of_parent.control)


# -- promises about finding the group ------------------------------------------------------------------------------


def delegated(name: str, uid: int, controllers: str = "memory pids cpu") -> Path:
    """A group as systemd delegates one: the folder and four files belong to the user."""
    parent = TOP / f"{name}-{uid}.slice"
    parent.mkdir()
    whole = parent / "run.scope"
    (TOP / "cgroup.subtree_control").write_text("+memory +pids +cpu")
    (parent / "cgroup.subtree_control").write_text(" ".join(f"+{each}" for each in controllers.split()))
    whole.mkdir()
    for path in (whole, *(whole / f"cgroup.{each}" for each in ("procs", "subtree_control", "threads"))):
        os.chown(path, uid, uid)
    return whole


def become(uid: int, whole: Path | None) -> None:
    """Go into a group, and be this user from now on."""
    if whole is not None:
        (whole / "cgroup.procs").write_text("0")
    cgroup._found = None
    if uid:
        namespaces.private_mounts()
        for prefix in {sys.base_prefix, sys.prefix}:
            open_way(os.path.realpath(prefix))
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        kernel.prctl(PR_SET_DUMPABLE, 1)  # as after the start of a program


def forked(action: Callable[[], Any]) -> Any:
    """What the action returns, done in a fork of this process; an error of it is raised here."""
    process, reading = start_fork(action)
    return result(process, reading)


def start_fork(action: Callable[[], Any]) -> tuple[int, int]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        try:
            answer = ["ok", action()]
        except BaseException:
            answer = ["error", traceback.format_exc()]
        os.write(writing, json.dumps(answer).encode())
        os._exit(0)
    os.close(writing)
    return pid, reading


def result(pid: int, reading: int) -> Any:
    with open(reading, "rb") as file:
        answer = json.loads(file.read())
    os.waitpid(pid, 0)
    assert answer[0] == "ok", answer[1]
    return answer[1]


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
def a_group_of_somebody_else_is_refused(uid: int) -> None:
    if uid:
        whole = delegated("foreign", 0)
        assert finds(uid, whole).endswith("belongs to somebody else")
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

    whole = delegated("unmarked", uid)
    assert forked(lambda: find(whole)).startswith("systemd has not delegated")
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


# -- all of them ---------------------------------------------------------------------------------------------------


class Trial:
    """Tries promises and keeps what became of each. `chosen`: names of users and promises; none of a kind is all."""

    def __init__(self, chosen: set[str]) -> None:
        self.users = chosen & USERS.keys() or set(USERS)
        self.names = chosen - USERS.keys()
        self.results: dict[str, dict[str, Any]] = {}

    def all(self) -> None:
        for user in self.users:
            uid = USERS[user]
            # Root is tried in the root of all groups, where nobody has to be moved.
            whole = delegated("jails", uid) if uid else None
            self.results[user] = forked(lambda uid=uid, whole=whole: self._in_jails(uid, whole))
            for name, function in ALONE.items():
                self._try(user, name, lambda function=function, uid=uid: function(uid))

    def _in_jails(self, uid: int, whole: Path | None) -> dict[str, Any]:
        user, at = next(name for name, each in USERS.items() if each == uid), whole or TOP
        self.results[user] = {}
        become(uid, whole)
        sandbox.zygote.zygote_of_parent = sandbox.zygote.zygote()  # type: ignore[attr-defined]
        for name, function in PROMISES.items():
            self._try(user, name, lambda function=function: function(at))
        sandbox.close()
        self._try(user, EVERY, lambda: _nothing(at))
        return self.results[user]

    def _try(self, user: str, name: str, function: Callable[[], None]) -> None:
        if self.names and name not in self.names:
            return
        begin, error = time.monotonic(), ""
        try:
            function()
        except BaseException:
            error = traceback.format_exc()
        self.results[user][name] = {"error": error, "seconds": time.monotonic() - begin}
        print(f"{user} {name} {time.monotonic() - begin:.1f} s {error}", flush=True)


def _nothing(whole: Path) -> None:
    assert jails(whole) == []
    assert until(lambda: below(os.getpid()) == {}), below(os.getpid())


def main() -> None:
    folder, *chosen = sys.argv[1:]
    trial = Trial(set(chosen))
    trial.all()
    Path(folder, "results.json").write_text(json.dumps(trial.results))


if __name__ == "__main__":
    main()
