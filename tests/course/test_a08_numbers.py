"""The mathematics of a08 is right: numbers in its prose, theorems, oracles of its graders, what it measured."""

from __future__ import annotations

import math
import re
from importlib.util import module_from_spec, spec_from_file_location
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainrule.notebook import cells

GRADERS = Path(__file__).resolve().parents[2] / "graders" / "a08_sgd"
SEEDS = range(20)


@pytest.fixture(scope="module")
def a08(read: Any) -> Any:
    return read("a08_sgd")


@pytest.fixture(scope="module")
def a08_run(a08: Any) -> Any:
    return a08.executed


def _grader(exercise: str) -> Any:
    spec = spec_from_file_location(f"a08_{exercise}", GRADERS / f"test_{exercise}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# -- numbers in the prose, and what the experiments measured -----------------------------------------------------------


def test_global_minima_of_the_rippled_bowl(a08: Any, a08_run: Any) -> None:
    """±0.364, lower than every other minimum, and the mean of the ℓ_i is the loss that is drawn."""
    w = np.linspace(-4, 4, 800_001)
    values = a08_run.namespace["ripple"](w)
    assert abs(abs(w[values.argmin()]) - 0.364) < 5e-4
    centres = a08_run.namespace["centres_20"]
    assert np.isclose(centres.mean(), 0, atol=1e-12)
    assert np.isclose(centres.std(), 3)
    samples = 0.5 * (w[:50, None] - centres) ** 2 + 0.2 * np.cos(8 * w[:50, None])
    assert np.allclose(samples.mean(axis=1), values[:50])
    gradient = a08_run.namespace["ripple_gradient"](w[:50], np.arange(20))
    assert np.allclose(gradient, np.gradient(values[:51], w[:51])[:50], atol=1e-3)
    assert r"w = \pm 0.364" in a08.text


def test_the_rippled_bowl_shows_what_the_prose_says(a08: Any, a08_run: Any) -> None:
    """Falling rate: SGD 100 %, gradient descent 20 %; small rate: no gain; constant rate: a third of the time."""
    space = a08_run.namespace
    assert space["share"](space["noisy"][-1]) == 1.0
    assert space["share"](space["plain"][-1]) == 0.2
    shares = space["shares"]
    assert shares["SGD, falling rate"][0] == shares["gradient descent"][0]
    assert 0.25 < shares["SGD, constant rate"][3] < 0.45
    assert "(20 %)" in a08.text


def test_sgd_finds_the_global_minimum_with_other_data_and_independent_walks() -> None:
    """The claim does not hang on one seed, nor on walks that share their batches."""
    for seed in range(2):
        rng = np.random.default_rng(seed)
        c = rng.normal(size=20)
        c, w = 3 * (c - c.mean()) / c.std(), np.linspace(-4, 4, 40)
        for epoch in range(300):
            order = rng.permuted(np.tile(np.arange(20), (40, 1)), axis=1)
            for k in range(20):
                w = w - 0.05 / (1 + epoch / 30) * (w - c[order[:, k]] - 1.6 * np.sin(8 * w))
        assert np.mean(np.abs(np.abs(w) - 0.364) < 0.1) >= 0.95


def test_the_gabor_model_shows_what_the_prose_says(a08_run: Any) -> None:
    """Sober: SGD is not reliably better there."""
    found = {key: np.mean(runs, axis=0) for key, runs in a08_run.namespace["gabor_shares"].items()}
    best = {B: np.max([value for (size, _), value in found.items() if size == B], axis=0) for B in (30, 5, 1)}
    assert all(value[0] < 0.23 for value in best.values()), "about 20 % from far"
    assert round(best[30][1], 2) == 0.84
    assert abs(best[5][1] - 0.84) < 0.08
    assert 0.55 < best[1][1] < 0.65
    assert found[1, 1.0][1] > found[30, 1.0][1]
    assert found[1, 4.0][1] < 0.1


def test_gabor_gradient_of_the_finale(a08_run: Any) -> None:
    """Against difference quotients of its losses."""
    space, phi = a08_run.namespace, np.array([0.7, 12.0])
    for j in range(2):
        step = np.eye(2)[j] * 1e-6
        quotient = (space["gabor_losses"](phi + step) - space["gabor_losses"](phi - step))[0] / 2e-6
        assert np.isclose(space["gabor_gradient"](phi, np.arange(30))[j], quotient, rtol=1e-5)


def test_the_trap_of_the_epoch_loss(a08: Any) -> None:
    """N = 10, B = 4: three batch means divided by N // B = 2 is half as much again."""
    sizes = [4, 4, 2]
    assert sum(1.0 for _ in sizes) / (10 // 4) == 1.5
    assert math.isclose(sum(size / 10 for size in sizes), 1.0)
    assert "half as much again" in a08.text


def test_share_of_samples_that_are_missed_with_replacement(a08: Any) -> None:
    assert round(100 * math.exp(-1)) == 37
    assert "37 %" in a08.text


# -- theorems ----------------------------------------------------------------------------------------------------------


def test_model_answer_to_m2() -> None:
    """Unbiased over all subsets; given the first batch, the mean over the remaining samples."""
    g = np.random.default_rng(0).normal(size=(6, 2))
    subsets = [g[list(s)].mean(axis=0) for s in combinations(range(6), 2)]
    assert np.allclose(np.mean(subsets, axis=0), g.mean(axis=0))
    second = [g[list(p[2:4])].mean(axis=0) for p in permutations(range(6)) if set(p[:2]) == {0, 1}]
    assert np.allclose(np.mean(second, axis=0), g[2:].mean(axis=0))


@pytest.mark.parametrize("seed", SEEDS)
def test_window_of_the_heavy_ball(seed: int) -> None:
    """(1−√β)² ≤ ηλ ≤ (1+√β)² exactly where both eigenvalues have modulus √β."""
    rng = np.random.default_rng(seed)
    beta = rng.uniform(0.01, 0.95)
    for product in rng.uniform(0, 4, size=50):
        moduli = np.abs(np.linalg.eigvals([[1 + beta - product, -beta], [1, 0]]))
        inside = (1 - math.sqrt(beta)) ** 2 <= product <= (1 + math.sqrt(beta)) ** 2
        assert bool(moduli.max() <= math.sqrt(beta) * (1 + 1e-6)) == bool(inside)


def test_heavy_ball_optimum_by_search() -> None:
    """No learning rate and momentum of a fine grid beat the closed form."""
    grader = _grader("heavy_ball")
    low, high, rate = grader.best(1.0, 30.0)
    lrs, betas = np.meshgrid(np.linspace(0.001, 0.2, 400), np.linspace(0, 0.99, 400))
    worst = np.maximum(grader.radius(1.0, lrs, betas), grader.radius(30.0, lrs, betas))
    assert worst.min() >= rate - 1e-9
    assert worst.min() < rate + 0.02
    assert np.isclose(grader.radius(np.linspace(1, 30, 50), (2 / (low + high)) ** 2, rate**2), rate, atol=1e-6).all()


def test_rates_at_condition_number_100(a08_run: Any) -> None:
    assert "0.980, the heavy ball 0.818" in a08_run.printed["test_heavy_ball"]


@pytest.mark.parametrize("seed", range(6))
def test_theorem_2_on_random_quadratics(seed: int) -> None:
    """The bound holds, exactly computed: for quadratics mean and second moment of SGD obey a linear recursion."""
    rng = np.random.default_rng(seed)
    curvature, centre = rng.uniform(0.3, 3, size=8), rng.normal(size=8)
    lowest = curvature @ centre / curvature.sum()
    lam, Lam = curvature.mean(), curvature.max()  # the mean is λ-strongly convex with its own curvature
    sigma2, tau = np.mean((curvature * (lowest - centre)) ** 2), 1 / (2 * Lam)
    mean, second = 3.0, 9.0  # of e = w − w*
    for k in range(1, 200):
        factor, kick = 1 - tau * curvature, tau * curvature * (centre - lowest)
        second = np.mean(factor**2) * second + 2 * np.mean(factor * kick) * mean + np.mean(kick**2)
        mean = np.mean(factor) * mean + np.mean(kick)
        assert second <= (1 - tau * lam) ** k * 9 + 2 * tau / lam * sigma2 + 1e-12


def test_the_chain_comes_to_rest_where_the_formula_says() -> None:
    """τaV/(2−τa): the course's figures 0.09606 against 0.09609, found again by 400 000 chains."""
    rng, c = np.random.default_rng(1), np.array([-1.0, 0.2, 0.8])
    a, tau, w = 1.5, 0.1, np.zeros(400_000)
    for _ in range(60):
        w = w - tau * a * (w - c[rng.integers(0, 3, size=w.size)])
    want = tau * a * np.mean(c**2) / (2 - tau * a)
    assert abs(np.mean(w**2) - want) < 6 * np.std(w**2) / math.sqrt(w.size) + 1e-6


def test_polyaks_parameters_can_cycle() -> None:
    """Lessard, Recht and Packard: on a strongly convex function with 1 ≤ f'' ≤ 25 the heavy ball does not converge."""
    _, _, rate = _grader("heavy_ball").best(1.0, 25.0)
    lr, beta = (2 / 6) ** 2, rate**2
    before = w = 3.3

    def slope(w: float) -> float:
        return 25 * w if w < 1 else w + 24 if w < 2 else 25 * w - 24

    late = []
    for k in range(3000):
        before, w = w, w - lr * slope(w) + beta * (w - before)
        if k > 2900:
            late.append(abs(w))
    assert max(late) > 0.5


# -- oracles of the graders --------------------------------------------------------------------------------------------


def test_nesterov_of_torch_is_the_look_ahead_point() -> None:
    """torch's parameter is w − lr·β·m: the oracle of the grader."""
    import torch

    rng = np.random.default_rng(2)
    theta = torch.tensor(rng.normal(size=3), requires_grad=True)
    w, m = theta.detach().numpy().copy(), np.zeros(3)
    optimizer = torch.optim.SGD([theta], lr=0.1, momentum=0.8, nesterov=True)
    for _ in range(15):
        optimizer.zero_grad()
        (torch.cosh(theta)).sum().backward()
        optimizer.step()
        m = 0.8 * m + np.sinh(w - 0.08 * m)
        w = w - 0.1 * m
        assert np.allclose(w - 0.08 * m, theta.detach().numpy())


def test_an_equally_likely_order_passes_the_test_of_4000_epochs() -> None:
    """χ² of 200 right runs stays far from the bound p = 1e-9; a cyclic shift is always found out."""
    from scipy.stats import chi2

    grader, smallest = _grader("minibatches"), 1.0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        found = rng.permuted(np.tile(np.arange(4), (4000, 1)), axis=1)
        counts = np.unique(found @ 4 ** np.arange(4), return_counts=True)[1]
        assert counts.size == 24
        smallest = min(smallest, chi2.sf(((counts - 4000 / 24) ** 2).sum() / (4000 / 24), 23))
    assert smallest > 1e-5
    shifted = grader.orders(grader.cyclic_shift, 4, 3, 0, 400)
    assert np.unique(shifted @ 4 ** np.arange(4)).size == 4


# -- what the page says and does not say -------------------------------------------------------------------------------


def test_the_prose_gives_no_answer_away(a08: Any) -> None:
    """Not the correction of exercise 3, the powers of 5, the translation of 6, the optimum of 7, the variance of 9."""
    shown = "\n".join(cell["source"] for cell in cells.released(a08.cells)["cells"])
    assert not re.search(r"N ?- ?b|lr \* \(1 - beta\)|rng\.permutation|eigvals|1/2 < p|0\.5 < p", shown)
    assert not re.search(r"2 ?- ?\\?tau ?\*? ?a|sqrt\{?\\?lambda|\\frac\{2\}\{\\sqrt", shown)


def test_the_source_is_stated_right(a08: Any) -> None:
    """No noise is added; the loss of an epoch is weighed by the sizes of the batches."""
    assert "Nobody *adds* noise to the gradient" in a08.text
    assert r"\sum_I \frac{|I|}{N} L_I" in a08.text
