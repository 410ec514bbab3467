"""The empirical distribution is the most likely one; the likelihood of a sample under any other."""

import math
from collections import Counter

import numpy as np
from scipy import special

from chainrule import check
from chainrule.grader import alternative, misconception, points

# The estimate.


@misconception("Unseen classes need a 0 entry: there are K classes, whatever the sample holds.")
def unique_only(samples, K):
    return np.unique(samples, return_counts=True)[1] / len(samples)


@misconception("Unseen classes need a 0 entry: there are K classes, whatever the sample holds.")
def largest_label(samples, K):
    return np.bincount(samples) / len(samples)


@misconception("That is Laplace smoothing: the most likely distribution gives unseen classes nothing.")
def smoothed(samples, K):
    return (np.bincount(samples, minlength=K) + 1) / (len(samples) + K)


@misconception("Divide by N, the number of samples.")
def divided_by_classes(samples, K):
    return np.bincount(samples, minlength=K) / K


@misconception("Divide by N, the number of samples.")
def counts(samples, K):
    return np.bincount(samples, minlength=K)


@misconception("Divide by N, not by N − 1.")
def divided_by_n_minus_1(samples, K):
    return np.bincount(samples, minlength=K) / max(len(samples) - 1, 1)


@misconception("Your shares are sorted by size: entry k belongs to class k.")
def most_common(samples, K):
    shares = np.sort(np.bincount(samples, minlength=K))[::-1]
    return shares / len(samples)


@misconception("That is the most frequent class: a sample with others in it is impossible under your estimate.")
def mode_only(samples, K):
    return np.eye(K)[np.argmax(np.bincount(samples, minlength=K))]


@misconception("That is the uniform distribution: look at the sample.")
def uniform(samples, K):
    return np.full(K, 1 / K)


@misconception("That is uniform on the classes that occur: count how often they do.")
def uniform_on_seen(samples, K):
    seen = np.bincount(samples, minlength=K) > 0
    return seen / seen.sum()


@misconception("The softmax is no part of the estimate: the shares have sum 1 already.")
def softmax_of_shares(samples, K):
    return special.softmax(np.bincount(samples, minlength=K) / len(samples))


@misconception("Classes count from 0 to K − 1.")
def classes_from_one(samples, K):
    return np.array([np.mean(samples == k) for k in range(1, K + 1)])


@alternative("loop")
def loop(samples, K):
    shares = [0.0] * K
    for sample in samples:
        shares[int(sample)] += 1 / len(samples)
    return shares


@alternative("mean of one-hot rows")
def one_hot(samples, K):
    return np.eye(K)[samples].mean(axis=0)


@alternative("np.add.at")
def add_at(samples, K):
    shares = np.zeros(K)
    np.add.at(shares, samples, 1.0)
    return shares / shares.sum()


@alternative("comparison with all classes")
def compared(samples, K):
    return (np.asarray(samples)[:, None] == np.arange(K)).mean(axis=0)


# The likelihood.


@misconception("Mean NLL, not the sum.", of="nll_categorical")
def total(theta, samples):
    with np.errstate(divide="ignore"):
        return -np.sum(np.log(np.asarray(theta, dtype=float)[samples]))


@misconception("Mean over the samples, not over the classes.", of="nll_categorical")
def over_classes(theta, samples):
    with np.errstate(divide="ignore"):
        return -np.sum(np.log(np.asarray(theta, dtype=float)[samples])) / len(theta)


@misconception("Negative log-likelihood: the sign is flipped.", of="nll_categorical")
def flipped(theta, samples):
    with np.errstate(divide="ignore"):
        return np.mean(np.log(np.asarray(theta, dtype=float)[samples]))


@misconception("Nats: natural logarithm.", of="nll_categorical")
def in_bits(theta, samples):
    with np.errstate(divide="ignore"):
        return -np.mean(np.log2(np.asarray(theta, dtype=float)[samples]))


@misconception("A product of thousands of probabilities underflows to 0: add logarithms.", of="nll_categorical")
def log_of_product(theta, samples):
    with np.errstate(divide="ignore"):
        return -np.log(np.prod(np.asarray(theta, dtype=float)[samples])) / len(samples)


@misconception("Average the logarithms; the logarithm of the mean probability is something else.", of="nll_categorical")
def log_of_mean(theta, samples):
    with np.errstate(divide="ignore"):
        return -np.log(np.mean(np.asarray(theta, dtype=float)[samples]))


@misconception("Add nothing to θ: a class that occurs and has θ = 0 makes the sample impossible.", of="nll_categorical")
def epsilon(theta, samples):
    return -np.mean(np.log(np.asarray(theta, dtype=float)[samples] + 1e-12))


@misconception("Add nothing to θ: a class that occurs and has θ = 0 makes the sample impossible.", of="nll_categorical")
def clipped(theta, samples):
    return -np.mean(np.log(np.clip(theta, 1e-12, 1)[samples]))


@misconception(
    "Samples of probability 0 are not to be left out: they make the sample impossible.", of="nll_categorical"
)
def skipping(theta, samples):
    used = np.asarray(theta, dtype=float)[samples]
    return -np.sum(np.log(used[used > 0])) / len(samples)


@misconception("θ = 0 does no harm where the class does not occur: 0 log 0 = 0.", of="nll_categorical")
def with_nan(theta, samples):
    shares = np.bincount(samples, minlength=len(theta)) / len(samples)
    with np.errstate(all="ignore"):
        return -np.sum(shares * np.log(np.asarray(theta, dtype=float)))


@misconception("That is the entropy of θ: the weights come from the sample.", of="nll_categorical")
def entropy_of_theta(theta, samples):
    return np.sum(special.entr(theta))


@misconception("That is the divergence: the entropy of the sample belongs to the NLL.", of="nll_categorical")
def divergence(theta, samples):
    shares = np.bincount(samples, minlength=len(theta)) / len(samples)
    return np.sum(special.rel_entr(shares, theta))


@misconception("The logarithm is missing.", of="nll_categorical")
def no_logarithm(theta, samples):
    return -np.mean(np.asarray(theta, dtype=float)[samples])


@misconception("Each sample counts, not each class that occurs.", of="nll_categorical")
def over_distinct(theta, samples):
    with np.errstate(divide="ignore"):
        return -np.mean(np.log(np.asarray(theta, dtype=float)[np.unique(samples)]))


@alternative("by counts, with xlogy", of="nll_categorical")
def by_counts(theta, samples):
    return -special.xlogy(np.bincount(samples, minlength=len(theta)), theta).sum() / len(samples)


@alternative("loop", of="nll_categorical")
def nll_loop(theta, samples):
    value = 0.0
    for sample in samples.tolist():
        if theta[sample] == 0:
            return math.inf
        value -= math.log(theta[sample])
    return value / len(samples)


# The tests.


def draw(rng, n, k):
    """A sample in which class 1 and the last class do not occur."""
    q = rng.dirichlet(np.ones(k))
    q[[1, -1]] = 0
    return rng.choice(k, size=n, p=q / q.sum())


def shares_of(samples, k):
    counted = Counter(samples.tolist())
    return np.array([counted[j] / len(samples) for j in range(k)])


@points(3)
def test_shares(student, rng):
    """It is the share of each class, 0 for a class that does not occur."""
    k = int(rng.integers(5, 9))
    samples = [draw(rng, int(rng.integers(9, 40)), k), np.array([2]), rng.integers(0, 3, size=50)]
    samples.append(np.zeros(4, dtype=int))
    classes = [k, 4, 3, 2]
    answers = [student.categorical_mle(*case) for case in zip(samples, classes, strict=True)]
    for sample, size, answer in zip(samples, classes, answers, strict=True):
        check.close(answer, shares_of(sample, size))


@points(2)
def test_theorem(student, rng):
    """The NLL is the entropy of the shares plus their divergence from θ, also for thousands of samples."""
    k = int(rng.integers(4, 8))
    for n in (1, int(rng.integers(8, 20)), 4000):
        sample, theta = draw(rng, n, k), rng.dirichlet(np.ones(k))
        theta[-1] = 0.0  # a class that does not occur
        theta /= theta.sum()
        shares = shares_of(sample, k)
        answer = student.nll_categorical(theta, sample)
        check.close(answer, special.entr(shares).sum() + special.rel_entr(shares, theta).sum())


@points(2)
def test_minimum(student, rng):
    """No other distribution makes the sample more likely."""
    k = int(rng.integers(4, 8))
    sample = draw(rng, int(rng.integers(15, 40)), k)
    estimate = check.array(student.categorical_mle(sample, k), (k,))
    check.that((estimate >= 0).all() and abs(estimate.sum() - 1) <= 1e-9, "Your estimate is no distribution.")
    shares = shares_of(sample, k)
    others = rng.dirichlet(np.ones(k), size=100)
    near = (1 - 1e-2) * estimate + 1e-2 * rng.dirichlet(np.ones(k), size=100)
    values = [-special.xlogy(shares, theta).sum() for theta in (estimate, *others, *near)]
    better = sum(value < values[0] - 1e-12 for value in values[1:])
    check.that(better == 0, f"Of 200 distributions, {better} make the sample more likely than yours.")


@points(1)
def test_impossible(student, rng):
    """The NLL is +inf if a class occurs that θ holds for impossible, and only then."""
    theta = np.array([0.5, 0.0, 0.2, 0.3])
    first, second = np.array([0, 2, 1, 0]), rng.permutation([0, 2, 2, 3, 0])
    impossible, possible = student.nll_categorical(theta, first), student.nll_categorical(theta, second)
    value = check.scalar(impossible, finite=False)
    check.that(value == math.inf, "A sample that is impossible under θ has an infinite NLL.", f"{value}")
    check.close(possible, -(2 * math.log(0.5) + 2 * math.log(0.2) + math.log(0.3)) / 5)
