"""The one thing that an administrator could do for a better tier."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from chainrule.sandbox import cgroup
from chainrule.worker.jail import bubblewrap, landlock

BEST = "This is the best tier."
OWN_GROUP = (
    "Start the run in a control group of its own: `systemd-run {user}--scope -p Delegate=yes chainrule autograde …`"
)
INSTALL = "Install the system's package bubblewrap (0.7 or later): it makes namespaces for who may not."
SETTINGS = (
    (
        "kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "This system (Ubuntu 23.10 or later) lets only programs with an AppArmor profile make namespaces. Allow it for "
        "this Python: write `abi <abi/4.0>, include <tunables/global> profile chainrule {python} flags=(unconfined) "
        "{{ userns, }}` into /etc/apparmor.d/chainrule and run `apparmor_parser -r` on that file.",
    ),
    (
        "kernel/unprivileged_userns_clone",
        "0",
        "Allow user namespaces: `sysctl kernel.unprivileged_userns_clone=1`.",
    ),
    (
        "user/max_user_namespaces",
        "0",
        "Allow user namespaces: `sysctl user.max_user_namespaces=10000`.",
    ),
)
UNKNOWN = "Report the output of `chainrule doctor --json` as a fault of chainrule: what to do here is not known."
CONTAINER = (
    "This is a container that may not make namespaces. Start it with `--security-opt seccomp=unconfined --security-opt "
    "systempaths=unconfined` (both are needed)."
)
FILTERED = (
    "Start the grading where its system calls are not filtered: a container's profile, or SystemCallFilter= or "
    "RestrictNamespaces= of a service, makes the full lock-down fail with: {why}"
)


def advice(tier: str, failed: Mapping[str, str]) -> str:
    """One action, for the best tier that can be had from `tier`. `failed` says by tier why it does not work."""
    if tier == "A+":
        return BEST
    return _for_groups(failed) if tier == "A" else _for_namespaces(tier, failed)


def _for_namespaces(tier: str, failed: Mapping[str, str]) -> str:
    if sys.platform != "linux":
        return (
            "Run the grading on Linux (a virtual machine; on Windows, WSL 2): other systems cannot shut a process in."
        )
    for name, value, action in SETTINGS:
        path = Path("/proc/sys", name)
        if path.exists() and path.read_text().strip() == value:
            return action.format(python=Path(sys.executable).resolve())
    if any(Path(mark).exists() for mark in ("/.dockerenv", "/run/.containerenv")):
        return CONTAINER
    if tier == "B" and landlock.abi() and not Path(bubblewrap.PROGRAM).exists():
        return INSTALL
    return FILTERED.format(why=failed.get("A", "no reason"))


def _for_groups(failed: Mapping[str, str]) -> str:
    """How to get from A to A+."""
    found = cgroup.find()
    action = found.action
    if found.path is None and cgroup.SYSTEMD.exists() and found.elsewhere:
        action = action if found.delegated else OWN_GROUP.format(user="--user " if os.geteuid() else "")
    why = found.why or failed.get("A+", "no reason")
    return f"For tier A+, whose limits the kernel itself keeps. {action or UNKNOWN} (In the way: {why.rstrip('.')}.)"
