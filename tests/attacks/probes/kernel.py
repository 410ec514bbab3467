"""Getting more than one has: privileges, namespaces, mounts, parts of the kernel that are often at fault."""

import ctypes
import mmap
import os
import signal
import subprocess

from tests.attacks.prelude import Nothing, call, in_child, libc
from tests.attacks.probe import probe

NOT_ORDINARY = "an ordinary user may not either"


@probe(53)
def new_user_namespace(t):
    in_child(lambda: call(272, 97, 0x10000000))
    return "in a namespace of its own, with every capability there"


@probe(53)
def new_user_namespace_by_clone(t):
    pid = call(56, 220, 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return "cloned into a namespace of its own"


@probe(53)
def new_user_namespace_by_clone3(t):
    arguments = (ctypes.c_uint64 * 11)(0x10000000, 0, 0, 0, signal.SIGCHLD)
    pid = call(435, 435, arguments, ctypes.sizeof(arguments))
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return "cloned into a namespace of its own"


@probe(53)
def mount_in_a_new_namespace(t):
    def attack():
        call(272, 97, 0x10000000 | 0x20000)
        if libc.mount(b"attack", b"/tmp", b"tmpfs", 0, None) < 0:
            raise OSError(ctypes.get_errno(), "mount")

    in_child(attack)
    return "mounted"


@probe(53, no_control=NOT_ORDINARY)
def mount_here(t):
    if libc.mount(b"attack", b"/dev/shm", b"tmpfs", 0, None) < 0:
        raise OSError(ctypes.get_errno(), "mount")
    return "mounted"


@probe(53, no_control=NOT_ORDINARY, by="EINVAL")
def unmount_a_part_of_the_view(t):
    for place in (b"/usr", b"/proc", b"/dev/shm"):
        if libc.umount2(place, 2) == 0:
            return "unmounted"
    raise OSError(ctypes.get_errno(), "umount")


@probe(53, no_control=NOT_ORDINARY, by="EINVAL")
def make_the_view_writable(t):
    for place in (b"/", b"/usr"):
        if libc.mount(None, place, None, 32 | 4096, None) == 0:
            return "remounted"
    raise OSError(ctypes.get_errno(), "mount")


@probe(53, no_control=NOT_ORDINARY)
def mount_by_the_newer_calls(t):
    return call(430, 430, b"tmpfs", 0)  # fsopen


@probe(53)
def take_a_tree_of_mounts(t):
    """open_tree without a copy: needs no privilege, and is the first step to one that does."""
    return call(428, 428, -100, b"/", 0)


@probe(53, by="EINVAL", no_control=NOT_ORDINARY)
def enter_the_namespace_of_another_process(t):
    return call(308, 268, os.open(f"/proc/{t.victim}/ns/net", os.O_RDONLY), 0)


@probe(53)
def look_for_the_namespaces_of_another_process(t):
    return os.readlink(f"/proc/{t.victim}/ns/mnt")


@probe(53, no_control=NOT_ORDINARY)
def change_the_root(t):
    return os.chroot("/tmp")


@probe(53, no_control=NOT_ORDINARY)
def make_the_node_of_a_disk(t):
    return os.mknod("/tmp/attack-disk", 0o600 | 0o060000, os.makedev(259, 0))


@probe(53, no_control=NOT_ORDINARY, by="EINVAL")
def become_root(t):
    if os.getuid() == 0:
        raise PermissionError(1, "it is uid 0 with no capability: see the others")
    os.setuid(0)
    return "root"


@probe(53, no_control=NOT_ORDINARY, by="EINVAL")
def become_another_user(t):
    os.setresuid(65534, 65534, 65534)
    return "another user"


@probe(53, no_control=NOT_ORDINARY)
def take_back_capabilities(t):
    header = ctypes.create_string_buffer(b"\x22\x05\x08\x20\0\0\0\0")
    return call(126, 91, header, ctypes.create_string_buffer(b"\xff\xff\xff\xff" * 2 + b"\0" * 16))


@probe(53, no_control=NOT_ORDINARY, by="Nothing")
def run_a_program_as_root(t):
    """`su` is set-uid: with no_new_privs it starts, and is nobody."""
    done = subprocess.run(["/bin/su", "-c", "id -u"], input=b"", capture_output=True, timeout=20)
    if done.stdout.strip() == b"0":
        return "root"
    raise Nothing(f"{done.returncode} {done.stdout!r} {done.stderr[:60]!r}")


@probe(53)
def run_a_program_of_ones_own(t):
    """From a folder that can be written to: files there are no programs (a script still runs by its interpreter)."""
    path = os.path.join(os.getcwd(), "attack-program")
    with open("/bin/true", "rb") as source, open(path, "wb") as target:
        target.write(source.read())
    os.chmod(path, 0o700)
    try:
        return subprocess.run([path], check=True, timeout=20).returncode
    finally:
        os.unlink(path)


@probe(53)
def io_uring(t):
    return os.close(call(425, 425, 4, ctypes.create_string_buffer(256)))


@probe(53, no_control="most kernels let root alone")
def bpf(t):
    attributes = ctypes.create_string_buffer(b"\2\0\0\0\4\0\0\0\4\0\0\0\1\0\0\0", 128)
    return call(321, 280, 0, attributes, 128)


@probe(53)
def keys_of_the_kernel(t):
    return call(250, 219, 0, -3, 1)


@probe(53)
def userfaultfd(t):
    return os.close(call(323, 282, 1))


@probe(53)
def performance_counters(t):
    attributes = ctypes.create_string_buffer(b"\1\0\0\0\x70\0\0\0" + b"\0" * 32 + b"\x61\0\0\0", 112)
    return os.close(call(298, 241, attributes, 0, -1, -1, 0))


@probe(53)
def another_personality(t):
    return call(135, 92, 0x0040000)  # no random addresses from now on


@probe(53, by="killed")
def calls_of_the_32_bit_kind(t):
    """int 0x80 has numbers of its own, which a filter for 64 bits misreads."""
    if os.uname().machine != "x86_64":
        raise PermissionError(1, "not on this machine")

    def attack():
        code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        code.write(b"\xb8\x14\0\0\0\xcd\x80\xc3")  # getpid
        address = ctypes.addressof(ctypes.c_char.from_buffer(code))
        if ctypes.CFUNCTYPE(ctypes.c_int)(address)() != os.getpid():
            os._exit(1)

    status = in_child(attack)
    if status < 0:
        raise OSError(1, f"killed by {signal.Signals(-status).name}")
    return "called"


@probe(53, by="killed ENOSYS", no_control="most kernels have none of these")
def calls_of_the_x32_kind(t):
    status = in_child(lambda: call(0x40000000 + 39, 0x40000000 + 39))
    if status < 0:
        raise OSError(1, f"killed by {signal.Signals(-status).name}")
    return "called"


@probe(53, by="ENOSYS", no_control="there are none yet")
def calls_that_nobody_has_looked_at(t):
    for number in range(463, 1024):
        try:
            call(number, number, 0, 0, 0, 0, 0, 0)
        except OSError as error:
            if error.errno == 38:
                continue
        return f"there is a call {number}"
    raise OSError(38, "none")


@probe(53, by="EINVAL", no_control="only kernels before 6.2 let anybody")
def type_into_the_terminal(t):
    import fcntl

    _, terminal = os.openpty()
    return fcntl.ioctl(terminal, 0x5412, b"x")


@probe(44)
def memory_without_a_name(t):
    return os.close(os.memfd_create("attack"))


@probe(44, by="EINVAL")
def memory_of_system_v(t):
    if (segment := libc.shmget(0, 4096, 0o1600)) < 0:
        raise OSError(ctypes.get_errno(), "shmget")
    libc.shmctl(segment, 0, None)
    return "made a segment that outlives its maker"


@probe(44)
def queues_that_outlive_their_maker(t):
    if (queue := libc.msgget(0, 0o1600)) < 0:
        raise OSError(ctypes.get_errno(), "msgget")
    libc.msgctl(queue, 0, None)
    return "made"


@probe(44)
def queues_of_posix(t):
    """They have names: one left here would be there for the next submission."""
    attributes = (ctypes.c_long * 8)(0, 1, 1, 0)
    descriptor = libc.mq_open(b"/attack", os.O_RDWR | os.O_CREAT, 0o600, attributes)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "mq_open")
    libc.mq_unlink(b"/attack")
    return os.close(descriptor)


@probe(47, by="Nothing")
def outlive_the_parent(t):
    """Who clears the signal at the parent's death lives on. Refused, or useless where the namespace dies as a whole."""
    if libc.prctl(1, 0, 0, 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() == 1 and os.getpid() < 100 and not os.path.exists(f"/proc/{t.victim}"):
        raise Nothing("the namespace ends with its first process")
    return "cleared"


@probe(10, by="Nothing")
def be_readable_to_others(t):
    if libc.prctl(4, 2, 0, 0, 0) < 0 and ctypes.get_errno() == 1:
        raise OSError(1, "prctl")
    if libc.prctl(4, 0, 0, 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "prctl")
    libc.prctl(4, 1, 0, 0, 0)
    return "changed"


@probe(
    43,
    open_in={"A without Landlock": "A process may make itself the last to be ended; the limit ends it all the same."},
)
def be_spared_when_memory_is_short(t):
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("500")
    return "changed"


@probe(40, no_control=NOT_ORDINARY)
def be_scheduled_first(t):
    os.nice(-10)
    return "first"


@probe(40, no_control=NOT_ORDINARY)
def never_be_interrupted(t):
    return os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


@probe(43, by="ValueError")
def raise_ones_limits(t):
    import resource

    for name in ("AS", "FSIZE", "NOFILE"):
        which = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(which)[1]
        if hard == resource.RLIM_INFINITY or name == "NOFILE":
            more = 1 << 20 if name == "NOFILE" else resource.RLIM_INFINITY
            if hard == resource.RLIM_INFINITY:
                return f"{name} has no limit"
        else:
            more = resource.RLIM_INFINITY
        resource.setrlimit(which, (more, more))
    return "raised"
