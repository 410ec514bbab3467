"""What protects this machine from a process of the tier in use: asked of the process itself, from inside."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chainrule.errors import StudentProcessError
from chainrule.model import Limits
from chainrule.sandbox import tiers
from chainrule.sandbox.child import Child
from chainrule.worker import wire
from chainrule.worker.jail.lockdown import GPU

NAME = "_found_by_doctor"
SECONDS = 60.0
BOUNDS = ("FSIZE", "NOFILE", "CPU", "AS", "NPROC", "CORE")
NEEDED = ("FSIZE", "NOFILE", "CPU", "CORE")
"""The limits of one process that every tier sets; the others depend on the tier."""

QUESTIONS = """
import glob, os, resource, socket

def _privileges():
    lines = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return [lines["CapEff"].strip().strip("0"), lines["NoNewPrivs"].strip()]

def _connects(port):
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except OSError:
        return False
    return True

def _opens(path):
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True

def _tried(question, *arguments):
    try:
        return question(*arguments)
    except Exception as error:
        return repr(error)

_disk = os.statvfs(".")
{name} = {{
    "privileges": _tried(_privileges),
    "limits": {{name: resource.getrlimit(getattr(resource, "RLIMIT_" + name))[0]
               for name in {bounds} if hasattr(resource, "RLIMIT_" + name)}},
    "network": {port} and _tried(_connects, {port}),
    "disk": _disk.f_blocks * _disk.f_frsize,
    "gpus": [path for pattern in {gpus} for path in glob.glob("/dev/" + pattern) if _opens(path)],
}}
"""


@dataclass(frozen=True)
class Layer:
    """One layer of the protection. Where it is not `needed`, it is no fault that it does not work."""

    name: str
    works: bool
    detail: str
    needed: bool = True

    @property
    def missing(self) -> bool:
        return self.needed and not self.works


def seen_inside(child: Child, tier: str, limits: Limits) -> tuple[Layer, ...]:
    """The layers privileges, limits, network, disk and GPU, as a process of this tier has them that just started."""
    names = ("privileges", "limits", "network", "disk", "GPU")
    try:
        found = _ask(child)
    except StudentProcessError as error:
        return tuple(Layer(name, False, f"the process could not be asked: {error}") for name in names)
    return (
        _privileges(found["privileges"]),
        _limits(found["limits"], limits),
        _network(found["network"]),
        _disk(found["disk"], tier, limits),
        _gpu(found["gpus"]),
    )


def _ask(child: Child) -> Mapping[str, Any]:
    with _listener() as port:
        child.connection.limit(SECONDS)
        source = QUESTIONS.format(name=NAME, bounds=BOUNDS, port=port, gpus=GPU)
        child.connection.request("run", source, on_output=lambda output: None)
        found = child.connection.request("value", wire.GlobalName(NAME), None).value
    assert isinstance(found, dict)
    return found


@contextlib.contextmanager
def _listener() -> Iterator[int]:
    """The port of somebody on this machine who can be called; 0 if nobody can."""
    try:
        listener = socket.create_server(("127.0.0.1", 0))
    except OSError:
        yield 0
        return
    with listener:
        taking = threading.Thread(target=_take, args=(listener,), daemon=True)
        taking.start()
        yield int(listener.getsockname()[1])


def _take(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        listener.accept()[0].close()


def _privileges(found: list[str] | str) -> Layer:
    if isinstance(found, str):
        return Layer("privileges", False, f"cannot be seen here: {found}")
    capabilities, locked = found
    parts = [
        f"it has capabilities ({capabilities})" if capabilities else "no capabilities",
        "none to be had by any program" if locked == "1" else "a set-uid program gives it those of its owner",
    ]
    return Layer("privileges", not capabilities and locked == "1", ", ".join(parts))


def _limits(found: Mapping[str, int], limits: Limits) -> Layer:
    def amount(name: str) -> int:
        value = found.get(name, -1)
        return value if 0 <= value < 1 << 62 else -1  # RLIM_INFINITY is negative or enormous

    words = {
        "FSIZE": lambda value: f"files of {_mib(value)}",
        "NOFILE": lambda value: f"{value} open files",
        "CPU": lambda value: f"{value / 3600:g} h of processor time",
        "AS": lambda value: f"{_mib(value)} of address space",
        "NPROC": lambda value: f"{value} processes",
        "CORE": lambda value: "no core file" if value == 0 else f"core files of {_mib(value)}",
    }
    ours = [name for name in BOUNDS if amount(name) >= 0 and (name != "NPROC" or amount(name) <= limits.processes)]
    set_ = [words[name](amount(name)) for name in ours]
    missing = [name for name in NEEDED if amount(name) < 0]
    left = f"; no limit of {', '.join(missing)}" if missing else ""
    return Layer("limits", not missing, f"each process has at most {', '.join(set_)}{left}")


def _network(found: bool | int | str) -> Layer:
    if isinstance(found, str) or (found == 0 and found is not False):
        return Layer("network", False, "could not be tried: nobody on this machine can be called")
    return Layer("network", not found, "this machine can be called" if found else "not even this machine can be called")


def _disk(size: int, tier: str, limits: Limits) -> Layer:
    if tier == "B+":
        return Layer("disk", True, f"measured: a notebook with more than {_mib(limits.disk)} is ended")
    if tiers.lockdown(tier) == "A" and size <= limits.disk:
        return Layer("disk", True, f"folders of its own, in memory, with {_mib(size)} together")
    return Layer("disk", False, f"each file has at most {_mib(limits.disk)}, all together have no limit")


def _gpu(opened: list[str]) -> Layer:
    here = [path for pattern in GPU for path in Path("/dev").glob(pattern) if not path.is_dir()]
    if opened:
        return Layer("GPU", False, f"{', '.join(sorted(opened))} can be opened")
    if here:
        return Layer("GPU", True, "closed; a course that asks for it (gpu) has a weaker jail, and its grades say so")
    return Layer("GPU", True, "none in this machine", needed=False)


def _mib(size: int) -> str:
    return f"{size / (1 << 30):.3g} GiB" if size >= 1 << 30 else f"{size / (1 << 20):.3g} MiB"
