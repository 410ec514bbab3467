"""Gradient descent on a quadratic bowl: iterates, rate and the best learning rate."""

import math

import numpy as np

from chainrule import check
from chainrule.grader import alternative, misconception, points


def too_slow(run):
    return run.timeout


# The iterates.


@misconception(
    "A loop over the steps cannot do 10⁸ of them: use the eigenvectors, or powers of a matrix.",
    of="iterate",
    when=too_slow,
)
def loop(A, w0, tau, k):
    w = np.array(w0, dtype=float)
    for _ in range(k):
        w = w - tau * A @ w
    return w


@misconception("The power of a matrix is not the power of its entries.", of="iterate")
def elementwise_power(A, w0, tau, k):
    return (np.eye(len(A)) - tau * A) ** k @ w0


@misconception("Gradient of ½wᵀAw is Aw.", of="iterate")
def gradient_doubled(A, w0, tau, k):
    values, Q = np.linalg.eigh(A)
    return Q @ ((1 - 2 * tau * values) ** k * (Q.T @ w0))


@misconception("Ascent: each step subtracts τAw.", of="iterate")
def ascent(A, w0, tau, k):
    values, Q = np.linalg.eigh(A)
    return Q @ ((1 + tau * values) ** k * (Q.T @ w0))


@misconception("Beyond 1/λ a coordinate changes its sign in each step: the sign is lost.", of="iterate")
def sign_lost(A, w0, tau, k):
    values, Q = np.linalg.eigh(A)
    return Q @ (np.abs(1 - tau * values) ** k * (Q.T @ w0))


@misconception("One step too many or too few: after 0 steps the point is w0.", of="iterate")
def one_step_more(A, w0, tau, k):
    values, Q = np.linalg.eigh(A)
    return Q @ ((1 - tau * values) ** (k + 1) * (Q.T @ w0))


@misconception("Go to the coordinates of the eigenvectors with Qᵀ, and back with Q.", of="iterate")
def wrong_way_round(A, w0, tau, k):
    values, Q = np.linalg.eigh(A)
    return Q.T @ ((1 - tau * values) ** k * (Q @ w0))


@misconception("These are the coordinates along the eigenvectors: go back with Q.", of="iterate")
def not_back(A, w0, tau, k):
    values, Q = np.linalg.eigh(A)
    return (1 - tau * values) ** k * (Q.T @ w0)


@misconception("The off-diagonal entries of A mix the coordinates.", of="iterate")
def diagonal_only(A, w0, tau, k):
    return (1 - tau * np.diag(A)) ** k * w0


@misconception("That is the gradient flow; steps of a finite length multiply by 1 − τλ.", of="iterate")
def flow(A, w0, tau, k):
    values, Q = np.linalg.eigh(A)
    return Q @ (np.exp(-tau * k * values) * (Q.T @ w0))


@misconception("1 − kτλ is not (1 − τλ)ᵏ: that would be one step, k times as long.", of="iterate")
def one_long_step(A, w0, tau, k):
    return w0 - k * tau * A @ w0


@misconception("The rate is a bound for all directions: each eigenvector has its own factor.", of="iterate")
def rate_for_all(A, w0, tau, k):
    return np.max(np.abs(1 - tau * np.linalg.eigvalsh(A))) ** k * np.asarray(w0)


@alternative("matrix_power", of="iterate")
def by_matrix_power(A, w0, tau, k):
    return np.linalg.matrix_power(np.eye(len(A)) - tau * np.asarray(A), k) @ w0


@alternative("eigenvalues of I − τA", of="iterate")
def by_eigh_of_step(A, w0, tau, k):
    factors, Q = np.linalg.eigh(np.eye(len(A)) - tau * np.asarray(A))
    return sum(f**k * (q @ w0) * q for f, q in zip(factors, Q.T, strict=True))


@alternative("repeated squaring by hand", of="iterate")
def by_squaring(A, w0, tau, k):
    w, M = np.array(w0, dtype=float), np.eye(len(A)) - tau * np.array(A, dtype=float)
    while k:
        if k % 2:
            w = M @ w
        M, k = M @ M, k // 2
    return w.tolist()


# The rate.


@misconception("Your rate is negative: κ ≥ 1.", of="rate")
def inverted_condition(A, tau):
    values = np.linalg.eigvalsh(A)
    kappa = values[0] / values[-1]
    return (kappa - 1) / (kappa + 1)


@misconception("This is the smallest rate there is: it must depend on τ.", of="rate")
def always_the_best(A, tau):
    values = np.linalg.eigvalsh(A)
    kappa = values[-1] / values[0]
    return (kappa - 1) / (kappa + 1)


@misconception("Large eigenvalues can dominate.", of="rate")
def smallest_eigenvalue(A, tau):
    return abs(1 - tau * np.linalg.eigvalsh(A)[0])


@misconception("Small eigenvalues can dominate.", of="rate")
def largest_eigenvalue(A, tau):
    return abs(1 - tau * np.linalg.eigvalsh(A)[-1])


@misconception("A factor below −1 diverges as well: take absolute values first.", of="rate")
def no_absolute_value(A, tau):
    return np.max(1 - tau * np.linalg.eigvalsh(A))


@misconception("The slowest direction counts, not the fastest.", of="rate")
def fastest_direction(A, tau):
    return np.min(np.abs(1 - tau * np.linalg.eigvalsh(A)))


@misconception("One rate, the largest of all directions.", of="rate")
def all_rates(A, tau):
    return np.abs(1 - tau * np.linalg.eigvalsh(A))


@misconception("The rate is about the distance, not about its square.", of="rate")
def squared(A, tau):
    return np.max((1 - tau * np.linalg.eigvalsh(A)) ** 2)


@misconception("Frobenius adds up all directions: the rate is the largest factor.", of="rate")
def frobenius(A, tau):
    return np.linalg.norm(np.eye(len(A)) - tau * A)


@misconception("Eigenvalues, not the entries on the diagonal.", of="rate")
def rate_of_diagonal(A, tau):
    return np.max(np.abs(1 - tau * np.diag(A)))


@misconception("Steps longer than 2/λmax diverge: the rate may exceed 1.", of="rate")
def capped(A, tau):
    return min(1.0, np.max(np.abs(1 - tau * np.linalg.eigvalsh(A))))


@alternative("spectral norm", of="rate")
def spectral_norm(A, tau):
    return np.linalg.norm(np.eye(len(A)) - tau * np.asarray(A), 2)


@alternative("only the two ends of the spectrum", of="rate")
def two_ends(A, tau):
    values = sorted(np.linalg.eigvals(A).real)
    return max(1 - tau * values[0], tau * values[-1] - 1)


# The best learning rate.


@misconception("Safe, not optimal.", of="best_tau")
def safe(A):
    return 1 / np.linalg.eigvalsh(A)[-1]


@misconception("Border of divergence.", of="best_tau")
def border(A):
    return 2 / np.linalg.eigvalsh(A)[-1]


@misconception("Half as long as it should be: balance the factors of the flat and the steep direction.", of="best_tau")
def half(A):
    values = np.linalg.eigvalsh(A)
    return 1 / (values[0] + values[-1])


@misconception("That is right for the flat direction alone; the steep one diverges.", of="best_tau")
def for_flat_direction(A):
    return 1 / np.linalg.eigvalsh(A)[0]


@misconception("Only the smallest and the largest eigenvalue matter: the mean of all is something else.", of="best_tau")
def from_trace(A):
    return len(A) / np.trace(A)


@misconception("1/λ averaged is not 1 over the average.", of="best_tau")
def mean_of_inverses(A):
    values = np.linalg.eigvalsh(A)
    return (1 / values[0] + 1 / values[-1]) / 2


@misconception(
    "That is the optimal step for momentum or for other methods: here the two factors |1−τλ| must be equal.",
    of="best_tau",
)
def geometric_mean(A):
    values = np.linalg.eigvalsh(A)
    return 1 / np.sqrt(values[0] * values[-1])


@alternative("from the eigenvalues of eigvals", of="best_tau")
def by_eigvals(A):
    values = np.linalg.eigvals(np.asarray(A, dtype=float)).real
    return np.array([2 / (min(values) + max(values))])


@alternative("by norms", of="best_tau")
def by_norms(A):
    return 2 / (np.linalg.norm(A, 2) + 1 / np.linalg.norm(np.linalg.inv(A), 2))


# The tests.


def rotation(rng, d):
    Q, R = np.linalg.qr(rng.normal(size=(d, d)))
    return Q * np.sign(np.diag(R))


def draw(rng, d, spread=8.0):
    """A with known eigenvalues in increasing order, and its eigenvectors: A = Q diag(values) Qᵀ."""
    values = np.sort(rng.uniform(0.2, 0.2 * spread, size=d))
    Q = rotation(rng, d)
    A = (Q * values) @ Q.T
    return (A + A.T) / 2, values, Q


def step_by_step(A, w0, tau, k):
    w = np.array(w0, dtype=float)
    for _ in range(k):
        w = w - tau * (A @ w)
    return w


@points(4)
def test_iterates(student, rng):
    """iterate agrees with steps taken one after the other, stable or not, also for integers and for no step."""
    cases = []
    for d, k, share in ((3, 7, 0.4), (2, 1, 1.7), (5, 20, 1.2), (4, 0, 0.5), (3, 6, 2.4)):
        A, values, _ = draw(rng, d)
        w0, tau = rng.normal(size=d), share / values[-1]
        cases.append((student.iterate(A, w0, tau, k), step_by_step(A, w0, tau, k)))
    whole, start = np.array([[3, 1], [1, 2]]), rng.integers(1, 5, size=2)
    cases.append((student.iterate(whole, start, 0.3, 4), step_by_step(whole, start, 0.3, 4)))
    for got, want in cases:
        check.close(got, want, rtol=1e-7, atol=1e-10)


@points(2, seconds=6)
def test_many_steps(student, rng):
    """A hundred million steps come out right, and at once."""
    k, d = 10**8, 4
    values = np.concatenate([[rng.uniform(0.3, 1.5) / k], np.sort(rng.uniform(0.1, 1.0, size=d - 2)), [1.9]])
    Q, w0 = rotation(rng, d), rng.normal(size=d)
    w0 += 2 * np.sign(Q[:, 0] @ w0) * Q[:, 0]
    A = (Q * values) @ Q.T
    got = student.iterate((A + A.T) / 2, w0, 1.0, k)
    factors = np.array([math.exp(k * math.log1p(-value)) if value < 1 else 0.0 for value in values])
    check.close(got, Q @ (factors * (Q.T @ w0)), rtol=1e-6, atol=1e-7)


@points(3)
def test_best_tau(student, rng):
    """No learning rate near best_tau, or far from it, has a smaller rate."""
    cases = []
    for d in (2, 3, 6):
        A, values, _ = draw(rng, d, spread=rng.uniform(4, 40))
        values = np.linalg.eigvalsh(A)
        cases.append((student.best_tau(A), values))
    for got, values in cases:
        tau = check.scalar(got)
        check.that(tau > 0, "Your best learning rate is not positive.")
        mine = np.abs(1 - tau * values).max()
        for factor, words in ((1 - 1e-5, "shorter"), (1 + 1e-5, "longer")):
            other = np.abs(1 - factor * tau * values).max()
            check.that(other > mine, f"A slightly {words} step than yours has a smaller rate.")
        grid = np.abs(1 - np.outer(np.linspace(0.01, 2, 400) / values[-1], values)).max(axis=1)
        check.that(mine <= grid.min() + 1e-9, "There is a learning rate with a smaller rate.")


@points(2)
def test_rate(student, rng):
    """rate is the largest factor of all directions, below and above the border; at the best rate it is (κ−1)/(κ+1)."""
    cases = []
    for d, share in ((3, 0.2), (4, 1.0), (2, 2.5), (5, 1.9)):
        A, values, Q = draw(rng, d)
        tau = (share + rng.uniform(0, 0.4)) / values[-1]
        step = np.linalg.svd(Q.T @ (np.eye(d) - tau * A) @ Q, compute_uv=False)[0]
        cases.append((student.rate(A, tau), step))
    for d in (2, 4):
        A, values, _ = draw(rng, d)
        kappa = values[-1] / values[0]
        cases.append((student.rate(A, 2 / (values[0] + values[-1])), (kappa - 1) / (kappa + 1)))
    for got, want in cases:
        check.close(got, want)


@points(1)
def test_round_bowl(student, rng):
    """In a round bowl A = cI, and in one dimension, one step of the best length is enough."""
    cases = []
    for d in (1, 3):
        c, w0 = rng.uniform(0.3, 4), rng.normal(size=d)
        A = c * np.eye(d)
        cases.append((student.best_tau(A), 1 / c))
        cases.append((student.rate(A, 1 / c), 0.0))
        cases.append((student.rate(A, 0.3 / c), 0.7))
        cases.append((student.iterate(A, w0, 0.3 / c, 3), 0.343 * w0))
    for got, want in cases:
        check.close(got, want)
