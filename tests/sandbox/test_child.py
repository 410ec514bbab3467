"""A student's process: what it can be asked, what it cannot do to us, and that nothing of it is left."""

import ast
import os
import pickle
import signal
import socket
import stat
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from tests.processes import SLEEPER, mark, marked, until

from chainrule.errors import FileNotPlaced, GraderError, StudentCrashed, StudentProtocolError, StudentTimeout
from chainrule.model import Limits
from chainrule.sandbox import start
from chainrule.sandbox import zygote as zygotes
from chainrule.sandbox.connection import Connection, crowding
from chainrule.worker import wire

SOCKET, FILE = oct(stat.S_IFSOCK), oct(stat.S_IFREG)


@pytest.fixture
def child():
    with start(None, Limits()) as child:
        child.connection.limit(60)
        yield child


def run(child, source):
    outputs = []
    child.connection.request("run", source, on_output=outputs.append)
    return outputs


def text(outputs):
    return "".join(output["text"] for output in outputs if output["output_type"] == "stream")


def call(connection, name, *args, **options):
    return connection.request("call", wire.GlobalName(name), None, list(args), {}, **options)


@pytest.mark.parametrize("delay", [0.0, 0.1])
def test_who_is_killed_while_it_starts_or_gets_its_files_is_replaced(tmp_path, delay):
    """Killed once, from outside: at once, or some time after its monitor is there."""
    with (tmp_path / "large").open("wb") as file:
        file.truncate(300 << 20)
    start(None, Limits()).close()
    zygote = zygotes.zygote()._process.pid
    killed = []

    def kill():
        path = Path(f"/proc/{zygote}/task/{zygote}/children")
        assert until(lambda: path.read_text().split())
        time.sleep(delay)
        killed.extend(map(int, path.read_text().split()))
        for pid in killed:
            os.kill(pid, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    with start(tmp_path, Limits()) as child:
        in_time = bool(killed)
        thread.join()
        assert in_time or delay  # a quick machine may have them all by then
        child.connection.limit(60)
        if in_time:
            assert text(run(child, "import os\nprint(os.path.getsize('large'))")).strip() == str(300 << 20)


def test_cells_run_as_in_jupyter(child):
    outputs = run(child, "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nprint('out')\n1 + 1")
    kinds = [output["output_type"] for output in outputs]
    assert "stream" in kinds
    result = next(output for output in outputs if output["output_type"] == "execute_result")
    assert result["data"]["text/plain"] == "2"
    figure = next(output for output in outputs if "image/png" in output.get("data", {}))
    assert figure["data"]["image/png"].startswith("iVBOR")
    assert text(run(child, "!echo from the shell")).strip() == "from the shell"
    assert text(run(child, "import asyncio\nawait asyncio.sleep(0)\nprint('awaited')")) == "awaited\n"


def test_input_is_refused_with_a_clear_error(child):
    (error,) = run(child, "input('name? ')")
    assert error["ename"] == "StdinNotImplementedError"
    assert "Remove it" in error["evalue"]


def test_a_long_print_loop_arrives_whole_and_in_few_pieces(child):
    outputs = run(child, "for i in range(20_000): print(i)")
    assert text(outputs).split() == [str(i) for i in range(20_000)]
    assert len(outputs) < 200


def test_one_print_of_any_length_does_not_end_its_cell(child):
    outputs = run(child, "print('x' * 9_000_000)\n1 + 1")
    assert len(text(outputs)) == 9_000_001
    assert outputs[-1]["output_type"] == "execute_result"


def test_the_environment_is_empty_of_ours(child, monkeypatch):
    seen = text(run(child, "import os; print(sorted(os.environ))"))
    assert "VIRTUAL_ENV" not in seen
    assert "SECRET" not in seen


def test_the_process_inherits_no_secret(monkeypatch):
    monkeypatch.setenv("CHAINRULE_SECRET", "canary")
    with start(None, Limits()) as child:
        child.connection.limit(60)
        assert "canary" not in text(run(child, "import os; print(os.environ)"))


def test_files_lie_beside_the_code_and_links_do_not(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text("hello")
    (tmp_path / "link.txt").symlink_to("/etc/hostname")
    (tmp_path / "folder").symlink_to("/etc")
    (tmp_path / "x.ipynb").write_text("{}")
    with start(tmp_path, Limits()) as child:
        child.connection.limit(60)
        assert text(run(child, "print(open('data/a.txt').read())")) == "hello\n"
        assert text(run(child, "import os; print(sorted(os.listdir()))")) == "['data']\n"
        run(child, "open('data/a.txt', 'w').write('changed')")
    assert (tmp_path / "data" / "a.txt").read_text() == "hello"


def test_a_file_that_does_not_arrive_whole_is_an_error_with_its_name_and_the_limit(tmp_path):
    """It was cut without a word: then cells fail that read it, and that would cost points."""
    (tmp_path / "data.bin").write_bytes(b"x" * (30 << 20))
    with pytest.raises(FileNotPlaced, match=r"data\.bin.*20\.0 MiB of disk.*c\.Limits\.disk") as caught:
        start(tmp_path, Limits(disk=20 << 20))
    again = pickle.loads(pickle.dumps(caught.value))  # it comes from a worker
    assert (again.name, str(again)) == ("data.bin", str(caught.value))


def test_calls_bring_data_and_what_else_they_did(child):
    run(child, "import numpy as np\ndef f(x):\n    print('noise'); x[0] = 9; np.random.rand(); return x.sum()")
    reply = call(child.connection, "f", np.zeros(3))
    assert reply.value == 9.0
    assert reply.facts == {"mutated": [0], "rng_touched": True, "printed": 6, "text": "noise\n"}


def test_callbacks_run_here_and_their_errors_arrive_there(child):
    run(child, "def twice(f, x):\n    try: return f(f(x))\n    except ZeroDivisionError: return 'caught'")
    assert call(child.connection, "twice", wire.Callback(1), 3.0, callbacks={1: lambda x: 10 * x}).value == 300.0
    assert call(child.connection, "twice", wire.Callback(1), 3.0, callbacks={1: lambda x: x / 0}).value == "caught"


def test_an_exception_is_an_answer(child):
    run(
        child,
        "def f():\n    raise KeyError('k')\ndef g():\n    raise SystemExit\ndef h():\n    raise KeyboardInterrupt",
    )
    assert call(child.connection, "f").error["types"][0] == "KeyError"
    assert call(child.connection, "f").error["line"] == 2
    assert call(child.connection, "g").error["types"][0] == "SystemExit"
    assert call(child.connection, "h").error["types"][0] == "KeyboardInterrupt"


def test_a_fork_cannot_disturb_its_origin_nor_another_fork(child):
    run(child, "x = [1]\ndef add():\n    x.append(2); return len(x)")
    for _ in range(3):
        with child.connection.forked() as fork:
            fork.limit(10)
            assert call(fork, "add").value == 2
    assert call(child.connection, "add").value == 2


def test_a_fork_that_dies_or_hangs_costs_only_itself(child):
    run(child, "import os\ndef die(): os._exit(3)\ndef hang():\n    while True: pass\ndef fine(): return 1")
    with child.connection.forked() as fork:
        fork.limit(10)
        with pytest.raises(StudentCrashed):
            call(fork, "die")
    with child.connection.forked() as fork:
        fork.limit(0.3)
        with pytest.raises(StudentTimeout):
            call(fork, "hang")
    child.connection.limit(10)
    assert call(child.connection, "fine").value == 1


def test_where_a_fork_is_unsafe_the_process_itself_answers(child):
    run(child, "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()")
    with child.connection.forked() as fork:
        assert fork is child.connection


def test_a_reply_written_ahead_is_a_protocol_error(child):
    run(child, "import os, socket\nfrom chainrule.worker import wire\n")
    run(
        child,
        "def forge():\n"
        "    links = {int(f): os.readlink(f'/proc/self/fd/{f}') for f in os.listdir('/proc/self/fd')\n"
        "             if os.path.islink(f'/proc/self/fd/{f}')}\n"
        "    for fd in [f for f, link in links.items() if link.startswith('socket')]:\n"
        "        os.write(fd, wire.encode([99, 'ok', 1.0, {}]))\n"
        "    return 0.0",
    )
    with pytest.raises(StudentProtocolError, match="out of turn"):
        call(child.connection, "forge")
    with pytest.raises(StudentProtocolError):  # and the connection stays closed
        call(child.connection, "forge")


def test_a_result_that_is_too_large_is_not_swallowed(child):
    run(child, "def big():\n    return list(range(300_000))")
    reply = call(child.connection, "big")
    assert reply.error is not None


def test_what_a_grader_cannot_send_is_the_graders_fault(child):
    run(child, "def f(x): return x")
    with pytest.raises(GraderError, match="cannot be sent"):
        call(child.connection, "f", object())


def test_nothing_is_left_after_close():
    child = start(None, Limits())
    child.connection.limit(60)
    word = mark()
    run(child, f"import subprocess, sys; p = subprocess.Popen({SLEEPER.format(word)})")
    assert until(lambda: marked(word))  # its arguments can be read a moment after it has started
    child.close()
    assert not marked(word)
    assert child.folder is None or not child.folder.exists()


def test_no_file_of_the_zygote_is_open_in_a_student_process():
    """Nor free for another file: a library may close a number that it opened in the zygote (matplotlib's fonts did)."""
    with start(None, Limits(), libraries=["matplotlib"]) as child:
        child.connection.limit(60)
        outputs = run(
            child,
            "import os, stat\n"
            "def kind(n):\n"
            "    try:\n"
            "        mode = os.fstat(n).st_mode\n"
            "    except OSError:\n"
            "        return ''\n"
            "    return 'null' if os.fstat(n).st_rdev == os.makedev(1, 3) else oct(stat.S_IFMT(mode))\n"
            "print({n: kind(n) for n in range(256) if kind(n) not in ('', 'null')})",
        )
        kinds = ast.literal_eval(text(outputs))
        assert kinds.pop(3) == SOCKET
        # The shell's own: files to print into, and what its event loop sleeps on and wakes itself with.
        assert kinds.pop(1) == kinds.pop(2) == FILE
        assert sorted(kinds.values()) in ([], ["0o0", SOCKET, SOCKET])


def test_a_hundred_labels_with_formulas_leave_the_connection_alone():
    """More than matplotlib keeps parsed: what it drops must not close a file that another of its fonts uses."""
    with start(None, Limits(), libraries=["matplotlib"]) as child:
        child.connection.limit(120)
        outputs = run(
            child,
            "import gc, io\nimport matplotlib.pyplot as plt\n"
            "fig, ax = plt.subplots(figsize=(9, 9))\n"
            "for k in range(100):\n"
            "    ax.text(k / 100, k / 100, rf'$\\hat x_{{{k}}}$ and text')\n"
            "ax.loglog([1, 100], [1, 100])\n"
            "for _ in range(3):\n"
            "    fig.savefig(io.BytesIO()); gc.collect()\n"
            "plt.close(); print('drawn')",
        )
        assert text(outputs) == "drawn\n"
        assert child.connection.request("has", "fig")


@pytest.mark.parametrize(
    ("load", "cores", "factor"), [(0.0, 2, 1.0), (2.0, 2, 1.0), (5.0, 2, 2.5), (5.0, 8, 1.0), (99.0, 2, 8.0)]
)
def test_limits_grow_with_what_each_core_has_to_do(load, cores, factor):
    assert crowding(load, cores) == factor


def test_requests_have_more_time_on_a_crowded_machine(monkeypatch):
    """Three runnable processes for each core: three times the seconds."""
    monkeypatch.setattr(os, "getloadavg", lambda: (3.0 * os.cpu_count(), 0.0, 0.0))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection, begin = Connection(ours), time.monotonic()
        connection.limit(10)
        assert begin + 30 <= connection.deadline <= time.monotonic() + 30
