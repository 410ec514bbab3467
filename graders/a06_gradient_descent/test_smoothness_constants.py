"""Strong convexity and smoothness of logistic regression, and the bound that they give for gradient descent."""

import numpy as np

from chainrule import check
from chainrule.grader import alternative, misconception, points


def top(X):
    """The largest eigenvalue of XᵀX."""
    return np.linalg.norm(np.asarray(X, dtype=float), 2) ** 2


# The constants.


@misconception("σ′ ≤ ¼.", of="smoothness_constants")
def no_quarter(X, lam):
    return lam, top(X) / len(X) + lam


@misconception("σ′ ≤ ¼.", of="smoothness_constants")
def half(X, lam):
    return lam, top(X) / (2 * len(X)) + lam


@misconception("(λ/2)‖w‖² has Hessian λI.", of="smoothness_constants")
def penalty_doubled(X, lam):
    return 2 * lam, top(X) / (4 * len(X)) + 2 * lam


@misconception("(λ/2)‖w‖² has Hessian λI.", of="smoothness_constants")
def penalty_halved(X, lam):
    return lam / 2, top(X) / (4 * len(X)) + lam / 2


@misconception("σ′→0 for large ‖w‖.", of="smoothness_constants")
def smallest_eigenvalue(X, lam):
    values = np.linalg.eigvalsh(np.asarray(X, dtype=float).T @ X)
    return values[0] / (4 * len(X)) + lam, values[-1] / (4 * len(X)) + lam


@misconception("The loss is a mean over the samples: divide by N.", of="smoothness_constants")
def no_mean(X, lam):
    return lam, top(X) / 4 + lam


@misconception("Divide by the number of samples, the rows, not by the number of features.", of="smoothness_constants")
def divided_by_features(X, lam):
    return lam, top(X) / (4 * np.shape(X)[1]) + lam


@misconception("The penalty curves the function too: it is part of L.", of="smoothness_constants")
def no_penalty_in_L(X, lam):
    return lam, top(X) / (4 * len(X))


@misconception(
    "An upper bound, but not the smallest: the longest row is not the largest eigenvalue.", of="smoothness_constants"
)
def longest_row(X, lam):
    return lam, np.max(np.sum(np.asarray(X, dtype=float) ** 2, axis=1)) / 4 + lam


@misconception("An upper bound, but not the smallest: the trace adds up all eigenvalues.", of="smoothness_constants")
def trace(X, lam):
    return lam, np.sum(np.asarray(X, dtype=float) ** 2) / (4 * len(X)) + lam


@misconception("That is a singular value of X: the eigenvalues of XᵀX are their squares.", of="smoothness_constants")
def singular_value(X, lam):
    return lam, np.sqrt(top(X)) / (4 * len(X)) + lam


@misconception("Order is (μ, L).", of="smoothness_constants")
def swapped(X, lam):
    return top(X) / (4 * len(X)) + lam, lam


@misconception(
    "With a penalty the function is strongly convex: its curvature never falls to 0.", of="smoothness_constants"
)
def no_strong_convexity(X, lam):
    return 0.0, top(X) / (4 * len(X)) + lam


@misconception(
    "Columns may be correlated: the eigenvalues of XᵀX are not its diagonal entries.", of="smoothness_constants"
)
def diagonal(X, lam):
    return lam, np.max(np.sum(np.asarray(X, dtype=float) ** 2, axis=0)) / (4 * len(X)) + lam


@alternative("power iteration", of="smoothness_constants")
def power_iteration(X, lam):
    X = np.asarray(X, dtype=float)
    v, old, value = np.ones(X.shape[1]) + 0.1 * np.arange(X.shape[1]), 0.0, 1.0
    while abs(value - old) > 1e-13 * value:
        v = X.T @ (X @ v)
        old, value = value, np.linalg.norm(v)
        v = v / value
    return lam, value / len(X) / 4 + lam


@alternative("Gram matrix of the samples, list", of="smoothness_constants")
def gram(X, lam):
    X = np.asarray(X, dtype=float)
    return [np.float64(lam), max(np.linalg.eigvalsh(X @ X.T)) / len(X) * 0.25 + lam]


# The bound.


def guard(L, tau):
    if not 0 < tau <= 1 / L:
        raise ValueError("0 < tau <= 1/L is needed")


@misconception("The theorem needs τ ≤ 1/L.", of="gd_bound")
def up_to_two_over_L(mu, L, tau, k, d0):
    if not 0 < tau < 2 / L:
        raise ValueError("diverges")
    return (1 - tau * mu) ** k * d0


@misconception("The theorem needs τ ≤ 1/L.", of="gd_bound")
def no_condition(mu, L, tau, k, d0):
    return (1 - tau * mu) ** k * d0


@misconception("τ must be positive.", of="gd_bound")
def negative_allowed(mu, L, tau, k, d0):
    if tau > 1 / L:
        raise ValueError("too large")
    return (1 - tau * mu) ** k * d0


@misconception("τ = 1/L is allowed.", of="gd_bound")
def strictly_below(mu, L, tau, k, d0):
    if not 0 < tau < 1 / L:
        raise ValueError("too large")
    return (1 - tau * mu) ** k * d0


@misconception("d0 is a squared distance already.", of="gd_bound")
def d0_squared(mu, L, tau, k, d0):
    guard(L, tau)
    return (1 - tau * mu) ** k * d0**2


@misconception("The theorem bounds the squared distance: no root.", of="gd_bound")
def root(mu, L, tau, k, d0):
    guard(L, tau)
    return np.sqrt((1 - tau * mu) ** k * d0)


@misconception("(1−τμ)²ᵏ is what a bowl would give; the theorem promises (1−τμ)ᵏ.", of="gd_bound")
def twice_the_power(mu, L, tau, k, d0):
    guard(L, tau)
    return (1 - tau * mu) ** (2 * k) * d0


@misconception("The slow direction decides: μ, not L.", of="gd_bound")
def L_for_mu(mu, L, tau, k, d0):
    guard(L, tau)
    return (1 - tau * L) ** k * d0


@misconception("This is the bound for τ = 1/L only.", of="gd_bound")
def tau_ignored(mu, L, tau, k, d0):
    guard(L, tau)
    return (1 - mu / L) ** k * d0


@misconception("k steps multiply k times.", of="gd_bound")
def one_step(mu, L, tau, k, d0):
    guard(L, tau)
    return (1 - tau * mu) * d0


@misconception("k steps multiply k times.", of="gd_bound")
def linear_in_k(mu, L, tau, k, d0):
    guard(L, tau)
    return (1 - k * tau * mu) * d0


@misconception("exp(−τμk) is larger than the bound of the theorem: 1−x ≤ exp(−x).", of="gd_bound")
def exponential(mu, L, tau, k, d0):
    guard(L, tau)
    return np.exp(-tau * mu * k) * d0


@alternative("logarithms", of="gd_bound")
def by_logarithms(mu, L, tau, k, d0):
    if tau <= 0 or tau > 1 / L:
        raise ValueError("0 < tau <= 1/L is needed")
    return np.array([d0 * np.exp(k * np.log1p(-tau * mu))]) if tau * mu < 1 else d0 * 0.0**k


@alternative("a loop", of="gd_bound")
def by_loop(mu, L, tau, k, d0):
    if not tau > 0 or tau * L > 1 + 1e-12:
        raise ValueError("0 < tau <= 1/L is needed")
    for _ in range(k):
        d0 = d0 - tau * mu * d0
    return d0


# The tests.


def draw(rng, n, d):
    X = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)
    return X, 10 ** rng.uniform(-2, 0)


def hessian(X, lam, w):
    z = np.abs(X @ w)
    s = np.exp(-z) / (1 + np.exp(-z)) ** 2
    return (X.T * s) @ X / len(X) + lam * np.eye(X.shape[1])


def newton(X, lam, labels):
    """The minimiser, by Newton's method with halved steps."""

    def gradient(w):
        return -(labels / (1 + np.exp(labels * (X @ w)))) @ X / len(X) + lam * w

    def value(w):
        return np.mean(np.logaddexp(0, -labels * (X @ w))) + lam / 2 * w @ w

    w = np.zeros(X.shape[1])
    for _ in range(60):
        step, t = np.linalg.solve(hessian(X, lam, w), gradient(w)), 1.0
        while value(w - t * step) > value(w) and t > 1e-8:
            t /= 2
        w = w - t * step
    return w, gradient


def constants(got):
    mu, L = check.parts(got, 2)
    return check.scalar(mu), check.scalar(L)


@points(4)
def test_eigenvalues(student, rng):
    """All eigenvalues of the Hessian lie in [μ, L], at 50 points w, and at w = 0 the largest is L."""
    cases = []
    for n, d in ((12, 3), (6, 2), (3, 5)):
        X, lam = draw(rng, n, d)
        cases.append((X, lam, student.smoothness_constants(X, lam)))
    whole = rng.integers(-3, 4, size=(7, 2))
    cases.append((whole, 0.5, student.smoothness_constants(whole, 0.5)))
    for X, lam, got in cases:
        mu, L = constants(got)
        for scale in np.geomspace(0.01, 30, 50):
            values = np.linalg.eigvalsh(hessian(X, lam, scale * rng.normal(size=X.shape[1])))
            check.that(mu <= values[0] * (1 + 1e-6), "Some Hessian has an eigenvalue below your μ.")
            check.that(values[-1] <= L * (1 + 1e-6), "Some Hessian has an eigenvalue above your L.")
        highest = np.linalg.eigvalsh(hessian(X, lam, np.zeros(X.shape[1])))[-1]
        message = "Your L is an upper bound, but not the smallest: where is the curvature largest?"
        check.that(highest * (1 + 1e-6) >= L, message)


@points(2)
def test_infimum(student, rng):
    """No larger μ is right: far away the smallest eigenvalue comes as near to it as one likes."""
    cases = []
    for n, d in ((12, 2), (8, 3)):
        X, lam = draw(rng, n, d)
        cases.append((X, lam, student.smoothness_constants(X, lam)))
    for X, lam, got in cases:
        mu, _ = constants(got)
        w = rng.normal(size=X.shape[1])
        w *= 60 / np.abs(X @ w).min()  # so that every σ′ is below e^-60
        lowest = np.linalg.eigvalsh(hessian(X, lam, w))[0]
        check.that(mu <= lowest * (1 + 1e-6), "Far away some Hessian has an eigenvalue below your μ.")
        check.that(mu >= lowest * (1 - 1e-6), "A larger μ than yours would do.")


@points(2)
def test_bound(student, rng):
    """gd_bound has the value of the theorem, and real gradient descent stays below it."""
    values, runs = [], []
    for _ in range(4):
        mu, L, k, d0 = rng.uniform(0.05, 1), rng.uniform(1.2, 6), int(rng.integers(2, 30)), rng.uniform(2, 9)
        tau = rng.uniform(0.2, 1) / L
        values.append((student.gd_bound(mu, L, tau, k, d0), np.prod(np.full(k, 1 - tau * mu)) * d0))
    values.append((student.gd_bound(0.5, 2.0, 0.5, 0, 3.0), 3.0))
    values.append((student.gd_bound(2.0, 2.0, 0.5, 3, 3.0), 0.0))
    X, lam = draw(rng, 15, 2)
    labels, start = rng.choice([-1.0, 1.0], size=15), 3 * rng.normal(size=2)
    best, gradient = newton(X, lam, labels)
    L, w, d0 = top(X) / 60 + lam, start, np.sum((start - best) ** 2)
    for k in range(1, 41):
        w = w - 0.9 / L * gradient(w)
        if k % 8 == 0:
            runs.append((student.gd_bound(lam, L, 0.9 / L, k, d0), np.sum((w - best) ** 2)))
    for got, want in values:
        check.close(got, want)
    for got, distance in runs:
        check.that(distance <= check.scalar(got) * (1 + 1e-9), "Gradient descent is farther away than your bound says.")


@points(2)
def test_condition(student, rng):
    """It raises ValueError unless 0 < τ ≤ 1/L; at τ = 1/L it does not."""
    for _ in range(2):
        mu, L = rng.uniform(0.1, 1), rng.uniform(1.5, 5)
        got = student.gd_bound(mu, L, 1 / L, 3, 2.0)
        for tau in (1.001 / L, 1.5 / L, 2.5 / L, 0.0, -0.1):
            check.raises(ValueError, student.gd_bound, mu, L, tau, 3, 2.0)
        check.close(got, 2.0 * (1 - mu / L) ** 3)
