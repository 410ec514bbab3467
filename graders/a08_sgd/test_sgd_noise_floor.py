"""Where SGD with a constant learning rate comes to rest: an exact variance, and a bound."""

import numpy as np
import sympy as sp

from chainrule import check
from chainrule.grader import alternative, misconception, points

a, tau, V = sp.symbols("a tau V", positive=True)
SPREAD = sp.Symbol("S")
DOMAIN = {"a": (0.2, 1.0), "tau": (0.2, 1.5), "V": (0.2, 3.0)}

# The variance.


def depends_on_steps(run):
    asked = [call.result for call in run.calls if call.kind == "symbolic"]
    return any(f"'{name}'" in repr(asked) for name in ("k", "n", "t", "T", "N"))


@misconception("The noise is τa·c: a is in it, too.", of="stationary_variance")
def curvature_forgotten():
    return tau * V / (2 - tau * a)


@misconception("One step; sum the geometric series.", of="stationary_variance")
def one_step():
    return tau**2 * a**2 * V


@misconception("The variance takes the square of the factor 1 − τa.", of="stationary_variance")
def factor_not_squared():
    return tau * a * V


@misconception("That is the limit for small τ: keep the denominator.", of="stationary_variance")
def small_steps():
    return tau * a * V / 2


@misconception("That is the scatter of the data; the walk averages over many of them.", of="stationary_variance")
def scatter_of_data():
    return V


@misconception("With a constant learning rate the noise never dies out: the limit is not 0.", of="stationary_variance")
def no_noise():
    return sp.Integer(0)


@misconception("Look at the sign: 1 − (1 − τa)² = τa(2 − τa).", of="stationary_variance")
def sign_of_denominator():
    return tau * a * V / (2 + tau * a)


@misconception("The noise enters with the square of τa.", of="stationary_variance")
def noise_not_squared():
    return V / (2 - tau * a)


@misconception("That is the standard deviation.", of="stationary_variance")
def standard_deviation():
    return sp.sqrt(tau * a * V / (2 - tau * a))


@misconception("The limit does not depend on the number of steps.", of="stationary_variance", when=depends_on_steps)
def with_steps():
    return tau * a * V / (2 - tau * a) * (1 - (1 - tau * a) ** (2 * sp.Symbol("k")))


@misconception("The limit does not depend on the number of steps.", of="stationary_variance", when=depends_on_steps)
def divided_by_n():
    return V / sp.Symbol("N")


@alternative("solved from S = (1 − τa)² S + τ²a²V", of="stationary_variance")
def by_solving():
    return sp.solve(sp.Eq(SPREAD, (1 - tau * a) ** 2 * SPREAD + tau**2 * a**2 * V), SPREAD)[0]


@alternative("as a quotient of the two squares", of="stationary_variance")
def as_quotient():
    return (tau * a) ** 2 * V / (1 - (1 - tau * a) ** 2)


@alternative("as text", of="stationary_variance")
def as_text():
    return "V * tau * a / (2 - a * tau)"


@alternative("own symbols without assumptions", of="stationary_variance")
def own_symbols():
    p, q, r = sp.symbols("a tau V")
    return r / (2 / (p * q) - 1)


# The bound.


def accepts_too_much(run):
    return run.test == "test_learning_rate" and "1/(2Λ)" in run.failure and "raise" in run.failure


def refuses_border(run):
    return run.test == "test_learning_rate" and run.error == "ValueError"


def guarded(tau, Lam):
    if not 0 < tau <= 1 / (2 * Lam):
        raise ValueError("learning rate too large")


@misconception("SGD needs 1/(2Λ) here.", of="sgd_bound")
def limit_of_gd(tau, lam, Lam, sigma2, d0, k):
    if not 0 < tau <= 1 / Lam:
        raise ValueError("learning rate too large")
    return (1 - tau * lam) ** k * d0 + 2 * tau * sigma2 / lam


@misconception("Raise ValueError where the theorem does not hold.", of="sgd_bound", when=accepts_too_much)
def no_limit(tau, lam, Lam, sigma2, d0, k):
    return (1 - tau * lam) ** k * d0 + 2 * tau * sigma2 / lam


@misconception("Raise ValueError where the theorem does not hold.", of="sgd_bound", when=accepts_too_much)
def limit_from_lam(tau, lam, Lam, sigma2, d0, k):
    if not 0 < tau <= 1 / (2 * lam):
        raise ValueError("learning rate too large")
    return (1 - tau * lam) ** k * d0 + 2 * tau * sigma2 / lam


@misconception("Raise ValueError where the theorem does not hold.", of="sgd_bound", when=accepts_too_much)
def not_positive(tau, lam, Lam, sigma2, d0, k):
    if tau > 1 / (2 * Lam):
        raise ValueError("learning rate too large")
    return (1 - tau * lam) ** k * d0 + 2 * tau * sigma2 / lam


@misconception("τ = 1/(2Λ) is allowed.", of="sgd_bound", when=refuses_border)
def border_refused(tau, lam, Lam, sigma2, d0, k):
    if not 0 < tau < 1 / (2 * Lam):
        raise ValueError("learning rate too large")
    return (1 - tau * lam) ** k * d0 + 2 * tau * sigma2 / lam


@misconception("The theorem is already for squared distances.", of="sgd_bound")
def power_2k(tau, lam, Lam, sigma2, d0, k):
    guarded(tau, Lam)
    return (1 - tau * lam) ** (2 * k) * d0 + 2 * tau * sigma2 / lam


@misconception("d0 is a squared distance already.", of="sgd_bound")
def squared_again(tau, lam, Lam, sigma2, d0, k):
    guarded(tau, Lam)
    return (1 - tau * lam) ** k * d0**2 + 2 * tau * sigma2 / lam


@misconception("sigma2 is a mean square already.", of="sgd_bound")
def sigma_squared_again(tau, lam, Lam, sigma2, d0, k):
    guarded(tau, Lam)
    return (1 - tau * lam) ** k * d0 + 2 * tau * sigma2**2 / lam


@misconception("The slowest direction decides: the rate is 1 − τλ.", of="sgd_bound")
def rate_from_Lam(tau, lam, Lam, sigma2, d0, k):
    guarded(tau, Lam)
    return (1 - tau * Lam) ** k * d0 + 2 * tau * sigma2 / lam


@misconception("The noise term is divided by λ, the smallest curvature.", of="sgd_bound")
def noise_over_Lam(tau, lam, Lam, sigma2, d0, k):
    guarded(tau, Lam)
    return (1 - tau * lam) ** k * d0 + 2 * tau * sigma2 / Lam


@misconception("The factor 2 of the noise term is missing.", of="sgd_bound")
def no_factor_two(tau, lam, Lam, sigma2, d0, k):
    guarded(tau, Lam)
    return (1 - tau * lam) ** k * d0 + tau * sigma2 / lam


@misconception("The floor is proportional to τ: smaller steps, less noise.", of="sgd_bound")
def floor_without_tau(tau, lam, Lam, sigma2, d0, k):
    guarded(tau, Lam)
    return (1 - tau * lam) ** k * d0 + 2 * sigma2 / lam


@misconception("The floor is proportional to τ, not to its square: the noise of many steps adds up.", of="sgd_bound")
def noise_of_one_step(tau, lam, Lam, sigma2, d0, k):
    guarded(tau, Lam)
    return (1 - tau * lam) ** k * d0 + 2 * tau**2 * sigma2


@misconception("That is gradient descent: the noise is missing.", of="sgd_bound")
def no_noise_term(tau, lam, Lam, sigma2, d0, k):
    guarded(tau, Lam)
    return (1 - tau * lam) ** k * d0


@misconception("Only the distance at the start shrinks with k; the noise term stays.", of="sgd_bound")
def both_shrink(tau, lam, Lam, sigma2, d0, k):
    guarded(tau, Lam)
    return (1 - tau * lam) ** k * (d0 + 2 * tau * sigma2 / lam)


@misconception("True and a little sharper, but not the theorem: its second term does not depend on k.", of="sgd_bound")
def sharper(tau, lam, Lam, sigma2, d0, k):
    guarded(tau, Lam)
    shrunk = (1 - tau * lam) ** k
    return shrunk * d0 + 2 * tau * sigma2 / lam * (1 - shrunk)


@alternative("with a loop, 0-d array", of="sgd_bound")
def by_loop(tau, lam, Lam, sigma2, d0, k):
    if tau <= 0 or tau > 0.5 / Lam:
        raise ValueError("tau must lie in (0, 1/(2 Lam)]")
    for _ in range(k):
        d0 = d0 - tau * lam * d0
    return np.asarray(d0 + tau * (2 * sigma2) / lam)


@alternative("with logarithms", of="sgd_bound")
def by_logarithm(tau, lam, Lam, sigma2, d0, k):
    assert Lam >= lam > 0
    if tau <= 0 or 2 * tau * Lam > 1 + 1e-12:
        raise ValueError("no convergence")
    return float(np.exp(k * np.log1p(-tau * lam)) * d0 + sigma2 * tau / (lam / 2))


@points(4)
def test_stationary_variance(student):
    """stationary_variance is the fixed point of the recursion for the variance."""
    want = sp.solve(sp.Eq(SPREAD, (1 - tau * a) ** 2 * SPREAD + tau**2 * a**2 * V), SPREAD)[0]
    check.symbolic(student.symbolic("stationary_variance"), want, domain=DOMAIN)


def unrolled(tau, lam, sigma2, d0, k):
    """The theorem from its recursion d ← (1 − τλ) d + 2τ²σ², with the sum over all steps, not only the first k."""
    return d0 * float(np.prod(np.full(k, 1 - tau * lam))) + 2 * tau**2 * sigma2 / (1 - (1 - tau * lam))


@points(3)
def test_bound(student, rng):
    """sgd_bound is the value of the theorem."""
    cases = []
    for k in (0, 1, int(rng.integers(2, 30)), 400):
        lam = rng.uniform(0.2, 1)
        Lam = lam * rng.uniform(1.5, 4)
        cases.append((rng.uniform(0.1, 0.49) / Lam, lam, Lam, rng.uniform(0.5, 3), rng.uniform(2, 6), k))
    cases.append((0.125, 1, 4, 2, 3, 5))
    got = [student.sgd_bound(*case) for case in cases]
    for value, (step, lam, _, sigma2, d0, k) in zip(got, cases, strict=True):
        check.close(value, unrolled(step, lam, sigma2, d0, k))


@points(2)
def test_monte_carlo(student, rng):
    """It holds for 4000 simulated chains at k = 1, 10 and 100, and is not wider than the theorem."""
    lam, Lam, N = rng.uniform(0.3, 0.6), rng.uniform(1.5, 3), 12
    curvature = np.concatenate([[lam, Lam], rng.uniform(lam, Lam, N - 2)])
    centre = 2 * rng.normal(size=N)
    lowest = (curvature @ centre) / curvature.sum()
    sigma2 = np.mean((curvature * (lowest - centre)) ** 2)
    step, start = 1 / (2 * Lam), lowest + rng.uniform(2, 4)
    d0, chains, k = (start - lowest) ** 2, np.full(4000, start), 0
    bounds = {steps: check.scalar(student.sgd_bound(step, lam, Lam, sigma2, d0, steps)) for steps in (1, 10, 100)}
    for steps, bound in bounds.items():
        while k < steps:
            i = rng.integers(0, N, size=4000)
            chains, k = chains - step * curvature[i] * (chains - centre[i]), k + 1
        squares = (chains - lowest) ** 2
        # Six standard errors, so that chance never costs a point.
        noise = 6 * squares.std() / np.sqrt(4000)
        check.that(
            bound >= squares.mean() - noise,
            f"After {steps} steps the simulated chains are farther from the minimum than your bound allows.",
            f"bound {bound}, simulated {squares.mean()}",
        )
        check.that(
            bound <= unrolled(step, lam, sigma2, d0, steps) * (1 + 1e-9), "Your bound is wider than the theorem allows."
        )


@points(1)
def test_learning_rate(student, rng):
    """It raises ValueError exactly where the learning rate does not fulfil the condition of the theorem."""
    for share in (3.0, 1.9, 1.001, 0.0, -0.5):
        lam, Lam = rng.uniform(0.2, 0.3), rng.uniform(1, 4)
        try:
            student.sgd_bound(share / (2 * Lam), lam, Lam, 1.0, 1.0, 3)
        except ValueError:
            continue
        check.fail("Outside of 0 < τ ≤ 1/(2Λ) your function should raise ValueError.")
    for Lam in (0.5, 2.0, 8.0):
        check.scalar(student.sgd_bound(1 / (2 * Lam), 0.3, Lam, 1.0, 1.0, 3))
        check.scalar(student.sgd_bound(0.3 / Lam, 0.3, Lam, 1.0, 1.0, 3))
