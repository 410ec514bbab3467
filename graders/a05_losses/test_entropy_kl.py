"""Entropy, cross-entropy and Kullback-Leibler divergence of distributions on finitely many outcomes."""

import math

import numpy as np
from scipy import special, stats

from chainrule import check
from chainrule.grader import alternative, misconception, points

# Entropy.


@misconception("NaN from 0·log 0: an impossible outcome contributes 0.", of="entropy")
def entropy_nan(p):
    p = np.asarray(p, dtype=float)
    with np.errstate(all="ignore"):
        return -np.sum(p * np.log(p))


@misconception("Sign: logarithms of probabilities are negative, an entropy is not.", of="entropy")
def entropy_flipped(p):
    return np.sum(special.xlogy(p, p))


@misconception("Nats: natural logarithm.", of="entropy")
def entropy_bits(p):
    return -np.sum(special.xlogy(p, p)) / np.log(2)


@misconception("Sum over the outcomes: the weights p make it a mean already.", of="entropy")
def entropy_mean(p):
    return -np.mean(special.xlogy(p, p))


@misconception("The surprises are weighted with their probabilities.", of="entropy")
def entropy_unweighted(p):
    p = np.asarray(p, dtype=float)
    return -np.sum(np.log(p[p > 0]))


@misconception("This is the largest surprise possible, not the mean of the surprises.", of="entropy")
def entropy_maximal(p):
    return np.log(np.count_nonzero(p))


@misconception("That is 1 − Σ p², another measure of uncertainty: the logarithm is missing.", of="entropy")
def entropy_gini(p):
    return 1 - np.sum(np.asarray(p, dtype=float) ** 2)


@misconception("The entropy is not divided by its maximum.", of="entropy")
def entropy_normalised(p):
    return -np.sum(special.xlogy(p, p)) / np.log(len(p))


@misconception("That is one term for each outcome: sum them.", of="entropy")
def entropy_terms(p):
    return -special.xlogy(p, p)


@misconception("p is not a coin's: sum over all outcomes, without terms in 1 − p.", of="entropy")
def entropy_binary(p):
    p = np.asarray(p, dtype=float)
    return -np.sum(special.xlogy(p, p) + special.xlogy(1 - p, 1 - p))


@alternative("scipy.stats.entropy", of="entropy")
def entropy_by_scipy(p):
    return stats.entropy(p)


@alternative("scipy.special.entr", of="entropy")
def entropy_by_entr(p):
    return special.entr(np.asarray(p, dtype=float)).sum()


@alternative("nansum", of="entropy")
def entropy_by_nansum(p):
    p = np.array(p, dtype=float)
    with np.errstate(all="ignore"):
        return -np.nansum(p * np.log(p))


@alternative("plain Python", of="entropy")
def entropy_plain(p):
    return math.fsum(-float(v) * math.log(v) for v in p if v > 0)


# Cross-entropy.


@misconception("NaN from 0·log 0: an impossible outcome contributes 0.", of="cross_entropy_dist")
def cross_nan(q, p):
    q, p = np.asarray(q, dtype=float), np.asarray(p, dtype=float)
    with np.errstate(all="ignore"):
        return -np.sum(q * np.log(p))


@misconception("Weights come from the first argument, surprises from the second.", of="cross_entropy_dist")
def cross_swapped(q, p):
    return -np.sum(special.xlogy(p, q))


@misconception("Sign: logarithms of probabilities are negative, a cross-entropy is not.", of="cross_entropy_dist")
def cross_flipped(q, p):
    return np.sum(special.xlogy(q, p))


@misconception("A number inside the logarithm turns an infinite surprise into about 27.6.", of="cross_entropy_dist")
def cross_epsilon(q, p):
    return -np.sum(np.asarray(q, dtype=float) * np.log(np.asarray(p, dtype=float) + 1e-12))


@misconception("A clipped p turns an infinite surprise into a finite one.", of="cross_entropy_dist")
def cross_clipped(q, p):
    return -np.sum(np.asarray(q, dtype=float) * np.log(np.clip(p, 1e-15, 1)))


@misconception("Skipping outcomes with p = 0 hides an infinite surprise.", of="cross_entropy_dist")
def cross_skipping(q, p):
    q, p = np.asarray(q, dtype=float), np.asarray(p, dtype=float)
    return -np.sum(q[p > 0] * np.log(p[p > 0]))


@misconception("Nats: natural logarithm.", of="cross_entropy_dist")
def cross_bits(q, p):
    return -np.sum(special.xlogy(q, p)) / np.log(2)


@misconception("That is the divergence: the entropy of q belongs to the cross-entropy.", of="cross_entropy_dist")
def cross_is_kl(q, p):
    return np.sum(special.rel_entr(q, p))


@misconception("That is a sum over coins: the terms in 1 − q have no place here.", of="cross_entropy_dist")
def cross_binary(q, p):
    q, p = np.asarray(q, dtype=float), np.asarray(p, dtype=float)
    return -np.sum(special.xlogy(q, p) + special.xlogy(1 - q, 1 - p))


@misconception("Sum over the outcomes: the weights q make it a mean already.", of="cross_entropy_dist")
def cross_mean(q, p):
    return -np.mean(special.xlogy(q, p))


@alternative("scipy.special.xlogy", of="cross_entropy_dist")
def cross_by_xlogy(q, p):
    return -special.xlogy(q, p).sum()


@alternative("np.where, inf included", of="cross_entropy_dist")
def cross_by_where(q, p):
    q, p = np.asarray(q, dtype=float), np.asarray(p, dtype=float)
    with np.errstate(all="ignore"):
        return np.where(q > 0, -q * np.log(p), 0.0).sum()


# Divergence.


@misconception("Sign: your KL is negative.", of="kl")
def kl_flipped(q, p):
    return -np.sum(special.rel_entr(q, p))


@misconception("Weights come from the first argument.", of="kl")
def kl_swapped(q, p):
    return np.sum(special.rel_entr(p, q))


@misconception("Weights come from the first argument.", of="kl")
def kl_wrong_weights(q, p):
    q, p = np.asarray(q, dtype=float), np.asarray(p, dtype=float)
    with np.errstate(all="ignore"):
        return np.sum(np.where(p > 0, p * np.log(q / p), 0.0))


@misconception("0 log 0 = 0: your sum has NaN terms.", of="kl")
def kl_nan(q, p):
    q, p = np.asarray(q, dtype=float), np.asarray(p, dtype=float)
    with np.errstate(all="ignore"):
        return np.sum(q * np.log(q / p))


@misconception("You return ≈27.6·q where the answer is +inf: add nothing inside the logarithms.", of="kl")
def kl_epsilon(q, p):
    q, p = np.asarray(q, dtype=float), np.asarray(p, dtype=float)
    return np.sum(q * np.log((q + 1e-12) / (p + 1e-12)))


@misconception("A clipped p turns an infinite divergence into a finite one.", of="kl")
def kl_clipped(q, p):
    return np.sum(special.rel_entr(q, np.clip(p, 1e-15, 1)))


@misconception("Skipping outcomes with p = 0 hides an infinite divergence.", of="kl")
def kl_skipping(q, p):
    q, p = np.asarray(q, dtype=float), np.asarray(p, dtype=float)
    both = (q > 0) & (p > 0)
    return np.sum(q[both] * np.log(q[both] / p[both]))


@misconception("p = 0 costs something only where q > 0.", of="kl")
def kl_always_infinite(q, p):
    return float("inf") if np.any(np.asarray(p) == 0) else np.sum(special.rel_entr(q, p))


@misconception("Gibbs’ inequality makes the *sum* non-negative, not each term.", of="kl")
def kl_absolute(q, p):
    return np.sum(np.abs(special.rel_entr(q, p)))


@misconception("Gibbs’ inequality makes the *sum* non-negative, not each term.", of="kl")
def kl_positive_terms(q, p):
    return np.sum(np.maximum(special.rel_entr(q, p), 0))


@misconception("That is the cross-entropy: subtract the entropy of q.", of="kl")
def kl_is_cross_entropy(q, p):
    return -np.sum(special.xlogy(q, p))


@misconception("That is the difference of two entropies: the weights in both terms are q.", of="kl")
def kl_difference_of_entropies(q, p):
    return np.sum(special.entr(p)) - np.sum(special.entr(q))


@misconception("The divergence is not symmetric: do not average the two directions.", of="kl")
def kl_symmetrised(q, p):
    return (np.sum(special.rel_entr(q, p)) + np.sum(special.rel_entr(p, q))) / 2


@misconception("Nats: natural logarithm.", of="kl")
def kl_bits(q, p):
    return np.sum(special.rel_entr(q, p)) / np.log(2)


@misconception("Sum over the outcomes: the weights q make it a mean already.", of="kl")
def kl_mean(q, p):
    return np.mean(special.rel_entr(q, p))


@misconception("The logarithm of a quotient is not the quotient of logarithms.", of="kl")
def kl_quotient_of_logarithms(q, p):
    q, p = np.asarray(q, dtype=float), np.asarray(p, dtype=float)
    used = q > 0
    with np.errstate(all="ignore"):
        return np.sum(q[used] * np.log(q[used]) / np.log(p[used]))


@alternative("scipy.special.rel_entr", of="kl")
def kl_by_rel_entr(q, p):
    return special.rel_entr(q, p).sum()


@alternative("cross-entropy minus entropy", of="kl")
def kl_by_difference(q, p):
    return -special.xlogy(q, p).sum() + special.xlogy(q, q).sum()


@alternative("nansum", of="kl")
def kl_by_nansum(q, p):
    q, p = np.asarray(q, dtype=float), np.asarray(p, dtype=float)
    with np.errstate(all="ignore"):
        return np.nansum(q * np.log(q / p))


@alternative("plain Python", of="kl")
def kl_plain(q, p):
    total = 0.0
    for a, b in zip(q, p, strict=True):
        if a > 0 and b == 0:
            return math.inf
        if a > 0:
            total += float(a) * math.log(a / b)
    return total


# The tests.


def draw(rng, k):
    return rng.dirichlet(np.full(k, 0.8)) * (1 - 1e-3 * k) + 1e-3


def cross(q, p):
    """The definition; both without zeros."""
    return math.fsum(-a * math.log(b) for a, b in zip(q.tolist(), p.tolist(), strict=True))


@points(2)
def test_entropy_bounds(student, rng):
    """The entropy lies between 0 and log K: 0 for a certain outcome, log K for the uniform distribution."""
    for k in (2, int(rng.integers(3, 7)), 50):
        p, sure = draw(rng, k), np.zeros(k)
        sure[rng.integers(k)] = 1.0
        answers = student.entropy(p), student.entropy(sure), student.entropy(np.full(k, 1 / k))
        between, low, high = answers
        check.close(low, 0.0)
        check.close(high, math.log(k))
        value = check.scalar(between)
        check.that(0 < value < math.log(k), "Your entropy is not between 0 and log K.", f"{value}")


@points(3)
def test_values(student, rng):
    """Entropy and divergence have the right values; the divergence is 0 only between equal distributions."""
    for k in (2, int(rng.integers(3, 8)), 30):
        q, p = draw(rng, k), draw(rng, k)
        near = q + np.where(np.arange(k) < 1, 1e-3, 0) * q[0]
        near /= near.sum()
        entropy, there, back = student.entropy(q), student.kl(q, p), student.kl(p, q)
        itself, neighbour = student.kl(q, q.copy()), student.kl(q, near)
        check.close(entropy, stats.entropy(q))
        check.close(there, stats.entropy(q, p))
        check.close(back, stats.entropy(p, q))
        check.close(itself, 0.0, atol=1e-12)
        check.that(check.scalar(there) >= -1e-12, "Your divergence is negative.")
        check.close(neighbour, stats.entropy(q, near), atol=1e-12)


@points(2)
def test_infinite(student, rng):
    """Cross-entropy and divergence are +inf if an outcome is possible under q and impossible under p, and only then."""
    q, p = draw(rng, 4), np.array([0.5, 0.3, 0.2, 0.0])
    sure, other = np.array([1.0, 0, 0]), np.array([0, 0.25, 0.75])
    answers = [student.kl(q, p), student.kl(sure, other), student.cross_entropy_dist(q, p)]
    tiny = [student.kl([1e-9, 1 - 1e-9], [0.0, 1.0]), student.cross_entropy_dist([1e-9, 1 - 1e-9], [0.0, 1.0])]
    finite = student.kl(p, q), student.cross_entropy_dist(p, q)
    both = student.kl(np.array([0.0, 0.4, 0.6]), other), student.cross_entropy_dist(np.array([0.0, 0.4, 0.6]), other)
    for answer in (*answers, *tiny):
        value = check.scalar(answer, finite=False)
        check.that(
            value == math.inf, "An outcome that the model holds for impossible and that occurs costs +inf.", value
        )
    check.close(finite, (special.rel_entr(p, q).sum(), -special.xlogy(p, q).sum()))
    want = 0.4 * math.log(1.6) + 0.6 * math.log(0.8)
    check.close(both, (want, -0.4 * math.log(0.25) - 0.6 * math.log(0.75)))


@points(2)
def test_zeros(student, rng):
    """Outcomes with probability 0 are allowed, and contribute nothing."""
    k = int(rng.integers(3, 7))
    q, p = draw(rng, k), draw(rng, k)
    padded_q, padded_p = np.concatenate([[0.0], q, [0.0]]), np.concatenate([[0.3], 0.7 * p, [0.0]])
    answers = student.entropy(padded_q), student.kl(padded_q, padded_p), student.cross_entropy_dist(padded_q, padded_p)
    whole = student.entropy(np.array([0, 1, 0])), student.kl(np.array([0, 1, 0]), np.full(3, 1 / 3))
    check.close(answers[0], cross(q, q))
    check.close(answers[1], cross(q, 0.7 * p) - cross(q, q))
    check.close(answers[2], cross(q, 0.7 * p))
    check.close(whole, (0.0, math.log(3)))


@points(2)
def test_decomposition(student, rng):
    """The cross-entropy is the entropy of q plus the divergence."""
    for k in (2, int(rng.integers(3, 9))):
        q, p = draw(rng, k), draw(rng, k)
        total, entropy, divergence = student.cross_entropy_dist(q, p), student.entropy(q), student.kl(q, p)
        check.close(total, cross(q, p))
        gap = check.scalar(total) - check.scalar(entropy) - check.scalar(divergence)
        check.that(
            abs(gap) <= 1e-9, "Your three functions do not fit together: H(q, p) is not H(q) + KL(q‖p).", f"{gap}"
        )


@points(1)
def test_not_symmetric(student, rng):
    """Swapping the arguments changes the divergence."""
    q, p = np.array([0.9, 0.1]), np.array([0.5, 0.5])
    r = draw(rng, 3)
    there, back = student.kl(q, p), student.kl(p, q)
    check.close((there, back), (stats.entropy(q, p), stats.entropy(p, q)))
    check.close(student.kl(r, np.full(3, 1 / 3)), math.log(3) - stats.entropy(r))
