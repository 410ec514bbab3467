"""Softmax without overflow."""

import numpy as np

from chainrule import check
from chainrule.grader import misconception, points


@misconception("These do not add up to one.")
def not_normalised(z):
    return np.exp(z - np.max(z))


@points(2)
def test_values(student, rng):
    """It is right at random places."""
    z = rng.normal(size=9)
    check.close(student.softmax(z), np.exp(z) / np.exp(z).sum())


@points(2)
def test_large(student, rng):
    """Large entries do not overflow."""
    z = rng.normal(size=9)
    check.close(student.softmax(z + 1000), np.exp(z) / np.exp(z).sum())
