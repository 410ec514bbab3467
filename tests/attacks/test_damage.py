"""A cell that tries to harm the machine is ended and leaves nothing; the next notebook does not notice."""

from __future__ import annotations

import time
from typing import Any

import pytest
from tests.attacks.probe import TIERS

MIB = 1 << 20
SMALL = {"memory": 300 * MIB, "disk": 20 * MIB, "processes": 40}

LOOP = "sum(range(10**13))"
DEAF = "import signal\nfor number in (2, 15, 1, 10, 12): signal.signal(number, signal.SIG_IGN)\n"
FORKS = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass\n"
DAEMONS = """
import os, signal, subprocess, sys, time
for number in (1, 2, 15): signal.signal(number, signal.SIG_IGN)
for kind in range(4):
    if os.fork() == 0:
        if kind:
            try: os.setsid()
            except OSError: pass
        if os.fork() == 0:
            if kind == 2: os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(600)"])
            if kind == 3: os.chdir("/tmp"); [os.close(n) for n in range(3)]
            time.sleep(600)
        os._exit(0)
subprocess.Popen(["sleep", "600"])
time.sleep(0.1)
print("all started")
"""
RELAY = """
import os, time
def on():
    # Each process lives for a moment only and is another one before it can be found.
    while True:
        if os.fork(): os._exit(0)
if os.fork() == 0: on()
print("all started")
"""
SWAP = """
import os
# The process that is watched ends, and its child goes on with the connection.
if os.fork(): os._exit(0)
print("all started")
"""
HIDDEN = """
import os
for number in range(3):
    os.mkdir(f"d{number}")
    open(f"d{number}/f", "w").write("x")
os.mkdir("shut", 0)
os.chmod("d1", 0)
os.makedirs("/".join(["deep"] * 60))
for _ in range(1500):
    os.mkdir("deeper")
    os.chdir("deeper")
print("all started")
"""
NAMES = (
    "import os\n"
    "for name in (b'\\xff\\xfe', b'new\\nline', b'-rf', b'*', b'x' * 255): open(name, 'w').close()\n"
    "print('all started')"
)
SPEAK = "while True: print('x' * 100_000)"
SPEAK_ONCE = "print('x' * (50 << 20))"
RAISE = "raise ValueError('x' * (30 << 20))"
SHOW = "from IPython.display import display, HTML\nwhile True: display(HTML('x' * 100_000))"
CLEAR = "from IPython.display import clear_output\nwhile True:\n    print('x')\n    clear_output()"
RECURSE = "import sys\nsys.setrecursionlimit(10**9)\ndef f(): f()\nf()"
CRASH = "import ctypes\nctypes.string_at(1)"
FLOOD = """
import os, gc
from chainrule.worker.serve import Server
sock = next(thing for thing in gc.get_objects() if type(thing) is Server).sock
while True: os.write(sock.fileno(), b"\\0" * 65536)
"""
STUFF = "import os\nwhile True:\n    try: os.write(1, b'x' * 65536)\n    except OSError: pass"


# What it does, which endings are right: an error of the connection ("StudentTimeout", "StudentCrashed",
# "StudentProtocolError"), or "" for a cell that comes to its end.
ATTACKS = {
    "loop in C (40)": (LOOP, "StudentTimeout"),
    "loop that hears nothing (40)": (DEAF + LOOP, "StudentTimeout"),
    "sleep (41)": ("import time\ntime.sleep(10**6)", "StudentTimeout"),
    "forks without end (42)": (FORKS, "StudentTimeout StudentCrashed"),
    "daemons (47)": (DAEMONS, ""),
    "relay of processes (47)": (RELAY, " StudentCrashed"),
    "another takes its place (55)": (SWAP, " StudentCrashed"),  # "": its answer was faster than the end
    "ends with a signal (22)": ("import os\nos.kill(os.getpid(), 9)", "StudentCrashed"),
    "crash (22)": (CRASH, "StudentCrashed"),
    "recursion (40)": (RECURSE, " StudentCrashed StudentTimeout"),
    "folders that are hard to remove (45)": (HIDDEN, ""),
    "names that are hard to remove (45)": (NAMES, ""),
    "print without end (46)": (SPEAK, "StudentTimeout"),
    "print of 50 MB (46)": (SPEAK_ONCE, " StudentProtocolError StudentTimeout"),
    "exception of 30 MB (46)": (RAISE, " StudentProtocolError StudentTimeout StudentCrashed"),
    "display without end (46)": (SHOW, "StudentTimeout"),
    "clear without end (46)": (CLEAR, "StudentTimeout"),
    "noise on the connection (36)": (FLOOD, "StudentProtocolError"),
    "noise on standard output (46)": (STUFF, "StudentTimeout"),
}


WHERE = ("A", "B+", "B", "B on Linux 5.15")
QUICK = {
    "loop that hears nothing (40)",
    "forks without end (42)",
    "daemons (47)",
    "another takes its place (55)",
    "folders that are hard to remove (45)",
    "noise on the connection (36)",
}
EACH = [
    pytest.param(name, user, tier, id=f"{name}-{user}-{tier}", marks=[] if is_quick else [pytest.mark.thorough])
    for name in ATTACKS
    for user in ("user", "root")
    for tier in WHERE
    for is_quick in [name in QUICK and (user, tier) == ("user", "A")]
]


@pytest.mark.parametrize(("name", "user", "tier"), EACH)
def test_it_is_ended_and_nothing_is_left(world_of: Any, name: str, user: str, tier: str) -> None:
    world = world_of(user)
    source, endings = ATTACKS[name]
    letter, landlock = TIERS[tier]
    begin = time.monotonic()
    result = world.cell(
        source, letter, landlock, seconds=0.6 if "without end" in name or endings == "StudentTimeout" else 10.0, **SMALL
    )
    assert result["lost"] in endings.split(" "), result["printed"][-500:]
    assert result["left"] == []
    assert time.monotonic() - begin < 150  # on a crowded machine a limit of ten seconds grows, up to eightfold
    if endings == "":
        assert result["printed"].strip().endswith("all started"), result["printed"][-500:]
    fresh = world.cell("print('fine')", letter, landlock, **SMALL)
    assert fresh["printed"].strip() == "fine"


@pytest.mark.parametrize("name", ["daemons (47)", "folders that are hard to remove (45)", "relay of processes (47)"])
def test_it_works_where_nothing_protects(world_of: Any, name: str) -> None:
    """Without a jail the attack leaves something."""
    result = world_of("user").control(
        ATTACKS[name][0] + ("\nimport time; time.sleep(0.2)\nprint('VERDICT ')"), seconds=10
    )
    assert result["after"] != []
