"""One submission from cells to points: each kind of trouble costs what it touched and nothing else."""

import contextlib
import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from tests.processes import mark, marked, until

from chainrule import grading
from chainrule.course import Course
from chainrule.model import Job, Limits
from chainrule.notebook import cells, intake
from chainrule.sandbox import zygote as zygotes
from chainrule.sandbox.tiers import STRONG


@pytest.fixture
def graded(small_course):
    """graded(line_grad=…, descend=…, …): grade the solution with these cells changed."""
    course = Course(small_course)

    def grade(limits=None, extra=(), **changed):
        notebook = intake.read_notebook(course.notebooks("lines")[0])
        for cell in notebook["cells"]:
            name = cells.grade_id(cell)
            if name in changed:
                cell["source"] = changed[name]
        notebook["cells"][1:1] = [
            {"cell_type": "code", "metadata": {}, "source": s, "outputs": [], "id": f"x{i}"}
            for i, s in enumerate(extra)
        ]
        exercises = cells.exercises(notebook, course.graders("lines"))
        job = Job("", "lines", "ada", "lines", notebook, exercises, None, limits or Limits())
        return grading.grade(job)

    yield grade
    grading.close()


def points(graded):
    return {result.exercise: result.points for result in graded.exercises}


def test_the_solution_has_all_points_and_an_executed_notebook(graded):
    result = graded()
    assert points(result) == {"line_grad": 8, "descend": 7}
    assert result.points == 15
    assert result.notes == ()
    outputs = [cell["outputs"] for cell in result.notebook["cells"] if cells.grade_id(cell) == "test_line_grad"]
    assert outputs[0][0]["text"].startswith("[")
    counts = [cell["execution_count"] for cell in result.notebook["cells"] if cell["cell_type"] == "code"]
    assert counts == [1, 2, 3, 4, 5]


def test_the_hidden_tests_are_never_sent_to_the_students_process(graded):
    spy = "import gc, inspect\nseen = [s for s in get_ipython().user_ns['In']]\nprint(seen)\n"
    result = graded(descend=spy)
    text = json.dumps(result.notebook["cells"])
    shown = next(cell for cell in result.notebook["cells"] if cells.grade_id(cell) == "descend")["outputs"]
    assert "print(line_grad" in json.dumps(shown)  # the visible check is there
    assert "grade(" not in json.dumps(shown)
    assert "canary-of-a-hidden-test" not in text


@pytest.mark.parametrize(
    ("source", "kind", "words"),
    [
        ("import os; os._exit(0)", "crashed", "ended the notebook's process (exit status 0)"),
        ("while True: pass", "timeout", "was stopped after 5 s"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "crashed", "ended the notebook's process"),
    ],
)
def test_a_cell_that_ends_the_process_costs_its_exercise_only(graded, source, kind, words):
    result = graded(limits=Limits(cell=5), line_grad=source)
    assert points(result) == {"line_grad": 0, "descend": 7}
    assert [note.kind for note in result.notes] == [kind]
    assert words in result.notes[0].message
    # A process chooses its status, perhaps by what it saw.
    assert "exit status" not in result.exercises[0].outcomes[0].message
    assert words.split(" (")[0] in result.exercises[0].outcomes[0].message


def test_too_much_memory_has_its_own_sentence(graded):
    hog = "import os, time\nfor _ in range(2): os.fork()\nkept = b'x' * (150 << 20)\ntime.sleep(30)"
    result = graded(limits=Limits(memory=256 << 20), line_grad=hog)
    assert points(result) == {"line_grad": 0, "descend": 7}
    assert "used more than 0.25 GiB of memory and was stopped" in result.notes[0].message
    assert "used more than 0.25 GiB of memory" in result.exercises[0].outcomes[0].message


WORD = mark()
WAIT = f"os.system('sleep 2; : {WORD}')"
CELL = f"import os\n{WAIT}"
IN_A_FORK = f"""
import os
waits, origin = True, os.getpid()
def descend(grad, w, lr, n):
    global waits
    if waits and os.getpid() != origin:
        waits = False
        {WAIT}
    for _ in range(n): w = w - lr * grad(w)
    return w
slope = "2 * u"
"""


@contextlib.contextmanager
def killed(level, time):
    """Meanwhile, when a process of WAIT is there for the n-th time, kills what is so far below the zygote on the way to
    it. Gives the list of what was killed."""
    (zygote,) = (zygote._process.pid for zygote in zygotes._zygotes if zygote.alive)
    pids = []

    def kill():
        for _ in range(time - 1):
            assert until(lambda: marked(WORD), 60)
            assert until(lambda: not marked(WORD), 60)
        assert until(lambda: marked(WORD), 60)
        way = [marked(WORD)[0]]
        while way[0] != zygote:
            way.insert(0, int(Path(f"/proc/{way[0]}/stat").read_text().rpartition(")")[2].split()[1]))
        pids.append(way[1 + level])
        os.kill(pids[0], signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    yield pids
    thread.join()


@pytest.mark.parametrize("level", [0, 1, 2], ids=["its monitor", "the root of its processes", "the process itself"])
@pytest.mark.parametrize(
    ("changes", "time"),
    [
        pytest.param({"extra": [CELL]}, 1, id="in a cell"),
        pytest.param({"extra": [CELL + "\nkept = 1", "os._exit(0)", "print(kept)"]}, 2, id="when a cell runs again"),
        pytest.param({"descend": IN_A_FORK}, 1, id="in its tests"),
    ],
)
def test_what_is_killed_from_outside_costs_the_student_nothing(graded, level, changes, time):
    """Such as by a machine without memory: the cell, or the tests, run again in a fresh process."""
    if level == 2 and not graded().isolation.startswith("A"):
        pytest.skip("below tier A the root is the process itself")
    graded()
    with killed(level, time) as pids:
        result = graded(**changes)
    assert pids
    assert points(result) == {"line_grad": 8, "descend": 7}
    assert [note.message for note in result.notes if "exit status 0" not in note.message] == []
    assert "NameError" not in json.dumps(result.notebook)


SLOW = "import numpy as np, time\ndef line_grad(phi, x, y):\n    time.sleep(0.7)\n    r = phi[0] + phi[1] * x - y\n"
SLOW += "    return np.array([2 * r.mean(), 2 * (r * x).mean()])"
LARGE = """
import numpy as np
def line_grad(phi, x, y):
    r = phi[0] + phi[1] * x - y
    if len(x) == 9:  # as in the first test; the second sends 5
        BREAK
    return np.array([2 * r.mean(), 2 * (r * x).mean()])
"""


FILL = "for n in range(40):\n    with open(f'f{n}', 'wb') as file: file.write(bytes(1 << 20))"
THREADS = "import threading, time\nfor _ in range(80): threading.Thread(target=time.sleep, args=(9,)).start()"
FORKS = "import os, time\nfor _ in range(80):\n    if os.fork() == 0: time.sleep(9); os._exit(0)\ntime.sleep(1)"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        pytest.param(FILL, ("20 MiB of files",), id="disk"),
        pytest.param(THREADS, ("40 processes",), id="threads"),
        pytest.param(FORKS, ("40 processes",), id="processes"),
        pytest.param("sum(range(10**12))", ("2 s of processor time",), id="processor"),
        pytest.param("import numpy as np\nnp.ones(1 << 44)", ("0.5 GiB of memory",), id="memory"),
    ],
)
def test_each_limit_has_its_own_sentence_whatever_keeps_it(graded, source, words):
    """In some tiers the system refuses, and the cell sees an error of its own; in others the process is stopped."""
    small = Limits(disk=20 << 20, processes=40, memory=512 << 20, cpu=2)
    result = graded(limits=small, line_grad=source)
    assert points(result) == {"line_grad": 0, "descend": 7}
    assert len(result.notes) == 1
    assert all(word in result.notes[0].message for word in words), result.notes
    assert any(word in result.exercises[0].outcomes[0].message for word in words)


def test_processor_time_that_is_used_up_ends_a_process_that_will_not_hear_of_it_and_it_is_not_run_again(graded):
    deaf = "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nsum(range(10**12))"
    begin = time.monotonic()
    result = graded(limits=Limits(cpu=1, cell=300), line_grad=deaf)
    assert "used more than 1 s of processor time and was stopped" in result.notes[0].message
    assert time.monotonic() - begin < 100  # 6 s of processor time, on a busy machine; 24 if it ran four times


def test_a_busy_machine_does_not_interrupt_a_cell_early(graded, monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (4.0 * (os.cpu_count() or 1),) * 3)
    result = graded(limits=Limits(cell=1), extra=["import time; time.sleep(2); print('to its', 'end')"])
    assert result.notes == ()
    assert "to its end" in json.dumps([cell.get("outputs") for cell in result.notebook["cells"]])
    assert points(result) == {"line_grad": 8, "descend": 7}


def test_how_long_a_hidden_test_may_take_is_a_limit_like_the_others(graded):
    slow = SLOW.replace("0.7", "5")
    result = graded(limits=Limits(test=0.5), line_grad=slow)
    assert "it ran for more than 0.5 s" in result.exercises[0].outcomes[0].message


def test_an_outcome_says_that_its_test_did_not_run_in_a_copy(graded):
    thread = "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()"
    result = graded(extra=[thread])
    outcomes = [outcome for exercise in result.exercises for outcome in exercise.outcomes]
    assert points(result) == {"line_grad": 8, "descend": 7}
    assert all("in the notebook's own process, not in a copy" in outcome.detail for outcome in outcomes)


def test_a_limit_broken_in_a_hidden_test_has_its_sentence_and_costs_that_test_only(graded):
    hog = "kept = [b'x' * (64 << 20) for _ in range(30)]"
    result = graded(limits=Limits(memory=256 << 20), line_grad=LARGE.replace("BREAK", hog))
    first, *others = result.exercises[0].outcomes
    assert first.message == "A call of your code used more than 0.25 GiB of memory and was stopped."
    assert [outcome.status.value for outcome in (first, *others)] == ["crashed", "passed"]
    assert points(result)["descend"] == 7
    assert [note.kind for note in result.notes] == ["crashed"]
    assert "a hidden test used more than 0.25 GiB of memory" in result.notes[0].message


def test_a_cell_that_kills_its_process_runs_a_few_times_and_costs_its_exercise(graded):
    killer = "import os, signal, time\ntime.sleep(0.2)\nos.kill(os.getpid(), signal.SIGKILL)"
    begin = time.monotonic()
    result = graded(line_grad=killer)
    assert points(result) == {"line_grad": 0, "descend": 7}
    assert [note.kind for note in result.notes] == ["crashed"]
    assert time.monotonic() - begin < 60


def test_the_result_says_what_jail_it_had(graded):
    assert graded().isolation.startswith(tuple(f"{tier} (" for tier in STRONG))


def test_earlier_cells_are_there_again_after_a_crash(graded):
    result = graded(extra=["import os\nos._exit(0)"])
    assert points(result) == {"line_grad": 8, "descend": 7}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def line_grad(:", "SyntaxError: invalid syntax (line 1)"),
        ("1 / 0\ndef line_grad(): pass", "Its cell stopped with ZeroDivisionError."),
    ],
)
def test_a_cell_that_raises_costs_its_exercise_and_says_why(graded, source, words):
    result = graded(line_grad=source)
    assert points(result) == {"line_grad": 0, "descend": 7}
    assert words in result.exercises[0].outcomes[0].message


def test_a_visible_check_that_fails_or_hangs_costs_nothing(graded):
    broken = (
        "def line_grad(phi, x, y):\n    if len(x) == 3:\n        while True: pass\n    r = phi[0] + phi[1] * x - y\n"
    )
    result = graded(limits=Limits(cell=2), line_grad=broken + "    return [2 * np.mean(r), 2 * np.mean(r * x)]")
    assert points(result) == {"line_grad": 8, "descend": 7}
    assert [note.kind for note in result.notes] == ["timeout"]


def test_warnings_on_stderr_cost_nothing(graded):
    noisy = "import sys, warnings\nwarnings.warn('careful')\nprint('stderr', file=sys.stderr)\n"
    solution = (
        "def line_grad(phi, x, y):\n    print('!', file=__import__('sys').stderr)\n    r = phi[0] + phi[1] * x - y\n"
    )
    result = graded(line_grad=noisy + solution + "    return [2 * np.mean(r), 2 * np.mean(r * x)]")
    assert points(result)["line_grad"] == 8


def test_a_flood_of_output_is_cut_with_a_word_about_it(graded):
    result = graded(limits=Limits(output=10_000), extra=["for i in range(100_000): print('spam')"])
    (flooded,) = [cell for cell in result.notebook["cells"] if cell.get("id") == "x0"]
    text = "".join(output["text"] for output in flooded["outputs"])
    assert len(text) < 11_000
    assert text.endswith("[the rest of this cell's output was dropped: it is too long]\n")


def test_cells_that_take_too_long_together_are_the_last_that_run(graded):
    """Each is within its own limit; what was defined before them still earns its points."""
    slow = ["import time", *(["time.sleep(4.1)"] * 3)]  # on a crowded machine the limit grows, up to eightfold
    result = graded(Limits(cells=0.5), extra=slow)
    assert [(note.kind, note.message) for note in result.notes] == [
        ("timeout", "The cells took more than 0.5 s together: no more were run.")
    ]
    shown = [cell["outputs"] for cell in result.notebook["cells"] if cell["cell_type"] == "code"]
    assert [bool(outputs and outputs[0]["output_type"] == "error") for outputs in shown[:4]] == [
        False,
        False,
        True,
        True,
    ]
    assert points(result) == {"line_grad": 0, "descend": 0}
    message = result.exercises[0].outcomes[0].message
    assert "Its cell was not run: the cells before it took more than 0.5 s together." in message


def test_running_earlier_cells_again_counts_as_their_time(graded):
    crash = ["import time; time.sleep(1.0)", "import os; os._exit(0)"]
    assert points(graded(Limits(cells=20.0), extra=crash)) == {"line_grad": 8, "descend": 7}
    assert points(graded(Limits(cells=0.2), extra=crash))["line_grad"] == 0


def test_a_notebook_full_of_pictures_is_cut_with_a_word_about_it(graded):
    """Two hundred pictures of a cell may have 4 MiB each: the outputs of a notebook have a bound of their own."""
    source = (
        "from IPython.display import Image, display\nfor _ in range(60): display(Image(b'x' * (2 << 20), format='png'))"
    )
    result = graded(extra=[source, source, "print('more')"])
    sizes = [len(json.dumps(cell["outputs"])) for cell in result.notebook["cells"] if cell["cell_type"] == "code"]
    assert 16 << 20 < sum(sizes) < 34 << 20
    assert "the rest of this notebook's outputs was dropped" in json.dumps(result.notebook)
    assert result.points == 15


def test_threads_do_not_stop_the_grading(graded):
    threads = "import threading, time\nthreading.Thread(target=time.sleep, args=(100,), daemon=True).start()"
    assert points(graded(extra=[threads])) == {"line_grad": 8, "descend": 7}


def test_a_students_cell_may_hold_any_words(graded):
    result = graded(extra=["### BEGIN HIDDEN TESTS\nx = 1", "### END SOLUTION\nassert x == 1"])
    assert points(result) == {"line_grad": 8, "descend": 7}
    assert all(not cell["outputs"] for cell in result.notebook["cells"] if cell.get("id") in ("x0", "x1"))


def test_grading_twice_gives_the_same(graded):
    first, second = graded(), graded()
    assert [r.outcomes[0].points for r in first.exercises] == [r.outcomes[0].points for r in second.exercises]


@pytest.mark.parametrize(
    "sabotage",
    [
        "import IPython.core.interactiveshell as i\ni.InteractiveShell.showtraceback = None",
        "import IPython.core.interactiveshell as i\ni.InteractiveShell.run_code = None",
        "import asyncio\nasyncio.BaseEventLoop.create_task = None",
        "import chainrule.worker.shell as s\ns._run = None",
    ],
)
def test_a_cell_that_fails_shows_it_even_if_the_shell_was_sabotaged(tmp_path: Path, sabotage: str) -> None:
    """nbgrader gives full marks to a test cell that shows no error."""
    document = {"metadata": {}, "nbformat": 4, "nbformat_minor": 5, "cells": []}
    for source in (sabotage, "assert 1 == 2"):
        document["cells"].append(
            {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None}
        )
    graded = grading.grade(Job("c", "a", "s", "n", document, ()))
    assert [output["output_type"] for output in graded.notebook["cells"][1]["outputs"]] == ["error"]
