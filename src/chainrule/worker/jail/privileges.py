"""Layer 3: no privilege is left, and none can be had."""

from __future__ import annotations

import contextlib
import os
import signal
import struct
from pathlib import Path

from chainrule.worker.jail import kernel

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_CAPBSET_DROP = 24
PR_SET_SECUREBITS = 28
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4

# NOROOT, NO_SETUID_FIXUP, each locked; KEEP_CAPS locked off; NO_CAP_AMBIENT_RAISE, locked.
SECUREBITS = 0b1110_1111
CAPABILITIES_V3 = 0x20080522


def become(uid: int | None) -> None:
    """Take a uid of one's own (from root), or stay who one is (None)."""
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)


def forbid_capabilities() -> None:
    """No program started from now on gets a capability. Before `become`, which takes away the right to do this."""
    last = Path("/proc/sys/kernel/cap_last_cap")
    count = int(last.read_text()) if last.exists() else 40
    for capability in range(count + 1):
        with contextlib.suppress(OSError):  # we may not: then `no_new_privileges` alone sees to it
            kernel.prctl(PR_CAPBSET_DROP, capability)
    with contextlib.suppress(OSError):
        kernel.prctl(PR_SET_SECUREBITS, SECUREBITS)


def drop_capabilities() -> None:
    """Give up every capability this process has."""
    with contextlib.suppress(OSError):
        kernel.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    kernel.call("capset", struct.pack("Ii", CAPABILITIES_V3, 0), b"\0" * 24)


def die_with_parent() -> None:
    """Be killed when the parent ends. Any change of credentials clears this: call it again after one."""
    kernel.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def readable_by_itself(readable: bool) -> None:
    """Whether processes of the same user may look into this one, and it into its own /proc/self."""
    kernel.prctl(PR_SET_DUMPABLE, int(readable))


def adopt_orphans() -> None:
    kernel.prctl(PR_SET_CHILD_SUBREAPER, 1)


def no_new_privileges() -> None:
    """From now on no set-uid program gives anything."""
    kernel.prctl(PR_SET_NO_NEW_PRIVS, 1)
