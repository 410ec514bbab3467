"""Mean squared error of a line."""

import numpy as np

from chainrule import check
from chainrule.grader import alternative, misconception, points


@misconception("Off by ½: our MSE has no ½.")
def extra_half(phi, x, y):
    return np.mean((phi[0] + phi[1] * x - y) ** 2) / 2


@misconception("Off by a factor N: mean, not sum.")
def total(phi, x, y):
    return np.sum((phi[0] + phi[1] * x - y) ** 2)


@misconception("φ0 is the intercept, φ1 the slope.")
def slope_first(phi, x, y):
    return np.mean((phi[0] * x + phi[1] - y) ** 2)


@misconception("That is RMSE.")
def root(phi, x, y):
    return np.sqrt(np.mean((phi[0] + phi[1] * x - y) ** 2))


@misconception("That is the mean absolute error: square the residuals.")
def absolute(phi, x, y):
    return np.mean(np.abs(phi[0] + phi[1] * x - y))


@misconception("Square first, then average: residuals of opposite sign must not cancel.")
def square_of_mean(phi, x, y):
    return np.mean(phi[0] + phi[1] * x - y) ** 2


@misconception("Residuals of opposite sign cancel: square them.")
def no_square(phi, x, y):
    return np.mean(phi[0] + phi[1] * x - y)


@misconception("The loss is a plain mean: divide by N, not by N − 1.")
def divided_by_n_minus_1(phi, x, y):
    return np.sum((phi[0] + phi[1] * x - y) ** 2) / (len(x) - 1)


@misconception("That is the variance of the residuals: it does not see a line that is too high.")
def variance(phi, x, y):
    return np.var(phi[0] + phi[1] * x - y)


@misconception("The residual is prediction minus truth: look at the signs.")
def wrong_sign(phi, x, y):
    return np.mean((phi[0] + phi[1] * x + y) ** 2)


@misconception("The intercept is missing from your prediction.")
def no_intercept(phi, x, y):
    return np.mean((phi[1] * x - y) ** 2)


@misconception("These are the squared errors of the samples: take their mean.")
def not_averaged(phi, x, y):
    return (phi[0] + phi[1] * x - y) ** 2


@misconception("Integer input is truncated; convert to float first.")
def truncated(phi, x, y):
    residual = np.zeros_like(y)
    residual[:] = phi[0] + phi[1] * x - y
    return np.mean(residual**2)


@alternative("0-d array")
def zero_dimensional(phi, x, y):
    return np.array(((phi[0] + phi[1] * x - y) ** 2).mean())


@alternative("loop over the samples, Python float")
def loop(phi, x, y):
    total = 0.0
    for i in range(len(x)):
        total += float(phi[0] + phi[1] * x[i] - y[i]) ** 2
    return total / len(x)


@alternative("design matrix and norm")
def design_matrix(phi, x, y):
    A = np.stack([np.ones(len(x)), x], axis=1)
    return np.linalg.norm(A @ np.asarray(phi) - y) ** 2 / len(y)


@alternative("inner product, with the residual of the other sign")
def inner_product(phi, x, y):
    r = y - np.polyval([phi[1], phi[0]], x)
    return r @ r / len(r)


def draw(rng, n):
    return rng.normal(size=2), rng.normal(size=n), 2 * rng.normal(size=n)


def mse(phi, x, y):
    return sum((phi[0] + phi[1] * a - b) ** 2 for a, b in zip(x.tolist(), y.tolist(), strict=True)) / len(x)


@points(3)
def test_random_data(student, rng):
    """It is the mean of the squared residuals."""
    phi, x, y = draw(rng, int(rng.integers(4, 15)))
    check.close(student.line_loss(phi, x, y), mse(phi, x, y))


@points(1)
def test_shift(student, rng):
    """It stays the same if intercept and data move up together, and changes if only the data do."""
    phi, x, y = draw(rng, 9)
    c = rng.uniform(1, 3)
    before = check.scalar(student.line_loss(phi, x, y))
    check.close(student.line_loss(phi + np.array([c, 0.0]), x, y + c), before)
    moved = check.scalar(student.line_loss(phi, x, y + c))
    same = abs(moved - before) <= 1e-9 * max(1.0, abs(before))
    check.that(not same, "Your loss stays the same when only the data move up. Does it see the height of the line?")


@points(1)
def test_one_sample(student, rng):
    """For N = 1 it is the squared residual."""
    phi, x, y = draw(rng, 1)
    check.close(student.line_loss(phi, x, y), (phi[0] + phi[1] * x[0] - y[0]) ** 2)


@points(1)
def test_integers(student, rng):
    """Integer data lose no digits."""
    x, y = rng.integers(-5, 6, size=7), rng.integers(-5, 6, size=7)
    for phi in (rng.normal(size=2), rng.integers(1, 4, size=2)):
        check.close(student.line_loss(phi, x, y), mse(phi, x, y))
