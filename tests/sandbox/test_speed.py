"""A guard against a lock-down that became slow. The figures themselves are measured by bench/."""

import statistics
import time

from chainrule import sandbox
from chainrule.model import Limits


def test_a_jail_is_ready_soon():
    seconds = []
    for _ in range(12):
        begin = time.perf_counter()
        with sandbox.start(None, Limits()) as child:
            child.connection.limit(10)
            child.connection.request("has", "__name__")
            seconds.append(time.perf_counter() - begin)
    assert statistics.median(seconds[2:]) < 0.060
