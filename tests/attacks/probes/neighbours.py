"""Reaching another notebook that is graded at the same time: its files, its process, its memory."""

import os

from tests.attacks.prelude import Nothing, call, found
from tests.attacks.probe import in_both_b, probe
from tests.attacks.probes.secrets import BY_PATH


@probe(2)
def read_a_file_of_another_notebook(t):
    return found(open(t.neighbours_file, "rb").read())


@probe(2)
def read_a_file_of_another_notebook_through_its_process(t):
    return found(open(f"/proc/{t.neighbour}/cwd/secret", "rb").read())


@probe(2, 50)
def put_a_file_beside_another_notebook(t):
    path = os.path.join(os.path.dirname(t.neighbours_file), "attack.py")
    if path == os.path.abspath("attack.py"):
        raise FileNotFoundError(2, "it has the same name as ours, and is not there")
    open(path, "w").close()
    os.unlink(path)
    return path


@probe(2, 25)
def change_a_file_of_another_notebook(t):
    return os.truncate(t.neighbours_file, os.stat(t.neighbours_file).st_size)


@probe(2, 25, by="EXDEV")
def move_a_file_of_another_notebook_here(t):
    target = os.path.join(os.getcwd(), "attack-moved")
    os.rename(t.neighbours_file, target)
    try:
        return found(open(target, "rb").read())
    finally:
        os.rename(target, t.neighbours_file)


@probe(2, by="EXDEV")
def read_a_file_of_another_notebook_by_a_second_name(t):
    target = os.path.join(os.getcwd(), "attack-name")
    os.link(t.neighbours_file, target)
    try:
        return found(open(target, "rb").read())
    finally:
        os.unlink(target)


@probe(2, by="Nothing")
def list_the_folders_of_other_notebooks(t):
    """Two above ours lie those of the others, where the folders of several are in one place."""
    place = os.path.dirname(os.path.dirname(os.path.dirname(t.neighbours_file)))
    others = set(os.listdir(place)) - {os.path.basename(os.path.dirname(os.getcwd())), "student"}
    if not others:
        raise Nothing("only ours")
    return others


@probe(2, open_in=in_both_b(BY_PATH))
def ask_for_a_file_of_another_notebook(t):
    return os.stat(t.neighbours_file).st_size


@probe(48)
def signal_another_notebook(t):
    return os.kill(t.neighbour, 0)


@probe(48)
def signal_a_thread_of_another_notebook(t):
    return call(234, 131, t.neighbour, t.neighbour, 0)


@probe(11)
def trace_another_notebook(t):
    call(101, 117, 0x4206, t.neighbour, 0, 0)  # SEIZE: without stopping it
    call(101, 117, 0x4207, t.neighbour, 0, 0)  # INTERRUPT
    os.waitpid(t.neighbour, 0x40000000)
    return call(101, 117, 17, t.neighbour, 0, 0)  # DETACH


@probe(10)
def read_the_memory_of_another_notebook(t):
    return os.close(os.open(f"/proc/{t.neighbour}/mem", os.O_RDONLY))


@probe(9)
def see_what_another_notebook_has_open(t):
    return os.listdir(f"/proc/{t.neighbour}/fd")


@probe(48)
def limit_another_notebook(t):
    import resource

    return resource.prlimit(t.neighbour, resource.RLIMIT_CORE, (0, 0))


@probe(40, 48)
def slow_another_notebook_down(t):
    return os.setpriority(os.PRIO_PROCESS, t.neighbour, os.getpriority(os.PRIO_PROCESS, t.neighbour))


@probe(11)
def take_an_open_file_of_another_notebook(t):
    return call(438, 438, os.pidfd_open(t.neighbour), 3, 0)


@probe(55, by="Nothing", no_control="there is no first process of a jail")
def stop_what_all_notebooks_are_forked_from(t):
    """In a bubblewrap it is of the same user, and its number is small."""
    reached = []
    for pid in range(1, 60):
        if pid in (os.getpid(), os.getppid()) or not os.path.exists(f"/proc/{pid}/status"):
            continue
        try:
            os.kill(pid, 0)
        except OSError:
            continue
        reached.append(pid)
    if not reached:
        raise Nothing("no process takes a signal of ours")
    return reached
