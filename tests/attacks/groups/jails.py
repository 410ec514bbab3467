"""Promises about a student's process in a group: its limits hold, the right one is named, and others go on."""

from __future__ import annotations

import time
from pathlib import Path

from tests.attacks.groups.promises import MIB, SMALL, gone, how_it_ends, jailed, parents_of, pids_of, promise, run

from chainrule import sandbox
from chainrule.model import Limits
from chainrule.sandbox import cgroup


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
        inside = pids_of(process)
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
    """Also the process that took nothing itself is ended: half of a notebook is none."""
    ended = how_it_ends(
        "import os, time\nfor _ in range(3):\n    if os.fork() == 0:\n        kept = b'x' * (40 << 20)\n"
        "        time.sleep(60)\n        os._exit(0)\nfor _ in range(3): os.wait()"
    )
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
        pids = pids_of(process)
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
    assert how_it_ends(FORKS + "os._exit(0)") == "ended the notebook's process (exit status 0)."
    assert how_it_ends("import os; os._exit(3)") == "ended the notebook's process (exit status 3)."
    assert how_it_ends("import os; os.kill(os.getpid(), 9)") == "ended the notebook's process."


@promise
def nobody_watches(whole: Path) -> None:
    """The monitor sleeps: what would be measured forty times a second is the kernel's to limit."""

    def woken(pid: int) -> int:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)

    with jailed() as process:
        run(process, "1")  # by now the monitor has heard all that there is to hear
        (monitor,) = parents_of(pids_of(process))
        before = woken(monitor)
        time.sleep(1)
        assert woken(monitor) - before <= 1
