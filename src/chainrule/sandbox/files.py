"""The files beside a notebook, sent into the jail as bytes: no path of the host is ever mounted or named there."""

from __future__ import annotations

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
