"""Attacks by what a student's cells do: read the tests, forge the verdict, harm others."""

from __future__ import annotations

from tests.attacks.attack import LEFT, RIGHT, WRONG, Attack, after

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

ONE_HASH = """(lambda text: len(text).to_bytes(4, "little") + bytes(4) + text)(
            b'["list",[%d,"ok",["set",[%s]],["dict",[]]]]'
            % (number, b",".join(b'["int","%#x"]' % (key * (2**61 - 1)) for key in range(1, 90_000))))"""
"""An answer whose keys all have the hash 0: Python would take minutes to put them into a set."""

FORGERIES = [
    # reading the tests
    Attack(
        "history",
        (3,),
        ("def twice(x):\n    print(In, _ih)\n    return float(In[-1].split(', ')[-1].rstrip(') '))"),
        in_process=True,
    ),
    Attack(
        "frames",
        (4,),
        (
            "import sys\n"
            "def twice(x):\n"
            "    frame, seen = sys._getframe(), []\n"
            "    while frame:\n"
            "        seen.append(repr(frame.f_locals) + repr(list(frame.f_globals.values()))[:100_000])\n"
            "        frame = frame.f_back\n"
            "    print(seen)\n"
            "    open('/tmp/seen', 'a').write(repr(seen))\n"
            "    return 7.0"
        ),
        after("print(open('/tmp/seen').read()[:100_000]) if 'x' == 'y' else None"),
        in_process=True,
    ),
    Attack(
        "objects",
        (5,),
        (
            "import gc\n"
            "things = [thing for thing in gc.get_objects() if type(thing) in (list, dict, tuple)]\n"
            "texts = [text for t in things for text in (t.values() if type(t) is dict else t) if type(text) is str]\n"
            "print([text for text in texts if 'nary-of-' in text][:100])\n"
        )
        + WRONG,
    ),
    Attack(
        "files of the course",
        (1, 2),
        (
            "import glob, os\n"
            "for path in glob.glob('{course}/**', recursive=True) + glob.glob('../../**', recursive=True):\n"
            "    try: print(open(path, errors='replace').read()[:5000])\n"
            "    except OSError: pass\n"
        )
        + WRONG,
    ),
    Attack("environment", (8,), "import os\nprint(dict(os.environ), open('/proc/self/environ').read())\n" + WRONG),
    # forging the verdict
    Attack(
        "input transformers",
        (14,),
        (
            "def drop(lines): return ['pass\\n'] if any('assert' in line for line in lines) else lines\n"
            "get_ipython().input_transformers_cleanup.append(drop)\n"
        )
        + WRONG,
        in_process=True,
    ),
    Attack(
        "syntax trees",
        (15,),
        (
            "import ast\n"
            "class Drop(ast.NodeTransformer):\n"
            "    def visit_Assert(self, node): return ast.Pass()\n"
            "    def visit_Expr(self, node): return ast.Pass()\n"
            "get_ipython().ast_transformers.append(Drop())\n"
        )
        + WRONG,
        in_process=True,
    ),
    Attack(
        "patched numpy",
        (16,),
        (
            "import numpy as np\n"
            "np.testing.assert_allclose = np.allclose = np.isclose = np.array_equal = lambda *a, **k: True\n"
            "class T(float):\n"
            "    def __eq__(self, other): return True\n"
            "def twice(x): return T(7)"
        ),
        in_process=True,
    ),
    Attack(
        "patched checks",
        (16,),
        (
            "from chainrule import check\n"
            "from chainrule.check import values\n"
            "check.close = values.close = lambda *a, **k: None\n"
        )
        + WRONG,
    ),
    Attack(
        "equals all",
        (17,),
        (
            "class E:\n"
            "    def __eq__(self, other): return True\n"
            "    def __sub__(self, other): return 0.0\n"
            "    __rsub__ = __sub__\n"
            "    def __float__(self): return 0.0\n"
            "    def __abs__(self): return 0.0\n"
            "    def __array__(self, *a, **k): import numpy; return numpy.array(float('nan'))\n"
            "def twice(x): return E()"
        ),
    ),
    Attack(
        "number that equals all",
        (17, 24),
        (
            "class E(float):\n"
            "    def __eq__(self, other): return True\n"
            "    def __sub__(self, other): return 0.0\n"
            "    __rsub__ = __sub__\n"
            "def twice(x): return E(7)"
        ),
    ),
    Attack(
        "array that equals all",
        (39,),
        (
            "import numpy as np\n"
            "class E(np.ndarray):\n"
            "    def __array_ufunc__(self, *a, **k): return np.array(True)\n"
            "    def __array_function__(self, *a, **k): return True\n"
            "def twice(x): return np.asarray(7.0).view(E)"
        ),
    ),
    Attack("display hook", (18,), "def twice(x):\n    get_ipython().displayhook(3)\n    return 7.0"),
    Attack(
        "forged output",
        (19,),
        (
            "from IPython.display import display\n"
            "get_ipython().displayhook(3)\n"
            "display({'score': 3}, raw=True)\n"
            "print('3.0')\n"
        )
        + WRONG,
    ),
    Attack(
        "no traceback",
        (20,),
        ("class E(Exception):\n    def _render_traceback_(self): return None\ndef twice(x): raise E()"),
    ),
    Attack("exits", (21,), "def twice(x): raise SystemExit(0)"),
    Attack("ends the process", (22,), "import os\ndef twice(x): os._exit(0)"),
    Attack("ends the process in a cell", (22,), "import os\nos._exit(0)"),
    Attack("interrupts", (21,), "def twice(x): raise KeyboardInterrupt"),
    Attack(
        "skips",
        (23,),
        ("class Skipped(BaseException): pass\nSkipped.__module__ = 'pytest'\ndef twice(x): raise Skipped('skip')"),
    ),
    Attack(
        "skips with pytest",
        (23,),
        ("def twice(x):\n    import pytest\n    pytest.skip('skip', allow_module_level=True)"),
    ),
    Attack("expects to fail", (23,), "def twice(x):\n    import pytest\n    pytest.xfail('expected')"),
    Attack("ends the session", (23,), "def twice(x):\n    import pytest\n    pytest.exit('done', returncode=0)"),
    Attack(
        "claims a failed check",
        (23,),
        ("def twice(x):\n    from chainrule.check import Failed\n    raise Failed('passed')"),
    ),
    Attack("runs out of a generator", (23,), "def twice(x): raise StopIteration(2 * x)"),
    Attack(
        "rebinding thread",
        (24,),
        (
            "import threading, time\n"
            "class E(float):\n"
            "    def __eq__(self, other): return True\n"
            "def rebind():\n"
            "    while True:\n"
            "        globals()['twice'] = lambda x: E(7)\n"
            "        time.sleep(0.001)\n"
            "threading.Thread(target=rebind, daemon=True).start()\n"
        )
        + WRONG,
    ),
    Attack(
        "answers ahead", (36,), FORGE.format(answer="wire.encode([number, 'ok', 2 * x + 1, {}])"), deserves=(0.0, None)
    ),
    Attack(
        "verdict ahead",
        (36,),
        FORGE.format(answer="wire.encode({'test': 'test_at_zero', 'points': 3.0, 'status': 'passed', 'done': True})"),
        deserves=(0.0, None),
    ),
    Attack("keys of one hash", (36, 56), FORGE.format(answer=ONE_HASH), deserves=(0.0, None)),
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
                "wire.encode([number, 'ok', 7.0, {'mutated': [{}], 'rng_touched': np.ones(2), 'text': 5}])",
                "wire.encode([number, 'ok', 7.0, {'printed': 10**30, 'text': 5}])",
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
    Attack(
        "pickle",
        (37,),
        (
            "import os\n"
            "class P:\n"
            f"    def __reduce__(self): return (os.system, ('touch {LEFT}-pickle',))\n"
            "def twice(x): return P()"
        ),
    ),
    Attack("not a number", (38,), "def twice(x): return float('nan')"),
    Attack("nothing", (38,), "def twice(x): return None"),
    Attack("empty", (38,), "import numpy as np\ndef twice(x): return np.zeros((0,))"),
    Attack("too many", (38,), "import numpy as np\ndef twice(x): return np.zeros((1, 5))"),
    Attack("words", (38,), "def twice(x): return 'passed'"),
    Attack("huge", (36, 38), "def twice(x): return 1 << 4_000_000"),
    Attack("deep", (36, 63), "def twice(x):\n    a = []\n    for _ in range(10**5): a = [a]\n    return a"),
    Attack("a function", (17,), "def twice(x): return lambda *a: True"),
    Attack("visible cases only", (35,), "def twice(x): return {0.0: 0.0, 1.0: 2.0}.get(x, 7.0)", deserves=(1.0, 3.0)),
    Attack(
        "gradebook",
        (25,),
        (
            "import sqlite3\n"
            "for name in ('{course}/gradebook.db', 'gradebook.db', '../gradebook.db'):\n"
            "    try: sqlite3.connect(name).execute('UPDATE grade SET manual_score = 99').connection.commit()\n"
            "    except Exception as error: print(error)\n"
        )
        + WRONG,
    ),
    Attack(
        "daemon",
        (26, 47),
        (
            "import os, time\n"
            "if os.fork() == 0:\n"
            "    os.fork()\n"
            "    while True:\n"
            "        try: open('{course}/gradebook.db', 'ab').write(b'x')\n"
            "        except OSError: time.sleep(0.05)\n"
        )
        + WRONG,
    ),
    Attack("print of 50 MB", (46,), "print('x' * (50 << 20))\n" + RIGHT, deserves=(3.0, 3.0)),
    Attack("exception of 30 MB", (46,), RIGHT, after("raise ValueError('x' * (30 << 20))"), deserves=(3.0, 3.0)),
    Attack("print without end", (46,), RIGHT, after("while True: print('x' * 1000)"), deserves=(3.0, 3.0)),
]
