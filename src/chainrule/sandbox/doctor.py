"""What protects this machine from student code, and the one thing an administrator could do for a better protection."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chainrule.errors import IsolationError
from chainrule.model import WEAK, Limits
from chainrule.sandbox import cgroup, tiers
from chainrule.sandbox.child import launch
from chainrule.sandbox.zygote import zygote_for
from chainrule.worker.jail import bubblewrap, kernel, landlock
from chainrule.worker.jail.syscalls import MACHINES

MEANING = {
    "A+": "Student code sees nothing of this machine, and the kernel keeps it within its memory and processes.",
    "A": "Student code sees neither this machine's files nor its processes nor a network.",
    "B+": "Student code sees neither this machine's files nor its processes nor a network; other notebooks are closed.",
    "B": "Student code runs among this machine's processes, but can open none of your files and no connection.",
    "C": "Student code cannot change a grade, but it can read and write whatever you can.",
}
BEST = "This is the best tier."
OWN_GROUP = (
    "Tier A+, whose limits the kernel itself keeps, is had in a control group of its own: "
    "`systemd-run {user}--scope -p Delegate=yes chainrule autograde …`"
)
INSTALL = "Nearly as good (B+) is the system's bubblewrap: install the package bubblewrap (0.7 or later)."
UNUSED = "Nearly as good (B+) would be the system's bubblewrap: it is installed, and the layer bwrap says why it fails."
PROFILE = (
    "Ubuntu has an AppArmor profile for it, before 25.04 in the package apparmor-profiles: copy bwrap-userns-restrict "
    "from /usr/share/apparmor/extra-profiles to /etc/apparmor.d and run `apparmor_parser -r` on it."
)
APPARMOR = "kernel/apparmor_restrict_unprivileged_userns"
SETTINGS = (
    (
        APPARMOR,
        "1",
        "This system (Ubuntu 23.10 or later) lets only programs with an AppArmor profile make namespaces. An "
        "administrator can allow it for this Python: write `abi <abi/4.0>, include <tunables/global> profile "
        "chainrule {python} flags=(unconfined) {{ userns, }}` into /etc/apparmor.d/chainrule and run "
        "`apparmor_parser -r` on that file.",
    ),
    (
        "kernel/unprivileged_userns_clone",
        "0",
        "An administrator can allow user namespaces: `sysctl kernel.unprivileged_userns_clone=1`.",
    ),
    (
        "user/max_user_namespaces",
        "0",
        "An administrator can allow user namespaces: `sysctl user.max_user_namespaces=10000`.",
    ),
)


@dataclass(frozen=True)
class Layer:
    """One layer of the protection."""

    name: str
    works: bool
    detail: str


@dataclass(frozen=True)
class Report:
    """`tier` is the one in use; `allowed` is False if student code will not be run in it.

    `advice` says what an administrator could do for a better one.
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
    for tier in (*tiers.STRONG, WEAK):
        try:
            with launch(zygote_for(tier), tier, Limits()) as child:
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
        layers=_layers(found, failed),
        advice=_advice(tier, failed),
    )


def _layers(found: dict[str, str], failed: dict[str, str]) -> tuple[Layer, ...]:
    version = landlock.abi() if sys.platform == "linux" else 0
    filters = any(tier in found for tier in tiers.STRONG)
    group = cgroup.find()
    limited = "memory and processes are limited by the kernel"
    return (
        Layer("namespaces", "A" in found, f"tier {found['A']}" if "A" in found else failed["A"]),
        Layer("bwrap", "B+" in found, f"tier {found['B+']}" if "B+" in found else failed["B+"]),
        Layer("landlock", version > 0, f"version {version}" if version else "not in this kernel, or not switched on"),
        Layer("seccomp", filters, "system calls are filtered" if filters else _no_filter()),
        Layer("without namespaces", "B" in found, f"tier {found['B']}" if "B" in found else failed["B"]),
        Layer("memory of all processes", _children().exists(), _watched("A+" in found)),
        Layer("cgroup", "A+" in found, limited if "A+" in found else group.why or failed["A+"]),
    )


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


def _advice(tier: str, failed: dict[str, str]) -> str:
    if tier == "A+":
        return BEST
    if tier == "A":
        return _advice_on_groups(failed)
    return " ".join([_advice_on_namespaces(failed), *([_bubblewrap()] if tier == "B" else [])])


def _advice_on_namespaces(failed: dict[str, str]) -> str:
    """How to get to A."""
    if sys.platform != "linux":
        return (
            "Run the grading on Linux (a virtual machine; on Windows, WSL 2): other systems cannot shut a process in."
        )
    for name, value, advice in SETTINGS:
        path = Path("/proc/sys", name)
        if path.exists() and path.read_text().strip() == value:
            return advice.format(python=Path(sys.executable).resolve())
    if any(Path(mark).exists() for mark in ("/.dockerenv", "/run/.containerenv")):
        return (
            "This is a container that may not make namespaces. Start it with `--security-opt seccomp=unconfined "
            "--security-opt systempaths=unconfined` (both are needed), or grade outside it."
        )
    return (
        f"The full lock-down fails with: {failed.get('A', 'no reason')} Show this to whoever looks after the machine."
    )


def _advice_on_groups(failed: dict[str, str]) -> str:
    """How to get from A to A+."""
    group = cgroup.find()
    if cgroup.SYSTEMD.exists() and group.path is None and group.elsewhere:
        return OWN_GROUP.format(user="--user " if os.geteuid() else "")
    return f"Tier A is strong. In the way of A+, whose limits the kernel itself keeps: {group.why or failed['A+']}."


def _bubblewrap() -> str:
    """What is missing for B+."""
    advice = UNUSED if Path(bubblewrap.PROGRAM).exists() else INSTALL
    return f"{advice} {PROFILE}" if Path("/proc/sys", APPARMOR).exists() else advice
