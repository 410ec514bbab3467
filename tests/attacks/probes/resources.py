"""Taking more than one's share. Small amounts: the jail gets small limits, and a control must not hurt anybody."""

import ctypes
import mmap
import os
import threading
import time

from tests.attacks.prelude import MIB, NOTICED, call, libc
from tests.attacks.probe import in_b, probe

NO_QUOTA = "The scratch folder is one of the host: a file's size is limited, their number is not."


@probe(43, by="MemoryError killed ENOMEM")
def memory_of_ones_own(t):
    kept = []
    for _ in range(75):
        kept.append(mmap.mmap(-1, 8 * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
        kept[-1].write(b"x" * (8 * MIB))
    time.sleep(NOTICED)
    return "600 MiB"


@probe(44, by="MemoryError killed ENOMEM")
def memory_shared_with_children(t):
    kept = []
    for _ in range(75):
        kept.append(mmap.mmap(-1, 8 * MIB))
        kept[-1].write(b"x" * (8 * MIB))
    time.sleep(NOTICED)
    return "600 MiB"


@probe(44, by="MemoryError killed ENOMEM")
def memory_that_no_process_seems_to_use(t):
    """Shared pages dropped from the page table: still there, but in nobody's count."""
    kept = []
    for _ in range(75):
        kept.append(mmap.mmap(-1, 8 * MIB))
        kept[-1].write(b"x" * (8 * MIB))
        kept[-1].madvise(mmap.MADV_DONTNEED)
    time.sleep(NOTICED)
    return "600 MiB"


@probe(44)
def memory_in_a_file_without_a_name(t):
    descriptor = os.memfd_create("attack")
    for _ in range(75):
        os.write(descriptor, b"x" * (8 * MIB))
    time.sleep(NOTICED)
    return "600 MiB"


@probe(43, by="killed")
def memory_of_many_processes(t):
    pids = []
    for _ in range(6):
        pids.append(os.fork())
        if pids[-1] == 0:
            kept = mmap.mmap(-1, 100 * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            kept.write(b"x" * (100 * MIB))
            time.sleep(NOTICED)
            os._exit(0)
    ended = [os.waitpid(pid, 0)[1] for pid in pids]
    if any(ended):
        raise OSError(1, "killed")
    return "600 MiB"


@probe(43, 47, by="killed")
def memory_of_processes_without_a_parent(t):
    """A child whose parent has ended is nobody's descendant."""
    for _ in range(6):
        pid = os.fork()
        if pid == 0:
            if os.fork() == 0:
                kept = mmap.mmap(-1, 100 * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
                kept.write(b"x" * (100 * MIB))
                time.sleep(NOTICED + 1)
            os._exit(0)
        os.waitpid(pid, 0)
    time.sleep(NOTICED)
    return "600 MiB"


@probe(45, by="ENOSPC EDQUOT EFBIG killed", open_in=in_b(NO_QUOTA))
def fill_the_disk(t):
    try:
        for number in range(10):
            with open(f"attack-fill-{number}", "wb") as file:
                for _ in range(6):
                    file.write(b"x" * MIB)
        time.sleep(NOTICED)
        return "60 MiB"
    finally:
        for number in range(10):
            if os.path.exists(f"attack-fill-{number}"):
                os.unlink(f"attack-fill-{number}")


@probe(45, by="ENOSPC EDQUOT EFBIG killed", open_in=in_b(NO_QUOTA))
def fill_each_place_that_can_be_written(t):
    """None of them with as much as is allowed, all together with three times that."""
    paths = []
    try:
        for folder in (".", os.environ.get("TMPDIR", "/tmp"), "/dev/shm"):
            try:
                with open(f"{folder}/attack-part", "wb") as file:
                    paths.append(file.name)
                    for _ in range(18):
                        file.write(b"x" * MIB)
            except PermissionError:  # not every tier has all of them
                continue
        time.sleep(0.3)
        return f"{18 * len(paths)} MiB"
    finally:
        for path in paths:
            if os.path.exists(path):
                os.unlink(path)


@probe(45, by="EFBIG ENOSPC")
def one_large_file(t):
    try:
        with open("attack-large", "wb", buffering=0) as file:
            for _ in range(60):
                if file.write(b"x" * MIB) < MIB:
                    raise OSError(28, "cut")
        return "60 MiB"
    finally:
        os.unlink("attack-large")


@probe(45, by="ENOSPC killed", open_in=in_b(NO_QUOTA))
def fill_the_table_of_files(t):
    os.mkdir("attack-many")
    try:
        for number in range(25_000):
            os.close(os.open(f"attack-many/{number}", os.O_CREAT | os.O_WRONLY))
        time.sleep(NOTICED)
        return "25,000 files"
    finally:
        import shutil

        shutil.rmtree("attack-many")


@probe(42, by="killed EAGAIN")
def many_processes(t):
    for _ in range(100):
        if os.fork() == 0:
            time.sleep(30)
            os._exit(0)
    time.sleep(NOTICED)
    return "100 processes"


@probe(42, 47, by="killed EAGAIN")
def many_processes_without_a_parent(t):
    for _ in range(100):
        pid = os.fork()
        if pid == 0:
            if os.fork() == 0:
                time.sleep(30)
            os._exit(0)
        if os.waitpid(pid, 0)[1]:
            raise OSError(11, "no more processes")
    count = sum(1 for name in os.listdir("/proc") if name.isdigit()) if os.access("/proc", os.R_OK) else 100
    time.sleep(0.3)
    if count < 60:
        raise OSError(11, f"only {count}")
    return "100 processes"


@probe(42, by="killed EAGAIN RuntimeError")
def many_sisters(t):
    """CLONE_PARENT: a process that is a child of one's own parent."""
    for _ in range(100):
        if call(56, 220, 0x8000 | 17, 0, 0, 0, 0) == 0:
            time.sleep(30)
            os._exit(0)
    time.sleep(NOTICED)
    return "100 processes"


@probe(42, by="killed EAGAIN RuntimeError MemoryError")
def many_threads(t):
    event = threading.Event()
    threading.stack_size(64 << 10)
    try:
        for _ in range(200):
            threading.Thread(target=event.wait, daemon=True).start()
        time.sleep(NOTICED)
        return "200 threads"
    finally:
        threading.stack_size(0)
        event.set()


@probe(12, by="EMFILE")
def many_open_files(t):
    kept = [os.open("/dev/null", os.O_RDONLY) for _ in range(1000)]
    for descriptor in kept:
        os.close(descriptor)
    return "1000 files"


@probe(45, by="EPERM ENOMEM EAGAIN MemoryError")
def memory_that_cannot_be_swapped(t):
    kept = mmap.mmap(-1, 4 * MIB)
    address = ctypes.addressof(ctypes.c_char.from_buffer(kept))
    if libc.mlock(ctypes.c_void_p(address), ctypes.c_size_t(4 * MIB)) < 0:
        raise OSError(ctypes.get_errno(), "mlock")
    return "4 MiB"
