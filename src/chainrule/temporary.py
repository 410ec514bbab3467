"""Temporary folders that a killed run does not leave for good.

All of a process are made in one folder of its own, which it keeps locked (flock(2)) while one of them is there. However
a process ends, its lock ends with it: what is not locked belongs to nobody, and the next process that needs a folder
removes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from chainrule.worker.scratch import remove as remove_deep

PREFIX = "chainrule-run-"

_guard = threading.Lock()
_place: Path | None = None
_lock = -1


def make(name: str) -> Path:
    """A new empty folder, for `remove`. Its name begins with `name`."""
    with _guard:
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=_mine()))


def remove(folder: Path) -> None:
    """Remove a folder that `make` made, with all that is in it; with the last one, the folder around it, too."""
    remove_deep(folder)
    with _guard:
        if folder.parent == _place:
            with contextlib.suppress(OSError):  # not empty
                _place.rmdir()
                _forget()


@contextlib.contextmanager
def folder(name: str) -> Iterator[Path]:
    """A new empty folder, for a while."""
    place = make(name)
    try:
        yield place
    finally:
        remove(place)


def _mine() -> Path:
    """The folder of this process."""
    global _place, _lock
    if _place is not None and not _place.is_dir():
        _forget()  # somebody tidied up
    if _place is None:
        _remove_old(Path(tempfile.gettempdir()))
        _place, _lock = _locked()
    return _place


def _forget() -> None:
    global _place, _lock
    os.close(_lock)
    _place, _lock = None, -1


def _after_fork() -> None:
    """The folder stays the parent's; a thread of it may have held the guard."""
    global _guard
    _guard = threading.Lock()
    if _place is not None:
        _forget()


os.register_at_fork(after_in_child=_after_fork)


def _locked() -> tuple[Path, int]:
    """A new folder and the lock on it; anew if another process took it for one that was left behind."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=PREFIX))
        with contextlib.suppress(FileNotFoundError):
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(lock, fcntl.LOCK_SH)
            if path.exists():
                return path, lock
            os.close(lock)


def _remove_old(place: Path) -> None:
    """Remove what killed processes of this user left."""
    with os.scandir(place) as entries:
        left = [entry.path for entry in entries if entry.name.startswith(PREFIX)]
    for path in left:
        with contextlib.suppress(OSError):  # locked, another user's, or gone
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                if os.fstat(lock).st_uid == os.geteuid():
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    remove_deep(Path(path))
            finally:
                os.close(lock)
