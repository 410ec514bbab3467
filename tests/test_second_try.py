"""`scripts/tests` gives a few failed tests a second try, alone; what fails twice, or cannot run, is a failure."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "tests"
UNSTEADY = """
from pathlib import Path
def test_races():
    done = Path(__file__).with_name("done")
    if not done.exists():
        done.touch()
        raise AssertionError
"""


def run(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    script = folder / "scripts" / "tests"
    script.parent.mkdir(exist_ok=True)
    shutil.copy(SCRIPT, script)
    (folder / "pyproject.toml").write_text("[tool.pytest]\n")
    (folder / "test_it.py").write_text(text)
    return subprocess.run(
        [sys.executable, script, "-n1", "test_it.py"], cwd=folder, capture_output=True, text=True, check=False
    )


def test_what_passes_the_second_time_is_named(tmp_path: Path) -> None:
    done = run(tmp_path, UNSTEADY + "def test_other(): pass\n")
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith("Unsteady: failed at first and passed alone.\n    test_it.py::test_races\n")
    assert "test_other" not in done.stdout.partition("rerun previous")[2]


@pytest.mark.parametrize(
    ("text", "status"),
    [
        pytest.param("def test_twice():\n    assert False\n", 1, id="fails twice"),
        pytest.param(UNSTEADY + "import nothing_of_this_name\n", 2, id="cannot be collected"),
        pytest.param(
            "".join(f"{UNSTEADY.replace('races', str(n)).replace('done', f'd{n}')}" for n in range(6)), 1, id="many"
        ),
        pytest.param("", 5, id="no tests"),
        pytest.param("def test_fine(): pass\n", 0, id="all pass"),
    ],
)
def test_all_else_stays_what_it_is(tmp_path: Path, text: str, status: int) -> None:
    done = run(tmp_path, text)
    assert done.returncode == status, done.stdout
    assert "Unsteady" not in done.stdout
