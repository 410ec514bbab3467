"""Tier B+: the zygote moves into the system's bubblewrap, where this Python may not make namespaces and `bwrap` may.

That is so on Ubuntu, whose AppArmor allows them to programs with a profile. It happens before any library is imported,
for nothing can be put into a namespace of processes later. What is forked inside locks itself in as in tier B: bwrap
hides the machine, Landlock and the filter part the processes inside from one another.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chainrule.worker.jail import kernel, landlock, lockdown, namespaces, privileges, view
from chainrule.worker.jail.order import Order

PROGRAM = "/usr/bin/bwrap"
"""The system's, not what a search path or a virtual environment offers: AppArmor's profile is for this one, too."""
NEVER, IF_NEEDED, ALWAYS, INSIDE = "never", "if-needed", "always", "inside:"
STANDING = b"standing?"
"""What the zygote is sent in place of an order, to say on the last socket that comes with it where it stands."""
TRY_SECONDS = 20.0
SMALL = 64 << 20
"""Bytes of the folders that students' processes cannot reach."""
PLACE = "/home"
"""Where their scratch folders lie: all together have half of the machine's memory, as on any tmpfs."""
ZYGOTES_HOME = f"{PLACE}/zygote"


@dataclass(frozen=True)
class Standing:
    """Whether this process is inside; why there are no namespaces without it, and why it is not used ("" if not so)."""

    inside: bool
    no_namespaces: str = ""
    not_used: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def stand(when: str, control: int, names: Sequence[str]) -> Standing:
    """Find out where this process stands, first moving it inside if that is needed: then it starts anew in there.

    `when` is one of the words above; INSIDE is followed by why there are no namespaces without. Call it in a process of
    one thread. `control` is the descriptor that it goes on with.
    """
    if when.startswith(INSIDE):
        if not is_around_us():
            raise RuntimeError("The zygote was told that it is in a bubblewrap, and is not.")
        return Standing(True, when.removeprefix(INSIDE))
    if when == NEVER:
        return Standing(False, not_used="it was asked to do without")
    missing = "" if when == ALWAYS else without_namespaces()
    if when == IF_NEEDED and not missing:
        return Standing(False, not_used="not needed")
    if why := unusable():
        return Standing(False, missing, why)
    uid, texts = _uid(), [(path, _readable(text)) for path, text in view.accounts(namespaces.INNER).items()]
    options = command(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2, texts)
    why = _fails(options, uid)
    for _, descriptor in texts:
        os.lseek(descriptor, 0, os.SEEK_SET)
        if why:
            os.close(descriptor)
    if why:
        return Standing(False, missing, why)
    privileges.become(uid)
    os.set_inheritable(control, True)
    again = [sys.executable, "-P", "-s", "-m", "chainrule.worker", str(control), INSIDE + missing, *names]
    os.execv(PROGRAM, [*options, "--", *again])


def is_around_us() -> bool:
    """Whether the first process of our namespace is a bubblewrap. Who ends others by sweeping asks this first."""
    return Path("/proc/1/comm").read_text() == "bwrap\n"


def without_namespaces() -> str:
    """Why this process cannot have the namespaces of tier A; "" if it can. Tried in a fork, in a few milliseconds."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            namespaces.enter(as_root=namespaces.own_uid(os.getpid()) is not None)
            namespaces.private_mounts()
            place = next(path for path in view.MOUNT_POINTS if os.path.isdir(path))
            kernel.mount("tmpfs", place, "tmpfs", view.PRIVATE, "size=64k")
        except BaseException as error:
            os.write(writing, f"{type(error).__name__}: {error}".encode()[:500])
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as told:
        why = told.read().decode()
    os.waitpid(pid, 0)
    return why


def unusable() -> str:
    """Why no bubblewrap is to be used here; "" if there is one of the system's, and what its inside needs."""
    if sys.platform != "linux" or not landlock.abi():
        return "this kernel has no Landlock, which parts the processes inside"
    try:
        found = os.lstat(PROGRAM)
    except OSError:
        return f"{PROGRAM} is not installed"
    if not stat.S_ISREG(found.st_mode) or found.st_uid != 0 or found.st_mode & 0o022:
        return f"{PROGRAM} is not a program that only root can change"
    return ""


def command(disk: int, texts: Iterable[tuple[str, int]]) -> list[str]:
    """The command line up to the program to be run inside. `disk` bounds all scratch folders together, in bytes.

    `texts` are files that are made for the inside: the path, and a descriptor to read the text from.
    """
    uid = str(namespaces.INNER)
    options = [PROGRAM, "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    options += ["--unshare-cgroup", "--uid", uid, "--gid", uid, "--cap-drop", "ALL", "--clearenv"]
    for name, value in {**os.environ, "HOME": ZYGOTES_HOME, "TMPDIR": ZYGOTES_HOME}.items():
        options += ["--setenv", name, value]
    # Over the settings of the kernel: where root started us, and it could not take a uid of its own, they are its own.
    options += ["--proc", "/proc", *_tmpfs("/proc/sys", SMALL), "--remount-ro", "/proc/sys", *_tmpfs("/dev", SMALL)]
    everything = Order(tier="B", memory=0, disk=0, processes=0, gpu=True)  # Landlock says whether one may be used
    for device in lockdown.devices(everything):
        options += ["--dev-bind-try", f"/dev/{device}", f"/dev/{device}"]
    options += ["--symlink", "/proc/self/fd", "/dev/fd", *_tmpfs("/dev/shm", SMALL), "--remount-ro", "/dev"]
    options += [*_tmpfs("/tmp", SMALL), *_tmpfs(PLACE, disk), "--perms", "0700", "--dir", ZYGOTES_HOME]
    for entry in view.plan():
        options += ["--symlink", entry.link, entry.path] if entry.link else ["--ro-bind", entry.path, entry.path]
    options += ["--symlink", "/proc/self/mounts", "/etc/mtab"]
    for path, descriptor in texts:
        options += ["--ro-bind-data", str(descriptor), path]
    return [*options, "--remount-ro", "/", "--chdir", "/"]


def _tmpfs(path: str, size: int) -> list[str]:
    return ["--size", str(size), "--tmpfs", path]


def _readable(text: str) -> int:
    """A descriptor that a program which we start can read the text from."""
    descriptor = os.memfd_create("text", 0)
    os.write(descriptor, text.encode())
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _uid() -> int | None:
    """A uid of its own for the inside if we are root, and if the interpreter can be reached by it."""
    uid = namespaces.own_uid(os.getpid())
    places = (sys.prefix, sys.base_prefix, view.package())
    return uid if uid is not None and all(namespaces.reachable(place) for place in places) else None


def _fails(options: Sequence[str], uid: int | None) -> str:
    """Why bubblewrap does not run a program with these options; "" if it does."""
    import subprocess

    who: dict[str, Any] = {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}
    try:
        done = subprocess.run(
            [*options, "--", "/usr/bin/true"],
            close_fds=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TRY_SECONDS,
            **who,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"{PROGRAM} cannot be run: {error!r}"
    if done.returncode == 0:
        return ""
    words = done.stderr.decode(errors="replace").strip().splitlines()
    return f"{PROGRAM} fails here: {words[-1] if words else f'exit status {done.returncode}'}"
