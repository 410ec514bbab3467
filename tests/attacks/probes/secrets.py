"""Reading what is hidden: tests, the gradebook, other submissions, keys, memory; and writing what is not one's own."""

import ctypes
import os

from tests.attacks.prelude import CANARY, Nothing, call, found, libc
from tests.attacks.probe import in_b, probe

BY_PATH = "Landlock looks at the opening of files only, not at stat: what is at a path one knows can be asked."
TABLES = "What a process may see of itself includes the tables of the network that it is in: connections, not contents."


@probe(1, 25)
def read_the_gradebook(t):
    return found(open(t.gradebook, "rb").read())


@probe(25)
def write_the_gradebook(t):
    return open(t.gradebook, "ab").write(b"")


@probe(25)
def empty_the_gradebook_by_its_path(t):
    size = os.stat(t.gradebook).st_size
    return os.truncate(t.gradebook, size)


@probe(1, 2)
def read_hidden_tests(t):
    return found(open(t.hidden, "rb").read())


@probe(2)
def read_the_submission_of_another(t):
    return found(open(t.submission, "rb").read())


@probe(2)
def list_the_course(t):
    return os.listdir(t.folder + "/course")


@probe(2)
def learn_names_by_watching_a_folder(t):
    """inotify needs no right but to pass through."""
    descriptor = call(294, 26, 0)
    watched = libc.inotify_add_watch(descriptor, (t.folder + "/course/submitted").encode(), ctypes.c_uint32(0xFFF))
    if watched < 0:
        raise OSError(ctypes.get_errno(), "inotify_add_watch")
    return "watching"


@probe(1)
def read_through_a_link_of_ones_own(t):
    os.symlink(t.gradebook, "attack-link")
    try:
        return found(open("attack-link", "rb").read())
    finally:
        os.unlink("attack-link")


@probe(1, by="EXDEV")
def read_through_a_second_name(t):
    target = os.path.join(os.getcwd(), "attack-name")
    os.link(t.gradebook, target)
    try:
        return found(open(target, "rb").read())
    finally:
        os.unlink(target)


@probe(1, by="EXDEV")
def move_the_gradebook_here(t):
    target = os.path.join(os.getcwd(), "attack-moved")
    os.rename(t.gradebook, target)
    try:
        return found(open(target, "rb").read())
    finally:
        os.rename(target, t.gradebook)


@probe(9, 1)
def read_through_the_root_of_another_process(t):
    return found(open(f"/proc/{t.victim}/root{t.gradebook}", "rb").read())


@probe(9, 1)
def read_through_the_first_process(t):
    return found(open(f"/proc/{os.getppid()}/root{t.gradebook}", "rb").read())


@probe(1, by="Nothing ENOTDIR")
def read_through_an_older_root(t):
    """The view before `pivot_root`, if something of it is still open."""
    for descriptor in range(64):
        try:
            place = os.open("../../../../../../" + t.gradebook, os.O_RDONLY, dir_fd=descriptor)
        except OSError:
            continue
        return found(os.read(place, 1000))
    raise Nothing("no descriptor leads there")


@probe(8)
def read_a_key(t):
    return found(open(t.key, "rb").read())


@probe(8, by="Nothing")
def environment(t):
    return found("\n".join(os.environ.values()).encode() + open("/proc/self/environ", "rb").read())


@probe(9)
def environment_of_another_process(t):
    return found(open(f"/proc/{t.victim}/environ", "rb").read())


@probe(9)
def arguments_of_another_process(t):
    return found(open(f"/proc/{t.victim}/cmdline", "rb").read())


@probe(9, by="Nothing")
def environment_of_the_parent(t):
    return found(open(f"/proc/{os.getppid()}/environ", "rb").read() + os.environ.get("GRADING_TOKEN", "").encode())


@probe(5, by="Nothing")
def secrets_in_own_memory(t):
    """All that the process inherited from what it was forked from, with or without a reference to it."""
    import re

    seen = set()
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", buffering=0) as memory:
        for line in maps.readlines():
            addresses, rights, *rest = line.split()
            begin, end = (int(address, 16) for address in addresses.split("-"))
            if not rights.startswith("rw") or end - begin > 1 << 30 or (len(rest) > 3 and "[v" in rest[3]):
                continue
            for start in range(begin, end, 4 << 20):
                try:
                    memory.seek(start)
                    seen.update(CANARY.findall(memory.read(min(4 << 20, end - start))))
                except OSError:
                    break
    if not seen:
        raise Nothing("no secret in memory")
    assert re
    return seen


@probe(5, by="Nothing")
def secrets_among_python_objects(t):
    import gc

    texts = [text for thing in gc.get_objects() if type(thing) is list for text in thing if type(text) is str]
    return found("\n".join(texts).encode(errors="replace"))


@probe(12, by="Nothing")
def inherited_files(t):
    """Whatever is open, read from its beginning."""
    data = b""
    for descriptor in range(3, 256):
        try:
            data += os.pread(descriptor, 1000, 0)
        except OSError:
            continue
    return found(data)


@probe(12, by="Nothing")
def more_open_files_than_the_connection(t):
    """Besides it: nothing (/dev/null), the files that cells print into, and what the event loop wakes itself with."""
    import contextlib
    import socket
    import stat

    others, pair = [], []
    for descriptor in [n for n in range(256) if n != 3]:
        try:
            found = os.fstat(descriptor)
        except OSError:
            continue
        place = os.readlink(f"/proc/self/fd/{descriptor}")
        if stat.S_ISSOCK(found.st_mode):
            pair.append(descriptor)
        elif found.st_rdev != os.makedev(1, 3) and not place.endswith("(deleted)") and "eventpoll" not in place:
            others.append(place)
    if len(pair) == 2:
        ends = [socket.socket(fileno=os.dup(descriptor)) for descriptor in pair]
        ends[0].setblocking(False)
        ends[1].send(b"mine")
        with contextlib.suppress(BlockingIOError):
            pair = [] if ends[0].recv(4) == b"mine" else pair
    if not others and not pair:
        raise Nothing("only the connection")
    return others, pair


@probe(8, no_control="as an ordinary user nobody can")
def read_the_shadow_file(t):
    return open("/etc/shadow").read()[:20]


@probe(8, no_control="what is here depends on the machine")
def list_home_folders(t):
    """The jail's hold the student, and the way to the interpreter where that lies in one of them."""
    import sys

    places = {f"{home}/{name}" for home in ("/home", "/root") if os.path.isdir(home) for name in os.listdir(home)}
    prefixes = (sys.prefix, sys.base_prefix, "/home/student")
    others = {place for place in places if not any(prefix.startswith(place) for prefix in prefixes)}
    if not others:
        raise PermissionError(1, str(places))
    return others


@probe(9)
def read_the_systems_accounts(t):
    with open("/etc/passwd") as file:
        text = file.read()
    if "root:" not in text:
        raise PermissionError(13, "made for the jail: " + text)
    return text[:20]


@probe(9, by="Nothing", open_in=in_b(TABLES))
def files_of_the_interface_to_the_kernel(t):
    """The whole of /proc and /sys tells much about a machine; some of it root may change."""
    seen = []
    for path in ("/proc/cmdline", "/proc/modules", "/sys/kernel", "/proc/sys/kernel/hostname", "/proc/net/tcp"):
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except OSError:
            continue
        if (
            not path.startswith("/proc/net") or os.read(descriptor, 4096).count(b"\n") > 1
        ):  # a table of our own is empty
            seen.append(path)
        os.close(descriptor)
    if not seen:
        raise Nothing("none can be read")
    return seen


@probe(9, no_control="only root may")
def change_settings_of_the_kernel(t):
    """Opened for writing, nothing is written."""
    for path in ("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sysrq-trigger"):
        os.close(os.open(path, os.O_WRONLY))
    return "could be written"


@probe(50)
def put_a_file_among_the_libraries(t):
    import sys

    path = getattr(t, "inside", sys.prefix + "/include") + "/evil.pth"
    open(path, "w").close()
    os.unlink(path)
    return path


@probe(50, no_control="as an ordinary user nobody can")
def put_a_file_where_python_looks_first(t):
    import numpy

    for folder in (os.path.dirname(numpy.__file__), os.path.dirname(os.__file__), "/usr/lib", "/etc"):
        try:
            path = folder + "/attack-evil.pth"
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            os.unlink(path)
            return path
        except OSError as error:
            reason = error
    raise reason


@probe(49)
def poison_the_startup_of_ipython(t):
    path = t.home + "/.ipython/profile_default/startup/attack.py"
    open(path, "w").close()
    os.unlink(path)
    return path


@probe(50)
def leave_a_name_for_the_next_submission(t):
    path = t.folder + "/attack-poison"
    open(path, "w").close()
    os.unlink(path)
    return path


@probe(25, 48)
def change_the_mode_of_the_gradebook(t):
    """chmod needs no open file. Some filters say that it is done and do not do it: what counts is the mode."""
    before = os.stat(t.gradebook).st_mode & 0o777
    os.chmod(t.gradebook, before ^ 0o100)
    if os.stat(t.gradebook).st_mode & 0o777 == before:
        raise PermissionError(1, "nothing happened")
    os.chmod(t.gradebook, before)
    return "changed"


@probe(25)
def change_the_times_of_the_gradebook(t):
    before = os.stat(t.gradebook).st_mtime_ns
    os.utime(t.gradebook, ns=(before, before + 10**9))
    if os.stat(t.gradebook).st_mtime_ns == before:
        raise PermissionError(1, "nothing happened")
    os.utime(t.gradebook, ns=(before, before))
    return "changed"


@probe(25, by="EOPNOTSUPP ENODATA")
def change_attributes_of_the_gradebook(t):
    os.setxattr(t.gradebook, "user.attack", b"1")
    os.removexattr(t.gradebook, "user.attack")
    return "changed"


@probe(2, open_in=in_b(BY_PATH))
def ask_whether_a_file_is_there(t):
    return os.stat(t.gradebook).st_size


@probe(12)
def open_a_file_by_its_handle(t):
    handle = ctypes.create_string_buffer(b"\x80\0\0\0" + bytes(200))
    mount = ctypes.c_int()
    return call(303, 264, -100, t.gradebook.encode(), handle, ctypes.byref(mount), 0)
