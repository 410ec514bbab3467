"""A guard against a lock-down that became slow. The figures themselves are measured by bench/."""

import subprocess
import sys
import time

from chainrule import sandbox
from chainrule.model import Limits

SECONDS, TRIES = 0.060, 60
"""What is slow by itself is slow each time, what is slow because the machine is busy is quick once in a while."""
STARTS = 4
"""A slow machine may take as long as so many starts of a bare Python: 12 ms each where the seconds were chosen."""


def seconds_to_first_answer():
    begin = time.perf_counter()
    with sandbox.start(None, Limits()) as child:
        child.connection.limit(10)
        child.connection.request("has", "__name__")
        return time.perf_counter() - begin


def seconds_to_start_python():
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-I", "-S", "-c", "pass"], check=True)
    return time.perf_counter() - begin


def test_a_jail_is_ready_soon():
    found = [seconds_to_first_answer() for _ in range(10)]
    bare = [seconds_to_start_python() for _ in range(10)]
    while min(found) >= max(SECONDS, STARTS * min(bare)) and len(found) < TRIES:
        found.append(seconds_to_first_answer())
        bare.append(seconds_to_start_python())
    assert min(found) < max(SECONDS, STARTS * min(bare))
