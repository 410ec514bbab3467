"""All of this folder's promises about a student's process hold for a user without privileges, too."""

import os
import re
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.slow
@pytest.mark.skipif(os.getuid() != 0, reason="we are an ordinary user: the tests themselves have shown it")
@pytest.mark.parametrize(
    "name", ["test_child.py", "test_work.py", "test_limits.py", "test_speed.py", "test_bubblewrap.py"]
)
def test_as_an_ordinary_user(as_ordinary_user, tmp_path_factory, name):
    folder = Path("/tmp") / f"chainrule-tests-{os.getpid()}-{name}"
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={folder}", f"--rootdir={HERE.parents[1]}"]
    done = as_ordinary_user(
        sys.executable, *command, "-c", str(HERE.parents[1] / "pyproject.toml"), str(HERE / name), "-m", "not slow"
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert re.search(r"\d+ passed", done.stdout)
