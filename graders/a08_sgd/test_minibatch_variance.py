"""The exact variance of a mini-batch gradient, with and without replacement."""

from itertools import combinations, product

import numpy as np

from chainrule import check
from chainrule.grader import alternative, misconception, points


def scatter(G):
    return np.mean(np.sum((G - G.mean(axis=0)) ** 2, axis=1))


def correction(N, b):
    return (N - b) / (N - 1) if N > 1 else 0.0


@misconception("You drew with replacement.")
def no_correction(G, b, replace):
    return scatter(G) / b if len(G) > 1 else 0.0


@misconception("You drew without replacement, also where replace is True.")
def always_corrected(G, b, replace):
    return scatter(G) / b * correction(len(G), b)


@misconception("The two cases are interchanged: without replacement the variance is smaller.")
def cases_swapped(G, b, replace):
    return scatter(G) / b * (correction(len(G), b) if replace else 1)


@misconception("S² (with 1/(N−1)) goes with (N−b)/N, σ² goes with (N−b)/(N−1).")
def mixed_conventions(G, b, replace):
    N = len(G)
    if N == 1:
        return 0.0
    S2 = scatter(G) * N / (N - 1)
    return scatter(G) / b if replace else S2 / b * correction(N, b)


@misconception("σ² goes with (N−b)/(N−1), S² (with 1/(N−1)) goes with (N−b)/N.")
def other_mixture(G, b, replace):
    return scatter(G) / b * (1 if replace else 1 - b / len(G))


@misconception("The scatter σ² of the samples is a mean over all N: divide by N, not by N − 1.")
def unbiased_estimate(G, b, replace):
    N = len(G)
    return scatter(G) * N / max(N - 1, 1) / b * (1 if replace else 1 - b / N)


@misconception("Variance of a mean is /b.")
def divided_by_b_squared(G, b, replace):
    return scatter(G) / b**2 * (1 if replace else correction(len(G), b))


@misconception("This is the variance of one sample: a mean of b scatters less.")
def single_sample(G, b, replace):
    return scatter(G) * (1 if replace else correction(len(G), b))


@misconception("This is the variance of the sum over the batch; the gradient of a batch is a mean.")
def of_the_sum(G, b, replace):
    return scatter(G) * b * (1 if replace else correction(len(G), b))


@misconception("One number is asked: the trace of the covariance matrix.")
def covariance_matrix(G, b, replace):
    D = G - G.mean(axis=0)
    return D.T @ D / len(G) / b * (1 if replace else correction(len(G), b))


@misconception("One number is asked: add the variances of the components.")
def per_component(G, b, replace):
    return np.var(G, axis=0) / b * (1 if replace else correction(len(G), b))


@misconception("Add the variances of the components, do not average them.")
def mean_of_components(G, b, replace):
    return np.mean(np.var(G, axis=0)) / b * (1 if replace else correction(len(G), b))


@misconception("Each component has its own mean: average the gradients over the samples (axis 0).")
def one_mean_for_all(G, b, replace):
    return np.var(G) * np.shape(G)[1] / b * (1 if replace else correction(len(G), b))


@misconception("That is the standard deviation: the expected square is asked.")
def standard_deviation(G, b, replace):
    return np.sqrt(scatter(G) / b * (1 if replace else correction(len(G), b)))


@misconception("Measure the distance from the full gradient, not from 0.")
def not_centred(G, b, replace):
    return np.mean(np.sum(np.asarray(G) ** 2, axis=1)) / b * (1 if replace else correction(len(G), b))


@misconception("Cancellation: centre the gradients before you square them.")
def one_pass(G, b, replace):
    G = np.asarray(G, dtype=float)
    sigma2 = np.mean(np.sum(G**2, axis=1)) - np.sum(G.mean(axis=0) ** 2)
    return sigma2 / b * (1 if replace else correction(len(G), b))


@misconception("For N = 1 nothing varies: return 0 instead of dividing by N − 1.")
def division_by_zero(G, b, replace):
    N = len(G)
    return scatter(G) / b * (1 if replace else (N - b) / (N - 1))


@misconception("A simulation is not exact: find the formula.")
def simulated(G, b, replace):
    rng = np.random.default_rng(0)
    G = np.asarray(G, dtype=float)
    means = [G[rng.choice(len(G), b, replace=replace)].mean(axis=0) for _ in range(200)]
    return np.mean(np.sum((np.array(means) - G.mean(axis=0)) ** 2, axis=1))


@alternative("from the differences of all pairs")
def by_pairs(G, b, replace):
    G = np.asarray(G, dtype=float)
    N = len(G)
    if N == 1:
        return 0
    pairs = np.sum((G[:, None] - G[None]) ** 2)
    return pairs / (2 * N * N * b) * (1 if replace else (N - b) / (N - 1))


@alternative("trace of np.cov, with (N − b)/N")
def by_cov(G, b, replace):
    N = len(G)
    if N == 1:
        return np.array([0.0])
    S2 = np.trace(np.atleast_2d(np.cov(G, rowvar=False)))
    return S2 / b * (1 - 1 / N if replace else 1 - b / N)


@alternative("from the covariance of two draws, in plain Python")
def by_covariance(G, b, replace):
    N, d = len(G), len(G[0])
    means = [sum(float(g[j]) for g in G) / N for j in range(d)]
    sigma2 = sum((float(g[j]) - means[j]) ** 2 for g in G for j in range(d)) / N
    gamma = 0.0 if replace or N == 1 else -sigma2 / (N - 1)
    return (b * sigma2 + b * (b - 1) * gamma) / b**2


def draw(rng, N, d):
    return rng.normal(size=(N, d)) * rng.uniform(0.5, 2, size=d) + 2 * rng.normal(size=d)


def brute_force(G, batches):
    G = np.asarray(G, dtype=float)
    means = np.array([G[list(batch)].mean(axis=0) for batch in batches])
    return np.mean(np.sum((means - G.mean(axis=0)) ** 2, axis=1))


def compare(student, cases):
    """Calls first, then checks: a mistake is recognised by all its values."""
    got = [student.minibatch_variance(G, b, replace) for G, b, replace, _ in cases]
    for value, (_, _, _, want) in zip(got, cases, strict=True):
        check.close(value, want)


@points(5)
def test_without_replacement(student, rng):
    """Without replacement it is the mean square over all batches."""
    cases = []
    for N, d, b in ((5, 3, 2), (6, 2, 4), (7, 1, 3), (4, 4, 1)):
        G = draw(rng, N, d)
        cases.append((G, b, False, brute_force(G, combinations(range(N), b))))
    whole = rng.integers(-5, 6, size=(6, 2))
    cases.append((whole, 2, False, brute_force(whole, combinations(range(6), 2))))
    compare(student, cases)


@points(3)
def test_with_replacement(student, rng):
    """With replacement it is the mean square over all tuples, also where b exceeds N."""
    cases = []
    for N, d, b in ((4, 3, 3), (5, 2, 2), (3, 1, 5), (4, 2, 1)):
        G = draw(rng, N, d)
        cases.append((G, b, True, brute_force(G, product(range(N), repeat=b))))
    compare(student, cases)


@points(2)
def test_all_samples(student, rng):
    """A batch of all N samples has no noise without replacement, and still has some with it."""
    G = draw(rng, int(rng.integers(5, 12)), 3)
    N = len(G)
    without, almost, with_ = (student.minibatch_variance(G, b, r) for b, r in ((N, False), (N - 1, False), (N, True)))
    D = G - np.einsum("nd->d", G) / N
    sigma2 = np.einsum("nd,nd->", D, D) / N
    check.close(without, 0.0, atol=1e-12)
    check.close(almost, sigma2 / (N - 1) ** 2)
    check.close(with_, sigma2 / N)


@points(1)
def test_one_sample(student, rng):
    """For N = 1 it is 0; with a second sample it is not."""
    G = draw(rng, 2, 3)
    alone = [student.minibatch_variance(G[:1], 1, replace) for replace in (False, True)]
    two = student.minibatch_variance(G, 1, False)
    check.close(alone[0], 0.0, atol=1e-12)
    check.close(alone[1], 0.0, atol=1e-12)
    check.close(two, np.sum((G[0] - G[1]) ** 2) / 4)


@points(1)
def test_scale_and_shift(student, rng):
    """Gradients c times as large vary c² times as much; a large common part changes nothing."""
    G, c = draw(rng, 9, 2), rng.uniform(3, 5)
    shift = 1e6 * np.array([1.0, -2.0])
    got = [student.minibatch_variance(g, 3, False) for g in (G, c * G, G + shift)]
    plain = check.scalar(got[0])
    check.that(plain > 1e-3, "Gradients that differ have a positive variance.")
    check.close(got[1], c**2 * plain)
    moved = check.scalar(got[2])
    check.that(
        abs(moved - plain) <= 1e-7 * plain,
        "A large common part of the gradients changes your variance. Look for a small difference of two large numbers.",
        f"{plain} and {moved}",
    )
