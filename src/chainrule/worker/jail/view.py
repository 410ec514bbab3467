"""Layer 2: a file system of its own: the interpreter and its libraries read-only, small empty folders to write in.

Nothing else of the host is there: no home folder, no course, no /etc, no sockets of services.
"""

from __future__ import annotations

import contextlib
import errno
import os
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chainrule.worker.jail import kernel

RDONLY, NOSUID, NODEV, NOEXEC, REMOUNT, BIND, REC = 1, 2, 4, 8, 32, 4096, 16384
MNT_DETACH = 2
AT_FDCWD = -100
AT_RECURSIVE = 0x8000
PRIVATE = NOSUID | NODEV | NOEXEC

HOME = "/home/student"
WORK = HOME + "/work"
WRITABLE = {"/home": 0o755, "/tmp": 0o1777, "/dev/shm": 0o1777}
"""Folders of one file system in memory, and their modes."""
MOST_FILES = 20_000
DEVICES = ("null", "zero", "full", "random", "urandom")
SYSTEM = """
/usr /bin /sbin /lib /lib32 /lib64 /libx32 /etc/alternatives /etc/fonts /etc/ld.so.cache /etc/localtime /etc/mime.types
""".split()
PASSWD = "student:x:{uid}:{uid}::" + HOME + ":/bin/sh\n"
MOUNT_POINTS = ("/tmp", "/mnt", "/usr")
PROC_OPTIONS = ("hidepid=ptraceable,subset=pid", "hidepid=2", None)


@dataclass(frozen=True)
class Entry:
    """A path of the host that is in the view: a link (its target), a folder or a file."""

    path: str
    link: str | None
    folder: bool


def package() -> str:
    """The folder of this package: the one thing of an editable installation that is shown."""
    return str(Path(__file__).resolve().parents[2])


def prefixes() -> list[str]:
    """What is shown of the host: system folders, the interpreter's, and this package. Never what `sys.path` adds."""
    places = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix, package()}
    places |= {os.path.realpath(place) for place in places}
    found = sorted({place for place in places if os.path.isdir(place)}, key=len)
    shown = list(SYSTEM)
    for place in found:
        if not any(place == other or place.startswith(other + "/") for other in shown):
            shown.append(place)
    return shown


def plan() -> tuple[Entry, ...]:
    """The entries of the view. It costs a few look-ups, so the zygote makes it once."""
    return tuple(
        Entry(path, os.readlink(path) if os.path.islink(path) else None, os.path.isdir(path))
        for path in prefixes()
        if os.path.lexists(path)
    )


def build(entries: Sequence[Entry], *, uid: int, disk: int, devices: Sequence[str] = DEVICES) -> None:
    """Make the view and move into it. Call it in pid 1 of a PID namespace, in a mount namespace of its own.

    `uid` owns what is writable, and `disk` bounds it, all together, in bytes.
    """
    root = next(path for path in MOUNT_POINTS if os.path.isdir(path))
    # Opened before anything is mounted: `root` may hide some of them (a virtual environment under /tmp).
    opened = [(entry, os.open(entry.path, os.O_PATH)) for entry in entries if entry.link is None]
    nodes = [(name, os.open(f"/dev/{name}", os.O_PATH)) for name in devices if os.path.exists(f"/dev/{name}")]
    kernel.mount("tmpfs", root, "tmpfs", NOSUID | NODEV, "size=1m,mode=755,nr_inodes=4096")
    for name in ("dev", "dev/shm", "proc", "tmp", "home", "etc"):
        os.mkdir(f"{root}/{name}", 0o755)
    _writable(root, uid, disk)
    _devices(root, nodes)
    for entry in entries:
        if entry.link is not None:
            os.makedirs(os.path.dirname(root + entry.path), exist_ok=True)
            os.symlink(entry.link, root + entry.path)
    for entry, descriptor in opened:
        _bind(descriptor, root + entry.path, entry.folder)
    _accounts(root, uid)
    _proc(root)
    os.chdir(root)
    kernel.call("pivot_root", b".", b".")
    kernel.unmount(".", MNT_DETACH)
    os.chdir("/")
    _read_only("/", recursive=False)


def accounts(uid: int) -> dict[str, str]:
    """The files of /etc that name users, with nobody in them but the student."""
    return {"/etc/passwd": PASSWD.format(uid=uid), "/etc/group": f"student:x:{uid}:\n"}


def make_home(uid: int, gid: int) -> None:
    """The student's folders, in the fresh view."""
    for path in (HOME, WORK):
        os.mkdir(path, 0o700)
        os.chown(path, uid, gid)


def _writable(root: str, uid: int, disk: int) -> None:
    """Places that share one size: with one each, all could be filled to the limit. Their file system is not seen."""
    whole = f"{root}/writable"
    os.mkdir(whole, 0o700)
    options = f"size={disk},mode=700,uid={uid},gid={uid},nr_inodes={MOST_FILES}"
    kernel.mount("tmpfs", whole, "tmpfs", PRIVATE, options)
    for place, mode in WRITABLE.items():
        part = f"{whole}/{os.path.basename(place)}"
        os.mkdir(part)
        os.chown(part, uid, uid)
        os.chmod(part, mode)
        kernel.mount(part, f"{root}{place}", None, BIND)
    kernel.unmount(whole, MNT_DETACH)
    os.rmdir(whole)


def _devices(root: str, nodes: Sequence[tuple[str, int]]) -> None:
    for name, descriptor in nodes:
        target = f"{root}/dev/{name}"
        os.makedirs(os.path.dirname(target), exist_ok=True)
        Path(target).touch()
        kernel.mount(f"/proc/self/fd/{descriptor}", target, None, BIND)
        os.close(descriptor)
    os.symlink("/proc/self/fd", f"{root}/dev/fd")


def _bind(descriptor: int, target: str, folder: bool) -> None:
    os.makedirs(target if folder else os.path.dirname(target), exist_ok=True)
    if not folder:
        Path(target).touch()
    kernel.mount(f"/proc/self/fd/{descriptor}", target, None, BIND | REC)
    _read_only(target, recursive=True)
    os.close(descriptor)


def _read_only(path: str, *, recursive: bool) -> None:
    attributes = struct.pack("QQQQ", RDONLY | NOSUID | NODEV, 0, 0, 0)
    try:
        flags = AT_RECURSIVE if recursive else 0
        kernel.call("mount_setattr", AT_FDCWD, os.fsencode(path), flags, attributes, len(attributes))
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise
        # Linux before 5.12: the mount itself only. What is mounted below keeps its flags, hence is refused here.
        below = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        if recursive and any(place.startswith(path + "/") for place in below):
            raise OSError(
                errno.ENOSYS, f"{path} has mounts below it, which this kernel cannot make read-only"
            ) from None
        kept = os.statvfs(path).f_flag & (
            NOEXEC | 1024 | 2048
        )  # a user namespace may not drop these: NOATIME, NODIRATIME
        kernel.mount(None, path, None, REMOUNT | BIND | RDONLY | NOSUID | NODEV | kept)


def _accounts(root: str, uid: int) -> None:
    for path, text in accounts(uid).items():
        Path(root + path).write_text(text)
    os.symlink("/proc/self/mounts", f"{root}/etc/mtab")


def _proc(root: str) -> None:
    """A /proc of the new PID namespace; without the host's settings and statistics where the kernel can leave them."""
    for options in PROC_OPTIONS[:-1]:
        with contextlib.suppress(OSError):
            kernel.mount("proc", f"{root}/proc", "proc", PRIVATE, options)
            return
    kernel.mount("proc", f"{root}/proc", "proc", PRIVATE, PROC_OPTIONS[-1])
