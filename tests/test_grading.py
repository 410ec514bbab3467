"""One submission from cells to points: each kind of trouble costs what it touched and nothing else."""

import contextlib
import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

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
    assert words.split(" (")[0] in result.exercises[0].outcomes[0].message


def test_too_much_memory_has_its_own_sentence(graded):
    hog = "import os, time\nfor _ in range(2): os.fork()\nkept = b'x' * (150 << 20)\ntime.sleep(30)"
    result = graded(limits=Limits(memory=256 << 20), line_grad=hog)
    assert points(result) == {"line_grad": 0, "descend": 7}
    assert "used more than 0.25 GiB of memory and was stopped" in result.notes[0].message
    assert "used more than 0.25 GiB of memory" in result.exercises[0].outcomes[0].message


SLOW = "import numpy as np, time\ndef line_grad(phi, x, y):\n    time.sleep(0.7)\n    r = phi[0] + phi[1] * x - y\n"
SLOW += "    return np.array([2 * r.mean(), 2 * (r * x).mean()])"


def children(pids):
    found = []
    for pid in pids:
        with contextlib.suppress(OSError):
            found += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    return found


class Killer(threading.Thread):
    """Kills the monitor (0), the root of the student's processes (1), the process itself (2) or its fork (3), once, as
    soon as there is something `deep` below the zygote: 3 is the process, which may run a cell, 4 its fork for tests."""

    def __init__(self, victim: int, deep: int) -> None:
        super().__init__(daemon=True)
        graded_by = [zygote for zygote in zygotes._zygotes if zygote.alive]
        self.zygote, self.victim, self.deep = graded_by[-1]._process.pid, victim, deep
        self.killed: list[int] = []
        self.start()

    def run(self):
        deadline = time.monotonic() + 60
        while not self.killed and time.monotonic() < deadline:
            levels = [children([self.zygote])]
            while levels[-1]:
                levels.append(children(levels[-1]))
            levels.pop()
            if len(levels) >= self.deep:
                time.sleep(0.3)  # in the middle of it
                self.killed = levels[min(self.victim, len(levels) - 1)]
                for pid in self.killed:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            time.sleep(0.002)


KILLS = [(0, 3), (1, 3), (2, 3), (0, 4), (1, 4), (2, 4), (3, 4)]
KILLED = ("its monitor", "the root of its processes", "the process itself", "its fork")


@pytest.mark.parametrize(
    ("victim", "deep"),
    [pytest.param(*kill, id=f"{KILLED[kill[0]]} {('in a cell', 'in a test')[kill[1] - 3]}") for kill in KILLS],
)
def test_what_is_killed_from_outside_costs_the_student_nothing(graded, victim, deep):
    """Such as by a machine without memory: the cell or the test runs again in a fresh process."""
    tier = graded().isolation.split()[0]
    if tier not in ("A", "A+"):  # there the root is the process itself
        victim, deep = max(0, victim - 1), deep - 1
    killer = Killer(victim, deep)
    result = graded(extra=["import time; time.sleep(1.5)"], line_grad=SLOW)
    killer.join()
    assert killer.killed
    assert points(result) == {"line_grad": 8, "descend": 7}
    assert result.notes == ()


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
    result = graded(limits=Limits(cell=1), extra=["import time; time.sleep(2)"])
    assert result.notes == ()
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
    assert time.monotonic() - begin < 20


def test_the_result_says_what_jail_it_had(graded):
    assert graded().isolation.startswith(tuple(f"{tier} (" for tier in STRONG))


def test_earlier_cells_are_there_again_after_a_crash(graded):
    result = graded(extra=["import os\nos._exit(0)"])
    assert points(result) == {"line_grad": 8, "descend": 7}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def line_grad(:", "SyntaxError: invalid syntax (line 1)"),
        ("1 / 0\ndef line_grad(): pass", "ZeroDivisionError: division by zero"),
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
    slow = ["import time", *(["time.sleep(1.1)"] * 3)]
    result = graded(Limits(cells=0.1), extra=slow)
    assert [(note.kind, note.message) for note in result.notes] == [
        ("timeout", "The cells took more than 0.1 s together: no more were run.")
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
    assert "Its cell was not run: the cells before it took more than 0.1 s together." in message


def test_running_earlier_cells_again_counts_as_their_time(graded):
    crash = ["import time; time.sleep(1.0)", "import os; os._exit(0)"]
    assert points(graded(Limits(cells=3.0), extra=crash)) == {"line_grad": 8, "descend": 7}
    assert points(graded(Limits(cells=0.5), extra=crash))["line_grad"] == 0


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
