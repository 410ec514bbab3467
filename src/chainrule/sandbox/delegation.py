"""Why there may be no control group to divide, each reason with what an administrator can do about it."""

from __future__ import annotations

VERSION_2 = (
    "Put `systemd.unified_cgroup_hierarchy=1` on the kernel's command line (of the host, in a container) and reboot."
)
DELEGATE = (
    "Have systemd hand on all controllers to users: `systemctl edit user@.service`, there `[Service]` and "
    "`Delegate=cpu memory pids`."
)
AGAIN = "Wait until the other grading has ended, and start this one again."
MOUNT = "Mount it: `mount -t cgroup2 none /sys/fs/cgroup`."
HAND_ON = "Hand them on: `echo '{words}' > {above}/cgroup.subtree_control`."
GIVE = "Give the group to who grades: `chown {user} {whole} {whole}/cgroup.procs {whole}/cgroup.subtree_control`."
PART = (
    "Give the others a group of their own: `mkdir {whole}/others; "
    "for p in {pids}; do echo $p > {whole}/others/cgroup.procs; done`."
)


class NotDelegated(Exception):
    """There is no group to divide; the text says why, `action` what can be done about it, if that is known."""

    def __init__(self, why: str, action: str = "") -> None:
        super().__init__(why)
        self.action = action


class Absent(NotDelegated):
    """Nor would there be one elsewhere on this machine."""


class Lacking(NotDelegated):
    """The group was delegated, without a controller that is needed."""
