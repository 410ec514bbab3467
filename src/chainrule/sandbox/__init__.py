"""Where student code runs: choosing the jail, starting a process in it, talking to it, ending it."""

from chainrule.sandbox.child import Child, start, strong
from chainrule.sandbox.connection import MOST_CROWDING, Connection, Reply, stretched
from chainrule.sandbox.doctor import Report, doctor
from chainrule.sandbox.libraries import imported
from chainrule.sandbox.tiers import is_weak
from chainrule.sandbox.zygote import OwnZygote, Zygote, adopt, close, hung_up

__all__ = [
    "MOST_CROWDING",
    "Child",
    "Connection",
    "OwnZygote",
    "Reply",
    "Report",
    "Zygote",
    "adopt",
    "close",
    "doctor",
    "hung_up",
    "imported",
    "is_weak",
    "start",
    "stretched",
    "strong",
]
