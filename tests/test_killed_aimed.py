"""Each process that takes part in grading may be killed while a hidden test runs: the class ends with the same rows.

The kills are aimed. The fork in which a hidden test runs is halted, so that what is to be killed is there and at work.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.processes import below, gone, state
from tests.test_killed import belongs_together, everything, start

CHAIN = ("zygote", "monitor", "root", "base", "fork")
"""Each one the parent of the next. Below tier A the root of the student's processes is the base itself."""
OURS = ("grader",)
"""What ends with it is a fault of ours: it waits for a human, and the next run grades it."""
SLOW = "import time\ndef twice(x):\n    time.sleep(0.4)\n    return 2 * x"
SECONDS = 120.0
QUICK = ("worker",)


@dataclass(frozen=True)
class Undisturbed:
    """What a run leaves that nobody disturbs, and whether its students' processes had a root of their own."""

    found: dict[str, Any]
    rooted: bool


def fill(classroom: Any) -> Any:
    classroom.submit("ada", twice=SLOW)
    classroom.submit("bob", twice="def twice(x):\n    return x + 2")
    return classroom


@pytest.fixture(scope="module")
def undisturbed(released_classroom: Any, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    room = fill(released_classroom.copy(tmp_path_factory.mktemp("undisturbed") / "course"))
    assert start(room, "--workers", "1").wait(300) == 0
    cells = {row[3]: row[4] for row in everything(room)["scores"] if row[0] == "ada"}
    assert cells["test_twice"] == 3.0
    return Undisturbed(everything(room), tier(room).startswith("A"))


def tier(classroom: Any) -> str:
    with contextlib.closing(sqlite3.connect(classroom.root / "gradebook.db")) as raw:
        return str(raw.execute("SELECT isolation FROM chainrule_run").fetchone()[0])


def children(process: int) -> list[int]:
    try:
        return [int(pid) for pid in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []


def at_work(run: int, names: tuple[str, ...]) -> dict[str, int]:
    """The processes below `run` by their parts, once a hidden test's fork is there; nothing before that."""
    commands = below(run)
    chains = [[pid] for pid, words in commands.items() if "chainrule.worker" in words and pid in children(run)]
    for _ in names[1:]:
        chains = [[*chain, child] for chain in chains for child in children(chain[-1])]
    templates = [pid for pid, words in commands.items() if "template" in words]
    graders = [pid for parent in templates for pid in children(parent)]
    workers = [pid for pid, words in commands.items() if any("spawn_main" in word for word in words)]
    if not (chains and graders and workers):
        return {}
    return dict(zip(names, chains[0], strict=True)) | {"grader": graders[0], "worker": workers[0]}


def halted(run: subprocess.Popen[bytes], names: tuple[str, ...]) -> dict[str, int]:
    """The processes by their parts, while a hidden test is under way in a fork that is halted."""
    deadline = time.monotonic() + SECONDS
    while run.poll() is None and time.monotonic() < deadline:
        if found := at_work(run.pid, names):
            with contextlib.suppress(ProcessLookupError):
                os.kill(found["fork"], signal.SIGSTOP)
                time.sleep(0.05)
                if state(found["fork"]) == "T" and at_work(run.pid, names) == found:
                    return found
                os.kill(found["fork"], signal.SIGCONT)
        time.sleep(0.01)
    raise AssertionError("no hidden test was seen")


@pytest.mark.parametrize(
    "part", [pytest.param(part, marks=[] if part in QUICK else [pytest.mark.slow]) for part in (*CHAIN, *OURS, *QUICK)]
)
def test_whatever_is_killed_during_a_hidden_test_the_rows_are_those_of_an_undisturbed_run(
    classroom: Any, undisturbed: Undisturbed, part: str
) -> None:
    names = CHAIN if undisturbed.rooted else tuple(name for name in CHAIN if name != "root")
    if part in CHAIN and part not in names:
        pytest.skip("below tier A the base has no root above it")
    run = start(fill(classroom), "--workers", "1")
    found = halted(run, names)
    os.kill(found[part], signal.SIGKILL)
    assert gone([found[part]]), "it was hit"
    with contextlib.suppress(ProcessLookupError):
        os.kill(found["fork"], signal.SIGCONT)
    assert run.wait(300) == 0
    if part in OURS:
        waiting = [row for row in everything(classroom)["scores"] if row not in undisturbed.found["scores"]]
        assert all(row[4] is None and row[6] for row in waiting), "ungraded and for a human, never a zero"
        assert start(classroom, "--workers", "1").wait(300) == 0
    assert everything(classroom) == undisturbed.found
    assert belongs_together(classroom)
    assert gone(found.values())
