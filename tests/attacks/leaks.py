"""Ways by which a student's function may carry the hidden input that it is called with back to the student."""

from __future__ import annotations

FRAME = """
import os
from chainrule.worker import wire
def twice(x):
    import gc
    from chainrule.worker.serve import Server
    server = next(thing for thing in gc.get_objects() if type(thing) is Server)
    os.write(server.sock.fileno(), wire.encode([server.request, *{answer}]))
    return 7.0
"""
SPLIT = "def digits(x): return [int(part) for part in str(float(x)).split('.')]\n"

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
    "changed arguments": FRAME.format(answer="('ok', 7.0, {'mutated': [str(x)]})"),
    "printed characters": SPLIT + FRAME.format(answer="('ok', 7.0, {'printed': digits(x)[0]})"),
    "line of an error": SPLIT
    + FRAME.format(answer="('error', {'types': ['ValueError'], 'text': '', 'line': digits(x)[0]}, {})"),
    "constant ratio": "def twice(x): return 2.0 * x * x",
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
