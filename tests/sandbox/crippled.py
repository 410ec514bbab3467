"""`python crippled.py CALL… -- COMMAND…`: run a command for which these system calls do not work.

The calls are refused by a filter that the command and all it starts inherit, so nothing of ours has to pretend.
"""

from __future__ import annotations

import errno
import os
import sys

from chainrule.worker.jail import kernel, privileges, seccomp
from chainrule.worker.jail.syscalls import AUDIT_ARCH, CALLS

ABSENT = {"landlock_create_ruleset": errno.ENOSYS, "seccomp": errno.ENOSYS}


def number(name: str) -> int:
    return kernel.COMMON[name] if name in kernel.COMMON else CALLS[name].on(kernel.MACHINE) or -1


if __name__ == "__main__":
    split = sys.argv.index("--")
    arch = AUDIT_ARCH[kernel.MACHINE]
    program = [
        [
            (seccomp.LOAD, 0, 0, seccomp.ARCHITECTURE),
            (seccomp.EQUAL, 1, 0, arch),
            (seccomp.RETURN, 0, 0, seccomp.ALLOW),
        ],
        [(seccomp.LOAD, 0, 0, seccomp.NUMBER)],
    ]
    for name in sys.argv[1:split]:
        refusal = seccomp.ERROR | ABSENT.get(name, errno.EPERM)
        program.append([(seccomp.EQUAL, 0, 1, number(name)), (seccomp.RETURN, 0, 0, refusal)])
    program.append([(seccomp.RETURN, 0, 0, seccomp.ALLOW)])
    privileges.no_new_privileges()
    seccomp.load(seccomp.assemble(program))
    os.execv(sys.argv[split + 1], sys.argv[split + 1 :])
