"""Attacks that are submissions: what each student hands in, and what it deserves. The exercise attacked is `twice`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chainrule import grading
from chainrule.errors import SubmissionError
from chainrule.model import Graded, Job, Limits
from chainrule.notebook import cells, intake

WRONG = "def twice(x):\n    return 7.0\n"
RIGHT = "def twice(x):\n    return 2 * x\n"
EVIL = "print('evil-module')\ndef __getattr__(name): raise AttributeError('evil-module')\n"


@dataclass(frozen=True)
class Attack:
    """`twice` is the student's cell; `change` edits the notebook; `files` lie beside it; `raw` is done to its file.

    `deserves`: points for `twice` (of 3) and for the untouched `thrice` (of 3; None: the attack may spoil it). `in_process` is true where the attack
    forges the verdict, or reads the tests, if they run in the student's process as nbgrader has them: the control.
    `error` is part of why a submission cannot be graded, which costs nobody else anything.
    """

    name: str
    rows: tuple[int, ...]
    twice: str = WRONG
    change: Callable[[dict[str, Any]], object] | None = None
    files: dict[str, str | bytes] = field(default_factory=dict)
    raw: Callable[[Path, Path], object] | None = None
    deserves: tuple[float, float | None] = (0.0, 3.0)
    in_process: bool = False
    error: str = ""


def _cells(notebook: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("grade_id") == name]


def _edit(name: str, **changes: Any) -> Callable[[dict[str, Any]], object]:
    """Change fields of the cell `name`, or (with a capital) of its nbgrader metadata."""

    def change(notebook: dict[str, Any]) -> None:
        for cell in _cells(notebook, name):
            for key, value in changes.items():
                place = cell["metadata"]["nbgrader"] if key[0].isupper() else cell
                place[key.lower()] = value

    return change


def _delete(name: str) -> Callable[[dict[str, Any]], object]:
    def change(notebook: dict[str, Any]) -> None:
        notebook["cells"] = [cell for cell in notebook["cells"] if cell not in _cells(notebook, name)]

    return change


def _duplicate(name: str, source: str | None = None, first: bool = False) -> Callable[[dict[str, Any]], object]:
    def change(notebook: dict[str, Any]) -> None:
        (cell,) = _cells(notebook, name)
        copy = json.loads(json.dumps(cell)) | ({"source": source} if source is not None else {})
        copy["id"] = "copied"
        notebook["cells"].insert(notebook["cells"].index(cell) + (not first), copy)

    return change


def _swap(notebook: dict[str, Any]) -> None:
    """The test of `twice` takes the name of the test of `thrice`, and the other way round."""
    (one,), (other,) = _cells(notebook, "test_twice"), _cells(notebook, "test_thrice")
    one["metadata"]["nbgrader"]["grade_id"], other["metadata"]["nbgrader"]["grade_id"] = "test_thrice", "test_twice"


def _after(source: str) -> Callable[[dict[str, Any]], object]:
    """A cell of the student's own behind the attacked test."""

    def change(notebook: dict[str, Any]) -> None:
        at = notebook["cells"].index(_cells(notebook, "test_twice")[0]) + 1
        cell = {"cell_type": "code", "id": "own", "metadata": {}, "source": source, "outputs": []}
        notebook["cells"].insert(at, cell | {"execution_count": None})

    return change


def _link(path: Path, course: Path) -> None:
    (path.parent / "link.txt").symlink_to(course / "gradebook.db")
    (path.parent / "folder").symlink_to(course / "graders")


def _instead(make: Callable[[Path, Path], object]) -> Callable[[Path, Path], object]:
    def change(path: Path, course: Path) -> None:
        path.unlink()
        make(path, course)

    return change


FORGE = """
import os
import numpy as np
from chainrule.worker import wire
def twice(x):
    import gc
    from chainrule.worker.serve import Server
    server = next(thing for thing in gc.get_objects() if type(thing) is Server)
    for number in range(server.request, server.request + 50):
        os.write(server.sock.fileno(), {answer})
    return 7.0
"""

ATTACKS = [
    # -- reading the tests ----------------------------------------------------------------------------------------------
    Attack("history", (3,), "def twice(x):\n    print(In, _ih)\n    return float(In[-1].split(', ')[-1].rstrip(') '))", in_process=True),
    Attack(
        "frames",
        (4,),
        "import sys\ndef twice(x):\n    frame, seen = sys._getframe(), []\n    while frame:\n"
        "        seen.append(repr(frame.f_locals) + repr(list(frame.f_globals.values()))[:100_000])\n"
        "        frame = frame.f_back\n    print(seen)\n    open('/tmp/seen', 'a').write(repr(seen))\n    return 7.0",
        _after("print(open('/tmp/seen').read()[:100_000]) if 'x' == 'y' else None"),
        in_process=True,
    ),
    Attack(
        "objects",
        (5,),
        "import gc\nprint([text for thing in gc.get_objects() if type(thing) in (list, dict, tuple) for text in "
        "(thing.values() if type(thing) is dict else thing) if type(text) is str and 'nary-of-' in text][:100])\n" + WRONG,
    ),
    Attack(
        "files of the course",
        (1, 2),
        "import glob, os\nfor path in glob.glob('{course}/**', recursive=True) + glob.glob('../../**', recursive=True):\n"
        "    try: print(open(path, errors='replace').read()[:5000])\n    except OSError: pass\n" + WRONG,
    ),
    Attack("environment", (8,), "import os\nprint(dict(os.environ), open('/proc/self/environ').read())\n" + WRONG),
    # -- forging the verdict --------------------------------------------------------------------------------------------
    Attack(
        "input transformers",
        (14,),
        "get_ipython().input_transformers_cleanup.append(lambda lines: ['pass\\n'] if any('assert' in l for l in lines) else lines)\n"
        + WRONG,
        in_process=True,
    ),
    Attack(
        "syntax trees",
        (15,),
        "import ast\nclass Drop(ast.NodeTransformer):\n    def visit_Assert(self, node): return ast.Pass()\n"
        "    def visit_Expr(self, node): return ast.Pass()\nget_ipython().ast_transformers.append(Drop())\n" + WRONG,
        in_process=True,
    ),
    Attack(
        "patched numpy",
        (16,),
        "import numpy as np\nnp.testing.assert_allclose = np.allclose = np.isclose = np.array_equal = lambda *a, **k: True\n"
        "class T(float):\n    def __eq__(self, other): return True\ndef twice(x): return T(7)",
        in_process=True,
    ),
    Attack("patched checks", (16,), "from chainrule import check\nfrom chainrule.check import values\ncheck.close = values.close = lambda *a, **k: None\n" + WRONG),
    Attack("equals all", (17,), "class E:\n    def __eq__(self, other): return True\n    def __sub__(self, other): return 0.0\n    __rsub__ = __sub__\n    def __float__(self): return 0.0\n    def __abs__(self): return 0.0\n    def __array__(self, *a, **k): import numpy; return numpy.array(float('nan'))\ndef twice(x): return E()"),
    Attack("number that equals all", (17, 24), "class E(float):\n    def __eq__(self, other): return True\n    def __sub__(self, other): return 0.0\n    __rsub__ = __sub__\ndef twice(x): return E(7)"),
    Attack("array that equals all", (39,), "import numpy as np\nclass E(np.ndarray):\n    def __array_ufunc__(self, *a, **k): return np.array(True)\n    def __array_function__(self, *a, **k): return True\ndef twice(x): return np.asarray(7.0).view(E)"),
    Attack("display hook", (18,), "def twice(x):\n    get_ipython().displayhook(3)\n    return 7.0"),
    Attack("forged output", (19,), "from IPython.display import display\nget_ipython().displayhook(3)\ndisplay({'score': 3}, raw=True)\nprint('3.0')\n" + WRONG),
    Attack("no traceback", (20,), "class E(Exception):\n    def _render_traceback_(self): return None\ndef twice(x): raise E()"),
    Attack("exits", (21,), "def twice(x): raise SystemExit(0)"),
    Attack("ends the process", (22,), "import os\ndef twice(x): os._exit(0)"),
    Attack("ends the process in a cell", (22,), "import os\nos._exit(0)"),
    Attack("interrupts", (21,), "def twice(x): raise KeyboardInterrupt"),
    Attack("skips", (23,), "class Skipped(BaseException): pass\nSkipped.__module__ = 'pytest'\ndef twice(x): raise Skipped('skip')"),
    Attack("skips with pytest", (23,), "def twice(x):\n    import pytest\n    pytest.skip('skip', allow_module_level=True)"),
    Attack("expects to fail", (23,), "def twice(x):\n    import pytest\n    pytest.xfail('expected')"),
    Attack("ends the session", (23,), "def twice(x):\n    import pytest\n    pytest.exit('done', returncode=0)"),
    Attack("claims a failed check", (23,), "def twice(x):\n    from chainrule.check import Failed\n    raise Failed('passed')"),
    Attack("runs out of a generator", (23,), "def twice(x): raise StopIteration(2 * x)"),
    Attack(
        "rebinding thread",
        (24,),
        "import threading, time\nclass E(float):\n    def __eq__(self, other): return True\ndef rebind():\n    while True:\n"
        "        globals()['twice'] = lambda x: E(7)\n        time.sleep(0.001)\nthreading.Thread(target=rebind, daemon=True).start()\n" + WRONG,
    ),
    Attack("answers ahead", (36,), FORGE.format(answer="wire.encode([number, 'ok', 2 * x + 1, {}])"), deserves=(0.0, None)),
    Attack("verdict ahead", (36,), FORGE.format(answer="wire.encode({'test': 'test_at_zero', 'points': 3.0, 'status': 'passed', 'done': True})"), deserves=(0.0, None)),
    Attack("garbage ahead", (36,), FORGE.format(answer="b'\\xff' * 4096"), deserves=(0.0, None)),
    *(
        Attack(f"frame {number}", (36,), FORGE.format(answer=answer), deserves=(0.0, None))
        for number, answer in enumerate(
            [
                "wire.encode([np.arange(3), 'ok', 0.0, {}])",
                "wire.encode([number, np.arange(3), 0.0, {}])",
                "wire.encode([number, 'callback', [1], (), {}])",
                "wire.encode([number, 'callback', {}, (), {}])",
                "wire.encode([number, 'callback', 1, (x,), {}])",
                "wire.encode([number, 'output', {'output_type': 'stream', 'text': '3'}])",
                "wire.encode([number, 'error', {'types': [], 'text': '', 'line': None}, {}])",
                "wire.encode([number, 'error', {'types': ['SystemExit'], 'text': '', 'line': 10**30}, {}])",
                "wire.encode([number, 'ok', wire.Handle(-1, ''), {}])",
                "wire.encode([number, 'ok', wire.GlobalName('twice'), {}])",
                "wire.encode([number, 'ok', wire.Shipped('f', 'raise', ()), {}])",
                "wire.encode([number, 'ok', wire.Callback(1), {}])",
                "wire.encode([number, 'ok', 7.0, {'mutated': 5}])",
                "wire.encode([number, 'ok', 7.0, {'mutated': [{}], 'rng_touched': np.ones(2), 'printed': 10**30, 'text': 5}])",
                "wire.encode([number, 'ok', 7.0, {'mutated': [10**30]}])",
                "wire.encode([number, 'ok', 7.0, {'mutated': [None, [1]]}])",
                "wire.encode([number, 'ok', {(): {(): ()}}, {}])",
                "wire.encode([number, 'ok', np.zeros((0,) * 32), {}])",
                "wire.encode([number, 'ok', np.zeros((0, 1 << 39)), {}])",
                "b'\\0' * 8",
                "b'\\xff\\xff\\xff\\x7f' * 2",
            ]
        )
    ),
    Attack("pickle", (37,), "import os\nclass P:\n    def __reduce__(self): return (os.system, ('touch /tmp/attack-left-pickle',))\ndef twice(x): return P()"),
    Attack("not a number", (38,), "def twice(x): return float('nan')"),
    Attack("nothing", (38,), "def twice(x): return None"),
    Attack("empty", (38,), "import numpy as np\ndef twice(x): return np.zeros((0,))"),
    Attack("too many", (38,), "import numpy as np\ndef twice(x): return np.zeros((1, 5))"),
    Attack("words", (38,), "def twice(x): return 'passed'"),
    Attack("huge", (36, 38), "def twice(x): return 1 << 4_000_000"),
    Attack("deep", (36, 63), "def twice(x):\n    a = []\n    for _ in range(10**5): a = [a]\n    return a"),
    Attack("a function", (17,), "def twice(x): return lambda *a: True"),
    Attack("visible cases only", (35,), "def twice(x): return {0.0: 0.0, 1.0: 2.0}.get(x, 7.0)", deserves=(1.0, 3.0)),
    Attack("gradebook", (25,), "import sqlite3\nfor name in ('{course}/gradebook.db', 'gradebook.db', '../gradebook.db'):\n    try: sqlite3.connect(name).execute('UPDATE grade SET manual_score = 99').connection.commit()\n    except Exception as error: print(error)\n" + WRONG),
    Attack(
        "daemon",
        (26, 47),
        "import os, time\nif os.fork() == 0:\n    os.fork()\n    while True:\n        try: open('{course}/gradebook.db', 'ab').write(b'x')\n        except OSError: time.sleep(0.05)\n" + WRONG,
    ),
    Attack("print of 50 MB", (46,), "print('x' * (50 << 20))\n" + RIGHT, deserves=(3.0, 3.0)),
    Attack("exception of 30 MB", (46,), RIGHT, _after("raise ValueError('x' * (30 << 20))"), deserves=(3.0, 3.0)),
    Attack("print without end", (46,), RIGHT, _after("while True: print('x' * 1000)"), deserves=(3.0, 3.0)),
    # -- the notebook ---------------------------------------------------------------------------------------------------
    Attack("test deleted", (27,), change=_delete("test_twice")),
    Attack("solution deleted", (27,), change=_delete("twice")),
    Attack("test duplicated", (28,), change=_duplicate("test_twice", "pass")),
    Attack("test duplicated before", (28,), change=_duplicate("test_twice", "pass", first=True)),
    Attack("solution duplicated", (28,), RIGHT, change=_duplicate("twice", ""), deserves=(3.0, 3.0)),
    Attack("old metadata", (29,), change=_edit("test_twice", Schema_version=1)),
    Attack("test is a solution", (30,), change=_edit("test_twice", Solution=True, source="pass")),
    Attack("test is not graded", (30,), change=_edit("test_twice", Grade=False)),
    Attack("test edited", (31,), change=_edit("test_twice", source="pass")),
    Attack("names swapped", (31,), change=_swap, deserves=(0.0, 0.0)),
    Attack("points edited", (31,), change=_edit("test_thrice", Points=300)),
    Attack("test is a text", (31,), change=_edit("test_twice", cell_type="markdown")),
    Attack("outputs filled in", (32,), change=_edit("test_twice", outputs=[{"output_type": "execute_result", "data": {"text/plain": "3"}, "metadata": {}, "execution_count": 1}])),
    Attack("hostile kernel", (66,), RIGHT, change=lambda n: n["metadata"].update(kernelspec={"name": "../../evil", "display_name": "x", "argv": ["touch", "/tmp/attack-left-kernel"]}), deserves=(3.0, 3.0)),
    # -- files ----------------------------------------------------------------------------------------------------------
    Attack(
        "modules beside the notebook",
        (33,),
        RIGHT,
        files={name: EVIL for name in ("numpy.py", "sitecustomize.py", "usercustomize.py", "conftest.py", "chainrule.py", "pytest.py", "IPython.py", "test_twice.py", "json.py", "chainrule/__init__.py")}
        | {"pytest.ini": "[pytest]\naddopts = --co\n", ".ipython/profile_default/startup/evil.py": EVIL, "gradebook.db": "x"},
        deserves=(3.0, 3.0),
    ),
    Attack("pickle beside the notebook", (37,), RIGHT, files={"model.pt": b"cposix\nsystem\n(S'touch /tmp/attack-left-pickle'\ntR."}, deserves=(3.0, 3.0)),
    Attack("links beside the notebook", (57,), "import os\nfor path in ('link.txt', 'folder/t1/test_twice.py'):\n    try: print(open(path, errors='replace').read()[:9000])\n    except OSError as error: print(error)\n" + RIGHT, raw=_link, deserves=(3.0, 3.0)),
    Attack("pipe beside the notebook", (58,), RIGHT, raw=lambda path, _: os.mkfifo(path.parent / "data.csv"), deserves=(3.0, 3.0), error="named pipe"),
    Attack("name that is not text", (62,), RIGHT, raw=lambda path, _: Path(os.fsdecode(os.fsencode(path.parent) + b"/\xff\xfe.txt")).write_text("x"), deserves=(3.0, 3.0)),
    Attack("notebook is a link", (57,), raw=_instead(lambda path, course: path.symlink_to(course / "source/t1/t1.ipynb")), deserves=(0.0, 0.0)),
    Attack("notebook is a pipe", (58,), raw=_instead(lambda path, _: os.mkfifo(path)), deserves=(0.0, 0.0)),
    Attack("notebook is UTF-16", (62,), raw=lambda path, _: path.write_bytes(path.read_text().encode("utf-16")), deserves=(0.0, 0.0)),
    Attack("notebook is cut", (62,), raw=lambda path, _: path.write_bytes(path.read_bytes()[:900]), deserves=(0.0, 0.0)),
    Attack("notebook is deep", (63,), raw=lambda path, _: path.write_text("[" * 100_000), deserves=(0.0, 0.0)),
    Attack("notebook is large", (64,), raw=lambda path, _: os.truncate(path, 200 << 20), deserves=(0.0, 0.0)),
    Attack("surrogate", (65,), "text = '\ud800'\n" + RIGHT, deserves=(3.0, 3.0)),
]  # fmt: skip


def graded(course: Any, truth: dict[str, Any], path: Path) -> Graded | SubmissionError:
    """The result of a submission: taken in and graded as by `chainrule autograde`, without the gradebook."""
    try:
        notebook, notes = intake.merge(truth, intake.read_notebook(path))
    except SubmissionError as error:
        return error
    exercises = cells.exercises(notebook, course.root / "graders/t1")
    job = Job("tiny", "t1", path.parent.parent.name, "t1", notebook, exercises, path.parent, Limits(cell=10.0))
    result = grading.grade(job)
    return Graded(**{**vars(result), "notes": (*notes, *result.notes)})


def told(result: Graded | SubmissionError) -> str:
    """All that a student is told of a result: messages, and the notebook as it was run."""
    if isinstance(result, SubmissionError):
        return str(result)
    outcomes = [outcome for exercise in result.exercises for outcome in exercise.outcomes]
    texts = [f"{outcome.message} {outcome.misconception}" for outcome in outcomes]
    return "\n".join([*texts, json.dumps([vars(note) for note in result.notes]), json.dumps(result.notebook)])


def hand_in(course: Any, student: str, attack: Attack) -> Path:
    """Collect the submission of an attack; where its notebook lies."""
    course.submit(student, attack.change, twice=attack.twice.replace("{course}", str(course.root)))
    path: Path = course.root / "submitted" / student / "t1/t1.ipynb"
    for name, content in attack.files.items():
        (path.parent / name).parent.mkdir(parents=True, exist_ok=True)
        (path.parent / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    if attack.raw is not None:
        attack.raw(path, course.root)
    return path
