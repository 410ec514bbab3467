"""What a course does must work in the jail."""

import pytest

from chainrule.model import Limits

TRAINING = """
import torch
model = torch.nn.Sequential(torch.nn.Linear(20, 20), torch.nn.ReLU(), torch.nn.Linear(20, 1))
optimizer = torch.optim.Adam(model.parameters())
for _ in range(5):
    optimizer.zero_grad()
    model(torch.randn(64, 20)).pow(2).mean().backward()
    optimizer.step()
print("trained")
"""
LOADER = """
import torch
from torch.utils.data import DataLoader, TensorDataset
data = TensorDataset(torch.randn(64, 2))
print(sum(len(batch) for (batch,) in DataLoader(data, batch_size=8, num_workers=2)))
"""
THREADS = """
import torch
torch.set_num_threads(2)
print((torch.ones(600, 600) @ torch.ones(600, 600))[0, 0].item())
"""
SHARED = """
import multiprocessing as mp
def put(queue):
    queue.put("from a process")
queue = mp.Queue()
process = mp.Process(target=put, args=(queue,))
process.start()
print(queue.get(timeout=20))
process.join()
with mp.Pool(2) as pool:
    print(pool.map(abs, [-1, -2]))
"""
FIGURE = """
import matplotlib.pyplot as plt
plt.plot([1, 2], label="$x^2$")
plt.savefig("figure.png")
import os
print(os.path.getsize("figure.png") > 1000)
"""

needs_torch = {"libraries": ("torch",)}


@pytest.mark.parametrize(
    ("source", "printed", "options"),
    [
        pytest.param(TRAINING, "trained", needs_torch, id="training"),
        pytest.param(LOADER, "64", needs_torch, id="workers of a DataLoader"),
        pytest.param(THREADS, "600.0", needs_torch, id="two threads"),
        pytest.param(SHARED, "from a process\n[1, 2]", {}, id="multiprocessing"),
        pytest.param(FIGURE, "True", {"libraries": ("matplotlib",)}, id="figures"),
        pytest.param("import asyncio\nprint(await asyncio.sleep(0, 'awaited'))", "awaited", {}, id="asyncio"),
        pytest.param(
            "import subprocess\nprint(subprocess.check_output(['echo', 'hi'], text=True))", "hi", {}, id="run"
        ),
        pytest.param(
            "import subprocess, sys\n"
            "print(subprocess.check_output([sys.executable, '-c', 'import numpy; print(7)'], text=True))",
            "7",
            {},
            id="Python in Python",
        ),
        pytest.param(
            "import tempfile\nwith tempfile.NamedTemporaryFile() as file: print(file.write(b'x'))",
            "1",
            {},
            id="tempfile",
        ),
        pytest.param("import sqlite3, wave, xml.dom.minidom\nprint('there')", "there", {}, id="late imports"),
        pytest.param("from chainrule import check\ncheck.close(1.0, 1.0)\nprint('ok')", "ok", {}, id="our checks"),
        pytest.param(
            "import os\nopen('a', 'w').write('b'); os.rename('a', 'c'); print(os.listdir())", "['c']", {}, id="files"
        ),
        pytest.param("import getpass, os\nprint(getpass.getuser(), os.cpu_count() >= 1)", "student True", {}, id="who"),
    ],
)
def test_it_works(student, source, printed, options):
    if "torch" in options.get("libraries", ()):
        pytest.importorskip("torch")
    assert student(**options).run(source).strip() == printed


def test_the_random_numbers_of_a_notebook_are_the_same_on_every_regrade(student):
    source = "import random, numpy\nprint(random.random(), numpy.random.rand(), hash('x'))"
    assert student().run(source) == student().run(source)


def test_a_gpu_is_not_shown_unless_asked_for(student):
    assert student().run("import glob\nprint(glob.glob('/dev/nvidia*') + glob.glob('/dev/dri'))").strip() == "[]"
    assert not Limits().gpu
