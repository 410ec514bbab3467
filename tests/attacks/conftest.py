"""Worlds to attack: one for root, one for an ordinary user, each in namespaces of its own."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import chainrule

HERE = Path(__file__).parent
ANSWER_SECONDS = 120


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is thorough, unless asked for. Not by `-m`, of which there is only one on a command line."""
    if config.getoption("attacks") == "all":
        return
    left_out = [item for item in items if item.get_closest_marker("thorough") and HERE in item.path.parents]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]


class World:
    """The other end of `world.py`. `world.cell(…)` and so on are its operations."""

    def __init__(self, user: str, uid: int) -> None:
        self.user, self.folder = user, Path(tempfile.mkdtemp(prefix="attack-world-"))
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the world
        ours = (Path(chainrule.__file__).parents[1], HERE.parents[1])
        environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(map(str, ours))}
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tests.attacks.world", str(self.folder), str(uid)],
            env={**environment, "PYTHONDONTWRITEBYTECODE": "1"},
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        about = self.ask("about")
        self.targets: dict[str, Any] = about["targets"]
        self.secrets: dict[str, str] = about["secrets"]
        self.neighbours: dict[str, dict[str, Any]] = about["neighbours"]

    def ask(self, operation: str, **arguments: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps([operation, arguments]) + "\n")
            self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            pytest.fail(f"the world of {self.user} ended: {self.log.read()[-3000:]}")
        return json.loads(line)

    def cell(self, source: str, tier: str, landlock: int | None = None, seconds: float = 30, **limits: Any) -> Any:
        if tier not in self.neighbours:  # B+ alone can be missing; where it must not be, test_bubblewrap.py fails
            pytest.skip(f"there is no tier {tier} here: no bubblewrap that can be used")
        return self.ask("cell", source=source, tier=tier, landlock=landlock, limits=limits, seconds=seconds)

    def control(self, source: str, seconds: float = 30) -> Any:
        if self.user == "root" or os.geteuid() != 0:
            pytest.skip("controls run as an ordinary user in namespaces that root made")
        return self.ask("control", source=source, seconds=seconds)

    def close(self) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=60)  # killed it would leave processes for a moment, and its user with them
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def account() -> Iterator[int]:
    """The uid of an ordinary user, made for these tests; whoever runs them, if that is not root."""
    if os.geteuid() != 0:
        yield os.geteuid()
        return
    if shutil.which("useradd") is None:
        pytest.skip("there is no useradd to make an ordinary user with")
    name = f"attack{os.getpid()}"
    subprocess.run(["useradd", "--no-create-home", "--shell", "/bin/false", name], check=True)
    try:
        yield int(subprocess.run(["id", "-u", name], check=True, capture_output=True, text=True).stdout)
    finally:
        subprocess.run(["userdel", name], check=True)


@pytest.fixture(scope="session")
def world_of(account: int) -> Iterator[Callable[[str], World]]:
    """world_of("root" or "user"): a world, made when first asked for."""
    made: dict[str, World] = {}

    def world(user: str) -> World:
        if user == "root" and os.geteuid() != 0:
            pytest.skip("these tests do not run as root")
        if user not in made:
            uid = 0 if user == "root" else account
            made[user] = World(user, uid if os.geteuid() == 0 else -1)
        return made[user]

    yield world
    for found in made.values():
        found.close()


# -- a course to attack -----------------------------------------------------------------------------------------

GRADER = '''
"""A number times two. {canary}"""
from chainrule import check
from chainrule.grader import points

ANSWER = "{canary}"

@points(1)
def test_at_zero(student):
    """It is right at zero."""
    check.close(student.twice(0.0), 0.0)  # {canary}

@points(2)
def test_elsewhere(student, rng):
    """It is right elsewhere."""
    check.close(student.twice(31337.125), 62674.25)
    x = float(rng.normal())
    check.close(student.twice(x), 2 * x)
'''


@dataclass(frozen=True)
class Attacked:
    """A course with a secret in each place that matters."""

    course: Any
    canaries: dict[str, str]


@pytest.fixture(scope="module")
def attacked(released_classroom: Any, tmp_path_factory: pytest.TempPathFactory) -> Attacked:
    course = released_classroom.copy(tmp_path_factory.mktemp("attacked") / "course")
    places = ("hidden", "gradebook", "environment", "submission")
    canaries = {place: f"canary-of-{secrets.token_hex(8)}-{place}" for place in places}
    (course.root / "graders/t1/test_twice.py").write_text(GRADER.format(canary=canaries["hidden"]))
    with contextlib.closing(sqlite3.connect(course.root / "gradebook.db")) as connection, connection:
        connection.execute("INSERT INTO student (id, first_name) VALUES ('zoe', ?)", [canaries["gradebook"]])
    return Attacked(course, canaries)
