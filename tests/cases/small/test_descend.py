"""Gradient descent, and the slope of u²."""

import numpy as np
import sympy as sp

from chainrule import check
from chainrule.grader import alternative, misconception, points


@misconception("Plus is ascent: you moved from {start} away from the minimum.")
def ascend(grad, w, lr, n):
    for _ in range(n):
        w = w + lr * grad(w)
    return w


@misconception("One step too many.", when=lambda run: run.facts.get("calls") == run.facts.get("asked", 0) + 1)
def one_more(grad, w, lr, n):
    for _ in range(n + 1):
        w = w - lr * grad(w)
    return w


@misconception("The derivative of u² is 2u.", of="slope")
def no_two():
    return sp.Symbol("u")


@misconception("Enter the result, not the instruction.", of="slope")
def unevaluated():
    u = sp.Symbol("u")
    return sp.Derivative(u**2, u)


@alternative("as text", of="slope")
def as_text():
    return "u + u"


@points(4)
def test_trajectory(student, rng, facts):
    """It is where n steps lead on a bowl."""
    w, n = rng.normal(), int(rng.integers(2, 9))
    grad = check.counted(lambda w: 2 * w)
    facts["start"] = 5
    got = student.descend(grad, w, 0.1, n)
    facts["calls"], facts["asked"] = grad.calls, n
    check.close(got, w * 0.8**n)


@points(1)
def test_vectors(student, rng):
    """It works for vectors."""
    w = rng.normal(size=3)
    check.close(student.descend(lambda w: w, w, 0.5, 2), w / 4)


@points(2)
def test_slope(student):
    """The slope of u² is right."""
    check.symbolic(student.symbolic("slope"), 2 * sp.Symbol("u"))


def unused(x):
    return np.sum(x)
