"""Student processes for the tests of this folder, and ways to talk to them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import chainrule
from chainrule import sandbox
from chainrule.model import Limits

HERE = Path(__file__).parent


@pytest.fixture(scope="session", autouse=True)
def ended_zygotes():
    yield
    sandbox.close()


@pytest.fixture
def student() -> Any:
    """student(limits=…, libraries=…) starts a process; `.run(source)` gives what it printed, or raises."""
    started = []

    def start(limits: Limits | None = None, libraries: tuple[str, ...] = ()) -> Student:
        started.append(Student(sandbox.start(None, limits or Limits(), libraries=libraries)))
        return started[-1]

    yield start
    for found in started:
        found.child.close()


class Student:
    def __init__(self, child: sandbox.Child) -> None:
        self.child = child

    def run(self, source: str, seconds: float = 60) -> str:
        outputs: list[dict[str, Any]] = []
        self.child.connection.limit(seconds)
        self.child.connection.request("run", source, on_output=outputs.append)
        for output in outputs:
            assert output["output_type"] != "error", output["evalue"]
        return "".join(output["text"] for output in outputs if output["output_type"] == "stream")


@pytest.fixture(scope="session")
def as_ordinary_user() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command as a user who is not root: in a process of its own where we are root, else just so."""

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        prefix = [sys.executable, str(HERE / "ordinary.py")] if os.getuid() == 0 else []
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": "/nonexistent",
            "PYTHONPATH": str(Path(chainrule.__file__).parents[1]),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return subprocess.run(
            [*prefix, *command], env=environment, cwd="/", capture_output=True, text=True, timeout=250
        )

    return run
