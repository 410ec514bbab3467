"""The rectifier."""

import numpy as np

from chainrule import check
from chainrule.grader import misconception, points


@misconception("This is the absolute value.")
def absolute(x):
    return np.abs(x)


@points(2)
def test_values(student, rng):
    """It is right at random places."""
    x = rng.normal(size=9)
    check.close(student.relu(x), np.where(x > 0, x, 0))


@points(2)
def test_negative(student, rng):
    """It is zero where x is negative."""
    check.close(student.relu(-np.abs(rng.normal(size=9))), np.zeros(9))
