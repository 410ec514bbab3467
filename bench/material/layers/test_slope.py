"""A derivative by torch."""

import torch

from chainrule import check
from chainrule.grader import misconception, points


@misconception("Half the derivative: d(x²) = 2x dx.")
def half(x):
    return x


@points(2)
def test_values(student, rng):
    """It is right at random places."""
    x = torch.tensor(rng.normal(size=5))
    check.close(student.slope(x), 2 * x)


@points(2)
def test_zero(student):
    """It is zero at zero."""
    check.close(student.slope(torch.zeros(3)), torch.zeros(3))
