"""Gradient of the mean squared error of a line."""

import numpy as np

from chainrule import check
from chainrule.grader import misconception, points


@misconception("Half the true gradient: d(u²) = 2u du.")
def no_factor_two(phi, x, y):
    r = phi[0] + phi[1] * x - y
    return np.array([r.mean(), (r * x).mean()])


@points(2)
def test_values(student, rng):
    """It agrees with the design-matrix form."""
    phi, x, y = rng.normal(size=2), rng.normal(size=9), rng.normal(size=9)
    A = np.stack([np.ones(9), x], axis=1)
    check.close(student.line_grad(phi, x, y), 2 / 9 * A.T @ (A @ phi - y))


@points(2)
def test_zero_at_the_fit(student, rng):
    """It is zero where the line goes through all points."""
    phi, x = rng.normal(size=2), rng.normal(size=9)
    student.line_grad(phi, x, x)
    check.close(student.line_grad(phi, x, phi[0] + phi[1] * x), np.zeros(2))
