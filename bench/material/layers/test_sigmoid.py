"""The logistic function."""

import numpy as np

from chainrule import check
from chainrule.grader import misconception, points


@misconception("The sign in the exponent is wrong.")
def mirrored(x):
    return 1 / (1 + np.exp(x))


@points(2)
def test_values(student, rng):
    """It is right at random places."""
    x = rng.normal(size=9)
    check.close(student.sigmoid(x), 0.5 + 0.5 * np.tanh(x / 2))


@points(2)
def test_symmetry(student, rng):
    """Its values at x and −x add up to one."""
    x = rng.normal(size=9)
    check.close(student.sigmoid(x) + student.sigmoid(-x), np.ones(9))
