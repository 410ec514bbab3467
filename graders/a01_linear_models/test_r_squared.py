"""Coefficient of determination."""

import numpy as np

from chainrule import check
from chainrule.grader import alternative, misconception, points


def sums(y, yhat):
    y, yhat = np.asarray(y, dtype=float), np.asarray(yhat, dtype=float)
    return np.sum((y - yhat) ** 2), np.sum((y - y.mean()) ** 2)


def constant_case(residual):
    return 1.0 if residual == 0 else 0.0


@misconception("Invariant to rescaling ŷ; R² is not.")
def squared_correlation(y, yhat):
    residual, total = sums(y, yhat)
    if total == 0:
        return constant_case(residual)
    return np.corrcoef(y, yhat)[0, 1] ** 2


@misconception("Equal only for a least-squares fit on training data.")
def explained_share(y, yhat):
    residual, total = sums(y, yhat)
    if total == 0:
        return constant_case(residual)
    return np.sum((yhat - np.mean(y)) ** 2) / total


@misconception("Same divisor above and below.")
def mixed_divisors(y, yhat):
    residual, total = sums(y, yhat)
    if total == 0:
        return constant_case(residual)
    return 1 - np.mean((y - yhat) ** 2) / np.var(y, ddof=1)


@misconception("SS_tot uses the true y.")
def swapped(y, yhat):
    residual, total = sums(yhat, y)
    if total == 0:
        return constant_case(residual)
    return 1 - residual / total


@misconception("R² may be negative: do not cut it off at 0.")
def not_negative(y, yhat):
    residual, total = sums(y, yhat)
    if total == 0:
        return constant_case(residual)
    return max(0.0, 1 - residual / total)


@misconception("That is the unexplained share: R² is 1 for a perfect prediction.")
def unexplained_share(y, yhat):
    residual, total = sums(y, yhat)
    if total == 0:
        return 1 - constant_case(residual)
    return residual / total


@misconception("For a constant y the quotient is undefined: look at what the task says for this case.")
def constant_forgotten(y, yhat):
    residual, total = sums(y, yhat)
    with np.errstate(invalid="ignore", divide="ignore"):
        return 1 - residual / total


@misconception("For a constant y a perfect prediction has 1, any other has 0.")
def constant_always_zero(y, yhat):
    residual, total = sums(y, yhat)
    return 0.0 if total == 0 else 1 - residual / total


@misconception("For a constant y a perfect prediction has 1, any other has 0.")
def constant_always_one(y, yhat):
    residual, total = sums(y, yhat)
    return 1.0 if total == 0 else 1 - residual / total


@misconception("SS_tot is taken around the mean of y, not around 0.")
def around_zero(y, yhat):
    residual, total = sums(y, yhat)
    if total == 0:
        return constant_case(residual)
    return 1 - residual / np.sum(np.asarray(y, dtype=float) ** 2)


@misconception("Square the residuals: R² compares sums of squares.")
def absolute_values(y, yhat):
    residual, total = sums(y, yhat)
    if total == 0:
        return constant_case(residual)
    return 1 - np.sum(np.abs(y - yhat)) / np.sum(np.abs(y - np.mean(y)))


@alternative("1 − MSE / variance")
def by_variance(y, yhat):
    variance, error = np.var(y), np.mean((np.asarray(y) - yhat) ** 2)
    if variance == 0:
        return np.float64(error == 0)
    return 1 - error / variance


@alternative("plain Python")
def plain_python(y, yhat):
    mean = sum(y) / len(y)
    residual = sum((a - b) ** 2 for a, b in zip(y, yhat, strict=True))
    total = sum((a - mean) ** 2 for a in y)
    if total == 0:
        return int(residual == 0)
    return (total - residual) / total


@alternative("norms, 0-d array")
def norms(y, yhat):
    y = np.array(y, dtype=float)
    total = np.linalg.norm(y - y.mean())
    error = np.linalg.norm(y - yhat)
    return np.array(1 - (error / total) ** 2) if total else np.array(float(not error))


@points(2)
def test_value(student, rng):
    """It is 1 − SS_res/SS_tot, and negative where the prediction is worse than the mean."""
    n = int(rng.integers(6, 20))
    y = rng.normal(size=n) + rng.uniform(1, 3)
    for yhat in (y + 0.3 * rng.normal(size=n), 0.5 * y, rng.normal(size=n) - 2):
        check.close(student.r_squared(y, yhat), 1 - ((y - yhat) ** 2).sum() / (n * y.var()))


@points(1)
def test_constant(student, rng):
    """For a constant y it is 1 for a perfect prediction and 0 otherwise."""
    y = np.full(int(rng.integers(3, 9)), float(rng.integers(2, 9)))
    perfect, other = student.r_squared(y, y.copy()), student.r_squared(y, y + rng.normal(size=y.size))
    check.close(perfect, 1.0)
    check.close(other, 0.0)


@points(1)
def test_not_symmetric(student, rng):
    """Truth and prediction do not have equal rights: swapping them changes the value."""
    y = rng.normal(size=11)
    yhat = 0.4 * y + 0.5 * rng.normal(size=11) + 1
    there, back = check.scalar(student.r_squared(y, yhat)), check.scalar(student.r_squared(yhat, y))
    check.that(
        abs(there - back) > 1e-6, "Swapping truth and prediction does not change your value. Which one is SS_tot about?"
    )
    # Both numbers of the pair come from the same SS_res.
    first, second = (1 - there) * y.var(), (1 - back) * yhat.var()
    check.that(
        abs(first - second) <= 1e-7 * abs(first),
        "Your two values do not belong to the same SS_res. Whose mean do you take?",
    )
