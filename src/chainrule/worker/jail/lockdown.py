"""The layers in their order, for a process that has just been forked and has not seen a byte of a student's yet.

Whatever fails raises: the caller ends the process. It never goes on with a layer less than its tier asks for.
"""

from __future__ import annotations

import contextlib
import glob
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from chainrule.worker.jail import landlock, namespaces, privileges, rlimits, seccomp, view
from chainrule.worker.jail.order import Order

ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "NBGRADER_EXECUTION": "autograde",
    # One thread each: submissions are graded side by side, and a process with threads cannot be forked safely.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "PYTHONHASHSEED": "0",
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
}
NICE = 10
IMPORTS = 4 << 30
"""Address space that importing a CUDA build of torch may take: no limit may forbid that."""
GPU = ("nvidia*", "nvidia-caps/*", "dri/renderD*")


def devices(order: Order) -> list[str]:
    """Names below /dev that are shown."""
    found = [path for pattern in GPU for path in glob.glob(f"/dev/{pattern}")] if order.gpu else []
    return [*view.DEVICES, *(os.path.relpath(path, "/dev") for path in sorted(found) if not os.path.isdir(path))]


def build_view(order: Order, entries: Sequence[view.Entry], uid: int | None) -> None:
    """Tier A, in pid 1: the file system of its own."""
    owner = namespaces.INNER if uid is None else uid
    namespaces.private_mounts()
    view.build(entries, uid=owner, disk=order.disk, devices=devices(order))
    view.make_home(owner, owner)


def give_up_privileges(uid: int | None) -> None:
    privileges.forbid_capabilities()
    privileges.become(uid)
    privileges.drop_capabilities()
    privileges.die_with_parent()


def lock(order: Order, uid: int | None, address_space: int) -> str:
    """All that is left to do in the student's process itself. Returns the layers in words.

    `address_space` is what the process has of it already.
    """
    os.setsid()
    if order.tier == "C":
        privileges.become(uid)
    else:
        give_up_privileges(uid)
        privileges.readable_by_itself(True)
    home = _settle(order)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    rlimits.apply(
        rlimits.Bounds(
            address_space=None if order.gpu else max(address_space, IMPORTS) + order.memory,
            file=order.disk,
            # Elsewhere it would count all of the user's processes.
            # A control group counts them exactly; this counts also who is outside and of the same user.
            processes=order.processes if not order.cgroup and (order.tier == "A" or uid is not None) else None,
            cpu=order.cpu or None,
        )
    )
    if order.tier == "C":
        return "separate process"
    return _filter(order, home)


def yield_to_others() -> None:
    """Graders and supervisor come first. The last step: until then it is our own code that would be slow."""
    with contextlib.suppress(OSError):
        os.nice(NICE)


def _settle(order: Order) -> str:
    """Environment and working folder. Returns the folder that is the student's own."""
    home = view.HOME if order.tier == "A" else order.folder
    temporary = "/tmp" if order.tier == "A" else f"{home}/tmp"
    if order.tier != "A":
        for name in ("work", "tmp"):
            os.mkdir(f"{home}/{name}")
    os.environ.clear()
    os.environ.update(ENVIRONMENT)
    os.environ.update(
        HOME=home,
        TMPDIR=temporary,
        MPLCONFIGDIR=temporary,
        PATH=f"{sys.prefix}/bin:/usr/local/bin:/usr/bin:/bin",
        PYTHONPATH=str(Path(view.package()).parent),
    )
    tempfile.tempdir = None  # what the zygote found is not here
    os.chdir(f"{home}/work")
    # Last: a file beside the notebook can be imported, but takes the place of no library.
    sys.path.append(f"{home}/work")
    return home


def _filter(order: Order, home: str) -> str:
    version = landlock.abi(order.landlock)
    nodes = [f"/dev/{name}" for name in view.DEVICES]
    raw = [f"/dev/{name}" for name in devices(order)[len(view.DEVICES) :]]
    privileges.no_new_privileges()
    if order.tier == "A":
        if version:
            landlock.restrict(version, ["/"], view.WRITABLE, nodes, raw)
        seccomp.install()
        parts = ["namespaces", f"landlock {version}" if version else "", "seccomp", "GPU" if order.gpu else ""]
        parts.append("cgroup" if order.cgroup else "")
    else:
        if not version:
            raise OSError("this kernel has no Landlock")
        shown = [*view.prefixes(), "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat"]
        if order.outside:
            shown += view.accounts(0)  # made for the inside: they name nobody else
        landlock.restrict(version, shown, [home], nodes, raw)
        seccomp.install(seccomp.Together(os.getpid(), scoped=version >= 6, truncates=version >= 3))
        bubble = "bwrap" if order.outside else ""
        parts = [bubble, f"landlock {version}", "seccomp", "GPU" if order.gpu else ""]
    return ", ".join(part for part in parts if part)
