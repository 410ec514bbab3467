"""The mathematics of gradient descent is right: numbers in the prose, theorems, oracles of the graders."""

from __future__ import annotations

import math
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from chainrule import check
from chainrule.notebook import cells

GRADERS = Path(__file__).resolve().parents[2] / "graders" / "a06_gradient_descent"
SEEDS = range(12)


@pytest.fixture(scope="module")
def a06(read: Any) -> Any:
    return read("a06_gradient_descent")


@pytest.fixture(scope="module")
def a06_text(a06: Any) -> str:
    return str(a06.text)


@pytest.fixture(scope="module")
def a06_run(a06: Any) -> Any:
    return a06.executed


def _grader(exercise: str) -> Any:
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(f"a06_{exercise}", GRADERS / f"test_{exercise}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _bowl(rng: np.random.Generator, d: int) -> tuple[np.ndarray, np.ndarray]:
    """A positive definite matrix and its eigenvalues in increasing order."""
    values = np.sort(rng.uniform(0.1, 3, size=d))
    Q = np.linalg.qr(rng.normal(size=(d, d)))[0]
    return (Q * values) @ Q.T, values


# -- numbers in the prose ----------------------------------------------------------------------------------------------


def test_the_map_shows_what_its_prose_says(a06_text: str, a06_run: Any) -> None:
    """9 of 49 walks (18 %) reach the best value, there are 26 end values, and four out of five end elsewhere."""
    space = a06_run.namespace
    assert space["lucky"].sum() == 9
    assert len(space["lucky"]) == 49
    assert len(np.unique(space["ends"].round(4))) == 26
    assert 0.8 <= 1 - space["lucky"].mean() < 0.84
    assert "Nine walks of 49 reach the best value; the others end in 25 other values" in a06_text
    assert "four out of five walks end in the wrong place" in a06_text


def test_the_map_does_not_hang_on_rounding(a06_run: Any) -> None:
    """Walks that reach the best value end far below the others, and another rounding changes nothing."""
    space = a06_run.namespace
    ends = np.sort(space["ends"])
    assert ends[8] < 0.0094
    assert ends[9] > 0.09
    again = space["gd"](
        lambda w: space["gabor_grad"](w * (1 + 1e-15), space["xs"], space["ys"]), [0.0, 12.5], 2.0, 1000
    )
    assert abs(space["gabor_loss"](again[-1], space["xs"], space["ys"]) - ends[0]) < 1e-4


def test_the_data_are_those_of_the_text(a06_run: Any) -> None:
    xs, ys = a06_run.namespace["xs"], a06_run.namespace["ys"]
    residual = ys - a06_run.namespace["gabor"]((0.0, 16.6), xs)
    assert len(xs) == 30
    assert np.abs(xs).max() <= 15
    assert 0.07 < residual.std() < 0.13


def test_price_of_a_digit_at_condition_100(a06_text: str) -> None:
    best = 99 / 101
    assert round(best, 2) == 0.98
    assert round(math.log(10) / -math.log(best)) == 115
    assert "it takes 115 steps" in a06_text


def test_numbers_of_the_model_answer_to_m1(a06_text: str) -> None:
    assert round(1 / 0.998**600, 1) == 3.3
    assert round(2 / 1.01, 2) == 1.98
    assert round(1.02**2, 2) == 1.04
    assert round((99 / 101) ** 2, 2) == 0.96
    assert r"a factor of about $3.3$ in 300 steps" in a06_text


def test_the_slip_of_a_published_gradient(a06_text: str) -> None:
    slope = check.central_differences(lambda w: float(w[0] ** 2 - 40 * math.cos(2 * math.pi * w[0] / 5)), [1.3])
    assert round(float(slope[0]), 2) == 52.77
    assert "$52.77$" in a06_text


def test_picture_of_three_walks_has_the_character_that_its_titles_say() -> None:
    """τ = 0.02, 0.2 and 0.245 on eigenvalues 1 and 8: creeps, walks, zigzags without diverging (2/8 = 0.25)."""
    assert (1 - 0.02) ** 20 > 0.6
    assert (1 - 0.2) ** 20 < 0.02
    assert -1 < 1 - 8 * 0.245 < -0.9


# -- theorems ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_theorem_1_and_the_best_rate(seed: int) -> None:
    rng = np.random.default_rng(seed)
    A, values = _bowl(rng, 4)
    w0 = rng.normal(size=4)
    for share, converges in ((0.999, True), (1.001, False)):
        step = np.eye(4) - 2 * share / values[-1] * A
        assert bool(np.abs(np.linalg.eigvalsh(step)).max() < 1) is converges
    tau = rng.uniform(0, 2) / values[-1]
    rate = np.abs(1 - tau * values).max()
    w = w0
    for k in range(1, 9):
        w = w - tau * A @ w
        assert np.linalg.norm(w) <= rate**k * np.linalg.norm(w0) * (1 + 1e-12)
    kappa = values[-1] / values[0]
    rates = np.abs(1 - np.outer(np.linspace(0, 2, 20001) / values[-1], values)).max(axis=1)
    assert np.isclose(rates.min(), (kappa - 1) / (kappa + 1), atol=2e-4)


def _logistic(rng: np.random.Generator) -> tuple[Any, Any, np.ndarray, float, float]:
    """Value, gradient, minimiser, μ and L of a logistic regression."""
    grader = _grader("smoothness_constants")
    X, lam = grader.draw(rng, 15, 3)
    labels = rng.choice([-1.0, 1.0], size=15)
    best, gradient = grader.newton(X, lam, labels)
    assert np.abs(gradient(best)).max() < 1e-10

    def value(w: np.ndarray) -> float:
        return float(np.mean(np.logaddexp(0, -labels * (X @ w))) + lam / 2 * w @ w)

    return value, gradient, best, lam, grader.top(X) / 60 + lam


@pytest.mark.parametrize("seed", SEEDS)
def test_theorem_4_and_the_steps_of_its_proof(seed: int) -> None:
    """One step, k steps, and both inequalities of the model answer to M2."""
    rng = np.random.default_rng(seed)
    value, gradient, best, mu, L = _logistic(rng)
    w, tau = best + 3 * rng.normal(size=3), rng.uniform(0.1, 1) / L
    start = np.sum((w - best) ** 2)
    for k in range(1, 30):
        g, gap = gradient(w), value(w) - value(best)
        assert g @ (w - best) >= (gap + mu / 2 * np.sum((w - best) ** 2)) * (1 - 1e-9)
        assert g @ g <= 2 * L * gap * (1 + 1e-9) + 1e-14
        w = w - tau * g
        assert np.sum((w - best) ** 2) <= (1 - tau * mu) ** k * start * (1 + 1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_distance_shrinks_as_in_the_bowl(seed: int) -> None:
    """The remark after Theorem 4: by the mean Hessian the distance itself shrinks by 1 − τμ per step, for τ ≤ 1/L."""
    rng = np.random.default_rng(seed)
    _, gradient, best, mu, L = _logistic(rng)
    w, tau = best + 3 * rng.normal(size=3), rng.uniform(0.1, 1) / L
    for _ in range(20):
        after = w - tau * gradient(w)
        assert np.linalg.norm(after - best) <= (1 - tau * mu) * np.linalg.norm(w - best) * (1 + 1e-9)
        w = after


@pytest.mark.parametrize("seed", range(4))
def test_theorem_2(seed: int) -> None:
    """Along the flow the distance decays at least like e^{−μt}, and for a round bowl exactly so."""
    rng = np.random.default_rng(seed)
    _, gradient, best, mu, _ = _logistic(rng)
    start, times = best + 2 * rng.normal(size=3), np.linspace(0, 8, 30)
    flow = solve_ivp(lambda _, w: -gradient(w), (0, 8), start, t_eval=times, rtol=1e-9, atol=1e-11).y.T
    distance = np.linalg.norm(flow - best, axis=1)
    assert np.all(distance <= np.exp(-mu * times) * distance[0] * (1 + 1e-6))


@pytest.mark.parametrize("seed", SEEDS)
def test_theorem_5(seed: int) -> None:
    rng = np.random.default_rng(seed)
    value, gradient, best, _, L = _logistic(rng)
    search = _grader("backtracking").precomputed
    for c in (1e-4, 0.5, 0.9):
        t0, rho, w = rng.uniform(0.5, 40), rng.uniform(0.2, 0.9), best + 2 * rng.normal(size=3)
        assert search(value, gradient, w, t0, rho, c)[1] >= min(t0, 2 * (1 - c) * rho / L) * (1 - 1e-12)


def test_monkey_saddle_is_degenerate_and_no_extremum() -> None:
    """x³ − 3xy² of the picture: Hessian 0 at the origin, and both signs nearby."""
    a, b = np.meshgrid(np.linspace(-0.1, 0.1, 5), np.linspace(-0.1, 0.1, 5))
    values = a**3 - 3 * a * b**2
    assert values.min() < 0 < values.max()


# -- oracles of the graders --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_hessian_and_constants_against_automatic_differentiation(seed: int) -> None:
    """The grader's Hessian is that of torch; its top eigenvalue at 0 is L, and it depends on no label."""
    grader, rng = _grader("smoothness_constants"), np.random.default_rng(seed)
    X, lam = grader.draw(rng, 9, 3)
    labels, data = torch.tensor(rng.choice([-1.0, 1.0], size=9)), torch.tensor(X)

    def loss(w: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.softplus(-labels * (data @ w)).mean() + lam / 2 * (w @ w)

    for w in (np.zeros(3), rng.normal(size=3)):
        want = torch.autograd.functional.hessian(loss, torch.tensor(w)).numpy()
        assert np.allclose(grader.hessian(X, lam, w), want, rtol=1e-10)
    assert np.isclose(np.linalg.eigvalsh(grader.hessian(X, lam, np.zeros(3)))[-1], grader.top(X) / 36 + lam)


@pytest.mark.parametrize("seed", range(6))
def test_gabor_gradient_against_automatic_differentiation(seed: int) -> None:
    """The grader's wave, loss and slope agree with torch, also those of the notebook."""
    grader, rng = _grader("gabor"), np.random.default_rng(seed)
    phi, x, y = grader.draw(rng, 12)
    at = torch.tensor(phi, requires_grad=True)
    phase = at[0] + 0.06 * at[1] * torch.tensor(x)
    loss = ((torch.sin(phase) * torch.exp(-(phase**2) / 32) - torch.tensor(y)) ** 2).mean()
    loss.backward()
    assert at.grad is not None
    assert np.isclose(grader.exact_loss(phi, x, y), loss.item(), rtol=1e-12)
    assert np.allclose(grader.gradient(phi, x, y, grader.right_slope), at.grad.numpy(), rtol=1e-9)


def test_flow_of_the_grader_is_the_matrix_exponential_and_the_limit_of_euler() -> None:
    grader = _grader("gradient_flow")
    for seed in range(20):
        rng = np.random.default_rng(seed)
        A, w0, _ = grader.draw(rng, 3, flat=1)
        for t in (0.5, 2.0):
            exact = expm(-t * A) @ w0
            euler = np.linalg.matrix_power(np.eye(3) - t / 2**20 * A, 2**20) @ w0
            assert np.abs(euler - exact).max() < 1e-5, "ten times below the grader's tolerance"


def test_gradient_of_the_hills_of_backtracking() -> None:
    grader = _grader("backtracking")
    for seed in range(20):
        f, gradient, w, t0, rho, _ = (*grader.draw(np.random.default_rng(seed), 0.3), 0)
        check.gradient(f, gradient(w), at=w)
        assert 0 < rho < 1 < 10 * t0


def test_large_c_tells_plain_decrease_apart() -> None:
    """On the round bowls the first step lowers f and fails the condition, whatever the draw."""
    grader = _grader("backtracking")
    for seed in range(60):
        for c in (0.3, 0.5, 0.9):
            f, gradient, w, t0 = grader.round_bowl(np.random.default_rng(seed), c)
            g = gradient(w)
            assert f(w - t0 * g) < f(w)
            assert f(w - t0 * g) > f(w) - c * t0 * (g @ g)
            assert np.isclose(np.linalg.norm(g), 10)


def test_witnesses_are_so_frequent_that_chance_costs_no_point() -> None:
    """A random triple is a witness often enough: the chance to miss them all is below 1e-9 in every test."""
    grader, rng = _grader("nonconvexity_witness"), np.random.default_rng(0)
    x = rng.uniform(-15, 15, size=30)
    y = np.sin(0.996 * x) * np.exp(-((0.996 * x) ** 2) / 32) + 0.1 * rng.normal(size=30)
    for f, dim, tries in (
        (lambda w: grader.gabor_loss(w, x, y), 2, 2000),
        (grader.product, 2, 2000),
        (grader.waves, 3, 2000),
        (grader.well, 1, 120),
    ):
        hits = sum(grader.midpoints(f, dim, rng, 1) is not None for _ in range(1500))
        assert (1 - hits / 1500) ** tries < 1e-9, (dim, hits)


def test_convex_functions_stay_in_the_range_where_rounding_is_small() -> None:
    """|f| ≤ 1e4 on the cube, so that 1e-9 is far above rounding; and 400 tries show a missing margin on linear ones."""
    grader, rng = _grader("nonconvexity_witness"), np.random.default_rng(0)
    c = rng.normal(size=3)
    c = c / np.abs(c).sum() * 990
    assert abs(grader.linear(10 * np.sign(c), c)) <= 1e4
    assert grader.no_margin(lambda w: grader.linear(w, c), 3, rng, 400) is not None
    assert grader.midpoints(lambda w: grader.linear(w, c), 3, rng, 5000) is None


def test_escapes_are_drawn_away_from_integers() -> None:
    grader = _grader("saddle_escape_steps")
    for seed in range(200):
        y0, tau, R = grader.draw(np.random.default_rng(seed))
        steps = grader.power(y0, tau, R)
        assert grader.simulate(y0, tau, R) == math.ceil(steps)


def test_differences_of_the_gabor_loss_are_not_drowned() -> None:
    """Points with both derivatives above 1e-2 are frequent, so that the draw of ten ends soon."""
    grader, rng = _grader("gabor"), np.random.default_rng(1)
    good = 0
    for _ in range(100):
        phi, x, y = grader.draw(rng, 12)
        good += bool(np.abs(grader.gradient(phi, x, y, grader.right_slope)).min() > 1e-2)
    assert good > 30


# -- what the page says and does not say -------------------------------------------------------------------------------


def test_backtracking_never_raises_the_loss(a06_run: Any) -> None:
    """The walk of the picture: 400 steps, each of them down."""
    values = [a06_run.namespace["rosenbrock"](w) for w in a06_run.namespace["descent"]]
    assert len(values) == 401
    assert all(after < before for before, after in pairwise(values))


def test_the_prose_gives_no_answer_away(a06: Any) -> None:
    """Neither the routines that the exercises ask for, nor the best τ, nor the closed form of the escape."""
    shown = "\n".join(cell["source"] for cell in cells.released(a06.cells)["cells"])
    assert not re.search(r"\.eigh\(|matrix_power|expm\(|log1p|isfinite|\.ceil\(", shown)
    assert not re.search(
        r"frac\{?2\}?\{\\lambda_\{?\\?m?i?n?1?\}? ?\+|2 ?/ ?\(\\lambda|\\tfrac14 ?\\lambda|cos\(?\\?\(?u", shown
    )
