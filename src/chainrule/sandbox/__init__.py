"""Where student code runs: starting its process, talking to it, ending it.

A plain process with an environment of its own for now; the jail (namespaces, Landlock, seccomp) takes its place behind
the same two names.
"""

from chainrule.sandbox.child import Child, start
from chainrule.sandbox.connection import Connection, Reply

__all__ = ["Child", "Connection", "Reply", "start"]
