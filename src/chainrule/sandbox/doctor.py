"""What protects this machine from student code, and the one thing an administrator could do for a better protection."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chainrule.errors import IsolationError
from chainrule.model import WEAK, Limits
from chainrule.sandbox import cgroup, tiers
from chainrule.sandbox.advice import advice
from chainrule.sandbox.child import launch
from chainrule.sandbox.layers import Layer, seen_inside
from chainrule.sandbox.zygote import zygote_for
from chainrule.worker.jail import kernel, landlock
from chainrule.worker.jail.syscalls import MACHINES

MEANING = {
    "A+": "Student code sees nothing of this machine, and the kernel keeps it within its memory and processes.",
    "A": "Student code sees neither this machine's files nor its processes nor a network.",
    "B+": "Student code sees neither this machine's files nor its processes nor a network; other notebooks are closed.",
    "B": "Student code runs among this machine's processes, but can open none of your files and no connection.",
    "C": "Student code cannot change a grade, but it can read and write whatever you can.",
}


@dataclass(frozen=True)
class Report:
    """`tier` is the one in use; `allowed` is False if student code will not be run in it.

    `advice` is the one thing that an administrator could do for a better one.
    """

    tier: str
    meaning: str
    allowed: bool
    layers: tuple[Layer, ...]
    advice: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def doctor() -> Report:
    """Try every tier here and now. Raises `IsolationError` if not even a plain process can be started."""
    found: dict[str, str] = {}
    failed: dict[str, str] = {}
    inside: tuple[Layer, ...] = ()
    for tier in (*tiers.STRONG, WEAK):
        try:
            with launch(zygote_for(tier), tier, Limits()) as child:
                inside = inside or seen_inside(child, tier, Limits())  # of the first: the tier in use
                found[tier] = child.isolation
        except IsolationError as error:
            failed[tier] = str(error).strip().splitlines()[-1]
    if not found:
        raise IsolationError(failed[WEAK])
    tier = next(iter(found))
    return Report(
        tier=tier,
        meaning=MEANING[tier],
        allowed=tier in tiers.STRONG or tiers.weak_allowed(),
        layers=(*_layers(found, failed), *inside),
        advice=advice(tier, failed),
    )


def _layers(found: dict[str, str], failed: dict[str, str]) -> tuple[Layer, ...]:
    version = landlock.abi() if sys.platform == "linux" else 0
    filters = any(tier in found for tier in tiers.STRONG)
    group = cgroup.find()
    limited = "memory and processes are limited by the kernel"
    other = "A" not in found  # a tier below A is needed
    return (
        _of_tier("namespaces", "A", found, failed),
        _of_tier("bwrap", "B+", found, failed, needed=other),
        Layer("landlock", version > 0, f"version {version}" if version else "not in this kernel, or not switched on"),
        Layer("seccomp", filters, "system calls are filtered" if filters else _no_filter()),
        _of_tier("fallback", "B", found, failed, needed=other and "B+" not in found),
        Layer("memory of all processes", _children().exists(), _watched("A+" in found)),
        Layer("cgroup", "A+" in found, limited if "A+" in found else group.why or failed["A+"]),
    )


def _of_tier(name: str, tier: str, found: dict[str, str], failed: dict[str, str], needed: bool = True) -> Layer:
    return Layer(name, tier in found, f"tier {found[tier]}" if tier in found else failed[tier], needed)


def _watched(grouped: bool) -> str:
    return "by its control group, so it is not measured" if grouped else "measured forty times a second"


def _no_filter() -> str:
    if kernel.MACHINE not in MACHINES:
        return f"no table of system calls for {kernel.MACHINE}"
    return "not in use, because no other layer of its tier works"


def _children() -> Path:
    return Path("/proc/self/task", str(_own_thread()), "children")


def _own_thread() -> int:
    import threading

    return threading.get_native_id()
