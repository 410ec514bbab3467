"""Layer 5: Landlock. What the view lets through is read-only but for a few folders; no TCP, no signals to outside."""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterable

from chainrule.worker.jail import kernel

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
MAKE_CHAR, MAKE_BLOCK = 64, 2048
TRUNCATE, IOCTL_DEV = 1 << 14, 1 << 15
RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}  # ABI -> number of rights on files; 16 since ABI 5
READ = EXECUTE | READ_FILE | READ_DIR
ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
SCOPES = 0b11  # abstract unix sockets, signals


def abi(at_most: int | None = None) -> int:
    """The version of Landlock this kernel offers; 0 if none. `at_most` pretends that the kernel is older."""
    try:
        found = kernel.call("landlock_create_ruleset", 0, 0, 1)
    except OSError:
        return 0
    return found if at_most is None else min(found, at_most)


def restrict(
    version: int,
    read: Iterable[str],
    write: Iterable[str],
    devices: Iterable[str] = (),
    raw_devices: Iterable[str] = (),
) -> None:
    """Restrict this process and all it starts. Folders in `write` hold no programs; `raw_devices` may take ioctls."""
    files = (1 << RIGHTS.get(version, 16)) - 1
    fields = [files, 0b11 if version >= 4 else 0, SCOPES if version >= 6 else 0]
    attributes = struct.pack("QQQ", *fields)[: 8 if version < 4 else 16 if version < 6 else 24]
    ruleset = kernel.call("landlock_create_ruleset", attributes, len(attributes), 0)
    for path in read:
        _allow(ruleset, path, READ & files)
    for path in write:
        _allow(ruleset, path, files & ~(EXECUTE | MAKE_CHAR | MAKE_BLOCK | IOCTL_DEV))
    for path in devices:
        _allow(ruleset, path, READ_FILE | WRITE_FILE)
    for path in raw_devices:
        _allow(ruleset, path, (READ_FILE | WRITE_FILE | IOCTL_DEV) & files)
    kernel.call("landlock_restrict_self", ruleset, 0)
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not os.path.isdir(path):
                rights &= ON_FILES
            rule = struct.pack("=Qi", rights, descriptor)
            kernel.call("landlock_add_rule", ruleset, 1, rule, 0, what=f"landlock_add_rule {path}")
        finally:
            os.close(descriptor)
