"""The last step of the lock-down: try what must not work. To have asked for a layer is not to have it.

It is quick, for it runs before every submission; the attacks of tests/attacks are the thorough ones.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Sequence
from pathlib import Path

from chainrule.worker.jail import kernel, namespaces, view
from chainrule.worker.jail.bubblewrap import PLACE, ZYGOTES_HOME
from chainrule.worker.jail.order import Order

WANTED = {"CapEff": 0, "CapPrm": 0, "CapInh": 0, "NoNewPrivs": 1, "Seccomp": 2}
VISIBLE = frozenset({"bin", "dev", "etc", "home", "lib", "lib32", "lib64", "libx32", "proc", "sbin", "tmp", "usr"})
SCRATCH = re.compile(rf"{PLACE}/\d+-\w+")


class NotLocked(RuntimeError):
    """Something works that must not."""


def check(order: Order, shown: list[str]) -> None:
    """Raise `NotLocked` unless the lock-down holds. `shown`: the folders of the host that may be seen."""
    if order.tier == "C":
        return
    _status()
    if order.tier == "A" and os.getuid() == 0:
        raise NotLocked("it runs as root")
    _must_fail("a TCP socket", lambda: socket.socket(socket.AF_INET).close())
    _must_fail("a user namespace", lambda: kernel.unshare(namespaces.NEWUSER))
    _must_fail("another program's memory", lambda: os.close(os.open("/proc/1/mem", os.O_RDONLY)))
    for place in (os.path.dirname(os.__file__), "/etc", "/"):
        _must_fail(f"writing to {place}", lambda place=place: _write(place))
    if order.tier == "A":
        tops = {path.split("/")[1] for path in shown} | VISIBLE
        if extra := set(os.listdir("/")) - tops:
            raise NotLocked(f"the file system shows {', '.join(sorted(extra))}")
        _must_fail("the host's processes", _others)
        if order.cgroup:
            _group(order.cgroup)
    else:
        _must_fail("signals to others", lambda: os.kill(os.getppid(), 0))
        _must_fail("the names of processes", lambda: os.listdir("/proc"))
        if order.outside:
            _must_fail("the folders of others", lambda: os.listdir(PLACE))
            _must_fail("a folder among those of others", lambda: _write(PLACE))
        else:
            _must_fail("reading /etc/passwd", lambda: os.close(os.open("/etc/passwd", os.O_RDONLY)))
    _must_work()


def inside(order: Order, shown: Sequence[str]) -> None:
    """Raise `NotLocked` unless bubblewrap hides the machine. Before Landlock, which would hide that it does not."""
    for name, outer in order.outside.items():
        if os.readlink(f"/proc/self/ns/{name}") == outer:
            raise NotLocked(f"it is in the {name} namespace of who asked for it")
    if extra := _extra(shown):
        raise NotLocked(f"the file system shows {', '.join(extra[:5])}")
    if os.readlink("/proc/self") != str(os.getpid()):
        raise NotLocked("/proc shows the processes of another namespace")
    if Path("/etc/passwd").read_text() != view.accounts(os.getuid())["/etc/passwd"]:
        raise NotLocked("/etc/passwd names others")
    networks = [line.split(":")[0].strip() for line in Path("/proc/self/net/dev").read_text().splitlines()[2:]]
    if set(networks) - {"lo"}:
        raise NotLocked(f"it has the network {', '.join(networks)}")
    for place in {*shown, "/", "/etc", "/dev"}:
        if os.path.isdir(place) and not os.path.islink(place):
            _must_fail(f"writing to {place}", lambda place=place: _write(place))


def _extra(shown: Sequence[str]) -> list[str]:
    """What lies beside the ways to what may be seen, and is none of bubblewrap's own making."""
    ways = {parent for path in shown for parent in map(str, Path(path).parents)}
    own = {"/dev", "/proc", "/tmp", PLACE, "/etc/mtab", ZYGOTES_HOME, *view.accounts(0)}
    return [
        path
        for folder in sorted(ways | {"/etc", "/tmp", PLACE})
        for path in (os.path.join(folder, name) for name in sorted(os.listdir(folder)))
        if path not in own and path not in ways and path not in shown and not SCRATCH.fullmatch(path)
    ]


def _status() -> None:
    lines = (line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    found = {key: value.strip() for key, value in lines}
    for key, value in WANTED.items():
        if int(found[key], 16) != value:
            raise NotLocked(f"{key} is {found[key]}, not {value}")


def _group(path: str) -> None:
    """It is in the group that pid 1 joined, which is all there is of control groups, and cannot change its limits."""
    own = [line for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::")]
    if own != ["0::/"]:
        raise NotLocked(f"its control group is {', '.join(own) or 'none'}, not that of the jail")
    for name in ("memory.max", "pids.max", "cgroup.procs"):
        _must_fail(f"changing {name}", lambda name=name: os.close(os.open(f"{path}/{name}", os.O_WRONLY)))
    _must_fail("control groups", lambda: kernel.mount("cgroup2", "/tmp", "cgroup2", 0))


def _write(folder: str) -> None:
    path = f"{folder}/.chainrule-must-not-be-here"
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    os.unlink(path)


def _others() -> None:
    if len([name for name in os.listdir("/proc") if name.isdigit()]) > 2:
        return  # visible: that is the failure
    raise PermissionError


def _must_fail(what: str, attempt: object) -> None:
    assert callable(attempt)
    try:
        attempt()
    except OSError:
        return
    raise NotLocked(f"{what}: not prevented")


def _must_work() -> None:
    """The interpreter's own files can be read (they may lie in a folder that only root may enter)."""
    try:
        Path(os.__file__).read_bytes()
        Path("probe").write_text("")
        os.unlink("probe")
    except OSError as error:
        raise NotLocked(f"the jail is too tight: {error}") from None
