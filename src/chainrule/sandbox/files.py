"""The files beside a notebook, sent into the jail as bytes: no path of the host is ever mounted or named there."""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
from collections.abc import Iterator
from pathlib import Path

CHUNK = 16 << 20


def chunks(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The regular files below a folder in pieces, without notebooks. No link is followed: a student chose them."""
    for parent, folders, names in os.walk(folder, followlinks=False):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            if path.suffix != ".ipynb":
                yield from _read(path, str(path.relative_to(folder)))


def remove(folder: Path) -> None:
    """Remove a folder of a student's with all that is in it: nested deeper than any stack, or closed to its owner."""
    numbers = itertools.count()
    todo = [str(folder)]
    while todo:
        place = todo.pop()
        with contextlib.suppress(OSError):
            os.chmod(place, 0o700)
            for entry in list(os.scandir(place)):
                if not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry.path)
                    continue
                os.chmod(entry.path, 0o700)
                target = entry.path
                if place != str(folder):  # up to the top, so that no path grows beyond what the kernel takes
                    free = (f"{folder}/{number}" for number in numbers)
                    target = next(path for path in free if not os.path.lexists(path))
                    os.rename(entry.path, target)
                todo.append(target)
            if place != str(folder):
                os.rmdir(place)
    with contextlib.suppress(OSError):
        os.rmdir(folder)


def _read(path: Path, name: str) -> Iterator[tuple[str, bytes]]:
    try:
        # Not blocking: what is a pipe would wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # a link, or a socket
        return
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return
        content = file.read(CHUNK)
        while True:
            yield name, content
            content = file.read(CHUNK)
            if not content:
                return
