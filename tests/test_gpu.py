"""`make gpu-check`: one line of JSON on any device, and on a GPU the numbers of the CPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "gpu_check"


def check(*options: str, **environment: str) -> dict[str, object]:
    clean = {key: value for key, value in os.environ.items() if key != "CHAINRULE_DATA"}
    done = subprocess.run(
        [sys.executable, SCRIPT, *options],
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=280,
    )
    (line,) = done.stdout.splitlines()
    return dict(json.loads(line))


def test_it_runs_on_a_cpu_and_says_so() -> None:
    result = check("--epochs", "2", "--samples", "600", CUDA_VISIBLE_DEVICES="")
    if result["device"] == "mps":
        pytest.skip("an Apple GPU cannot be hidden")
    assert result["device"] == "cpu"
    assert result["agreement"] is None
    assert str(result["data"]).startswith("scikit-learn")
    assert 0.2 < float(str(result["accuracy"])) <= 1, "two epochs of 600 digits teach something"
    assert float(str(result["seconds_per_epoch"])) > 0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here: torch.cuda.is_available() is False")
def test_a_gpu_computes_what_the_cpu_computes_and_learns() -> None:
    result = check()
    assert str(result["device"]).startswith("cuda")
    assert float(str(result["agreement"])) <= 1e-4
    assert float(str(result["accuracy"])) > 0.8
