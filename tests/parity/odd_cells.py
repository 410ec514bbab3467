"""Test cells for every odd thing that was met in courses: each is worth 2 points, unless it says so itself.

They run in one notebook, in this order, after a solution cell that defines `four`, `noisy`, `huge` and `warn`.
"""

SOLUTION = """
import logging, os, sys, tempfile, threading, time, warnings
import numpy as np

def four():
    ### BEGIN SOLUTION
    return 4
    ### END SOLUTION

def warn(value=4):
    warnings.warn("something is deprecated")
    return value

def complain():
    print("debug", file=sys.stderr)

class Always:
    def __eq__(self, other):
        return True
"""

ODD = {
    # the last value, and what is no value
    "passes": "assert four() == 4",
    "fails": "assert four() == 5",
    "partial": "four() / 4 * 1.5",
    "integer": "1",
    "zero": "0",
    "zero-float": "0.0",
    "negative": "-1",
    "nan": "float('nan')",
    "exponent": "1e-3",
    "underscored": "type('R', (), {'__repr__': lambda self: '1_0e-1'})()",
    "pair": "(1, 2)",
    "true": "True",
    "false": "False",
    "none": "None",
    "quoted": "'1'",
    "numpy-float": "np.float64(1.0)",
    "numpy-array": "np.array(1.5)",
    "list": "[1]",
    "silenced": "0;",
    "printed": "print(0)",
    "assigned": "x = 0",
    "two-values": "import sys; sys.displayhook(0.5); sys.displayhook(2)",
    "value-then-error": "sys.displayhook(1)\nraise ValueError('late')",
    "displayed": "from IPython.display import display\ndisplay(0)",
    "display-then-value": "display('x'); display(1); 0.5",
    "empty-cell": "",
    "comment-only": "# nothing to see",
    "everything-equal": "assert Always() == 5",
    "numeric-string-class": "type('R', (), {'__repr__': lambda self: ' 1.25 '})()",
    "html-object": "type('R', (), {'_repr_html_': lambda self: '<b>0</b>', '__repr__': lambda self: '0.75'})()",
    "broken-repr": "type('R', (), {'__repr__': lambda self: 1 / 0})()",
    # errors
    "raises": "3\nraise ValueError",
    "syntax": "def (:",
    "unknown-magic": "%no_such_magic",
    "unknown-cell-magic": "%%no_such_magic\n1",
    "input": "input('name? ')",
    "getpass": "import getpass; getpass.getpass()",
    "stdin": "assert sys.stdin.read() == ''",
    "system-exit": "sys.exit(0)",
    "keyboard-interrupt": "raise KeyboardInterrupt",
    "caught": "try:\n    1 / 0\nexcept ZeroDivisionError:\n    1.25",
    "recursion": "def f(): return f()\nf()",
    "exception-group": "raise ExceptionGroup('two', [ValueError(), TypeError()])",
    "showtraceback": "try:\n    1 / 0\nexcept ZeroDivisionError:\n    get_ipython().showtraceback()",
    # streams
    "stderr": "print('careful', file=sys.stderr); 1",
    "stderr-after": "sys.displayhook(1); print('careful', file=sys.stderr)",
    "stderr-of-a-function": "complain()",
    "stderr-saved": "from sys import stderr as saved\nsaved.write('x\\n')",
    "stderr-saved-earlier": "saved.write('y\\n'); assert True",
    # ipykernel reads what programs print in a thread: without the wait it may count as a later cell's.
    "stderr-of-a-program": "import time; os.system('echo oops >&2'); time.sleep(2)",
    "stdout-of-a-program": "assert os.system('echo fine') == 0",
    "stderr-redirected": "import contextlib, io\nwith contextlib.redirect_stderr(io.StringIO()): complain()",
    "stderr-captured": "%%capture\ncomplain()",
    "stderr-thread": "t = threading.Thread(target=complain); t.start(); t.join()",
    "raising-thread": "t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join()",
    "logged-error": "logging.getLogger('p').error('bad')",
    "shell": "!echo out; echo err >&2",
    "shell-fails": "!false",
    "shell-result": "found = !echo 1\nassert found == ['1']",
    "shell-python": '!python -c "import numpy"\nassert _exit_code == 0',
    "bash-cell": "%%bash\necho 1",
    "bash-cell-fails": "%%bash\nexit 3",
    "bash-cell-stderr": "%%bash\necho x >&2",
    "flood-then-fails": "for i in range(30000): print('x' * 60)\nassert four() == 5",
    "flood-then-value": "for i in range(30000): print('x' * 60)\n1.5",
    "displays-then-fails": "for i in range(300): display(i)\nassert False",
    "long-result": "'x' * 2_000_000",
    "surrogate": "print('\\N{SNOWMAN} é')",
    "bash-cell-again": "%%bash\necho x",
    # clearing
    "cleared-value": "from IPython.display import clear_output\nsys.displayhook(0); clear_output()",
    "cleared-later": "sys.displayhook(0); clear_output(wait=True)",
    "cleared-by-next": "sys.displayhook(0); clear_output(wait=True); print('new')",
    "cleared-stderr": "complain(); clear_output()",
    "updated": "h = display(1, display_id=True); h.update(2); 0.5",
    # the shell around the code
    "await": "import asyncio\nawait asyncio.sleep(0.01)\n0.5",
    "await-fails": "await asyncio.sleep(0)\nassert False",
    "asyncio-run": "c = asyncio.sleep(0)\ntry:\n    asyncio.run(c)\nfinally:\n    c.close()",
    "async-task": "async def later():\n    global done\n    done = 1\ntask = asyncio.create_task(later())",
    "async-task-done": "assert done == 1",
    "underscore": "_ = 3\nassert Out is not None and In[-1]",
    "history": "%history -l 3",
    "whos": "%whos int",
    "timeit": "%timeit -n 1 -r 1 four()",
    "time": "%time 1.5",
    "writefile": "%%writefile beside_written.py\nvalue = 1.5",
    "writefile-import": "import beside_written\nbeside_written.value",
    "html": "%%html\n<b>0</b>",
    "javascript": "%%javascript\n1",
    "latex": "%%latex\n$x$",
    "autosave": "%autosave 0",
    "env": "%env NBGRADER_EXECUTION",
    "execution": "assert os.environ['NBGRADER_EXECUTION'] == 'autograde'",
    "help": "four?",
    "help-source": "four??",
    "matplotlib": "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()",
    "matplotlib-value": "fig, ax = plt.subplots(); ax.plot([1]); 1.0",
    "interact": "import ipywidgets\nipywidgets.interact(lambda x: x, x=3);",
    "interact-fails": "def broken(x): return 1 / 0\nipywidgets.interact(broken, x=3);",
    "interact-value": "ipywidgets.interact(lambda x: 0, x=3)",
    "widget": "ipywidgets.IntSlider()",
    "output-widget": "out = ipywidgets.Output()\nwith out:\n    complain()\n    display(0)\n1.25",
    "in-jupyter": "assert get_ipython().__class__.__name__ == 'ZMQInteractiveShell'",
    "main": "import pickle\nassert __name__ == '__main__' and pickle.loads(pickle.dumps(four))() == 4",
    "file-beside": "assert open('data.txt').read().strip() == 'instructor'",
    "file-of-student": "assert open('mine.txt').read() == 'mine'",
    "package-beside": "from package.sub import value\nassert value == 7",
    "module-hides-nothing": "import random\nassert random.random() < 1",
    "write-beside": "open('out.txt', 'w').write('1')\nassert 'out.txt' in os.listdir()",
    "write-temporary": "with tempfile.NamedTemporaryFile() as f: f.write(b'x')",
    "subfolder": "os.makedirs('a/b', exist_ok=True); assert os.path.isdir('a/b')",
    "processes": "from multiprocessing import Pool\nwith Pool(2) as pool: assert pool.map(abs, [-1]) == [1]",
    "subprocess": "import subprocess\nassert subprocess.run(['echo'], stdout=sys.stdout).returncode == 0",
    "unittest": "import unittest\nclass T(unittest.TestCase):\n    def test(self): self.assertEqual(four(), 4)\n"
    "unittest.main(argv=[''], exit=False)",
    "doctest": "import doctest\ndoctest.testmod()",
    "random": "np.random.seed(0); assert np.random.rand() < 1",
    "future": "from __future__ import annotations\ndef g(x: Nothing): return x\nassert g(1) == 1",
    "reset": "%reset -f",
    "after-reset": "four()  # is gone",
    "after-reset-magic": "%who\n1",
}

JUST = {
    # name: (source, with nbgrader, with us)
    "warning": ("warn() / 8", 0.0, 0.5),
    "warning-before-nothing": ("assert warn() == 4", 0.0, 2.0),
    "warning-then-fails": ("assert warn() == 5", 0.0, 0.0),
    "logged-warning": ("logging.getLogger('q').warning('careful')", 0.0, 2.0),
    "warning-and-stderr": ("warn(); complain(); 1", 0.0, 0.0),
}
"""Cells that score otherwise, unless the course asks for nbgrader's way."""

ENVIRONMENT = {
    "data.txt": "instructor",
    "package/__init__.py": "",
    "package/sub.py": "value = 7",
    "random.py": "raise ImportError('hidden')",
}
STUDENTS_FILES = {"mine.txt": "mine", "data.txt": "student"}
