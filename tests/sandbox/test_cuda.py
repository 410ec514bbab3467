"""CUDA cannot be used in a fork of a process that has set it up: nothing of ours does so. GPUs are had on request."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chainrule import sandbox
from chainrule.model import Limits, is_weak
from chainrule.sandbox.zygote import ENVIRONMENT

torch = pytest.importorskip("torch", reason="what CUDA does to forks is asked of PyTorch, of the extra `course`")

WARM = """
from chainrule.worker.warm import LIBRARIES, warm
print("torch" in warm(LIBRARIES))
import torch
print(torch.cuda.is_initialized(), torch.cuda.is_available() == (torch.cuda.device_count() > 0))
print(torch.cuda.is_initialized())
"""
FORK = """
import sys
torch = sys.modules["torch"]  # warm before the cell ran
print(torch.cuda._initialized)
"""
TRAINS = "import torch\nprint(torch.ones(3, device='cuda').sum().item())"
AVAILABLE = "import torch\nprint(torch.cuda.is_available() in (True, False))"
THREAD = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()"


def test_warming_up_all_libraries_does_not_set_cuda_up() -> None:
    """In the zygote's own environment, with its own steps."""
    variables = ENVIRONMENT | {"PYTHONPATH": str(Path(sandbox.__file__).parents[2])}
    command = [sys.executable, "-P", "-s", "-c", WARM]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=300)
    assert done.stdout.split() == ["True", "False", "True", "False"], done.stdout + done.stderr


def test_the_zygote_has_not_set_it_up(student: Any) -> None:
    assert student(libraries=("torch",)).run(FORK) == "False\n"


@pytest.mark.skipif(not Path("/dev/nvidiactl").exists(), reason="there is no GPU of NVIDIA's in this machine")
def test_a_fork_of_the_zygote_that_is_shown_the_gpus_can_use_them(student: Any) -> None:
    assert student(Limits(gpu=True), libraries=("torch",)).run(TRAINS) == "3.0\n"


def test_asking_for_a_gpu_in_a_cell_leaves_snapshots_possible(student: Any) -> None:
    process = student(libraries=("torch",))
    assert process.run(AVAILABLE) == "True\n"
    connection = process.child.connection
    with connection.forked() as snapshot:
        assert snapshot is not connection
    process.run(THREAD)
    with connection.forked() as snapshot:
        assert snapshot is connection, "the control: with a thread there is none"


@pytest.mark.parametrize("gpu", [False, True])
def test_a_process_that_is_shown_gpus_says_so(student: Any, gpu: bool) -> None:
    isolation = student(Limits(gpu=gpu)).child.isolation
    if is_weak(isolation):
        pytest.skip("this machine has no better tier than C, where nothing is closed")
    layers = isolation.partition("(")[2].rstrip(")").split(", ")
    assert ("GPU" in layers) == gpu
