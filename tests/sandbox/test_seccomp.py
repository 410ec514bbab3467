"""The filter on system calls, run in an interpreter of BPF: every call, on every machine it has a table for."""

import errno
import re
import struct
from pathlib import Path

import pytest

from chainrule.worker.jail import namespaces, seccomp
from chainrule.worker.jail.syscalls import (
    AUDIT_ARCH,
    CALLS,
    LAST_REVIEWED,
    MACHINES,
    PRETENDED_TOGETHER,
    REFUSED,
    REFUSED_TOGETHER,
)

ALLOWED = seccomp.ALLOW
REFUSED_EPERM = seccomp.ERROR | errno.EPERM
OWN = 4321
OLD = seccomp.Together(OWN, scoped=False, truncates=False)
NEW = seccomp.Together(OWN, scoped=True, truncates=True)
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


def verdict(code, machine, number, *arguments, arch=None):
    """What the kernel would say to a call."""
    words = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    data = struct.pack("<IIQ6Q", number, AUDIT_ARCH[machine] if arch is None else arch, 0, *words)
    program = [struct.unpack_from("<HBBI", code, offset) for offset in range(0, len(code), 8)]
    place = accumulator = 0
    for _ in range(len(program)):
        operation, yes, no, value = program[place]
        if operation == seccomp.LOAD:
            (accumulator,) = struct.unpack_from("<I", data, value)
            place += 1
        elif operation == seccomp.RETURN:
            return value
        else:
            holds = {
                seccomp.EQUAL: accumulator == value,
                seccomp.AT_LEAST: accumulator >= value,
                seccomp.ANY_BIT: bool(accumulator & value),
            }[operation]
            place += 1 + (yes if holds else no)
    raise AssertionError("the program does not return")


@pytest.fixture(params=MACHINES)
def machine(request):
    return request.param


def call(machine, name, *arguments, together=None):
    code = seccomp.assemble(seccomp.blocks(machine, together))
    return verdict(code, machine, CALLS[name].on(machine), *arguments)


@pytest.mark.parametrize("together", [None, OLD, NEW])
def test_every_call_of_the_table_is_refused_and_no_other_for_its_number(machine, together):
    code = seccomp.assemble(seccomp.blocks(machine, together))
    table = {**REFUSED, **(REFUSED_TOGETHER if together else {})}
    listed = {known.on(machine) for known in table.values()} - {None}
    argued = {known.on(machine) for known in CALLS.values()} - listed
    for number in range(LAST_REVIEWED + 1):
        if number in listed:
            assert verdict(code, machine, number) == REFUSED_EPERM, number
        elif number not in argued:
            assert verdict(code, machine, number) == ALLOWED, number


def test_what_nobody_has_looked_at_does_not_exist(machine):
    code = seccomp.assemble(seccomp.blocks(machine))
    for number in (LAST_REVIEWED + 1, 600, 10_000):
        assert verdict(code, machine, number) == seccomp.ERROR | errno.ENOSYS


def test_another_architecture_is_killed(machine):
    code = seccomp.assemble(seccomp.blocks(machine))
    assert verdict(code, machine, 1, arch=0x40000003) == seccomp.KILL  # i386
    if machine == "x86_64":
        assert verdict(code, machine, 0x40000001) == seccomp.KILL  # x32


@pytest.mark.parametrize("machine", MACHINES)
def test_the_numbers_are_those_of_the_kernels_headers(machine):
    if not HEADERS[machine].exists():
        pytest.skip(f"no headers of {machine} on this machine (package linux-libc-dev)")
    pattern = re.compile(r"#define __NR(?:3264)?_(\w+)\s+(\d+)")
    numbers = {name: int(number) for name, number in pattern.findall(HEADERS[machine].read_text())}
    known = {name: found.on(machine) for name, found in CALLS.items()}
    checked = [name for name, number in known.items() if number is not None and name in numbers]
    assert {name: known[name] for name in checked} == {name: numbers[name] for name in checked}
    assert len(checked) > 80
    absent = {"_sysctl", "nfsservctl", "lookup_dcookie", "umount2"}
    assert [name for name, number in known.items() if number is None and name in numbers and name not in absent] == []


@pytest.mark.parametrize("flag", ["NEWNS", "NEWCGROUP", "NEWUTS", "NEWIPC", "NEWUSER", "NEWPID", "NEWNET"])
def test_no_new_namespaces(machine, flag):
    value = getattr(namespaces, flag)
    assert call(machine, "clone", value | 17) == REFUSED_EPERM
    assert call(machine, "unshare", value) == REFUSED_EPERM
    assert call(machine, "clone3") == seccomp.ERROR | errno.ENOSYS
    assert call(machine, "clone", 17) == ALLOWED
    assert call(machine, "clone", 0x3D0F00) == ALLOWED  # a thread


@pytest.mark.parametrize(("family", "jailed", "together"), [(1, True, False), (2, False, False), (40, False, False)])
def test_sockets_are_local_or_not_at_all(machine, family, jailed, together):
    refused = seccomp.ERROR | errno.EAFNOSUPPORT
    assert call(machine, "socket", family) == (ALLOWED if jailed else refused)
    assert call(machine, "socket", family, together=OLD) == refused
    assert call(machine, "socketpair", family, 1) == (ALLOWED if family == 1 else refused)
    assert call(machine, "socketpair", family, 1 | 0o2000000, together=OLD) == (ALLOWED if family == 1 else refused)
    assert call(machine, "socketpair", family, 2, together=OLD) == refused  # it could send to the socket of a service


def test_without_namespaces_no_attribute_of_a_file_changes(machine):
    """Landlock does not ask about these. They are said to be done: programs take a refusal badly."""
    for name, found in PRETENDED_TOGETHER.items():
        if found.on(machine) is not None:
            assert call(machine, name, together=NEW) == seccomp.ERROR
            assert call(machine, name) == ALLOWED


def test_typing_into_a_terminal_and_limits_of_others_are_refused(machine):
    assert call(machine, "ioctl", 0, 0x5412) == REFUSED_EPERM
    assert call(machine, "ioctl", 0, 0x5401) == ALLOWED
    assert call(machine, "prctl", 4, 1) == REFUSED_EPERM
    assert call(machine, "prctl", 15) == ALLOWED
    assert call(machine, "prlimit64", 0) == ALLOWED
    assert call(machine, "prlimit64", 77) == REFUSED_EPERM


@pytest.mark.parametrize("name", ["kill", "tgkill", "prlimit64", "sched_setaffinity", "sched_setscheduler"])
def test_without_namespaces_others_are_left_alone(machine, name):
    assert call(machine, name, OWN, together=OLD) == ALLOWED
    assert call(machine, name, 77, together=OLD) == REFUSED_EPERM
    if name == "kill":
        assert call(machine, name, 0xFFFFFFFF, together=OLD) == REFUSED_EPERM  # -1: everybody
        assert call(machine, name, 77, together=NEW) == ALLOWED  # there Landlock keeps signals inside


def test_without_namespaces_no_signal_goes_out_by_a_detour(machine):
    for command in (8, 15):  # F_SETOWN, F_SETOWN_EX
        assert call(machine, "fcntl", 3, command, 77, together=OLD) == REFUSED_EPERM
    for request in (0x8901, 0x8902):
        assert call(machine, "ioctl", 3, request, together=OLD) == REFUSED_EPERM
    assert call(machine, "setpriority", 0, 77, together=OLD) == REFUSED_EPERM
    assert call(machine, "setpriority", 0, 0, together=OLD) == ALLOWED
    assert call(machine, "setpriority", 2, 0, together=OLD) == REFUSED_EPERM  # all processes of this user
    assert call(machine, "ioprio_set", 3, 0, together=OLD) == REFUSED_EPERM
    assert call(machine, "truncate", together=OLD) == REFUSED_EPERM
    assert call(machine, "truncate", together=NEW) == ALLOWED
