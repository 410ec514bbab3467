"""Gradient of the mean squared error of a line."""

import numpy as np

from chainrule import check
from chainrule.grader import alternative, misconception, points

CANARY = "canary-of-a-hidden-test"


@misconception("Half the true gradient: d(u²) = 2u du.")
def no_factor_two(phi, x, y):
    r = phi[0] + phi[1] * x - y
    return np.array([r.mean(), (r * x).mean()])


@misconception("This points downhill; the gradient points uphill.")
def downhill(phi, x, y):
    return -2 * no_factor_two(phi, x, y)


@alternative("design-matrix form, as a list")
def design_matrix(phi, x, y):
    A = np.stack([np.ones_like(x), x], axis=1)
    return list(2 / len(x) * A.T @ (A @ phi - y))


def mse(phi, x, y):
    return np.mean((phi[0] + phi[1] * x - y) ** 2)


@points(5)
def test_finite_differences(student, rng):
    """It agrees with central differences of the loss."""
    x, y, phi = rng.normal(size=9), rng.normal(size=9), rng.normal(size=2)
    check.gradient(lambda p: mse(p, x, y), student.line_grad(phi, x, y), at=phi)


@points(3)
def test_zero_at_the_fit(student, rng):
    """It is zero where the line goes through all points."""
    x = rng.normal(size=5)
    phi = rng.normal(size=2)
    student.line_grad(phi, x, x)  # a right answer to an easy question must not hide a stub
    check.close(student.line_grad(phi, x, phi[0] + phi[1] * x), [0.0, 0.0])
