"""One submission from cells to points: each kind of trouble costs what it touched and nothing else."""

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
    # A process chooses its status, perhaps by what it saw.
    assert "exit status" not in result.exercises[0].outcomes[0].message
    assert words.split(" (")[0] in result.exercises[0].outcomes[0].message


def test_too_much_memory_has_its_own_sentence(graded):
    hog = "import os, time\nfor _ in range(2): os.fork()\nkept = b'x' * (150 << 20)\ntime.sleep(30)"
    result = graded(limits=Limits(memory=256 << 20), line_grad=hog)
    assert points(result) == {"line_grad": 0, "descend": 7}
    assert "used more than 0.25 GiB of memory and was stopped" in result.notes[0].message
    assert "used more than 0.25 GiB of memory" in result.exercises[0].outcomes[0].message


@pytest.mark.parametrize("below", [0, 1, 2], ids=["its monitor", "the root of its processes", "the process itself"])
def test_what_is_killed_from_outside_costs_the_student_nothing(graded, below):
    """Such as by a machine without memory: the cell runs again in a fresh process."""
    graded()
    (found,) = (zygote for zygote in zygotes._zygotes if zygote.alive)
    killed = []

    def children(pids):
        return [child for pid in pids for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def kill():
        pids = children([found._process.pid])
        for _ in range(below):
            pids = children(pids) or pids  # below tier A the root is the process itself
        killed.extend(pids)
        for pid in pids:
            os.kill(int(pid), signal.SIGKILL)

    timer = threading.Timer(1.0, kill)
    timer.start()
    result = graded(extra=["import time; time.sleep(2.5)"])
    timer.join()
    assert killed
    assert points(result) == {"line_grad": 8, "descend": 7}
    assert result.notes == ()


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
