"""The system calls that Python's standard library lacks, by ctypes."""

from __future__ import annotations

import ctypes
import os
from typing import Any

MACHINE = os.uname().machine
NUMBERS: dict[str, dict[str, int]] = {
    "x86_64": {"pivot_root": 155, "capset": 126, "seccomp": 317},
    "aarch64": {"pivot_root": 41, "capset": 91, "seccomp": 277},
}
COMMON = {  # calls newer than Linux 5.0 have one number on every machine
    "close_range": 436,
    "mount_setattr": 442,
    "landlock_create_ruleset": 444,
    "landlock_add_rule": 445,
    "landlock_restrict_self": 446,
}

_libc: Any = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def call(name: str, *arguments: Any, what: str = "") -> int:
    """A system call by name. Raises `OSError` with `what` (default: the name) in its text."""
    number = COMMON.get(name) or NUMBERS.get(MACHINE, {}).get(name)
    if number is None:
        raise OSError(38, f"{name}: its number is not known for {MACHINE}")
    converted = [ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments]
    return _checked(_libc.syscall(ctypes.c_long(number), *converted), what or name)


def prctl(option: int, *arguments: int) -> int:
    padded = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]]
    return _checked(_libc.prctl(ctypes.c_int(option), *padded), f"prctl({option})")


def unshare(flags: int) -> None:
    _checked(_libc.unshare(ctypes.c_int(flags)), "unshare")


def mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    _checked(
        _libc.mount(
            None if source is None else os.fsencode(source),
            os.fsencode(target),
            None if kind is None else kind.encode(),
            ctypes.c_ulong(flags),
            None if options is None else options.encode(),
        ),
        f"mount {kind or source or ''} on {target}",
    )


def unmount(target: str, flags: int) -> None:
    _checked(_libc.umount2(os.fsencode(target), ctypes.c_int(flags)), f"umount {target}")


def close_from(lowest: int) -> None:
    """Close every file descriptor from `lowest` on."""
    try:
        call("close_range", lowest, 0x7FFFFFFF, 0)
    except OSError:  # Linux before 5.9
        os.closerange(lowest, os.sysconf("SC_OPEN_MAX"))


def buffer_address(data: bytes) -> tuple[Any, int]:
    """`data` in memory that stays put, and its address. Keep the first as long as the second is used."""
    buffer = ctypes.create_string_buffer(data, len(data))
    return buffer, ctypes.addressof(buffer)


def advise(address: ctypes.c_void_p, length: int, advice: int) -> bool:
    """madvise(2); False if the kernel refuses."""
    return bool(_libc.madvise(address, ctypes.c_size_t(length), ctypes.c_int(advice)) == 0)
