"""`python ordinary.py [--root] COMMAND…`, as root: run a command as a user who owns nothing, in mounts of its own.

With --root it is still run by root, and only the way to the interpreter is open to all.
Where the interpreter lies in a folder that only root may enter, that folder is replaced (in that namespace) by an empty
one that shows the interpreter alone.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from chainrule.worker.jail import kernel, namespaces, view

UID = 54321


def open_way(prefix: str) -> None:
    for parent in reversed(Path(prefix).parents):
        if not parent.stat().st_mode & 0o001:
            descriptor = os.open(prefix, os.O_PATH)
            kernel.mount("tmpfs", str(parent), "tmpfs", 0, "mode=755")
            os.makedirs(prefix)
            kernel.mount(f"/proc/self/fd/{descriptor}", prefix, None, view.BIND | view.REC)
            return


if __name__ == "__main__":
    namespaces.private_mounts()
    for prefix in {sys.base_prefix, sys.prefix}:
        open_way(os.path.realpath(prefix))
    command = sys.argv[1:]
    if command[0] == "--root":
        command.pop(0)
    else:
        os.setgroups([])
        os.setresgid(UID, UID, UID)
        os.setresuid(UID, UID, UID)
    os.execv(command[0], command)
