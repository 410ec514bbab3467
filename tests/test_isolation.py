"""Where student code cannot be shut in, nobody gets a zero for it; a grade from there is not taken for a better one."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest
from tests.processes import below, gone, until

import chainrule
from chainrule import sandbox
from chainrule.autograde import autograde
from chainrule.course import Course
from chainrule.errors import IsolationError
from chainrule.worker.jail import bubblewrap

CRIPPLED = [
    sys.executable,
    str(Path(__file__).parent / "sandbox" / "crippled.py"),
    "unshare",
    "landlock_create_ruleset",
]
WEAK = "C (separate process)"
FULL = dict.fromkeys(("ada", "bob", "cyd"), (3.0, False))


class Failing(Executor):
    """Hands jobs to another executor, but has no way to start a student's process for one of the students."""

    def __init__(self, other: Any, student: str) -> None:
        self.other, self.student = other, student

    def __call__(self, workers: int) -> Failing:
        return self

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        if args[0].student != self.student:
            return self.other.submit(fn, *args, **kwargs)
        future: Future[Any] = Future()
        future.set_exception(IsolationError("Tier A does not work here: no more processes"))
        return future


@pytest.fixture
def three(classroom: Any) -> Any:
    for student in ("ada", "bob", "cyd"):
        classroom.submit(student)
    return classroom


def query(classroom: Any, text: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(classroom.root / "gradebook.db") as raw:
        found = raw.execute(text).fetchall()
    raw.close()
    return found


def test_if_no_process_can_be_started_the_run_ends_and_nobody_gets_a_zero(three: Any, at_once: Any) -> None:
    with pytest.raises(IsolationError, match="no more processes"):
        autograde(Course(three.root), "t1", workers=1, executor=Failing(at_once, "bob"))
    assert 0.0 not in {score for grades in three.grades().values() for score, _ in grades.values()}
    assert not (three.root / "autograded/bob").exists()
    at_once.asked.clear()
    autograde(Course(three.root), "t1", executor=at_once)
    assert "bob" in at_once.asked
    assert {student: grades["test_twice"] for student, grades in three.grades().items()} == FULL


needs_a_jail = pytest.mark.skipif(sys.platform != "linux", reason="there is no better tier here")


@needs_a_jail
def test_a_grade_from_tier_c_is_no_grade_where_there_is_a_better_tier(three: Any, at_once: Any) -> None:
    if not sandbox.strong():
        pytest.skip("this machine has no better tier")
    autograde(Course(three.root), "t1", executor=at_once)
    query(three, f"UPDATE chainrule_run SET isolation = '{WEAK}' WHERE student = 'bob'")
    at_once.asked.clear()
    autograde(Course(three.root), "t1", executor=at_once)
    assert at_once.asked == ["bob"]
    assert query(three, f"SELECT student FROM chainrule_run WHERE isolation = '{WEAK}'") == []


class Locking(Executor):
    """Hands jobs to another executor, and keeps their results from being written: it locks the gradebook."""

    def __init__(self, other: Any, gradebook: sqlite3.Connection) -> None:
        self.other, self.gradebook = other, gradebook

    def __call__(self, workers: int) -> Locking:
        return self

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.gradebook.execute("BEGIN IMMEDIATE")
        return self.other.submit(fn, *args, **kwargs)


@needs_a_jail
@pytest.mark.parametrize(("isolation", "asked"), [("none", []), (WEAK, ["ada"])])
def test_a_result_of_tier_c_in_the_journal_is_none_where_there_is_a_better_tier(
    classroom: Any, at_once: Any, isolation: str, asked: list[str]
) -> None:
    if not sandbox.strong():
        pytest.skip("this machine has no better tier")
    classroom.submit("ada")
    config = classroom.root / "nbgrader_config.py"
    config.write_text(f"{config.read_text()}\nc.CourseDirectory.db_url = '{classroom.db_url}?timeout=0.2'\n")
    gradebook = sqlite3.connect(classroom.root / "gradebook.db")
    with pytest.raises(Exception, match="is locked"):
        autograde(Course(classroom.root), "t1", executor=Locking(at_once, gradebook))
    gradebook.close()
    journal = classroom.root / ".chainrule/journal/t1.jsonl"
    text = journal.read_text()
    assert '"isolation": "none"' in text
    journal.write_text(text.replace('"isolation": "none"', f'"isolation": "{isolation}"'))
    at_once.asked.clear()
    autograde(Course(classroom.root), "t1", executor=at_once)
    assert at_once.asked == asked
    assert classroom.grades()["ada"]["test_twice"] == (3.0, False)


def start(classroom: Any, *before: str, allowed: bool = False, workers: int = 1) -> subprocess.Popen[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(classroom.root.parent),
        "PYTHONPATH": str(Path(chainrule.__file__).parents[1]),
    }
    weak = ["--allow-weak-isolation"] if allowed else []
    command = [*before, sys.executable, "-m", "chainrule.cli", *weak, "autograde", "t1", "--workers", str(workers)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=classroom.root, env=environment, stdout=pipe, stderr=pipe, text=True)


def run(classroom: Any, *before: str, allowed: bool = False) -> subprocess.CompletedProcess[str]:
    with start(classroom, *before, allowed=allowed) as process:
        out, err = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@needs_a_jail
def test_each_tier_is_asked_for_recorded_and_replaced_by_a_better_one(classroom: Any) -> None:
    classroom.submit("ada")
    crippled = (*CRIPPLED, "--")
    refused = run(classroom, *crippled)
    assert refused.returncode == 3, refused.stdout + refused.stderr
    assert "cannot shut student code in" in " ".join(refused.stderr.split())
    assert classroom.grades() == {} or not (classroom.root / "autograded/ada").exists()
    tiers = []
    for before, allowed in ((crippled, True), (crippled, True), ((), True)):
        done = run(classroom, *before, allowed=allowed)
        assert done.returncode == 0, done.stdout + done.stderr
        tiers += query(classroom, "SELECT isolation, id FROM chainrule_run")
    assert [tier[0] for tier, _ in tiers] == list("CCA")
    assert tiers[0] == tiers[1], "no better tier: it is skipped"


PROFILE = [*CRIPPLED[:2], "unshare", "--"]
needs_bwrap = pytest.mark.skipif(bool(bubblewrap.unusable()), reason=bubblewrap.unusable())


def zygotes(process: int) -> dict[int, str]:
    """Those below a process, each with where it stands: of their forks, which have the same command line, none is a
    child of a bubblewrap's."""
    found = {}
    for pid, words in below(process).items():
        if "chainrule.worker" in words and words[0] == sys.executable:
            stands = words[words.index("chainrule.worker") + 2].partition(":")[0]
            with contextlib.suppress(OSError):  # it ended meanwhile
                parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
                if stands != "inside" or Path(f"/proc/{parent}/comm").read_text() == "bwrap\n":
                    found[pid] = stands
    return found


@needs_bwrap
def test_the_workers_of_a_run_share_one_bubblewrap(classroom: Any) -> None:
    for number in range(6):
        classroom.submit(f"student{number}")
    seen: dict[int, str] = {}
    with start(classroom, *PROFILE, workers=2) as process:
        while process.poll() is None:
            seen |= zygotes(process.pid)
        _, err = process.communicate()
    assert process.returncode == 0, err
    tiers = query(classroom, "SELECT DISTINCT isolation FROM chainrule_run")
    assert [tier.startswith("B+ (bwrap, landlock") for (tier,) in tiers] == [True]
    assert len(query(classroom, "SELECT student FROM chainrule_run")) == 6
    assert {grades["test_twice"] for grades in classroom.grades().values()} == {(3.0, False)}
    assert list(seen.values()).count("inside") == 1
    assert "never" not in seen.values()


@needs_bwrap
def test_a_killed_run_leaves_no_bubblewrap(classroom: Any) -> None:
    for number in range(6):
        classroom.submit(f"student{number}")
    with start(classroom, *PROFILE, workers=2) as process:
        assert until(lambda: "inside" in zygotes(process.pid).values(), 120)
        assert until(lambda: (classroom.root / "autograded").exists(), 120)
        processes = below(process.pid)
        process.kill()
        process.communicate()
    assert gone(processes)
