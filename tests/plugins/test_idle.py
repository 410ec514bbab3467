"""The engine of formgrader's server stays warm between two clicks, and goes away when nobody needs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

CLICKS = """
import json, os, time
from nbgrader.apps import NbGrader, NbGraderAPI
from tests.processes import below

def started():
    "Our processes and theirs, as far as they are warm ones."
    return {
        name: process
        for process, words in below(os.getpid()).items()
        for name in ("chainrule.worker", "chainrule.grader.session")
        if name in words
    }

app = NbGrader()
app.initialize([], root=os.getcwd())
api = NbGraderAPI(app.coursedir, parent=app)
before = started()
first, warm = api.autograde("t1", "ada"), started()
second, again = api.autograde("t1", "bob"), started()
end = time.monotonic() + 90
while started() and time.monotonic() < end:
    time.sleep(0.2)
idle = started()
third, woken = api.autograde("t1", "ada"), started()
done = [first["success"], second["success"], third["success"]]
print(json.dumps({"before": before, "warm": warm, "again": again, "idle": idle, "woken": woken, "done": done}))
"""


def run(classroom: Any, code: str) -> subprocess.CompletedProcess[str]:
    programs = str(Path(sys.executable).parent)
    paths = {"PATH": programs, "PYTHONPATH": str(Path(__file__).parents[2])}
    environment = os.environ | {
        name: os.pathsep.join(filter(None, (first, os.environ.get(name)))) for name, first in paths.items()
    }
    return subprocess.run(
        [sys.executable, "-c", code], cwd=classroom.root, env=environment, capture_output=True, text=True, timeout=240
    )


def test_the_engine_is_kept_between_clicks_and_ends_when_idle(classroom: Any) -> None:
    """What formgrader's button calls, in one process: the second click meets the processes of the first."""
    with (classroom.root / "nbgrader_config.py").open("a") as file:
        file.write("c.Grade.idle_minutes = 0.1\n")
    for student in ("ada", "bob"):
        classroom.submit(student)
    done = run(classroom, CLICKS)
    found = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else done.stderr
    assert found["done"] == [True, True, True]
    assert found["before"] == {}
    assert set(found["warm"]) == {"chainrule.worker", "chainrule.grader.session"}
    assert found["again"] == found["warm"]
    assert found["idle"] == {}
    assert set(found["woken"]) == set(found["warm"])
    assert classroom.grades()["bob"]["test_twice"] == (3.0, False)


def test_a_process_that_is_done_does_not_wait_for_the_idle_time() -> None:
    code = "from chainrule.idle import Idle\nwith Idle(lambda: print('closed')).busy(60): print('done')"
    begin = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=True)
    assert done.stdout == "done\n"
    assert time.monotonic() - begin < 30
