"""Which tier of isolation this machine gives. Found out by doing it, never from a version.

A+  the same as A, and limits of memory, processes and processor time that the kernel keeps (a control group)
A   namespaces, Landlock where there is one, seccomp: nothing of the machine is there
B+  the same as in B, within the system's bubblewrap: nothing of the machine is there, other notebooks are, closed
B   Landlock and seccomp: the machine is there, but closed
C   a process of its own and limits: no verdict can be forged, but the machine is open. It has to be allowed.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from chainrule.errors import IsolationError
from chainrule.model import WEAK

STRONG = ("A+", "A", "B+", "B")
ALLOW = "CHAINRULE_ALLOW_WEAK_ISOLATION"

_chosen: str | None = None
_failures: dict[str, str] = {}


def chosen(trial: Callable[[str], object]) -> str:
    """The best tier that works here. Raises `IsolationError` if that is C, unless the environment allows it."""
    tier = best(trial)
    if tier == WEAK and not weak_allowed():
        raise IsolationError(
            f"This machine cannot shut student code in: {' '.join(_failures.values())} Nothing was run. "
            "`chainrule doctor` says what an administrator could do. To run it nevertheless, with no more protection "
            f"than your own code has, set {ALLOW}=1; every grade will say so."
        )
    return tier


def best(trial: Callable[[str], object]) -> str:
    """The best tier whose whole lock-down works, allowed or not: found once in this process by `trial`."""
    global _chosen
    if _chosen is None:
        _chosen = next((tier for tier in STRONG if works(tier, trial)), WEAK)
    return _chosen


def lockdown(tier: str) -> str:
    """What a process of this tier does to itself; what a plus adds is done to it."""
    return tier[0]


def works(tier: str, trial: Callable[[str], object]) -> bool:
    """Whether a tier can be had. Tried twice: a process that was killed by chance must not cost the better tier."""
    for _ in range(2):
        try:
            trial(tier)
        except IsolationError as error:
            _failures[tier] = str(error)
        else:
            return True
    return False


def weak_allowed() -> bool:
    return os.environ.get(ALLOW, "") == "1"
