"""In the system's bubblewrap (tier B+) the machine is not there, other notebooks are closed, and nothing is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from tests.processes import SLEEPER, below, gone, mark, marked, until

from chainrule.errors import IsolationError, StudentCrashed
from chainrule.model import Limits
from chainrule.sandbox.child import OUTSIDE, launch
from chainrule.sandbox.zygote import OwnZygote
from chainrule.worker.jail import bubblewrap, namespaces, view
from chainrule.worker.jail.bubblewrap import ALWAYS, NEVER, PLACE

HERE = Path(__file__).parent
PROFILE = [sys.executable, str(HERE / "crippled.py"), "unshare", "--"]
SMALL = Limits(memory=300 << 20, disk=20 << 20, processes=24)
pytestmark = pytest.mark.skipif(bool(bubblewrap.unusable()), reason=bubblewrap.unusable())

FILL = """
import os
def fill(megabytes, nameless=False, seconds=1):
    kept = []
    for number in range(megabytes):
        kept.append(open(f"fill{number}", "wb", buffering=0))
        kept[-1].write(bytes(1 << 20))
        if nameless:
            os.unlink(f"fill{number}")
    import time
    time.sleep(seconds)
    return "written"
"""


class Inside:
    """A zygote in a bubblewrap, the processes that are started from it, and a way to talk to them."""

    def __init__(self) -> None:
        self.before = set(below(os.getpid()))
        self.zygote = OwnZygote(frozenset(), ALWAYS)
        self.zygote.ready()
        self.children: list = []

    def start(self, limits=SMALL):
        self.children.append(launch(self.zygote, "B+", limits))
        return self.children[-1]

    def run(self, child, source, seconds=60):
        outputs = []
        child.connection.limit(seconds)
        child.connection.request("run", source, on_output=outputs.append)
        for output in outputs:
            assert output["output_type"] != "error", output["evalue"]
        return "".join(output["text"] for output in outputs).strip()

    def processes(self):
        return {pid: words for pid, words in below(os.getpid()).items() if pid not in self.before}

    @property
    def outer(self):
        return self.zygote._process.pid

    @property
    def python(self):
        """The zygote itself; below it are the monitors."""
        (init,) = Path(f"/proc/{self.outer}/task/{self.outer}/children").read_text().split()
        return int(Path(f"/proc/{init}/task/{init}/children").read_text().split()[0])

    def monitors(self):
        return [int(pid) for pid in Path(f"/proc/{self.python}/task/{self.python}/children").read_text().split()]

    def folders(self):
        """The scratch folders, seen from outside."""
        return [name for name in os.listdir(f"/proc/{self.python}/root{PLACE}") if name[0].isdigit()]

    def close(self):
        for child in self.children:
            child.close()
        self.zygote.close()


@pytest.fixture
def inside():
    inside = Inside()
    yield inside
    inside.close()


# -- what is there ----------------------------------------------------------------------------------------------


def test_the_machine_is_not_there(inside, tmp_path):
    """Asked by stat, which Landlock lets through: what cannot be found is not there, and not only closed."""
    (tmp_path / "file").touch()
    host = [str(tmp_path / "file"), "/etc/hostname", "/etc/shadow", "/root/.bashrc", "/var", "/sys", "/run", "/boot"]
    child = inside.start()
    assert inside.run(child, f"import os\nprint([path for path in {host} if os.path.lexists(path)])") == "[]"
    assert inside.run(child, "print(len(open('/proc/net/tcp').readlines()))") == "1"
    namespaces = {name: os.readlink(f"/proc/self/ns/{name}") for name in OUTSIDE}
    shared = f"print([name for name, ours in {namespaces}.items() if os.readlink(f'/proc/self/ns/{{name}}') == ours])"
    assert inside.run(child, shared) == "[]"
    assert inside.run(child, "print(os.getuid(), open('/etc/passwd').read().split(':')[0])") == "1000 student"
    assert child.isolation.startswith("B+ (bwrap, landlock")


def test_notebooks_inside_do_not_reach_each_other(inside):
    one, other = inside.start(), inside.start()
    place = inside.run(one, "import os\nopen('mine', 'w').write('x')\nprint(os.getcwd())")
    pid = inside.run(one, "print(os.getpid())")
    tries = f"""
import os, signal
def tried(attempt):
    try:
        return attempt()
    except OSError as error:
        return type(error).__name__
print(tried(lambda: open("{place}/mine").read()), tried(lambda: open("{place}/new", "w")),
      tried(lambda: os.listdir("{PLACE}")), tried(lambda: os.kill({pid}, 0)), tried(lambda: os.listdir("/proc/{pid}")))
"""
    assert set(inside.run(other, tries).split()) == {"PermissionError"}
    assert inside.run(one, "print(open('mine').read())") == "x"


@pytest.mark.parametrize(
    ("without", "more", "complaint"),
    [
        pytest.param((), (), "", id="all of it"),
        *(
            pytest.param((f"--unshare-{name}",), (), f"the {name} namespace", id=f"no namespace {name}")
            for name in ("pid", "net", "ipc", "uts", "cgroup")
        ),
        pytest.param((), ("--ro-bind", "/usr/lib", "/course"), "the file system shows /course", id="a course"),
        pytest.param((), ("--ro-bind", "/etc/hostname", "/etc/hostname"), "shows /etc/hostname", id="a file of /etc"),
        pytest.param((), ("--dir", f"{PLACE}/me"), f"shows {PLACE}/me", id="a folder that is nobody's"),
        pytest.param((), (), "names others", id="the machine's accounts"),
        pytest.param((), ("--bind", "/proc", "/proc"), "/proc shows", id="the machine's processes"),
        pytest.param((), ("--tmpfs", "/etc/alternatives"), "writing to", id="a folder to write to"),
    ],
)
def test_a_bubble_with_a_hole_is_noticed(without, more, complaint, tmp_path):
    """The check, in a bubblewrap that is one option short of ours, or one beyond."""
    texts = [(path, os.open(tmp_path / Path(path).name, os.O_RDWR | os.O_CREAT)) for path in view.accounts(1000)]
    for path, descriptor in texts:
        own = view.accounts(1000)[path] if complaint != "names others" else "root:x:0:0::/root:/bin/sh\n"
        os.write(descriptor, own.encode())
        os.lseek(descriptor, 0, os.SEEK_SET)
    options = [option for option in bubblewrap.command(1 << 24, texts) if option not in without]
    at = options.index("--chdir") - 2  # before the root becomes read-only
    options[at:at] = more
    source = (
        "import sys\nfrom chainrule.worker.jail import check, view\nfrom chainrule.worker.jail.order import Order\n"
        "order = Order('B', 0, 0, 0, outside=eval(sys.argv[1]))\n"
        "try:\n    check.inside(order, [entry.path for entry in view.plan()])\n"
        "except (check.NotLocked, OSError) as error:\n    print(error)"
    )
    outside = {name: os.readlink(f"/proc/self/ns/{name}") for name in OUTSIDE}
    done = subprocess.run(
        [*options, "--", sys.executable, "-P", "-s", "-c", source, repr(outside)],
        pass_fds=[descriptor for _, descriptor in texts],
        env={"PYTHONPATH": str(Path(view.package()).parent)},
        capture_output=True,
        text=True,
    )
    for _, descriptor in texts:
        os.close(descriptor)
    assert done.returncode == 0, done.stderr
    assert complaint in done.stdout if complaint else done.stdout == ""


def test_what_is_in_no_bubblewrap_does_not_say_so():
    plain = OwnZygote(frozenset(), NEVER)
    plain.ready()
    with pytest.raises(IsolationError, match="is in no bubblewrap"):
        launch(plain, "B+", SMALL)
    plain.close()


def test_no_bubblewrap_is_touched_where_namespaces_can_be_had():
    asked = [sys.executable, "-c", "from chainrule.worker.jail import bubblewrap as b; print(b.without_namespaces())"]
    environment = {"PYTHONPATH": str(Path(view.package()).parent)}
    if subprocess.run(asked, env=environment, capture_output=True, text=True, check=True).stdout.strip():
        pytest.skip("no namespaces can be had here: the other tests of this file are for such a machine")
    zygote = OwnZygote(frozenset())
    zygote.ready()
    assert not zygote.standing.inside
    assert zygote.standing.not_used == "not needed"
    zygote.close()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can")
def test_root_gives_the_inside_a_uid_of_its_own():
    """Where any uid can reach the interpreter: uid 0 outside would own the settings of the kernel."""
    source = "from chainrule import sandbox\nfrom chainrule.model import Limits\n"
    source += "with sandbox.start(None, Limits()) as child:\n    child.connection.limit(60)\n"
    source += "    run = 'print(open(\"/proc/self/uid_map\").read())'\n"
    source += "    child.connection.request('run', run, on_output=lambda o: print(o['text']))\nsandbox.close()"
    command = [sys.executable, str(HERE / "ordinary.py"), "--root", *PROFILE, sys.executable, "-P", "-c", source]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(view.package()).parent)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    inner, outer, count = map(int, done.stdout.split())
    assert (inner, count) == (1000, 1)
    assert outer > namespaces.HOST_UID


def test_a_bwrap_of_somebody_elses_is_not_run(tmp_path):
    (tmp_path / "bwrap").write_text(f"#!/bin/sh\ntouch {tmp_path}/run\n")
    (tmp_path / "bwrap").chmod(0o755)
    source = "import sys\nfrom chainrule import sandbox\nfrom chainrule.model import Limits\n"
    source += "with sandbox.start(None, Limits()) as child: print(child.isolation)\nsandbox.close()"
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "PYTHONPATH": str(Path(view.package()).parent)}
    done = subprocess.run(
        [*PROFILE, sys.executable, "-P", "-c", source], env=environment, capture_output=True, text=True
    )
    assert done.stdout.startswith("B+ ("), done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("place", ["/tmp", "/home"])
def test_an_environment_below_a_folder_that_is_hidden_is_shown_alone(place, monkeypatch):
    """As many keep theirs: in their home, or below /tmp."""
    folder = Path(place, mark())
    try:
        (folder / "course/venv").mkdir(parents=True)
    except OSError:
        pytest.skip(f"we may not write to {place}")
    try:
        (folder / "course/graders").mkdir()
        (folder / "course/venv/pyvenv.cfg").touch()
        monkeypatch.setattr(sys, "prefix", str(folder / "course/venv"))
        listing = ["/bin/ls", "-A", place, str(folder), str(folder / "course"), str(folder / "course/venv")]
        done = subprocess.run([*bubblewrap.command(1 << 24, []), "--", *listing], capture_output=True, text=True)
    finally:
        subprocess.run(["rm", "-r", str(folder)], check=True)
    shown = {
        path.strip(":\n"): names.split()
        for path, _, names in (part.partition("\n") for part in done.stdout.split("\n\n"))
    }
    assert shown[str(folder)] == ["course"], done.stderr
    assert shown[str(folder / "course")] == ["venv"]
    assert shown[str(folder / "course/venv")] == ["pyvenv.cfg"]
    ways = {Path(path).parts[2] for path in view.prefixes() if path.startswith(f"{place}/")}
    assert set(shown[place]) <= {folder.name, "zygote", *ways}


# -- limits -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["fill(40, seconds=50)", "fill(40, nameless=True, seconds=50)"])
def test_who_fills_the_disk_is_ended_and_the_others_go_on(inside, source):
    greedy, other = inside.start(), inside.start()
    with pytest.raises(StudentCrashed):
        inside.run(greedy, FILL + source)
    greedy.exit_status()
    assert greedy.exit_reason == "disk"
    assert inside.run(other, FILL + "print(fill(15))") == "written"


def test_together_they_may_have_what_each_may(inside):
    """That all of them have more than one may is no reason to end one."""
    several = [inside.start() for _ in range(3)]
    assert [inside.run(child, FILL + "print(fill(15))") for child in several] == ["written"] * 3


def test_processes_are_counted_and_the_reason_said(inside):
    child = inside.start()
    with pytest.raises(StudentCrashed):
        inside.run(child, "import os, time\nfor _ in range(40):\n    if os.fork() == 0: time.sleep(60)\ntime.sleep(50)")
    child.exit_status()
    assert child.exit_reason == "processes"


def test_its_handle_reaches_it_from_outside(inside):
    """A process in a namespace of its own is signalled by the handle that its monitor sends."""
    child = inside.start()
    signal.pidfd_send_signal(child._handle, signal.SIGKILL)
    assert until(lambda: child.exit_status() == -signal.SIGKILL)


# -- endings ----------------------------------------------------------------------------------------------------

DAEMON = "import subprocess, sys\nsubprocess.Popen({})\nprint('started')"


def busy(inside):
    """A notebook that has started a process of its own; the word on that one's command line."""
    word = mark()
    child = inside.start()
    assert inside.run(child, DAEMON.format(SLEEPER.format(word))) == "started"
    assert until(lambda: marked(word))
    return child, word


def test_nothing_is_left_of_a_notebook(inside):
    child, word = busy(inside)
    assert len(inside.folders()) == 1
    child.close()
    assert not marked(word)
    assert until(lambda: not inside.folders())


def test_a_folder_that_is_hard_to_remove_is_removed(inside):
    child = inside.start()
    source = "import os\nos.makedirs('/'.join(['deep'] * 60))\nos.mkdir('shut', 0)\n"
    source += "for _ in range(1500):\n    os.mkdir('deeper')\n    os.chdir('deeper')\nprint('done')"
    assert inside.run(child, source) == "done"
    child.close()
    assert until(lambda: not inside.folders())


def test_processes_live_on_when_their_zygote_is_closed_and_nothing_stays_after_them():
    inside = Inside()
    child, word = busy(inside)
    processes = inside.processes()
    inside.zygote.close()
    assert inside.run(child, "print(2)") == "2"
    child.close()
    assert gone(processes)
    assert not marked(word)


@pytest.mark.parametrize("victim", ["bubblewrap", "zygote"])
def test_killing_what_is_shared_costs_no_running_notebook(victim):
    inside = Inside()
    child, word = busy(inside)
    processes = inside.processes()
    os.kill(inside.outer if victim == "bubblewrap" else inside.python, signal.SIGKILL)
    assert inside.run(child, "print(2)") == "2"
    inside.close()
    assert gone(processes)
    assert not marked(word)


def test_a_killed_monitor_takes_its_notebook_along_and_what_that_started_goes_with_the_next(inside):
    child, word = busy(inside)
    (monitor,) = inside.monitors()
    os.kill(monitor, signal.SIGKILL)
    assert until(child.was_lost)
    fresh = inside.start()
    assert inside.run(fresh, "print('fine')") == "fine"
    assert until(lambda: not marked(word))
    assert len(inside.folders()) == 1


def test_a_killed_monitor_leaves_nothing_in_the_end():
    inside = Inside()
    child, word = busy(inside)
    processes = inside.processes()
    os.kill(inside.monitors()[0], signal.SIGKILL)
    assert until(child.was_lost)
    inside.close()
    assert gone(processes)
    assert not marked(word)


def test_all_ends_with_who_started_it(tmp_path):
    """`kill -9` of the process that grades leaves nothing: no bubblewrap, no notebook, none that was starting."""
    word = mark()
    source = f"""
import pathlib, time
from chainrule import sandbox
from chainrule.model import Limits
from chainrule.sandbox.zygote import OwnZygote
child = sandbox.start(None, Limits())
child.connection.limit(30)
child.connection.request("run", "import subprocess, sys; subprocess.Popen({SLEEPER.format(word)})", on_output=print)
starting = OwnZygote(frozenset())
pathlib.Path({str(tmp_path / "ready")!r}).write_text(child.isolation)
time.sleep(100)
"""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(view.package()).parent)}
    owner = subprocess.Popen([*PROFILE, sys.executable, "-P", "-c", source], env=environment)
    assert until((tmp_path / "ready").exists, 120)
    assert (tmp_path / "ready").read_text().startswith("B+ (")
    assert until(lambda: marked(word))
    processes = below(owner.pid)
    assert len([words for words in processes.values() if words[0] == bubblewrap.PROGRAM]) >= 2
    owner.kill()
    owner.wait()
    assert gone(processes)
    assert not marked(word)


def test_one_that_hangs_while_it_starts_is_ended(monkeypatch):
    before = set(below(os.getpid()))
    zygote = OwnZygote(frozenset(), ALWAYS)
    assert until(lambda: any("-m" in words and "inside:" in " ".join(words) for words in below(os.getpid()).values()))
    processes = [pid for pid in below(os.getpid()) if pid not in before]
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    zygote.close()
    assert gone(processes)


def test_it_outlives_the_thread_that_started_it():
    """A thread of a server, say: whoever asks for the signal at its parent's death gets it when the thread ends."""
    found = []
    thread = threading.Thread(target=lambda: found.append(Inside()))
    thread.start()
    thread.join()
    (inside,) = found
    time.sleep(0.2)
    assert inside.run(inside.start(), "print('fine')") == "fine"
    inside.close()


# -- the promises of the other tests ----------------------------------------------------------------------------

NOT_IN_B = (
    "DataLoader or multiprocessing or the_disk_is or processes_are_counted or daemons_die or "
    "nothing_is_mounted_or_left"  # of /tmp and /dev/shm, or by the limits of a namespace: in B there are others
)


@pytest.mark.slow
@pytest.mark.parametrize("user", ["root", "ordinary user"])
@pytest.mark.parametrize("name", ["test_child.py", "test_work.py", "test_limits.py", "test_speed.py"])
def test_what_holds_elsewhere_holds_inside(as_ordinary_user, user, name):
    folder = Path("/tmp") / f"chainrule-tests-{os.getpid()}-{user.split()[0]}-{name}"
    root = HERE.parents[1]
    command = [*PROFILE, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={folder}"]
    command += [f"--rootdir={root}", "-c", str(root / "pyproject.toml"), "-k", f"not ({NOT_IN_B})", str(HERE / name)]
    if user == "root":
        if os.getuid() != 0:
            pytest.skip("we are not root")
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(view.package()).parent)}
        done = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, timeout=250)
    else:
        done = as_ordinary_user(*command)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert " passed" in done.stdout
