"""Cross-entropy of one example."""

import torch

from chainrule import check
from chainrule.grader import misconception, points


@misconception("The sign is wrong: this is the log-likelihood.")
def likelihood(logits, label):
    return logits[label] - torch.logsumexp(logits, 0)


@points(2)
def test_values(student, rng):
    """It is right at random places."""
    logits = torch.tensor(rng.normal(size=5))
    expected = torch.nn.functional.cross_entropy(logits[None], torch.tensor([2]))
    check.close(student.cross_entropy(logits, 2), expected)


@points(2)
def test_large(student, rng):
    """Large entries do not overflow."""
    logits = torch.tensor(rng.normal(size=5))
    expected = torch.nn.functional.cross_entropy(logits[None], torch.tensor([2]))
    check.close(student.cross_entropy(logits + 1000, 2), expected)
