"""The mathematics of the first assignment is right: numbers in its prose, theorems, oracles of its graders."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from chainrule.notebook import cells

GRADERS = Path(__file__).resolve().parents[2] / "graders" / "a01_linear_models"
SEEDS = range(40)


@pytest.fixture(scope="module")
def a01(read: Any) -> Any:
    return read("a01_linear_models")


@pytest.fixture(scope="module")
def a01_text(a01: Any) -> str:
    return str(a01.text)


@pytest.fixture(scope="module")
def a01_run(a01: Any) -> Any:
    return a01.executed


def _grader(exercise: str) -> Any:
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(f"a01_{exercise}", GRADERS / f"test_{exercise}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _design(x: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(x)), x])


# -- numbers in the prose ----------------------------------------------------------------------------------------------


def test_risk_and_deviation_of_the_first_picture(a01_text: str) -> None:
    """E(X/2)² + 0.09 ≈ 0.1733 and σ ≈ 0.228 for X uniform, Y = X + 0.3 ε, f(x) = x/2."""
    second = quad(lambda x: (x / 2) ** 2, 0, 1)[0] + 0.09
    fourth = quad(lambda x: (x / 2) ** 4 + 6 * (x / 2) ** 2 * 0.09 + 3 * 0.09**2, 0, 1)[0]
    assert round(second, 4) == 0.1733
    assert round(math.sqrt(fourth - second**2), 4) == 0.2275
    assert r"\approx 0.1733" in a01_text
    assert r"\sigma \approx 0.228" in a01_text


def test_spacing_of_doubles_near_a_trillion(a01_text: str) -> None:
    assert f"{np.spacing(1e12):.1e}" == "1.2e-04"
    assert r"near $10^{12}$ comes in steps of $1.2 \cdot 10^{-4}$" in a01_text


def test_loss_of_the_spring(a01_text: str, a01_run: Any) -> None:
    xs, ys = a01_run.namespace["xs"], a01_run.namespace["ys"]
    fit, squares, *_ = np.linalg.lstsq(_design(xs), ys, rcond=None)
    assert round(squares[0] / 12, 2) == 0.21
    assert "A loss of 0.21 cm²" in a01_text
    assert np.allclose(a01_run.namespace["fit_line"](xs, ys), fit)


def test_the_finale_shows_what_its_prose_says(a01_run: Any) -> None:
    """442 patients; more columns help on training data always, on test data only while they carry information."""
    assert len(a01_run.namespace["score"]) == 442
    table = next(text for text in a01_run.printed.values() if "train R²" in text)
    train, test = zip(*(map(float, line.split()[-2:]) for line in table.splitlines()[1:]), strict=True)
    assert train[0] < train[1] < train[2]
    assert test[2] < test[0] < test[1]


def test_arrows_of_the_finale_are_at_right_angles(a01_run: Any) -> None:
    space = a01_run.namespace
    curve, gradient = space["curve"], space["line_grad"]
    for before, at, after in zip(curve[:-2], curve[1:-1], curve[2:], strict=True):
        tangent, slope = after - before, gradient(at, space["bmi"], space["score"])
        assert abs(tangent @ slope) < 1e-6 * np.linalg.norm(tangent) * np.linalg.norm(slope)


# -- theorems ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_bounds_of_the_model_answer_to_m1(seed: int) -> None:
    """‖φ−φ*‖ ≤ ‖∇L‖/2λmin and L−Lmin = ¼ ∇LᵀA⁻¹∇L ≤ ‖∇L‖²/4λmin."""
    rng = np.random.default_rng(seed)
    x, y, phi = rng.normal(size=9), rng.normal(size=9), rng.normal(size=2)
    X = _design(x)
    A, best = X.T @ X / 9, np.linalg.lstsq(X, y, rcond=None)[0]
    slope, smallest = 2 * X.T @ (X @ phi - y) / 9, np.linalg.eigvalsh(A)[0]
    excess = np.mean((X @ phi - y) ** 2) - np.mean((X @ best - y) ** 2)
    assert np.linalg.norm(phi - best) <= np.linalg.norm(slope) / (2 * smallest) * (1 + 1e-9)
    assert np.isclose(excess, slope @ np.linalg.solve(A, slope) / 4)
    assert excess <= slope @ slope / (4 * smallest) * (1 + 1e-9)
    assert np.isclose(np.linalg.det(A), np.var(x))


@pytest.mark.parametrize("seed", SEEDS)
def test_theorem_4(seed: int) -> None:
    """The closed form of the iterates, and 1/λmax as the limit of the learning rate."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=7), rng.normal(size=7)
    X = _design(x)
    A, best = X.T @ X / 7, np.linalg.lstsq(X, y, rcond=None)[0]
    limit, phi = 1 / np.linalg.eigvalsh(A)[-1], np.zeros(2)
    for _ in range(8):
        phi = phi - 0.8 * limit * 2 * X.T @ (X @ phi - y) / 7
    closed = best - np.linalg.matrix_power(np.eye(2) - 1.6 * limit * A, 8) @ best
    assert np.allclose(phi, closed)
    for share, converges in ((0.999, True), (1.001, False)):
        radius = np.abs(np.linalg.eigvalsh(np.eye(2) - 2 * share * limit * A)).max()
        assert bool(radius < 1) is converges


# -- oracles of the graders --------------------------------------------------------------------------------------------


def test_risk_of_the_law_of_large_numbers() -> None:
    """E[(½ sin(X/2) + 0.1 ε)²] = ⅛(1 − e^{−12.5}) + 0.01 for X ~ N(0, 25)."""
    sine = quad(lambda x: 0.25 * math.sin(x / 2) ** 2 * norm.pdf(x, scale=5), -60, 60, limit=300)[0]
    assert np.isclose(sine + 0.01, (1 - math.exp(-12.5)) / 8 + 0.01, rtol=1e-10)


@pytest.mark.parametrize("seed", range(12))
def test_offset_bound_has_room_for_good_solutions_and_none_for_bad(seed: int) -> None:
    """Centring, lstsq and QR stay five times below 1e-8, as does the rounding of x + 1e6; one pass never does."""
    grader, rng = _grader("fit_line"), np.random.default_rng(seed)
    worst_bad = 0.0
    for _ in range(6):
        x, y = grader.draw(rng, int(rng.integers(20, 101)))
        near = x - x.mean()
        slope = near @ y / (near @ near)
        far = [Fraction(float(v)) for v in x + 1e6]
        mean, mean_y = sum(far) / len(far), sum(map(Fraction, y.tolist())) / len(far)
        exact = sum((a - mean) * (Fraction(b) - mean_y) for a, b in zip(far, y.tolist(), strict=True)) / sum(
            (a - mean) ** 2 for a in far
        )
        assert abs(float(exact) - slope) < 2e-10 * max(1, abs(slope))
        for good in (grader.least_squares, grader.by_qr, grader.two_passes, grader.polyfit):
            assert abs(good(x + 1e6, y)[1] - slope) < 1e-8 / 5 * max(1, abs(slope)), good.__name__
        worst_bad = max(worst_bad, abs(grader.one_pass_sums(x + 1e6, y)[1] - slope))
    assert worst_bad > 1e-7


@pytest.mark.parametrize("seed", range(12))
def test_orthogonality_bounds_have_room_for_every_good_routine(seed: int) -> None:
    grader, rng = _grader("normal_equations"), np.random.default_rng(seed)
    X, y = grader.draw(rng, 80, 3)
    for good in (grader.by_pinv, grader.ones_at_end, grader.by_svd, grader.by_qr, grader.another_minimiser):
        for data in (X, X * [1e3, 1.0, 1e-3], np.column_stack([X, X[:, 1], np.zeros(80)])):
            w, b = good(data, y)
            grader.perpendicular(data, y, np.asarray(w), float(np.squeeze(b)), bound=1e-9 / 10)


def test_stopping_can_always_be_tested() -> None:
    """For every draw there are steps whose change of the loss is well separated and not lost in rounding."""
    grader = _grader("gd_line")
    for seed in range(200):
        x, y, _, limit = grader.draw(np.random.default_rng(seed))
        losses = grader.descend(x, y, 0.4 * limit, 59, lambda losses: False)[1]
        assert len(grader.separated_steps(losses)) >= 3, seed


def test_finite_differences_are_not_drowned() -> None:
    """Among the five draws of a run is a gradient so large that the absolute floor lets nothing else pass."""
    grader = _grader("line_grad")
    for seed in range(200):
        rng, largest = np.random.default_rng(seed), 0.0
        for _ in range(5):
            phi, x, y = grader.draw(rng, int(rng.integers(3, 20)))
            r = phi[0] + phi[1] * x - y
            largest = max(largest, abs(2 * np.mean(r)), abs(2 * np.mean(r * x)))
        assert largest > 1e-2, seed


# -- what the page says and does not say -------------------------------------------------------------------------------


def test_axes_have_units_where_the_spring_has_them(a01_run: Any) -> None:
    labels = {label for _, x, y, _, _ in a01_run.axes for label in (x, y)}
    for quantity, unit in (("load", "(N)"), ("length", "(cm)"), ("slope $", "(cm/N)"), ("loss", "(cm²)")):
        assert all(unit in label for label in labels if label.startswith(quantity) and "score" not in label), quantity


def test_the_prose_gives_no_answer_away(a01: Any) -> None:
    """Not the cost of exercise 7, nor the closed form of exercise 4, nor the routine that exercise 5 asks for."""
    shown = "\n".join(cell["source"] for cell in cells.released(a01.cells)["cells"])
    assert not re.search(r"D\^\{?[23]|D\*\*[23]|ND\b", shown)
    assert not re.search(r"lstsq\(|pinv\(|cholesky\(|\.eigh\(|\\frac\{\\sum|np\.cov|polyfit", shown)
