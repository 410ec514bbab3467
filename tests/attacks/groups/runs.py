"""A promise about a whole run: its workers, which share a zygote with who started them, all use the one group."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from pathlib import Path

from tests.attacks.groups.promises import alone, for_user
from tests.attacks.groups.users import delegated, start_fork
from tests.processes import until
from tests.sandbox import ordinary

COURSE = Path("/mnt/course")
"""The tiny course of `tests.fixtures.classroom` with submissions; `hog` takes 480 MiB in the cell `thrice`."""
HOG = """
import mmap
kept = [mmap.mmap(-1, 8 << 20) for _ in range(60)]
for each in kept: each.write(b"x" * (8 << 20))
def thrice(x): return 3 * x
"""
MEMORY = "\nc.Limits.memory = '200 MiB'\n"


@alone
@for_user
def the_workers_of_a_run_share_the_group(uid: int) -> None:
    whole, course = delegated("graded", uid), Path(f"/run/course-{uid}")
    shutil.copytree(COURSE, course)
    with (course / "nbgrader_config.py").open("a") as file:
        file.write(MEMORY)
    for folder, _, names in os.walk(course):
        for path in (folder, *(os.path.join(folder, name) for name in names)):
            os.chown(path, uid, uid)
    process, reading = start_fork(lambda: _autograde(uid, whole, course))
    seen: set[str] = set()
    statuses: list[int] = []
    assert until(lambda: seen.update(path.name for path in whole.glob("*/")) or _ended(process, statuses), 1200)
    os.close(reading)
    log = (course / "log").read_text()
    assert statuses == [0], log
    with sqlite3.connect(course / "gradebook.db") as gradebook:
        rows = dict(gradebook.execute("SELECT student, isolation || notes FROM chainrule_run").fetchall())
    assert set(rows) == {"ada", "bob", "hog"}, log
    assert all(text.startswith("A+ (") and ", cgroup)" in text for text in rows.values()), rows
    assert "used more than 0.195312 GiB of memory and was stopped" in rows["hog"], rows
    assert "of memory" not in rows["ada"], rows
    assert "chainrule" in seen
    assert len(seen) >= 1 + len(rows), seen
    assert list(whole.glob("*/")) == []
    assert (whole / "cgroup.subtree_control").read_text().split() == []


def _ended(process: int, statuses: list[int]) -> bool:
    pid, status = os.waitpid(process, os.WNOHANG)
    if pid:
        statuses.append(os.waitstatus_to_exitcode(status))
    return bool(pid)


def _autograde(uid: int, whole: Path, course: Path) -> None:
    (whole / "cgroup.procs").write_text("0")
    os.chdir(course)
    log = os.open("log", os.O_WRONLY | os.O_CREAT)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    user = [sys.executable, ordinary.__file__] if uid else []
    command = [*user, sys.executable, "-m", "chainrule.cli", "autograde", "t1", "--workers", "2"]
    os.execv(command[0], command)
