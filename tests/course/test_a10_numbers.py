"""The tenth assignment is right: numbers in its prose, its table, the oracles of its graders."""

from __future__ import annotations

import math
import re
from importlib.util import module_from_spec, spec_from_file_location
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

GRADERS = Path(__file__).resolve().parents[2] / "graders" / "a10_mnist_gpu"


@pytest.fixture(scope="module")
def a10(read: Any) -> Any:
    return read("a10_mnist_gpu")


def _grader(exercise: str) -> Any:
    spec = spec_from_file_location(f"a10_{exercise}", GRADERS / f"test_{exercise}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_numbers_of_the_prose(a10: Any) -> None:
    """Parameters of 784-128-64-10, log 10, the derivative, the bytes of MNIST."""
    sizes = (784, 128, 64, 10)
    count = sum((a + 1) * b for a, b in pairwise(sizes))
    assert count == 109_386
    assert "109_386" in a10.text
    assert round(math.log(10), 3) == 2.303
    assert r"for ten digits $2.303$" in a10.text
    assert 3 * 2**2 + 2 == 14
    assert round(60_000 * 28 * 28 / 1e6) == 47
    assert np.finfo(np.float32).eps / 2 == 2.0**-24


def test_calculated_table_of_the_second_question(a10: Any) -> None:
    """Every entry is what the stated costs give, to three digits."""
    units = {"µs": 1e-6, "ms": 1e-3, "s": 1.0}
    rows = re.findall(r"^\| (\d+) \| ([\d.]+) · 10(\S+) \| (.+?) \| (.+?) \| (.+?) \|$", a10.text, re.MULTILINE)
    assert len(rows) == 5
    superscripts = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
    for size, digits, power, *times in rows:
        n = int(size)
        work = 2.0 * n**3
        assert f"{work / 10 ** int(power.translate(superscripts)):.2f}" == digits
        there = 10e-6 + work / 50e12
        want = 2e-6 + work / 0.1e12, there, there + 3 * 4 * n * n / 25e9
        for text, seconds in zip(times, want, strict=True):
            number, unit = text.split()
            assert float(number) == pytest.approx(seconds / units[unit], rel=6e-3), (n, text)


def test_claims_of_the_second_model_answer() -> None:
    """For n = 512 the bus takes about eight times the product; at 128 the GPU is ahead by 4 and 2.5."""

    def costs(n: int) -> tuple[float, float, float]:
        work = 2.0 * n**3
        return 2e-6 + work / 0.1e12, 10e-6 + work / 50e12, 12 * n * n / 25e9

    cpu, gpu, bus = costs(512)
    assert 7.5 < bus / gpu < 8.5
    cpu, gpu, bus = costs(128)
    assert 4 < cpu / gpu < 4.5
    assert 2.3 < cpu / (gpu + bus) < 2.6
    assert costs(32)[0] < costs(32)[1]
    _, gpu, bus = costs(8192)
    assert bus > gpu


@pytest.mark.parametrize("seed", range(5))
def test_oracle_of_train_epoch_agrees_with_central_differences(seed: int) -> None:
    """One step of the oracle moves against the gradient of its loss."""
    grader, rng = _grader("train_epoch"), np.random.default_rng(seed)
    weights, x, y = grader.draw(rng, 4, 1, 4)
    (W, _, _), _ = grader.by_hand(weights, x, y, 4, 1.0, 1)

    def loss(w: torch.Tensor) -> float:
        b, V = (part.double() for part in weights[1:])
        return float(grader.odd_loss(torch.tanh(x.double() @ w + b) @ V, y))

    at, h = weights[0].double(), 1e-6
    slope = (at - torch.tensor(W))[0, 0].item()
    step = torch.zeros_like(at)
    step[0, 0] = h
    assert slope == pytest.approx((loss(at + step) - loss(at - step)) / (2 * h), abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_oracle_of_evaluate_is_the_cross_entropy(seed: int) -> None:
    grader, rng = _grader("evaluate"), np.random.default_rng(seed)
    (W, b, x, y), arrays = grader.draw(rng, 9)
    loss, accuracy = grader.by_hand(*arrays)
    logits = x @ W + b
    assert loss == pytest.approx(torch.nn.functional.cross_entropy(logits, y).item(), rel=1e-5)
    assert accuracy == pytest.approx((logits.argmax(1) == y).double().mean().item())
    assert 0 < accuracy < 1


def test_the_grader_of_train_net_has_the_split_of_the_loader() -> None:
    from chainrule.datasets import digits_images

    grader = _grader("train_net")
    x, y, test, labels = grader.split()
    Xtr, ytr, Xte, yte, _ = digits_images("digits")
    assert torch.equal(x, torch.tensor(Xtr[:, None] / 16, dtype=torch.float32))
    assert np.array_equal(y, ytr)
    assert torch.equal(test, torch.tensor(Xte[:, None] / 16, dtype=torch.float32))
    assert np.array_equal(labels, yte)


def test_no_digit_is_needed_from_a_gpu(a10: Any) -> None:
    """Every cell that speaks of CUDA asks first whether it is there."""
    for cell in a10.cells["cells"]:
        if cell["cell_type"] == "code" and '"cuda"' in cell["source"] and "def get_device" not in cell["source"]:
            assert 'device.type == "cuda"' in cell["source"] or "waits = {" in cell["source"]
