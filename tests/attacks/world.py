"""`python -m tests.attacks.world FOLDER UID`: a small world for attacks, driven by lines of JSON on standard input.

As root it has namespaces of its own (mounts, processes, network, IPC), so whatever an attack does ends here: a control
runs an attack without any jail. UID 0 stays root (then no control is run), another UID is an ordinary user from then
on. UID -1 makes no namespaces and stays who it is; no control is run either.

In FOLDER (a file system of its own, 512 MiB) lie the targets. Operations: see `World`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.attacks.targets import Targets, canary, inside, libc

from chainrule.errors import IsolationError, StudentProcessError
from chainrule.model import Limits
from chainrule.sandbox.child import Child, launch
from chainrule.sandbox.zygote import OwnZygote
from chainrule.worker.jail import kernel, namespaces, view
from chainrule.worker.jail.bubblewrap import ALWAYS, NEVER
from chainrule.worker.scratch import remove

MOMENT = 30.0
"""Seconds for the kernel to clean up after processes that were killed: on a busy machine some."""
IOPRIO_GET = 252 if os.uname().machine == "x86_64" else 31
HOME = """
import json, os
open("secret", "w").write({!r})
print(json.dumps({{"pid": os.getpid(), "file": os.path.abspath("secret")}}))
"""
PRIVATE = namespaces.NEWPID | namespaces.NEWNET | namespaces.NEWIPC | namespaces.NEWUTS


# -- making the world -------------------------------------------------------------------------------------------


def separate(folder: Path, uid: int) -> None:
    """Namespaces of its own, then an ordinary user. Returns in the one process that goes on."""
    namespaces.private_mounts()
    kernel.unshare(PRIVATE)
    pid = os.fork()
    if pid:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # the kernel then ends all that is below
        os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 255)
    _pid_one_and_us()
    kernel.mount("proc", "/proc", "proc", view.PRIVATE)
    kernel.mount("tmpfs", "/dev/shm", "tmpfs", view.PRIVATE, "size=64m,mode=1777")
    kernel.mount("tmpfs", str(folder), "tmpfs", 0, f"size=512m,mode=755,uid={uid},gid={uid}")
    kernel.mount("tmpfs", str(inside()), "tmpfs", 0, f"size=1m,mode=755,uid={uid},gid={uid}")
    _loopback()
    if uid:
        for prefix in {sys.base_prefix, sys.prefix, view.package()}:
            open_way(os.path.realpath(prefix))
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        kernel.prctl(4, 1)  # dumpable again: another process of this user may look into it, as into any program


def _pid_one_and_us() -> None:
    """The first process of the namespace reaps; the second one is the world."""
    kernel.prctl(1, signal.SIGKILL)
    pid = os.fork()
    if pid == 0:
        kernel.prctl(1, signal.SIGKILL)
        return
    while True:
        ended, status = os.wait()
        if ended == pid:
            os._exit(os.waitstatus_to_exitcode(status) & 255)


def open_way(prefix: str) -> None:
    """Where `prefix` lies in a folder that only root may enter, put one in its place that shows `prefix` alone."""
    for parent in reversed(Path(prefix).parents):
        if not parent.stat().st_mode & 0o001:
            descriptor = os.open(prefix, os.O_PATH)
            kernel.mount("tmpfs", str(parent), "tmpfs", 0, "mode=755")
            os.makedirs(prefix)
            kernel.mount(f"/proc/self/fd/{descriptor}", prefix, None, view.BIND | view.REC)
            os.close(descriptor)
            return


def _loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, 0x8914, struct.pack("16sH", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP


# -- operations -------------------------------------------------------------------------------------------------


class Neighbour:
    """Another notebook's process, which runs beside those of the attacks: its number and its folder, as they see it."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.secret = canary("neighbour")
        at = json.loads(self._run(HOME.format(self.secret)))
        self.at = {"neighbour": at["pid"], "neighbours_file": at["file"]}
        if child.isolation.startswith("A"):  # it has numbers of its own: this is one that exists here
            with open(f"/proc/self/fdinfo/{child._handle}") as file:
                self.at["neighbour"] = next(int(line.split()[1]) for line in file if line.startswith("Pid:"))

    def unharmed(self) -> bool:
        return self._run("print(open('secret').read())").strip() == self.secret

    def _run(self, source: str) -> str:
        printed: list[str] = []
        self.child.connection.limit(30)
        self.child.connection.request("run", source, on_output=lambda output: printed.append(output["text"]))
        return "".join(printed)


class World:
    """Each method `do_…` is an operation; its result is sent back."""

    def __init__(self, folder: Path, uid: int) -> None:
        self.folder, self.uid = folder, uid
        tempfile.tempdir = str(folder)
        self.targets = Targets(folder, uid > 0)
        self.parents = {wrapped: OwnZygote(frozenset(), wrapped) for wrapped in (NEVER, ALWAYS)}
        for parent in self.parents.values():  # after the targets: they must take nothing over
            parent.ready()
        tiers = ["A", *(["B+"] if self.parents[ALWAYS].standing.inside else []), "B"]
        self.neighbours = {tier: Neighbour(self._launch(tier, Limits(), None)) for tier in tiers}
        self.own = self._processes()
        self.kept = {str(self.folder / name) for name in os.listdir(folder)}
        self.baseline = self._left()

    def do_about(self) -> dict[str, Any]:
        neighbours = {tier: neighbour.at for tier, neighbour in self.neighbours.items()}
        return {"targets": self.targets.at, "secrets": self.targets.secrets, "neighbours": neighbours}

    def _launch(self, tier: str, limits: Limits, landlock: int | None) -> Child:
        """As grading does: once more if it fails, for a zygote or a monitor may be killed any moment."""
        parent = self.parents[ALWAYS if tier == "B+" else NEVER]
        try:
            return launch(parent, tier, limits, landlock=landlock)
        except IsolationError:
            return launch(parent, tier, limits, landlock=landlock)

    def do_cell(
        self, source: str, tier: str, landlock: int | None, limits: dict[str, Any], seconds: float
    ) -> dict[str, Any]:
        """Run a cell in a jail: what it printed, and how its process ended if it did."""
        printed: list[str] = []
        begin, before = time.monotonic(), self._state()

        def keep(output: dict[str, Any]) -> None:
            if len(printed) < 2000:
                printed.append(str(output.get("text", output.get("evalue", "")))[:20_000])

        try:
            child = self._launch(tier, Limits(**limits), landlock)
        except IsolationError as error:
            return {"failed": str(error)}
        lost = ""
        with child:
            try:
                child.connection.limit(seconds)
                child.connection.request("run", source, on_output=keep)
            except StudentProcessError as error:
                lost = type(error).__name__
            status = child.exit_status() if lost == "StudentCrashed" else None
            reason = child.exit_reason
        return {
            "printed": "".join(printed),
            "lost": lost,
            "status": status,
            "reason": reason,
            "seconds": time.monotonic() - begin,
            "left": self.left(),
            "effects": self._changed(before),
        }

    def do_submissions(self, root: str, numbers: list[int]) -> dict[str, list[str]]:
        """Grade attacks that are submissions of the course in `root`: what is there before the warm processes are
        ended, and what is left afterwards."""
        from tests.attacks import submissions
        from tests.fixtures.classroom import Classroom

        from chainrule import grading
        from chainrule.notebook import intake

        course = Classroom(Path(root))
        truth = intake.read_notebook(course.root / "source/t1/t1.ipynb")
        for number in numbers:
            path = submissions.hand_in(course, f"left{number:02}", submissions.ATTACKS[number])
            submissions.graded(course, truth, path)
        during = sorted(self._left() - self.baseline)
        grading.close()
        return {"during": during, "left": self.left()}

    def do_control(self, source: str, seconds: float) -> dict[str, Any]:
        """Run the same without a jail, in a fork of this process, which has all secrets."""
        assert self.uid > 0, "a control never runs as root, nor outside namespaces of its own"
        reading, writing = os.pipe()
        before = self._state()
        pid = os.fork()
        if pid == 0:
            try:
                os.setsid()
                resource.setrlimit(resource.RLIMIT_NPROC, (600, 600))
                os.dup2(writing, 1)
                sys.stdout = os.fdopen(1, "w")
                os.chdir(self.folder)
                exec(compile(source, "<control>", "exec"), {"__name__": "control"})
                sys.stdout.flush()
            finally:
                os._exit(0)
        os.close(writing)
        printed, deadline = b"", time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and select.select([reading], [], [], left)[0]:
            part = os.read(reading, 65536)
            if not part:
                break
            printed += part
            if b"VERDICT " in printed and printed.endswith(b"\n"):
                break
        os.close(reading)
        after = sorted(self._left() - self.baseline - {f"process {pid}"})[:20]
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        self._clean()
        return {"printed": printed.decode(errors="replace"), "effects": self._changed(before), "after": after}

    def _clean(self) -> None:
        """End and remove what a control left."""
        deadline = time.monotonic() + MOMENT
        while (others := self._processes() - self.own) and time.monotonic() < deadline:
            for other in others:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(other, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):  # a sister of the control is our child
                    os.waitpid(other, os.WNOHANG)
        os.chdir("/")
        for name in os.listdir(self.folder):
            path = self.folder / name
            if str(path) in self.kept:
                continue
            if path.is_dir() and not path.is_symlink():
                remove(path)  # `rm -rf` stops at a folder that is closed to its owner
            else:
                path.unlink()
        if found := self.left():
            raise RuntimeError(f"a control left {found}: what comes after it would be blamed")

    def do_unharmed(self) -> dict[str, Any]:
        """Whether the targets are as they were."""
        at = self.targets.at
        return {
            **self._state(),
            "gradebook": Path(at["gradebook"]).read_text().strip() == self.targets.secrets["gradebook"],
            "neighbours": {tier: neighbour.unharmed() for tier, neighbour in self.neighbours.items()},
            "left": self.left(),
        }

    def _state(self) -> dict[str, Any]:
        """What attacks may change of the targets."""
        deadline = time.monotonic() + 5
        while (victim := self._victim())[0] == "R" and time.monotonic() < deadline:
            time.sleep(0.01)  # it has been sent a signal and not yet heard it
        return {
            "victim": victim[0],
            "nice": int(victim[16]),
            "io": libc.syscall(IOPRIO_GET, 1, self.targets.at["victim"]),
            "signals": (self.folder / "signals").stat().st_size,
            "mode": oct(os.stat(self.targets.at["gradebook"]).st_mode & 0o777),
        }

    def _victim(self) -> list[str]:
        """Fields of its /proc/PID/stat, from the state on."""
        return Path(f"/proc/{self.targets.at['victim']}/stat").read_text().rpartition(")")[2].split()

    def _changed(self, before: dict[str, Any]) -> list[str]:
        after = self._state()
        return [key for key, value in before.items() if after[key] != value]

    def left(self) -> list[str]:
        """What was not here before, after a moment for the kernel to clean up."""
        deadline = time.monotonic() + MOMENT
        while (found := sorted(self._left() - self.baseline)) and time.monotonic() < deadline:
            time.sleep(0.01)
        return found

    def _left(self) -> set[str]:
        """Everything that a process could leave behind in this world."""
        if self.uid < 0:
            return set()
        found = {f"process {pid}" for pid in self._processes() - getattr(self, "own", set())}
        found |= {f"mount {line.split(' - ')[0]}" for line in Path("/proc/self/mountinfo").read_text().splitlines()}
        for place in (self.folder, Path("/dev/shm"), inside(), Path("/dev/mqueue")):
            found |= {f"file {path}" for path in _below(place)}
        for kind in ("shm", "msg", "sem"):
            lines = Path(f"/proc/sysvipc/{kind}").read_text().splitlines()[1:]
            found |= {f"{kind} {line.split()[1]}" for line in lines}
        return found

    def _processes(self) -> set[int]:
        return {int(name) for name in os.listdir("/proc") if name.isdigit()}


def _below(folder: Path) -> list[str]:
    found = []
    for parent, folders, names in os.walk(folder):
        found += [os.path.join(parent, name) for name in (*folders, *names)]
    return found


def main() -> None:
    folder, uid = Path(sys.argv[1]), int(sys.argv[2])
    if uid >= 0:
        separate(folder, uid)
    answers = os.fdopen(os.dup(1), "w")  # descriptor 1 is a control's
    os.set_inheritable(answers.fileno(), False)
    os.dup2(2, 1)
    world = World(folder, uid)
    for line in sys.stdin:
        operation, arguments = json.loads(line)
        answers.write(json.dumps(getattr(world, f"do_{operation}")(**arguments)) + "\n")
        answers.flush()
    for neighbour in world.neighbours.values():
        neighbour.child.close()
    for parent in world.parents.values():
        parent.close()
    world.targets.victim.kill()
    world.targets.victim.wait()


if __name__ == "__main__":
    main()
