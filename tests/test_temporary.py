"""Temporary folders: gone with their process, however it ended, and never taken from one that lives."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.folders import nest

from chainrule import temporary

HOLD = """
import os, sys
from chainrule import temporary
place = temporary.make("files")
(place / "answer").write_text("x")
print(place, flush=True)
sys.stdin.read()
temporary.remove(place)
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary folders are made, by this process and by those that it starts."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    before = temporary._place, temporary._lock
    temporary._place, temporary._lock = None, -1
    yield tmp_path
    temporary._place, temporary._lock = before


def hold() -> tuple[subprocess.Popen[str], Path]:
    """A process that has a folder, until its input ends."""
    process = subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def end(process: subprocess.Popen[str]) -> None:
    process.communicate()
    assert process.returncode == 0


def test_what_a_killed_process_left_is_removed_by_the_next_and_what_a_living_one_has_is_not(place: Path) -> None:
    (killed, left), (living, used) = hold(), hold()
    killed.kill()
    killed.communicate()
    assert (left / "answer").exists()
    with temporary.folder("files") as mine:
        assert mine.is_dir()
        assert not left.parent.exists()
        assert (used / "answer").read_text() == "x"
    end(living)
    assert not list(place.iterdir())


def test_folders_nested_deep_and_closed_to_their_owner_are_removed(place: Path) -> None:
    folder = temporary.make("files")
    os.close(nest(folder))
    (folder / "d").chmod(0)
    temporary.remove(folder)
    assert not list(place.iterdir())


def test_the_folder_of_a_process_stays_until_its_last_one_is_removed(place: Path) -> None:
    first, second = temporary.make("files"), temporary.make("grader")
    assert first.parent == second.parent
    temporary.remove(first)
    assert second.is_dir()
    temporary.remove(second)
    assert not list(place.iterdir())


def test_a_fork_has_folders_of_its_own_and_keeps_nobodys_lock(place: Path) -> None:
    mine = temporary.make("files")
    pid = os.fork()
    if pid == 0:
        other = temporary.make("files")
        os._exit(0 if other.parent != mine.parent and mine.is_dir() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    temporary.remove(mine)
    (left,) = place.iterdir()  # of the fork, which ended without a word
    temporary.remove(temporary.make("files"))
    assert not left.exists()


def test_a_link_with_such_a_name_is_not_followed(place: Path) -> None:
    (place / "precious").mkdir()
    (place / f"{temporary.PREFIX}x").symlink_to(place / "precious")
    temporary.remove(temporary.make("files"))
    assert (place / "precious").is_dir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder of another user's")
def test_a_folder_of_another_user_is_left_alone(place: Path) -> None:
    (place / f"{temporary.PREFIX}x").mkdir()
    os.chown(place / f"{temporary.PREFIX}x", 65534, 65534)
    temporary.remove(temporary.make("files"))
    assert (place / f"{temporary.PREFIX}x").is_dir()
