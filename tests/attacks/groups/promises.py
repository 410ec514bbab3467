"""Where promises are registered, and what several of them use."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.processes import until

from chainrule import sandbox
from chainrule.endings import how
from chainrule.errors import StudentCrashed
from chainrule.model import Limits

MIB = 1 << 20
SMALL = Limits(memory=96 * MIB, disk=300 * MIB, processes=24, start=120)
SECONDS = 120.0

JAILED: dict[str, Callable[[Path], None]] = {}
"""Those about students' processes: they get the folder of the group that is divided among them."""
ALONE: dict[str, Callable[[int], None]] = {}
"""Those that make a group of their own: they get the uid to try it as."""


def promise(function: Callable[[Path], None]) -> Callable[[Path], None]:
    JAILED[function.__name__] = function
    return function


FOR_USER: set[str] = set()
"""Those of them that say nothing new, or nothing, about root."""


def alone(function: Callable[[int], None]) -> Callable[[int], None]:
    ALONE[function.__name__] = function
    return function


def for_user(function: Callable[[int], None]) -> Callable[[int], None]:
    FOR_USER.add(function.__name__)
    return function


@contextlib.contextmanager
def jailed(limits: Limits = SMALL) -> Iterator[sandbox.Child]:
    with sandbox.start(None, limits) as process:
        assert process.group is not None, process.isolation
        yield process


def run(process: sandbox.Child, source: str, seconds: float = SECONDS) -> str:
    outputs: list[dict[str, Any]] = []
    process.connection.limit(seconds)
    process.connection.request("run", source, on_output=outputs.append)
    errors = [output["ename"] for output in outputs if output["output_type"] == "error"]
    return "".join(output["text"] for output in outputs if output["output_type"] == "stream") + " ".join(errors)


def how_it_ends(source: str, limits: Limits = SMALL) -> str:
    """What a student reads of the cell that ended its process."""
    with jailed(limits) as process:
        try:
            printed = run(process, source)
        except StudentCrashed:
            return how(process, limits)
    raise AssertionError(f"it was not ended: {printed[-500:]}")


def jails(whole: Path) -> list[str]:
    return sorted(path.name for path in whole.glob("jail-*"))


def pids_of(process: sandbox.Child) -> list[int]:
    """All in its group."""
    assert process.group is not None
    return list(map(int, (process.group.path / "cgroup.procs").read_text().split()))


def parents_of(pids: list[int]) -> set[int]:
    """Who of other groups started them."""
    return {int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]) for pid in pids} - set(pids)


def gone(pids: list[int]) -> bool:
    return until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
