"""Ways by which a student's function may carry the hidden input that it is called with back to the student."""

from __future__ import annotations

FORGED = """
import contextlib
from chainrule.worker import serve
@contextlib.contextmanager
def observe(args, kwargs, facts):
    try:
        yield
    finally:
        facts.update({facts}, rng_touched=False, text='')
serve._observe = observe
def twice(x): return 7.0
"""
"""In place of what notes beside a call what it changed and printed."""
SPLIT = """
def digits(x):
    return [int(part) for part in str(float(x[0] if isinstance(x, list) else x)).split('.')]
"""
LINE = (
    SPLIT
    + """
def twice(x):
    exec(compile('\\n' * (digits(x)[{part}] - 1) + 'raise ValueError', twice.__code__.co_filename, 'exec'), {{}})
"""
)
"""Raises in a line, of a text that passes for the cell, whose number is a part of the input."""

LEAKS = {
    "print": "def twice(x):\n    print(x)\n    return 7.0",
    "standard error": (
        "import sys\ndef twice(x):\n    print(x, file=sys.stderr)\n    os.write(2, str(x).encode())\n    return 7.0"
    ),
    "display": "def twice(x):\n    display(x)\n    get_ipython().displayhook(x)\n    return 7.0",
    "warning": "import warnings\ndef twice(x):\n    warnings.warn(str(x))\n    return 7.0",
    "text of an exception": "def twice(x): raise ValueError(f'it was {x}')",
    "name of an exception": "def twice(x): raise type(f'E{x}', (Exception,), {})('no')",
    "undefined name": "def twice(x): raise NameError(f\"name 'twice' is not defined, it was {x}\")",
    "type of an object": "def twice(x): return type(f'E{x}', (), {})()",
    "type of an object in a list": "def twice(x): return [type(f'E{x}', (), {})()]",
    "shape": SPLIT + "import numpy as np\ndef twice(x): return np.zeros((*digits(x), 0))",
    "changed arguments by name": FORGED.format(facts="mutated=[str(args[0])], printed=0"),
    "changed arguments by number": SPLIT + FORGED.format(facts="mutated=[digits(args[0])[0] - 1], printed=0"),
    "printed characters": SPLIT + "def twice(x):\n    print('.' * digits(x)[0], end='')\n    return 7.0",
    "number of printed characters": SPLIT + FORGED.format(facts="mutated=[], printed=digits(args[0])[0]"),
    "line of an error": LINE.format(part=0),
    "line of an error, the fraction": LINE.format(part=1),
    "axes of a shape": SPLIT + "import numpy as np\ndef twice(x): return np.zeros([*map(int, str(digits(x)[0])), 0])",
    "number of results": SPLIT + "def twice(x): return [0.0] * digits(x)[0]",
    "constant ratio": SPLIT
    + "def twice(x): return [2.0 * v * digits(v)[0] for v in x] if isinstance(x, list) else 2 * x",
    "error of the next exercise": "def twice(x):\n    open('/tmp/seen', 'a').write(f'{x}\\n')\n    return 7.0",
    "print of the next exercise": "def twice(x):\n    open('/tmp/seen', 'a').write(f'{x}\\n')\n    return 7.0",
    "file for a later cell": "def twice(x):\n    open('/tmp/seen', 'a').write(f'{x}\\n')\n    return 7.0",
    "process for a later cell": (
        "import os, socket, threading\nours, theirs = socket.socketpair()\n"
        "def twice(x):\n    theirs.send(f'{x}\\n'.encode())\n    return 7.0"
    ),
    "thread": (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(30,), daemon=True).start()\nseen = []\n"
        "def twice(x):\n    seen.append(x)\n    return 7.0"
    ),
}
LATER = """
import os
if os.path.exists('/tmp/seen'): print(open('/tmp/seen').read())
if 'ours' in globals():
    ours.setblocking(False)
    try: print(ours.recv(1000))
    except BlockingIOError: pass
print(globals().get('seen'))
"""
"""Runs in a cell behind the hidden tests of `twice`."""
NEXT = {
    "error of the next exercise": "raise ValueError(open('/tmp/seen').read())",
    "print of the next exercise": "print(open('/tmp/seen').read())\ndef thrice(x): return 3 * x",
}
"""The cell of the exercise behind `twice`, for leaks that need it."""
RAISES = """
class E(Exception):
    def _render_traceback_(self):
        return ["Cell In[9], line 1"]
class V:
    def __eq__(self, other):
        raise {kind}(f"it compares with {{other!r}}")
def four(): return V()
"""
FOREIGN = {
    "forged traceback": RAISES.format(kind="E"),
    "known exception": RAISES.format(kind="ValueError"),
    "print by a comparison": (
        "class V:\n    def __eq__(self, other): print('it compares with', other)\ndef four(): return V()"
    ),
    "the source of the cell": (
        "def four():\n    cell = get_ipython().user_ns['In'][-1]\n"
        "    raise ValueError('it compares with ' + cell.split('four() == ')[-1])"
    ),
}
"""Answers to the exercise without a grader, whose hidden test runs beside them."""
