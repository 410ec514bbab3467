"""The mathematics of the losses assignment is right: numbers in its prose, theorems, oracles of its graders."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import special
from scipy.optimize import minimize

from chainrule.notebook import cells

GRADERS = Path(__file__).resolve().parents[2] / "graders" / "a05_losses"
SEEDS = range(20)


@pytest.fixture(scope="module")
def a05(read: Any) -> Any:
    return read("a05_losses")


@pytest.fixture(scope="module")
def a05_text(a05: Any) -> str:
    return " ".join(str(a05.text).split())


@pytest.fixture(scope="module")
def a05_run(a05: Any) -> Any:
    return a05.executed


def _grader(exercise: str) -> Any:
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(f"a05_{exercise}", GRADERS / f"test_{exercise}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# -- numbers in the prose ----------------------------------------------------------------------------------------------


def test_where_floats_end(a05_text: str) -> None:
    """2⁻¹⁰⁷⁵ is 0, e⁷¹⁰ overflows, e⁻⁷⁴⁶ is 0, and σ(z) is 1 from about 37 on."""
    with np.errstate(over="ignore", under="ignore"):
        assert 0.5**1075 == 0 < 0.5**1074
        assert np.exp(710.0) == math.inf > np.exp(709.0)
        assert np.exp(-746.0) == 0 < np.exp(-745.0)
    ends = [z for z in np.arange(30, 45, 0.01) if 1 / (1 + math.exp(-z)) == 1]
    assert 36.5 < ends[0] < 37
    for quoted in (r"2^{-1075}", "e^{710}", "e^{-746}", r"From $z \approx 37$ on"):
        assert quoted in a05_text


@pytest.mark.parametrize(("kind", "gap"), [(np.float32, 104), (np.float64, 746)])
def test_gaps_at_which_the_logarithm_of_the_softmax_is_lost(a05_text: str, kind: type, gap: int) -> None:
    with np.errstate(all="ignore"):
        for lost, at in ((False, gap - 1), (True, gap)):
            share = special.softmax(np.array([0, -at], dtype=kind))[1]
            assert share.dtype == kind
            assert bool(np.isinf(np.log(share))) is lost
        assert np.isnan(0 * np.log(kind(0)))
    assert "lost at a gap of 104; with 64 bits at 746" in a05_text


def test_triangle_inequality_of_the_model_answer(a05_text: str) -> None:
    def coin(a: float, b: float) -> float:
        return float(special.rel_entr([a, 1 - a], [b, 1 - b]).sum())

    values = coin(0.5, 0.1), coin(0.5, 0.25), coin(0.25, 0.1)
    assert [round(value, 3) for value in values] == [0.511, 0.144, 0.092]
    assert values[0] > values[1] + values[2]
    assert r"\approx 0.511" in a05_text
    assert r"\approx 0.144 + 0.092" in a05_text


def test_the_finale_shows_what_its_prose_says(a05_run: Any, a05_text: str) -> None:
    """1437 and 360 images; the loss begins at log 10 and ends far below the entropy of the labels; over 90 % right."""
    space = a05_run.namespace
    assert (len(space["train"]), len(space["test"])) == (1437, 360)
    assert round(math.log(10), 3) == 2.303
    assert r"\log 10 \approx 2.303" in a05_text
    assert np.isclose(space["losses"][0], math.log(10))
    assert space["losses"][-1] < 0.1 * special.entr(space["blind"]).sum()
    assert space["accuracy"] > 0.95


def test_honest_error_bars_have_the_smaller_loss(a05_run: Any) -> None:
    titles = [title for title, *_ in a05_run.axes if "NLL = " in title]
    losses = {title.split(":")[0]: float(title.split("=")[1]) for title in titles}
    assert losses["growing width"] < losses["one width"] - 0.1


def test_weights_of_separated_classes_keep_growing(a05_run: Any) -> None:
    """In the picture of section 10 the last walk is the separated one: its weight still rises after 3000 steps."""
    walk = np.array(a05_run.namespace["walk"])[:, 0]
    assert (np.diff(walk) > 0).all()
    assert walk[-1] > walk[300] + 1


def test_one_fit_covers_and_the_other_chooses(a05_run: Any) -> None:
    space = a05_run.namespace
    forward, backward, places = space["forward"], space["backward"], space["places"]
    means = [float(weights @ places) for weights in (forward, backward)]
    widths = [math.sqrt(float(w @ (places - m) ** 2)) for w, m in zip((forward, backward), means, strict=True)]
    assert abs(means[0] - float(space["hills"] @ places)) < 0.2
    assert widths[0] > 2
    assert abs(means[1] + 2) < 0.2
    assert widths[1] < 1


# -- theorems ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_theorem_1(seed: int) -> None:
    """With one constant σ the NLL is an increasing affine function of the MSE; with several it is not."""
    rng, grader = np.random.default_rng(seed), _grader("gaussian_nll")
    y, means, s = rng.normal(size=6), rng.normal(size=(3, 6)), rng.normal()
    mse = np.mean((y - means) ** 2, axis=1)
    nll = np.array([grader.nll(y, m, s) for m in means])
    slope = math.exp(-2 * s) / 2
    assert np.allclose(nll - nll[0], slope * (mse - mse[0]))


@pytest.mark.parametrize("seed", SEEDS)
def test_theorems_2_3_and_5(seed: int) -> None:
    """Gibbs, the decomposition of the NLL, Kraft's sum and the cost of the wrong code."""
    rng = np.random.default_rng(seed)
    k = int(rng.integers(2, 9))
    q, p = rng.dirichlet(np.ones(k)), rng.dirichlet(np.ones(k))
    divergence, entropy = special.rel_entr(q, p).sum(), special.entr(q).sum()
    assert divergence > 0
    assert 0 < entropy < math.log(k)
    assert np.isclose(math.log(k) - entropy, special.rel_entr(q, np.full(k, 1 / k)).sum())
    sample = rng.integers(0, k, size=30)
    shares = np.bincount(sample, minlength=k) / 30
    nll = -np.mean(np.log(p[sample]))
    assert np.isclose(nll, special.entr(shares).sum() + special.rel_entr(shares, p).sum())
    lengths = np.ceil(-np.log2(p))
    assert np.sum(2.0**-lengths) <= 1
    low = (entropy + divergence) / math.log(2)
    assert low - 1e-12 <= q @ lengths < low + 1


def test_theorem_6_against_a_minimiser() -> None:
    """Where a minimiser exists, a solver finds a point with gradient 0; else the weights run away. L* = 1.8543."""
    grader = _grader("minimum_exists")

    def run(x: np.ndarray, y: np.ndarray) -> Any:
        sign = 2 * y - 1
        return minimize(
            lambda t: np.logaddexp(0, -sign * (t[0] * x + t[1])).sum(),
            np.zeros(2),
            jac=lambda t: -np.array([x, np.ones(len(x))]) @ (sign * special.expit(-sign * (t[0] * x + t[1]))),
            method="BFGS",
            options={"gtol": 1e-9, "maxiter": 300},
        )

    known = run(np.array([-1.0, 1.0, 2.0]), np.array([0, 1, 0]))
    assert round(known.fun, 4) == 1.8543
    rng = np.random.default_rng(0)
    for _ in range(25):
        n = int(rng.integers(3, 7))
        x, y = rng.integers(-2, 3, size=n).astype(float), rng.integers(0, 2, size=n)
        runs_away = np.abs(run(x, y).x).max() > 8
        assert runs_away == grader.has_good_direction(x, y), (x, y)


# -- oracles of the graders --------------------------------------------------------------------------------------------


def test_the_unguarded_logarithm_fails_where_its_message_says() -> None:
    grader = _grader("code_length")
    assert grader.unguarded(np.array([2.0**-29]))[0] == 30
    assert grader.exact_lengths(np.array([2.0**-29]))[0] == 29


def test_no_random_length_lies_near_a_whole_number() -> None:
    """So the guard of 1e-12 and exact arithmetic never disagree on random p."""
    grader = _grader("code_length")
    for seed in range(200):
        p = grader.draw(np.random.default_rng(seed), 25)
        bits = -np.log2(p)
        assert np.abs(bits - np.round(bits)).min() > 1e-9, seed


def test_the_reference_of_the_binary_cross_entropy_is_exact_enough() -> None:
    """For logits up to 30 the definition, term by term, has the digits that the test asks for."""
    grader = _grader("bce_with_logits")
    z = np.linspace(-30, 30, 200)
    for y in (0.0, 0.3, 1.0):
        for value in z:
            want = np.logaddexp(0, value) - y * value
            assert abs(grader.reference([value], [y]) - want) <= 2e-10 + 1e-8 * want


def test_finite_differences_are_not_drowned() -> None:
    """Each draw of the gradient tests has an entry so large that the absolute floor lets nothing else pass."""
    bce, ce = _grader("bce_with_logits"), _grader("cross_entropy")
    for seed in range(100):
        rng = np.random.default_rng(seed)
        z, y = bce.draw(rng, 8)
        assert np.abs(special.expit(z) - y).max() / 8 > 1e-2
        Z, labels = ce.draw(rng)
        P = special.softmax(Z, axis=1)
        assert np.abs(P - np.eye(Z.shape[1])[labels]).max() / len(Z) > 1e-2


# -- what the page says and does not say -------------------------------------------------------------------------------


def test_the_prose_gives_no_answer_away(a05: Any) -> None:
    """Not the stable forms, not the gradients, not the Jacobian, not the intervals of the last exercise."""
    shown = "\n".join(cell["source"] for cell in cells.released(a05.cells)["cells"])
    assert not re.search(r"logaddexp|log1p|logsumexp|keepdims|np\.outer|np\.diag\(|bincount|np\.std", shown)
    assert not re.search(r"p - y(?!\)\^2)|P - Y|\(1 - p\) *\* *p|p *\* *\(1 - p\)|p_i *p_j|log2\(", shown)


def test_errors_of_older_notes_are_not_repeated(a05_text: str) -> None:
    """Brackets around both terms of the BCE, logits in the exponents, 1/N before the point masses, K classes from 0."""
    assert r"\Big[\, y_i \log \sigma(z_i) + (1 - y_i) \log\big(1 - \sigma(z_i)\big) \Big]" in a05_text
    assert r"\frac{e^{z_k}}{\sum_{j=0}^{K-1} e^{z_j}}" in a05_text
    assert r"\hat q = \frac1N \sum_i \delta_{y_i}" in a05_text
