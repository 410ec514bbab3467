"""The mathematics of the assignment on backpropagation is right: numbers in its prose, theorems, graders' oracles."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainrule import check
from chainrule.notebook import cells

GRADERS = Path(__file__).resolve().parents[2] / "graders" / "a07_backprop"


@pytest.fixture(scope="module")
def a07(read: Any) -> Any:
    return read("a07_backprop")


@pytest.fixture(scope="module")
def a07_text(a07: Any) -> str:
    return str(a07.text)


@pytest.fixture(scope="module")
def a07_run(a07: Any) -> Any:
    return a07.executed


def _grader(exercise: str) -> Any:
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(f"a07_{exercise}", GRADERS / f"test_{exercise}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# -- numbers in the prose ----------------------------------------------------------------------------------------------


def test_best_steps_and_errors_of_the_first_picture(a07_run: Any) -> None:
    """Central quotients are best near 1e-5 with an error near 1e-11, one-sided ones reach 1e-8."""
    steps, errors = a07_run.namespace["steps"], a07_run.namespace["errors"]
    central, one_sided = np.array(errors["central"]), np.array(errors["one-sided"])
    assert 1e-6 < steps[central.argmin()] < 1e-4
    assert 1e-12 < central.min() < 1e-10
    assert 1e-9 < one_sided.min() < 1e-7


@pytest.mark.parametrize("depth", [1, 2, 3, 7, 12])
def test_counts_are_what_programs_need(a07_run: Any, depth: int) -> None:
    """4L² evaluations by central differences, L(L+1)/2 from scratch, L by backpropagation: counted on programs."""
    grader, space = _grader("chain_backward"), a07_run.namespace
    s, scratch, slopes = (check.counted(math.tanh), *(check.counted(lambda z: 1 - math.tanh(z) ** 2) for _ in range(2)))
    w, b = np.full(depth, 0.7), np.full(depth, 0.1)
    check.central_differences(lambda p: grader.loss(p, 0.3, 1.0, depth, s), np.concatenate([w, b]))
    grader.from_scratch(0.3, 1.0, w, b, math.tanh, scratch)
    space["chain_backward"](0.3, 1.0, w, b, math.tanh, slopes)
    counts = [
        int(space[name].subs(space["L"], depth)) if name != "count_backprop" else depth
        for name in ("count_fd", "count_naive", "count_backprop")
    ]
    assert [s.calls, scratch.calls, slopes.calls] == counts


def test_numbers_of_the_comparison_in_m1(a07_text: str) -> None:
    assert 4 * 100**2 == 40_000
    assert "that is 40 000 against 200" in a07_text


def test_the_finale_has_33_parameters_and_learns(a07_run: Any, a07_text: str) -> None:
    space = a07_run.namespace
    assert len(space["parameters"]) == 33
    assert "33 parameters" in a07_text
    assert all(isinstance(leaf, space["Value"]) for leaf in space["parameters"])
    assert space["right_side"] == 60
    assert space["moon_losses"][-1] < 0.1 < space["moon_losses"][0]
    nodes, seen = [space["loss"]], {id(space["loss"])}
    for node in nodes:
        for parent in node._parents:
            if id(parent) not in seen:
                seen.add(id(parent))
                nodes.append(parent)
    assert 4_000 < len(nodes) < 5_000
    assert "almost five thousand nodes" in a07_text


def test_chains_fade_as_the_picture_says(a07_run: Any) -> None:
    """At z = 0 the slopes are ¼·w for the sigmoid and 1·w for tanh: w = 4 and w = 1 decide."""
    space = a07_run.namespace
    slopes = np.abs(space["chain_backward"](0.5, 2.0, np.ones(20), np.zeros(20), *space["cases"][2][2:4])[1])
    assert slopes[0] < 1e-10 < slopes[-1]
    assert np.allclose(slopes[5:15] / slopes[6:16], 0.25, atol=2e-3)


# -- theorems ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_theorem_3_by_counting(seed: int) -> None:
    """A random program of T operations + − × ÷: value and all derivatives together in at most 5T operations."""
    rng, size = np.random.default_rng(seed), 40
    values, steps = list(rng.uniform(0.5, 2, size=4)), []
    for _ in range(size):
        i, j = (int(k) for k in rng.integers(0, len(values), size=2))
        operation = rng.choice(["+", "-", "*", "/"])
        if operation in "*/" and not 0.05 < abs(values[j]) < 20:
            operation = "+"
        a, b = values[i], values[j]
        values.append({"+": a + b, "-": a - b, "*": a * b, "/": a / b if b else 0.0}[operation])
        steps.append((operation, i, j))
    cost, flow = size, [0.0] * len(values)
    flow[-1] = 1.0
    for place, (operation, i, j) in reversed(list(enumerate(steps, start=4))):
        g = flow[place]
        if operation in "+-":
            flow[i] += g
            flow[j] += g if operation == "+" else -g
            cost += 2
        elif operation == "*":
            flow[i] += g * values[j]
            flow[j] += g * values[i]
            cost += 4
        else:
            quotient = g / values[j]
            flow[i] += quotient
            flow[j] -= quotient * values[place]
            cost += 4
    assert cost <= 5 * size

    def program(x: np.ndarray) -> float:
        made = list(x)
        for operation, i, j in steps:
            a, b = made[i], made[j]
            made.append(
                a + b if operation == "+" else a - b if operation == "-" else a * b if operation == "*" else a / b
            )
        return float(made[-1])

    check.gradient(program, flow[:4], values[:4], tol=1e-4)


def test_modes_cross_where_outputs_equal_inputs(a07_run: Any) -> None:
    """For 100-100-100-n the cheaper mode changes at n = 100."""
    cheaper = a07_run.namespace["cheaper"]
    verdicts = [cheaper([100, 100, 100, n]) for n in (1, 99, 100, 101, 5000)]
    assert verdicts == ["reverse", "reverse", "tie", "forward", "forward"]


# -- oracles of the graders --------------------------------------------------------------------------------------------


def test_finite_differences_of_chains_are_not_drowned() -> None:
    """The largest derivative of a draw is never so small that the absolute floor lets anything pass."""
    grader = _grader("chain_backward")
    for seed in range(200):
        rng = np.random.default_rng(seed)
        for layers, (s, ds) in zip((2, 3, 4, 5), grader.ACTIVATIONS, strict=True):
            x, y, w, b = grader.draw(rng, layers)
            zs, as_ = grader.run_chain(x, w, b, s)
            delta = grader.sensitivities(y, w, zs, as_, ds)
            assert np.abs(delta).max() > 1e-2, (seed, layers)


@pytest.mark.parametrize("seed", range(5))
def test_networks_agree_with_torch(seed: int) -> None:
    """The reference of `mlp_backward` has the gradient of torch.autograd, and none of it drowns."""
    import torch

    grader, rng = _grader("mlp_backward"), np.random.default_rng(seed)
    params, X, Y = grader.draw(rng, [3, 5, 4, 2], 6)
    zs, hs = grader.forward(params, X, np.tanh)
    slopes = [grader.tanh_slope(z) for z in zs[:-1]]
    grads = grader.backward(params, hs, slopes, 2 * (zs[-1] - Y) / len(Y))
    leaves = [torch.tensor(part, requires_grad=True) for pair in params for part in pair]
    H = torch.tensor(X)
    for k in range(3):
        H = H @ leaves[2 * k] + leaves[2 * k + 1]
        H = torch.tanh(H) if k < 2 else H
    (((H - torch.tensor(Y)) ** 2).sum() / len(Y)).backward()
    for leaf, part in zip(leaves, [part for pair in grads for part in pair], strict=True):
        assert np.allclose(leaf.grad.numpy(), part)
        assert np.abs(part).max() > 1e-2


def test_random_expressions_hold_every_operation() -> None:
    """Nearly every draw holds all operations, numbers stay moderate, and the reference agrees with differences."""
    grader, missing = _grader("autograd_value"), 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        leaves = (rng.choice([-1, 1], size=3) * rng.uniform(0.5, 2, size=3)).tolist()
        leaves[0] = abs(leaves[0])
        steps = grader.random_expression(rng, leaves)
        missing += len({*grader.UNARY, *grader.BINARY, "pow"} - {step[0] for step in steps})
        for kind in (grader.DepthFirst, grader.Kahn, grader.Closures):
            end, gradients = grader.expression(kind, leaves, steps)
            assert np.isclose(end, grader.value_of(leaves, steps))
            check.gradient(lambda p, steps=steps: grader.value_of(p, steps), gradients, np.array(leaves))
    assert missing <= 6


@pytest.mark.parametrize("seed", range(10))
def test_costs_of_modes_are_those_of_a_simulation(seed: int) -> None:
    grader, rng = _grader("mode_cost"), np.random.default_rng(seed)
    for dims in grader.draw(rng):
        assert grader.forward(dims) == grader.simulated(dims, "forward")
        assert grader.reverse(dims) == grader.simulated(dims, "reverse")


# -- what the page does not say ----------------------------------------------------------------------------------------


def test_the_prose_gives_no_answer_away(a07: Any) -> None:
    """Not the recursion of exercise 3, the counts of 4, the products of 5, nor the rules of 8."""
    shown = "\n".join(cell["source"] for cell in cells.released(a07.cells)["cells"])
    assert not re.search(r"\\delta_\{l ?\+ ?1\}|W\^\\top|W\.T|X\.T|X\^\\top", shown)
    assert not re.search(r"4 ?\*? ?L|L ?\(L|L\*\*2|L\^2", shown)
    assert not re.search(r"_parents|topolog|grad \+=|__radd__", shown)
