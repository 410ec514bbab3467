"""What every probe starts with: it is sent in front of the probe's own source. Nothing here is from this package."""

# ruff: noqa: F401 - a probe's own source has no imports: these are its.

import contextlib
import ctypes
import errno
import mmap
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
INTEL = os.uname().machine == "x86_64"
MIB = 1 << 20
NOTICED = 2.0
"""Seconds for a monitor to notice, on a busy machine. What is stopped at once does not take them."""
CANARY = re.compile(rb"canary-[0-9a-f]{16}-\w+")


class Nothing(Exception):
    """The attack was carried out and brought nothing."""


def call(intel, arm, *arguments):
    """A system call by its numbers on the two machines."""
    number = intel if INTEL else arm
    converted = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    result = libc.syscall(ctypes.c_long(number), *converted)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def found(data):
    """The secrets in some bytes; `Nothing` if there is none."""
    secrets = sorted(set(CANARY.findall(bytes(data))))
    if not secrets:
        raise Nothing(f"no secret in {len(data)} bytes")
    return b", ".join(secrets).decode()


def in_child(function):
    """Call a function in a forked child: how that ended, as `os.waitstatus_to_exitcode` says it."""
    pid = os.fork()
    if pid == 0:
        try:
            function()
            os._exit(0)
        except OSError as error:
            os._exit(error.errno)
        except BaseException:
            os._exit(255)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status > 0:
        raise OSError(status, os.strerror(status))
    return status
