"""A limit ends what breaks it, says which one it was, and leaves nothing behind."""

import os
import signal
import time
from pathlib import Path

import pytest
from tests.processes import SLEEPER, mark, marked, until

from chainrule import sandbox
from chainrule.errors import StudentCrashed, StudentProcessError
from chainrule.model import Limits

SMALL = Limits(memory=300 << 20, disk=20 << 20, processes=24)


def test_one_process_cannot_have_more_memory(student):
    process = student(SMALL)
    source = (
        "import numpy\ntry:\n    kept = [numpy.ones(8 << 20) for _ in range(200)]\nexcept MemoryError: print('refused')"
    )
    try:
        assert process.run(source).strip() == "refused"
    except StudentCrashed:
        process.child.exit_status()
        assert process.child.exit_reason == "memory"


def test_nor_can_many_processes_together(student):
    process = student(SMALL)
    hog = "import os, time\nfor _ in range(3): os.fork()\nkept = b'x' * (100 << 20)\ntime.sleep(50)"
    with pytest.raises(StudentCrashed):
        process.run(hog)
    process.child.exit_status()
    assert process.child.exit_reason == "memory"


def test_processes_that_share_their_memory_are_not_counted_twice(student):
    process = student(SMALL)
    shared = """
import os, time
kept = b"x" * (150 << 20)
pids = []
for _ in range(4):
    pid = os.fork()
    if pid == 0:
        time.sleep(0.5)
        os._exit(0)
    pids.append(pid)
for pid in pids: os.waitpid(pid, 0)
print("fine")
"""
    assert process.run(shared).strip() == "fine"


def test_the_disk_is_small(student):
    process = student(SMALL)
    source = """
for folder in ('.', '/tmp', '/dev/shm'):
    try:
        for number in range(100):
            with open(f'{folder}/fill{number}', 'wb') as file:
                file.write(b'x' * (1 << 20))
        print('no limit')
    except OSError as error:
        print(error.strerror)
"""
    assert process.run(source).split("\n")[:3] == ["No space left on device"] * 3


def test_the_disk_is_one_for_all_places_that_can_be_written(student):
    source = """
import os
places = ('/home/student/work', '/tmp', '/dev/shm')
written = 0
try:
    for folder in places:
        for number in range(MIB * 7 // 8):
            with open(f'{folder}/part{number}', 'wb') as file:
                file.write(b'x' * (1 << 20))
            written += 1
except OSError as error:
    print(error.strerror)
print(written <= MIB)
# Each place has room when the others are empty; what is only in memory there can be shared between processes.
for folder in places:
    for name in os.listdir(folder):
        if name.startswith('part'): os.unlink(f'{folder}/{name}')
from multiprocessing import shared_memory
shared = shared_memory.SharedMemory(create=True, size=(MIB // 2) << 20)
if os.fork() == 0:
    shared.buf[-1] = 7
    os._exit(0)
os.wait()
print(shared.buf[-1])
shared.close(); shared.unlink()
print([name for name in os.listdir('/') if name == 'writable'])
"""
    process = student(SMALL)
    printed = process.run(source.replace("MIB", str(SMALL.disk >> 20))).split("\n")
    assert printed[:4] == ["No space left on device", "True", "7", "[]"]


def test_processes_are_counted(student):
    process = student(SMALL)
    source = """
import os, time
count = 0
try:
    while count < 300:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        count += 1
except OSError: pass
print(count)
"""
    assert int(process.run(source)) <= SMALL.processes


def test_daemons_die_with_their_notebook(student):
    process, word = student(), mark()
    source = f"""
import os, signal, time, sys
for number in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP): signal.signal(name, signal.SIG_IGN)
            os.execv(sys.executable, {SLEEPER.format(word)})
        os._exit(0)
time.sleep(0.5)
"""
    process.run(source)
    assert until(lambda: len(marked(word)) == 3)
    process.child.close()
    assert not marked(word)


def test_they_die_with_the_supervisor_too(tmp_path):
    """`kill -9` of the process that grades leaves no student's process."""
    word = mark()
    pid = os.fork()
    if pid == 0:
        try:
            child = sandbox.start(None, Limits())
            child.connection.limit(30)
            source = f"import subprocess, sys\nsubprocess.Popen({SLEEPER.format(word)})"
            child.connection.request("run", source, on_output=lambda _: None)
            (tmp_path / "ready").touch()
            time.sleep(100)
        finally:
            os._exit(1)
    assert until((tmp_path / "ready").exists, 120)
    assert until(lambda: marked(word))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert until(lambda: not marked(word))


def test_killing_a_zygote_costs_no_running_submission(student):
    process = student()
    assert process.run("print(1)").strip() == "1"
    sandbox.close()
    assert process.run("print(2)").strip() == "2"
    assert student().run("print(3)").strip() == "3"


def test_nothing_is_mounted_or_left_in_the_temporary_folder(student, tmp_path, monkeypatch):
    before, word = Path("/proc/mounts").read_text(), mark()
    student().run(f"open('/tmp/{word}', 'w').write('x'); open('/dev/shm/{word}', 'w').write('x')")
    assert Path("/proc/mounts").read_text() == before
    assert not [*Path("/tmp").glob(f"*{word}*"), *Path("/dev/shm").glob(f"*{word}*")]


def test_a_process_that_ends_itself_is_told_from_one_that_was_killed(student):
    for source, status in (("import os; os._exit(7)", 7), ("import os; os.kill(os.getpid(), 9)", -9)):
        process = student()
        with pytest.raises(StudentProcessError):
            process.run(source)
        assert (process.child.exit_status(), process.child.exit_reason) == (status, "")
