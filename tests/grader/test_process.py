"""One exercise graded against a student's process: points by test, words by cause, faults of ours never a zero."""

import time
from pathlib import Path

import pytest

from chainrule.graderprocess import GraderProcess
from chainrule.model import Exercise, Job, Limits, Status
from chainrule.sandbox import start

CASES = Path(__file__).parents[1] / "cases" / "small"
RIGHT = """
import numpy as np
def line_grad(phi, x, y):
    r = phi[0] + phi[1] * x - y
    return np.array([2 * np.mean(r), 2 * np.mean(r * x)])
"""


@pytest.fixture(scope="module")
def process():
    process = GraderProcess(CASES)
    yield process
    process.close()


def grade(process, source, exercise="line_grad", points=8.0, student="s", missing=""):
    lines = source.count("\n") + 1
    found = Exercise(exercise, f"test_{exercise}", points, process.folder / f"test_{exercise}.py")
    with start(None, Limits()) as child:
        child.connection.limit(60)
        child.connection.request("run", source, on_output=lambda _: None)
        job = Job("c", "a", student, "n", {}, (found,))
        return process.grade(found, job, child.connection.sock, missing=missing, lines=lines)


def statuses(result):
    return [outcome.status.value for outcome in result.outcomes]


def test_a_right_solution_has_full_points_and_no_words(process):
    result = grade(process, RIGHT)
    assert (result.points, statuses(result), result.misconception) == (8.0, ["passed", "passed"], None)
    assert [outcome.message for outcome in result.outcomes] == ["", ""]


def test_a_misconception_is_named_and_keeps_the_points_of_what_it_has_right(process):
    result = grade(process, RIGHT.replace("2 * np.mean", "np.mean"))
    assert result.points == 3.0
    assert result.misconception == "Half the true gradient: d(u²) = 2u du."
    assert [outcome.misconception for outcome in result.outcomes] == [result.misconception, None]


def test_the_same_mistake_written_differently_is_the_same_mistake(process):
    other = "def line_grad(p, x, y):\n    e = y - (p[0] + p[1]*x)\n    return [2*sum(e)/len(x), 2*sum(e*x)/len(x)]"
    assert grade(process, other).misconception == "This points downhill; the gradient points uphill."


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return None", "returned None"),
        ("raise NotImplementedError()", "`line_grad` is not implemented yet."),
        ("return undefined", "Your `line_grad` raised NameError, line 2 of its cell."),
        ("return 'text'", "Expected numbers, got a str"),
        ("return object()", "got an object of type object"),
        ("return type('E31337', (), {})()", "Expected numbers, got an object of your own."),
        ("return (x for x in phi)", "got an object of type generator"),
        ("raise type('E31337', (ValueError,), {})", "raised an exception of your own (a kind of ValueError), line 2"),
        ("raise type('E31337', (Exception,), {})", "raised an exception of your own, line 2"),
        ("return np.linalg.inv(np.zeros((2, 2)))", "raised LinAlgError, line 2"),
        ("return np.ones((3, 1, 3, 3, 7))", "Expected shape (2,), got (…, …, …, …, …)"),
        ("return np.ones(31337)", "Expected shape (2,), got (more than 20,)"),
        ("exec(compile('\\n' * 8 + '1 / 0', line_grad.__code__.co_filename, 'exec'))", "raised ZeroDivisionError."),
        ("return np.ones(3)", "Expected shape (2,), got (3,)"),
        ("return [float('nan')] * 2", "NaN/inf"),
        ("x[:] = 0; return phi", "changed its argument `x`"),
        ("np.random.seed(0); return phi", "Use only the generator"),
        ("print('x' * 50_000); return phi", "printed more than 20000 characters"),
        ("import sys; sys.exit()", "raised SystemExit"),
        ("import pytest; pytest.skip('please')", "raised"),
    ],
)
def test_the_message_says_what_is_wrong(process, body, words):
    result = grade(process, f"def line_grad(phi, x, y):\n    {body}\nimport numpy as np")
    assert words in result.outcomes[0].message
    assert result.points == 0


def test_an_undefined_name_is_explained_by_its_cell(process):
    result = grade(process, "pass", missing="Its cell stopped with SyntaxError.")
    assert result.outcomes[0].message == "`line_grad` is not defined. Its cell stopped with SyntaxError."


def test_a_crash_costs_its_test_only(process):
    source = RIGHT.replace("    r =", "    if len(x) == 9: __import__('os')._exit(0)\n    r =", 1)
    result = grade(process, source)
    assert statuses(result) == ["crashed", "passed"]
    assert result.points == 3.0


def test_messages_show_nothing_of_the_hidden_test(process):
    source = "def line_grad(phi, x, y):\n    raise ValueError(f'{phi} {x}')"
    result = grade(process, source)
    for outcome in result.outcomes:
        assert outcome.message == "Your `line_grad` raised ValueError, line 2 of its cell."
        assert "canary" not in outcome.message
        assert "ValueError" in outcome.detail  # staff see it all


def test_an_object_that_equals_everything_does_not_pass(process):
    source = "class Yes:\n    def __eq__(self, o): return True\ndef line_grad(*a): return Yes()"
    assert grade(process, source).points == 0


def test_inputs_differ_between_students_and_repeat_for_one(process):
    # The fourth call has the student's own inputs; a wrong answer to it puts them into the words for staff.
    fourth = "    global count\n    count += 1\n    if count == 4:\n        return phi\n    r ="
    source = "count = 0\n" + RIGHT.replace("    r =", fourth, 1)
    ada, again, bob = (grade(process, source, student=name).outcomes[0].detail for name in ("ada", "ada", "bob"))
    assert ada == again != bob


def test_symbolic_answers_and_facts(process):
    good = (
        "import sympy as sp\ndef descend(grad, w, lr, n):\n    for _ in range(n): w = w - lr * grad(w)\n    return w\n"
    )
    assert grade(process, good + "slope = 2*sp.Symbol('u')", "descend", 7).points == 7
    assert grade(process, good + "slope = 'u + u'", "descend", 7).points == 7
    wrong = grade(process, good + "slope = sp.Derivative(sp.Symbol('u')**2)", "descend", 7)
    assert (wrong.points, wrong.misconception) == (5, "Enter the result, not the instruction.")
    up = grade(process, good.replace("w - lr", "w + lr") + "slope = 'u + u'", "descend", 7)
    assert up.misconception == "Plus is ascent: you moved from 5 away from the minimum."
    late = grade(process, good.replace("range(n)", "range(n + 1)") + "slope = 'u + u'", "descend", 7)
    assert late.misconception == "One step too many."


BROKEN = {
    "test_raises.py": """
from chainrule.grader import points

@points(2)
def test_a(student):
    {}["x"]

@points(1)
def test_b(student):
    assert student.f() == 1
""",
    "test_import.py": "import nothing_of_this_name",
    "test_unmarked.py": "def test_a(student): pass",
    "test_dies.py": """
import os
from chainrule.grader import points

@points(2)
def test_a(student):
    os._exit(1)
""",
    "test_much.py": """
from chainrule.grader import points

@points(2)
def test_a(student):
    kept = [student.much() for _ in range(100)]
    assert len(kept) == 100

@points(1)
def test_b(student):
    assert student.f() == 1
""",
    "test_late.py": """
from chainrule.grader import points

@points(2, seconds=1)
def test_a(student):
    student.hang()

@points(1)
def test_b(student):
    assert student.f() == 1
""",
    "test_shared.py": """
import pytest
from chainrule.grader import points

@pytest.fixture(scope="module")
def trained(shared_student):
    return shared_student.train()

@points(1)
def test_a(trained, rng):
    assert trained == 1

@points(1)
def test_b(trained, student):
    assert trained == 1
    assert student.count() == 0
""",
    "test_forks.py": """
from chainrule.grader import points

@points(1, seeds=1)
def test_first(student):
    assert student.count() == 0

@points(1, seeds=1)
def test_second(student):
    assert student.count() == 1

@points(1, seeds=1)
def test_alone(student):
    assert student.count() == 0

@points(1, seeds=1)
def test_after(student):
    assert student.count() == 1
""",
    "test_beside.py": """
import numpy as np
from chainrule import check
from chainrule.grader import helper, misconception, points

@misconception("Both dice show the same.", of="roll")
def roll(rng):
    yield from [rng.integers(1, 7)] * 2

def rolled(roll, seed):
    return [int(face) for face in roll(np.random.default_rng(seed))]

@points(1)
def test_dice(student):
    got = student.beside(helper(rolled), student.roll, 3)
    check.that(len(got) == 2 and got[0] != got[1], "Your dice are not two of their own.")
""",
    "test_helper.py": """
from chainrule import check
from chainrule.grader import helper, points
K = 3
def inner(x): return K * x
def loss(x): return A * inner(x)

@points(1)
def test_a(student):
    check.close(student.apply(helper(loss, A=2.0), 5.0), 30.0)

@points(1)
def test_b(student):
    net = student.Net(4)
    check.close(net.double(), 8.0)
    check.close(net(1.0), 5.0)
    check.close(student.value(net, "n"), 4)
    check.close(student.apply(student.f_of, 1.0), 7.0)
    result, (after,) = student.inplace("fill", [0, 0])
    assert after == [1, 1]
    result, text = student.printed("say")
    assert text == "hello\\n"
    assert student.has("Net") and not student.has("nothing")
""",
    "test_drain.py": """
from chainrule import check
from chainrule.grader import helper, misconception, points

@misconception("Take all of them.")
def only_one(queue):
    return [queue.pop()]

def probe(drain, n):
    class Queue(list):
        pass
    queue = Queue(range(n))
    return drain(queue), len(queue)

@points(1)
def test_all(student, rng):
    taken, left = student.beside(helper(probe), student.drain, 5)
    check.that(left == 0, "Some are left.")
""",
}


SWAYED = """
import os, sys
from chainrule.grader import points

@points(1)
def test_a(student):
    swaying = {"PYTEST_ADDOPTS", "CI", "BUILD_NUMBER"} & os.environ.keys()
    assert (swaying, sys.flags.optimize, sys.warnoptions, hash("a")) == (set(), 0, [], student.f())
"""


def test_what_the_environment_says_to_pytest_and_python_does_not_reach_a_grader(tmp_path, monkeypatch):
    """In CI pytest explains a difference at any length; `-O` takes asserts away: neither may change a grade."""
    variables = {"PYTEST_ADDOPTS": "-vv", "CI": "true", "BUILD_NUMBER": "7", "PYTHONOPTIMIZE": "1"}
    for name, value in (variables | {"PYTHONWARNINGS": "error", "PYTHONHASHSEED": "11"}).items():
        monkeypatch.setenv(name, value)
    (tmp_path / "test_swayed.py").write_text(SWAYED)
    process = GraderProcess(tmp_path)
    try:
        assert grade(process, "def f(): return hash('a')", "swayed", 1).points == 1.0
    finally:
        process.close()


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    folder = tmp_path_factory.mktemp("graders")
    for name, text in BROKEN.items():
        (folder / name).write_text(text)
    process = GraderProcess(folder)
    yield process
    process.close()


def test_an_exception_in_a_grader_leaves_the_exercise_ungraded(odd):
    result = grade(odd, "def f(): return 1", "raises", 3)
    assert statuses(result) == ["ungraded", "passed"]
    assert result.points is None
    assert "KeyError" in result.outcomes[0].detail
    assert "our side" in result.outcomes[0].message


@pytest.mark.parametrize(("exercise", "why"), [("import", "nothing_of_this_name"), ("unmarked", "needs its points")])
def test_a_grader_that_cannot_be_loaded_leaves_its_exercise_ungraded(odd, exercise, why):
    result = grade(odd, "pass", exercise, 4)
    assert result.points is None
    assert result.max_points == 4
    assert why in result.outcomes[0].detail


def test_a_helper_beside_the_code_gives_it_what_does_not_cross_and_is_replayed(odd):
    """A generator of random numbers goes in, an iterator comes out; the mistake is named from the same stream."""
    right = "def roll(rng):\n    yield int(rng.integers(1, 4))\n    yield int(rng.integers(4, 7))"
    wrong = "def roll(rng):\n    face = rng.integers(1, 7)\n    return [face, face]"
    assert grade(odd, right, "beside", 1).points == 1.0
    assert grade(odd, wrong, "beside", 1).misconception == "Both dice show the same."
    broken = grade(odd, "def roll(rng):\n    return 1 / 0", "beside", 1)
    assert "Your `roll` raised ZeroDivisionError" in broken.outcomes[0].message


def test_a_grader_that_dies_leaves_its_exercise_ungraded_and_the_next_is_graded(odd):
    assert grade(odd, "pass", "dies", 2).points is None
    assert grade(odd, "def f(): return 1", "raises", 3).outcomes[1].status is Status.PASSED


def test_a_call_that_hangs_is_stopped_in_its_time_and_costs_its_test(odd):
    begin = time.monotonic()
    result = grade(odd, "def f(): return 1\ndef hang():\n    while True: pass", "late", 3)
    assert statuses(result) == ["timeout", "passed"]
    assert result.outcomes[0].message == "Your `hang` was stopped: it ran for more than 1 s."
    assert time.monotonic() - begin < 60  # on a crowded machine its second is up to eight, and a grader takes its own


def test_answers_of_any_size_in_any_number_do_not_fill_the_graders_memory(odd):
    source = "import numpy as np\ndef f(): return 1\ndef much(): return np.zeros({})"
    assert statuses(grade(odd, source.format(1000), "much", 3)) == ["passed", "passed"]
    result = grade(odd, source.format(2 << 20), "much", 3)
    assert statuses(result) == ["failed", "passed"]
    assert result.outcomes[0].message == "What your `much` returned is too large or not data."
    assert "more data than it may send in all" in result.outcomes[0].detail


def test_a_training_is_paid_for_once(odd):
    source = "n = 0\ndef train():\n    global n; n += 1\n    return n\ndef count(): return n"
    assert grade(odd, source, "shared", 2).points == 2


COUNTER = """
import os
calls = 0
def count():
    global calls
    calls += 1
    return calls - 1
"""


def test_tests_share_a_fork_while_they_pass_and_a_failing_one_gets_its_own(odd):
    # What `count` returns tells how many tests ran in this fork before: the third passes only in a fork of its own,
    # which the fourth then shares.
    assert statuses(grade(odd, COUNTER, "forks", 4)) == ["passed"] * 4


def test_what_tests_do_in_a_fork_is_gone_for_the_cells_after_them(odd):
    exercise = Exercise("forks", "test_forks", 4.0, odd.folder / "test_forks.py")
    with start(None, Limits()) as child:
        child.connection.limit(60)
        child.connection.request("run", COUNTER, on_output=lambda _: None)
        job = Job("c", "a", "s", "n", {}, (exercise,))
        for _ in range(2):
            assert odd.grade(exercise, job, child.connection.sock, missing="").points == 4
        printed = []
        child.connection.request("run", "print(count())", on_output=printed.append)
        assert printed[0]["text"] == "0\n"


def test_a_process_that_dies_once_is_tried_again_and_one_that_dies_twice_is_the_students(odd):
    """Somebody else may have killed it (the machine ran out of memory): that costs no points."""
    once = COUNTER.replace(
        "    global",
        "    if not os.path.exists('died'):\n        open('died', 'w').close()\n        os._exit(1)\n    global",
    )
    assert statuses(grade(odd, once, "forks", 4)) == ["passed"] * 4
    always = COUNTER.replace("    global", "    os._exit(1)\n    global")
    assert statuses(grade(odd, always, "forks", 4)) == ["crashed"] * 4


def test_helpers_handles_and_declared_operations(odd):
    source = """
def apply(f, x): return f(x)
def f_of(x): return 7 * x
def fill(a): a[:] = [1, 1]
def say(): print("hello")
class Net:
    def __init__(self, n): self.n = n
    def double(self): return 2.0 * self.n
    def __call__(self, x): return x + self.n
"""
    result = grade(odd, source, "helper", 2)
    assert [outcome.detail for outcome in result.outcomes] == ["", ""]
    assert result.points == 2


def test_a_probe_beside_the_student_is_replayed_on_the_misconceptions(odd):
    """What is no data (here a queue of the probe's) is made where the student's code runs."""
    assert grade(odd, "def drain(queue): return [queue.pop() for _ in range(len(queue))]", "drain", 1).points == 1
    result = grade(odd, "def drain(q):\n    last = q[-1]\n    del q[-1]\n    return [last]", "drain", 1)
    assert (result.points, result.misconception) == (0, "Take all of them.")
    assert grade(odd, "def drain(q): raise NotImplementedError()", "drain", 1).outcomes[0].message.startswith("`drain`")
