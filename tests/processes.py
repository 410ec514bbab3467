"""Which processes a test started and left: its own alone, since other tests and other programs run on the same machine.

A test knows its processes by where they hang (`below`), or, where they may have cut themselves loose or are in a jail,
by a word on their command line (`mark`, `marked`).
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterable
from pathlib import Path

SLEEPER = "[sys.executable, '-c', 'import time; time.sleep(1000)', {!r}]"
"""Source of the command line of a process that sleeps, to be formatted with its mark."""


def mark() -> str:
    """A word that no other process has on its command line."""
    return f"marked-{secrets.token_hex(8)}"


def marked(word: str) -> list[int]:
    """The processes with `word` in their command line. In a jail a pid says nothing to us: these are as we see them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            if word.encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


def below(process: int) -> dict[int, list[str]]:
    """All descendants of a process, each with the words of its command line."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents.setdefault(int(_stat(path)[1]), []).append(int(path.parent.name))
    found: dict[int, list[str]] = {}
    new = [process]
    while new:
        new = [child for parent in new for child in parents.get(parent, ())]
        for child in new:
            with contextlib.suppress(OSError):
                found[child] = Path(f"/proc/{child}/cmdline").read_text().split("\0")
    return found


def gone(processes: Iterable[int], seconds: float = 60.0) -> bool:
    """Wait until all have ended. Returns whether they have."""
    return until(lambda: not any(map(_alive, processes)), seconds)


def _alive(process: int) -> bool:
    """Whether it is there, and more than an entry that its parent has not taken note of."""
    try:
        return _stat(Path(f"/proc/{process}/stat"))[0] != "Z"
    except OSError:
        return False


def state(process: int) -> str:
    """One letter of proc(5), such as "T" for one that is halted; "" if there is none."""
    try:
        return _stat(Path(f"/proc/{process}/stat"))[0]
    except OSError:
        return ""


def until(condition: Callable[[], object], seconds: float = 60.0) -> bool:
    """Wait until it holds. Returns whether it does."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _stat(path: Path) -> list[str]:
    """Fields of /proc/PID/stat from the state on (proc(5)); the name before it may hold anything."""
    return path.read_text().rpartition(")")[2].split()
