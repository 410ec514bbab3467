"""Where a process is among the control groups, on each kind of system; and that finding none costs next to nothing.

What is done with a group where there is one: tests/attacks/test_cgroups.py.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.processes import below, until

from chainrule.errors import IsolationError
from chainrule.model import Limits
from chainrule.sandbox import cgroup, members

OLD = """12:memory:/user.slice
11:cpu,cpuacct:/user.slice
5:pids:/user.slice/user-1000.slice
1:name=systemd:/user.slice/user-1000.slice/session-2.scope
"""
HYBRID = f"{OLD}0::/user.slice/user-1000.slice/session-2.scope\n"
NEW = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-r1.scope\n"
PATH = "/user.slice/user-1000.slice/user@1000.service/app.slice/run-r1.scope"
REST = "rw,nosuid,nodev,noexec,relatime"
ON_OLD = (
    f"31 23 0:28 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n35 31 0:32 / /sys/fs/cgroup/memory {REST} - cgroup cgroup rw\n"
)
ON_HYBRID = f"{ON_OLD}41 31 0:38 / /sys/fs/cgroup/unified {REST} shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
ON_NEW = f"29 22 0:26 / /sys/fs/cgroup {REST} shared:4 master:1 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n"


@pytest.mark.parametrize(
    ("text", "path", "old"),
    [
        pytest.param(OLD, None, ["memory", "pids"], id="version 1 alone"),
        pytest.param(HYBRID, "/user.slice/user-1000.slice/session-2.scope", ["memory", "pids"], id="both"),
        pytest.param(NEW, PATH, [], id="version 2"),
        pytest.param("0::/\n", "/", [], id="the root, or that of a container"),
        pytest.param("0::/a/b (deleted)\n", None, [], id="a group that was removed"),
        pytest.param("0::/a:b c/d\n", "/a:b c/d", [], id="odd characters"),
        pytest.param("", None, [], id="none at all"),
    ],
)
def test_the_group_of_a_process_is_read_from_its_file(text, path, old):
    assert cgroup.own_path(text) == path
    assert cgroup.of_version_1(text) == old


@pytest.mark.parametrize(
    ("path", "mounts", "found"),
    [
        pytest.param("/a", ON_OLD, [], id="version 1 alone"),
        pytest.param("/a", ON_HYBRID, ["/sys/fs/cgroup/unified/a"], id="both"),
        pytest.param(PATH, ON_NEW, [f"/sys/fs/cgroup{PATH}"], id="version 2"),
        pytest.param("/", ON_NEW, ["/sys/fs/cgroup"], id="the root"),
        pytest.param("/pods/p1", "5 4 0:26 /pods /mnt rw - cgroup2 none rw\n", ["/mnt/p1"], id="a part is mounted"),
        pytest.param("/pods/p1", "5 4 0:26 /pods/p1 /mnt rw - cgroup2 none rw\n", ["/mnt"], id="just this part"),
        pytest.param("/pods2/p1", "5 4 0:26 /pods /mnt rw - cgroup2 none rw\n", [], id="another part"),
        pytest.param("/../p1", "5 4 0:26 /../.. /mnt rw - cgroup2 none rw\n", [], id="outside our namespace"),
        pytest.param("/a", "5 4 0:26 / /my\\040mount rw - cgroup2 none rw\n", ["/my mount/a"], id="a blank in it"),
        pytest.param("/a", ON_NEW * 2, ["/sys/fs/cgroup/a"] * 2, id="mounted twice"),
    ],
)
def test_its_folder_is_found_among_the_mounts(path, mounts, found):
    assert cgroup.folders(path, mounts) == [Path(place) for place in found]


def test_every_process_of_this_system_has_an_answer():
    """The files of the kernel that runs here are read without an error, and the answer is a group or a reason."""
    found = cgroup.find()
    assert (found.path is None) == bool(found.why)
    if found.path is None:
        with pytest.raises(IsolationError, match=r"Tier A\+ does not work here: .+"):
            cgroup.Group(Limits())


def test_a_process_that_has_ended_does_not_stay_in_the_way():
    """Nor one whose parent has yet to take note of it; one that lives does, and one that cannot be seen (0)."""
    with subprocess.Popen(["sleep", "100"]) as living, subprocess.Popen(["true"]) as ended:
        try:
            os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
            assert members.staying([living.pid, ended.pid, 0]) == {living.pid, 0}
            ended.wait()
            assert members.staying([ended.pid]) == set()
        finally:
            living.kill()


def test_what_this_run_started_is_its_own_and_nothing_else(tmp_path):
    (tmp_path / "cgroup.procs").touch()
    command = [sys.executable, "-c", "import subprocess; subprocess.run(['sleep', '100'])"]
    with subprocess.Popen(command, start_new_session=True) as child:
        try:
            assert until(lambda: ["sleep", "100", ""] in below(child.pid).values())  # before, it is Python's fork
            (grandchild,) = below(child.pid)
            inside = {os.getppid(), os.getpid(), child.pid, grandchild, 0}
            assert members.ours(inside, tmp_path) == {os.getpid(), child.pid, grandchild}
            assert "one that is not in sight" in members.names([0])
            assert f"sleep ({grandchild})" in members.names([grandchild])
        finally:
            os.killpg(child.pid, signal.SIGKILL)


SLOWEST = 0.005
TRY = """
import time
from chainrule.sandbox import cgroup, members
begin = time.perf_counter()
found = cgroup.find()
print(time.perf_counter() - begin if found.path is None else 0)
"""


def test_to_find_none_costs_less_than_five_milliseconds():
    """In a fresh process; the quickest of some, for the machine may be busy."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(cgroup.__file__).parents[2])}
    seconds = SLOWEST
    end = time.monotonic() + 60
    while seconds >= SLOWEST and time.monotonic() < end:
        done = subprocess.run([sys.executable, "-c", TRY], env=environment, capture_output=True, text=True, check=True)
        seconds = min(seconds, float(done.stdout))
    assert seconds < SLOWEST
