"""Layer 6: a filter on system calls, as classic BPF put together by hand.

A block is a list of instructions that either returns a verdict or falls through to the next one; on entry and when it
falls through, the accumulator holds the number of the call.
"""

from __future__ import annotations

import errno
import functools
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from chainrule.worker.jail import kernel, namespaces
from chainrule.worker.jail.syscalls import (
    AUDIT_ARCH,
    CALLS,
    LAST_REVIEWED,
    PRETENDED_TOGETHER,
    REFUSED,
    REFUSED_TOGETHER,
)

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL, ERROR = 0x7FFF0000, 0x80000000, 0x00050000
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
X32 = 0x40000000

AF_UNIX = 1
STREAMS = tuple(1 | flags for flags in (0, 0o4000, 0o2000000, 0o2004000))
"""A connected pair that stays so: one of datagrams could send to the socket of a service."""
ONE_OR_GROUP = (0, 1)  # PRIO_PROCESS and PRIO_PGRP; 2 is all that a user runs
ONE_OR_GROUP_IO = (1, 2)
CLONE_THREAD = 0x00010000
TERMINAL_INPUT = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX: typing into the terminal of whoever started us
SET_OWNER = (0x8901, 0x8902)  # FIOSETOWN, SIOCSPGRP: a signal to that process when something arrives
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_MM = 1, 4, 35
F_SETOWN, F_SETOWN_EX = 8, 15

Instruction = tuple[int, int, int, int]
Block = list[Instruction]


@dataclass(frozen=True)
class Together:
    """A student's process without a PID namespace: it must leave the processes around it alone.

    `own` is its pid; `scoped` says that Landlock keeps signals inside; `truncates` that it knows of truncate(2).
    """

    own: int
    scoped: bool
    truncates: bool


def _return(verdict: int) -> Instruction:
    return (RETURN, 0, 0, verdict)


def _argument(index: int) -> Instruction:
    # The low half: what these calls take is an int, or has its meaning there.
    return (LOAD, 0, 0, ARGUMENTS + 8 * index)


def _refuse(number: int, code: int = errno.EPERM) -> Block:
    return [(EQUAL, 0, 1, number), _return(ERROR | code)]


def _on(number: int, body: Block) -> Block:
    """`body` decides a call of this number."""
    return [(EQUAL, 0, len(body), number), *body]


def _only(number: int, index: int, values: Sequence[int], code: int = errno.EPERM) -> Block:
    """Refuse the call unless an argument is one of these values."""
    return _each(number, {index: values}, code)


def _each(number: int, wanted: Mapping[int, Sequence[int]], code: int = errno.EPERM) -> Block:
    """Refuse the call unless each of these arguments is one of its values."""
    body: Block = []
    for index, values in wanted.items():
        tests = [(EQUAL, len(values) - place, 0, value & 0xFFFFFFFF) for place, value in enumerate(values)]
        body += [_argument(index), *tests, _return(ERROR | code)]
    return _on(number, [*body, _return(ALLOW)])


def _never(number: int, index: int, values: Sequence[int]) -> Block:
    """Refuse the call if an argument is one of these values."""
    tests = [(EQUAL, len(values) - place, 0, value) for place, value in enumerate(values)]
    return _on(number, [_argument(index), *tests, _return(ALLOW), _return(ERROR | errno.EPERM)])


def blocks(machine: str, together: Together | None = None) -> list[Block]:
    """The filter for a machine. `together`: there is no PID namespace."""

    def number(name: str) -> int:
        found = CALLS[name].on(machine)
        assert found is not None, f"{name} has no number on {machine}"
        return found

    refused = {**REFUSED, **(REFUSED_TOGETHER if together else {})}
    listed = sorted(found for call in refused.values() if (found := call.on(machine)) is not None)
    flags = namespaces.EVERY
    program: list[Block] = [
        [(LOAD, 0, 0, ARCHITECTURE), (EQUAL, 1, 0, AUDIT_ARCH[machine]), _return(KILL), (LOAD, 0, 0, NUMBER)],
        [(AT_LEAST, 0, 1, X32), _return(KILL)] if machine == "x86_64" else [],
        [(AT_LEAST, 0, 1, LAST_REVIEWED + 1), _return(ERROR | errno.ENOSYS)],
        # Its flags are in memory, where a filter cannot see them; the C library then takes clone.
        _refuse(number("clone3"), errno.ENOSYS),
        *(_refuse(found) for found in listed),
        _on(number("clone"), [_argument(0), (ANY_BIT, 0, 1, flags), _return(ERROR | errno.EPERM), _return(ALLOW)]),
        # unshare(CLONE_THREAD) changes nothing: it fails in a process of several threads, so it tells if there are.
        _only(number("unshare"), 0, [CLONE_THREAD]),
        # EAFNOSUPPORT, for libzmq aborts on EPERM. Without a network namespace also unix sockets stay out: Landlock
        # does not stop a connection to the socket of a service.
        _only(number("socket"), 0, [] if together else [AF_UNIX], errno.EAFNOSUPPORT),
        _each(number("socketpair"), {0: [AF_UNIX], **({1: STREAMS} if together else {})}, errno.EAFNOSUPPORT),
        _never(number("ioctl"), 1, [*TERMINAL_INPUT, *(SET_OWNER if together else [])]),
        _never(number("prctl"), 0, [PR_SET_DUMPABLE, PR_SET_MM, *([PR_SET_PDEATHSIG] if together else [])]),
        _only(number("prlimit64"), 0, [0, *([together.own] if together else [])]),
    ]
    if together:
        program += _leave_others_alone(number, machine, together)
    return [*program, [_return(ALLOW)]]


def _leave_others_alone(of: Callable[[str], int], machine: str, together: Together) -> list[Block]:
    own = [0, together.own]
    program = [
        _only(of(name), 0, own)
        for name in ("sched_setaffinity", "sched_setscheduler", "sched_setparam", "sched_setattr")
    ]
    program += [
        _each(of("setpriority"), {0: ONE_OR_GROUP, 1: own}),
        _each(of("ioprio_set"), {0: ONE_OR_GROUP_IO, 1: own}),
    ]
    pretended = (call.on(machine) for call in PRETENDED_TOGETHER.values())
    program += [_refuse(found, 0) for found in pretended if found is not None]
    if not together.scoped:
        program += [
            _only(of("kill"), 0, own),  # 0: its own process group, which is the jail's
            _only(of("tgkill"), 0, own),
            _never(of("fcntl"), 1, [F_SETOWN, F_SETOWN_EX]),
        ]
    if not together.truncates:
        program.append(_refuse(of("truncate")))
    return program


def assemble(program: Sequence[Block]) -> bytes:
    return b"".join(struct.pack("HBBI", *instruction) for block in program for instruction in block)


@functools.cache
def program(together: Together | None = None) -> bytes:
    """The filter of this machine. The zygote asks for it once, so that its forks have it."""
    if kernel.MACHINE not in AUDIT_ARCH:
        raise OSError(errno.ENOSYS, f"there is no table of system calls for {kernel.MACHINE}")
    return assemble(blocks(kernel.MACHINE, together))


def install(together: Together | None = None) -> None:
    """Filter this process and all it starts."""
    load(program(together))


def load(code: bytes) -> None:
    """Load an assembled program."""
    kept, address = kernel.buffer_address(code)
    kernel.call("seccomp", 1, 1, struct.pack("HxxxxxxQ", len(code) // 8, address))  # SET_MODE_FILTER, for all threads
    del kept
