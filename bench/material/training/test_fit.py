"""A training that the notebook has done in its own cell."""

import numpy as np

from chainrule import check
from chainrule.grader import points


@points(2, seeds=1)
def test_losses(student):
    """The loss goes down."""
    losses = student.value("losses")
    check.close(len(losses), student.value("STEPS"))
    assert np.mean(losses[-5:]) < 0.9 * losses[0]


@points(2, seeds=1)
def test_steps(student):
    """There is one loss for each step."""
    check.close(len(student.fit(3)), 3)
