"""Folders of an odd kind."""

from __future__ import annotations

import os
from pathlib import Path


def nest(folder: Path) -> int:
    """Make folders in one another, deeper than a path can name and any stack. Returns a descriptor of the last."""
    descriptor = os.open(folder, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=descriptor)
        inner = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    return descriptor
