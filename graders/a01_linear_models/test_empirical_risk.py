"""Empirical risk: the mean loss of a predictor on a sample."""

import math

import numpy as np

from chainrule import check
from chainrule.grader import alternative, helper, misconception, points


def too_many_calls(run):
    return run.test == "test_calls" and "more than N + 1" in run.failure


@misconception("N times too large: average over the samples.")
def total(loss, f, X, Y):
    return sum(loss(f(x), y) for x, y in zip(X, Y, strict=True))


@misconception("Average the losses, not the predictions: ℓ(E f) ≠ E ℓ(f).")
def loss_of_means(loss, f, X, Y):
    return loss(np.mean([f(x) for x in X]), np.mean(Y))


@misconception("The prediction is the first argument of loss.")
def swapped(loss, f, X, Y):
    return np.mean([loss(y, f(x)) for x, y in zip(X, Y, strict=True)])


@misconception("Risk is a plain mean: divide by N.")
def divided_by_n_minus_1(loss, f, X, Y):
    return sum(loss(f(x), y) for x, y in zip(X, Y, strict=True)) / (len(X) - 1)


@misconception("f and loss take one sample at a time: go through the samples.")
def all_at_once(loss, f, X, Y):
    return np.mean(loss(f(X), Y))


@misconception("Divide by the number of samples, not by the number of entries of X.")
def divided_by_entries(loss, f, X, Y):
    return sum(loss(f(x), y) for x, y in zip(X, Y, strict=True)) / np.size(X)


@misconception("This is the loss of one sample: go through all of them.")
def first_sample(loss, f, X, Y):
    for x, y in zip(X, Y, strict=True):
        return loss(f(x), y)


@misconception("This is the loss of one sample: go through all of them.")
def last_sample(loss, f, X, Y):
    for x, y in zip(X, Y, strict=True):
        value = loss(f(x), y)
    return value


@misconception("The risk is the mean loss, not the median.")
def median(loss, f, X, Y):
    return np.median([loss(f(x), y) for x, y in zip(X, Y, strict=True)])


@misconception("The risk is the mean loss, not the largest.")
def worst_case(loss, f, X, Y):
    return max(loss(f(x), y) for x, y in zip(X, Y, strict=True))


@misconception("Take the loss that you are given; it need not be the squared one.")
def always_squared(loss, f, X, Y):
    return np.mean([(f(x) - y) ** 2 for x, y in zip(X, Y, strict=True)])


@misconception("f may be expensive: call it once for each sample.", when=too_many_calls)
def wasteful(loss, f, X, Y):
    losses = []
    for i in range(len(X)):
        predictions = [f(X[i]) for _ in range(3)]
        losses.append(loss(predictions[0], Y[i]))
    return np.mean(losses)


@alternative("generator and math.fsum")
def exact_sum(loss, f, X, Y):
    return math.fsum(loss(f(x), y) for x, y in zip(X, Y, strict=True)) / len(X)


@alternative("np.mean of a list")
def mean_of_list(loss, f, X, Y):
    return np.mean([loss(f(X[i]), Y[i]) for i in range(len(X))])


@alternative("running mean")
def running_mean(loss, f, X, Y):
    mean = 0.0
    for i, (x, y) in enumerate(zip(X, Y, strict=True)):
        mean += (loss(f(x), y) - mean) / (i + 1)
    return mean


@alternative("all predictions first, N + 1 calls")
def predictions_first(loss, f, X, Y):
    f(X[0])
    predictions = [f(x) for x in X]
    return np.array([sum(map(loss, predictions, Y)) / len(predictions)])


def affine(a, b):
    """A predictor for one sample, a vector as long as a."""

    def f(x):
        if np.shape(x) != np.shape(a):
            raise ValueError("f takes one sample at a time")
        return float(np.dot(a, x) + b)

    return f


def pinball(tau):
    """An asymmetric loss for one sample."""

    def loss(prediction, y):
        if np.ndim(prediction) or np.ndim(y):
            raise ValueError("loss takes one sample at a time")
        return float(max(tau * (y - prediction), (tau - 1) * (y - prediction)))

    return loss


@points(3)
def test_mean_loss(student, rng):
    """It is the mean loss, for an asymmetric loss and samples that are vectors."""
    n, a, b, tau = int(rng.integers(5, 13)), rng.normal(size=3), rng.normal(), rng.uniform(0.1, 0.4)
    X = rng.normal(size=(n, 3))
    Y = X @ a + b + rng.normal(size=n)
    u = Y - (X @ a + b)
    want = np.where(u > 0, tau * u, (tau - 1) * u).mean()
    check.close(student.empirical_risk(pinball(tau), affine(a, b), X, Y), want)


@points(2)
def test_calls(student, rng):
    """It asks f at most N + 1 times, and gives loss each prediction with the Y of the same sample."""
    n = int(rng.integers(6, 12))
    X, Y = rng.normal(size=(n, 2)), rng.normal(size=n)
    f, loss = check.counted(affine(rng.normal(size=2), rng.normal())), check.counted(pinball(0.3))
    check.scalar(student.empirical_risk(loss, f, X, Y))
    check.that(
        f.calls <= n + 1, f"f was called {f.calls} times, which is more than N + 1. Once for each sample is enough."
    )
    asked = np.array([[float(prediction), float(y)] for prediction, y in loss.inputs]).reshape(-1, 2)
    pairs = np.column_stack([[f.function(x) for x in X], Y])
    same = np.isclose(asked[:, None], pairs[None], rtol=1e-9, atol=1e-12).all(axis=2)
    check.that(
        same.any(axis=0).all() and same.any(axis=1).all(),
        "loss was not called with f(X_i) and the Y_i of the same sample, once for each. "
        "Look at what you give it, and in which order.",
    )


def zero(x):
    return 0.0


def squared(prediction, y):
    return (prediction - y) ** 2


@points(2)
def test_law_of_large_numbers(student, rng):
    """With 20 000 samples it is within chance of the true risk."""
    X = rng.normal(scale=5.0, size=20_000)
    Y = 0.5 * np.sin(X / 2) + 0.1 * rng.normal(size=X.size)
    risk = (1 - math.exp(-12.5)) / 8 + 0.01
    standard_error = np.std(Y**2) / math.sqrt(X.size)
    got = check.scalar(student.empirical_risk(helper(squared), helper(zero), X, Y))
    # Six standard errors, so that chance never costs a point (1 in 5·10⁸).
    check.that(
        abs(got - risk) <= 6 * standard_error,
        f"Your empirical risk is {abs(got - risk) / standard_error:.0f} standard errors away from the risk. "
        "Is it the mean of the losses?",
        f"yours {got}, risk {risk}",
    )


@points(1)
def test_one_sample(student, rng):
    """For N = 1 it is the loss of that sample."""
    x, y, a, b = rng.normal(), rng.normal(), rng.normal(), rng.normal()
    u = y - (a * x + b)
    got = student.empirical_risk(pinball(0.2), affine(a, b), np.array([x]), np.array([y]))
    check.close(got, max(0.2 * u, -0.8 * u))
