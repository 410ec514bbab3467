"""How many steps gradient descent needs to leave a saddle."""

import math

import numpy as np

from chainrule import check
from chainrule.grader import alternative, misconception, points


def ran_forever(run):
    return run.timeout


@misconception("The y-direction is repelling.")
def attracted(y0, tau, R):
    if abs(y0) >= R:
        return 0
    return math.inf


@misconception("The y-direction is repelling.")
def shrinking_factor(y0, tau, R):
    if y0 == 0:
        return math.inf
    return max(0, math.ceil(math.log(abs(y0) / R) / math.log(1 - tau)))


@misconception("First k that reaches R.")
def floor(y0, tau, R):
    if y0 == 0:
        return math.inf
    return max(0, math.floor(math.log(R / abs(y0)) / math.log1p(tau)))


@misconception("First k that reaches R.")
def not_rounded(y0, tau, R):
    if y0 == 0:
        return math.inf
    return max(0.0, math.log(R / abs(y0)) / math.log1p(tau))


@misconception("At y0=0 GD never leaves the saddle.", when=ran_forever)
def infinite_loop(y0, tau, R):
    y, k = abs(y0), 0
    while y < R:
        y, k = (1 + tau) * y, k + 1
    return k


@misconception("At y0=0 GD never leaves the saddle.")
def logarithm_of_zero(y0, tau, R):
    return max(0, math.ceil(math.log(R / abs(y0)) / math.log1p(tau)))


@misconception("|y|.")
def sign_kept(y0, tau, R):
    if y0 == 0:
        return math.inf
    if y0 >= R:
        return 0
    return math.ceil(math.log(R / y0) / math.log1p(tau))


@misconception("|y|.")
def negative_never(y0, tau, R):
    if y0 <= 0:
        return math.inf
    return max(0, math.ceil(math.log(R / y0) / math.log1p(tau)))


@misconception("Steps, not points: at the start k is 0.")
def points_counted(y0, tau, R):
    if y0 == 0:
        return math.inf
    return 1 + max(0, math.ceil(math.log(R / abs(y0)) / math.log1p(tau)))


@misconception("Who is already outside needs no step: the answer is never negative.")
def negative_steps(y0, tau, R):
    if y0 == 0:
        return math.inf
    return math.ceil(math.log(R / abs(y0)) / math.log1p(tau))


@misconception("That is the gradient flow: a step of gradient descent multiplies by 1+τ, not by e^τ.")
def flow(y0, tau, R):
    if y0 == 0:
        return math.inf
    return max(0, math.ceil(math.log(R / abs(y0)) / tau))


@misconception("Mind the ½: the gradient of (x²−y²)/2 is (x, −y).")
def factor_two(y0, tau, R):
    if y0 == 0:
        return math.inf
    return max(0, math.ceil(math.log(R / abs(y0)) / math.log1p(2 * tau)))


@misconception("y grows by a factor in each step, not by an amount: count powers.")
def linear_growth(y0, tau, R):
    if y0 == 0:
        return math.inf
    return max(0, math.ceil((R - abs(y0)) / (tau * abs(y0))))


@misconception("The threshold is R, not 1.")
def until_one(y0, tau, R):
    if y0 == 0:
        return math.inf
    return max(0, math.ceil(-math.log(abs(y0)) / math.log1p(tau)))


@misconception("A limit on the steps is no answer: far starts need more of them.")
def gives_up(y0, tau, R):
    y, k = abs(y0), 0
    while y < R:
        y, k = (1 + tau) * y, k + 1
        if k >= 100:
            return math.inf
    return k


@alternative("simulation")
def simulated(y0, tau, R):
    if y0 == 0:
        return float("inf")
    y, k = y0, 0
    while abs(y) < R:
        y, k = y - tau * (-y), k + 1
    return k


@alternative("closed form with numpy")
def closed_form(y0, tau, R):
    if y0 == 0:
        return np.inf
    return np.maximum(0, np.ceil((np.log(R) - np.log(abs(y0))) / np.log(1 + tau)))


def power(y0, tau, R):
    """log(R/|y0|) / log(1+τ), the real number of steps."""
    return math.log(R / abs(y0)) / math.log1p(tau)


def draw(rng, small=-8):
    """y0, τ and R whose number of steps is not near an integer, so that rounding decides nothing."""
    while True:
        y0, tau, R = 10.0 ** rng.uniform(small, -1), rng.uniform(0.02, 0.9), rng.uniform(0.3, 5)
        steps = power(y0, tau, R)
        if steps > 2 and abs(steps - round(steps)) > 1e-6:
            return y0, tau, R


def simulate(y0, tau, R):
    y, k = abs(y0), 0
    while y < R:
        y, k = y + tau * y, k + 1
    return k


@points(2)
def test_simulation(student, rng):
    """It is the number of steps that a simulation takes."""
    cases = [draw(rng) for _ in range(6)] + [(1e-6, 0.011, 1.7), (0.3, 1.6, 2.1)]
    got = [student.saddle_escape_steps(*case) for case in cases]
    for mine, case in zip(got, cases, strict=True):
        check.close(mine, simulate(*case))


@points(1, seconds=5)
def test_on_the_ridge(student, rng):
    """From y0 = 0 it never leaves."""
    got = [student.saddle_escape_steps(0.0, rng.uniform(0.1, 0.9), 1.5), student.saddle_escape_steps(0, 0.3, 2)]
    for mine in got:
        check.that(check.scalar(mine, finite=False) == math.inf, "From y0 = 0 the walk never leaves: return math.inf.")


@points(1)
def test_outside_and_below(student, rng):
    """At |y0| ≥ R there is no step to take, and a negative y0 counts like a positive one."""
    y0, tau, R = draw(rng)
    outside = [(R, tau, R), (R * rng.uniform(1.1, 9), tau, R), (-R * rng.uniform(1.1, 9), tau, R), (-3, 0.5, 2)]
    zero = [student.saddle_escape_steps(*case) for case in outside]
    below = student.saddle_escape_steps(-y0, tau, R)
    for mine in zero:
        check.close(mine, 0)
    check.close(below, simulate(y0, tau, R))


@points(2)
def test_decades(student, rng):
    """Each factor of ten in y0 costs the same number of steps, up to one."""
    y0, R = rng.uniform(0.02, 0.1), rng.uniform(0.5, 2)
    runs = []
    for tau in (rng.uniform(0.02, 0.06), rng.uniform(0.1, 0.3)):
        runs.append((tau, [student.saddle_escape_steps(y0 / 10**p, tau, R) for p in (0, 1, 4, 9)]))
    for tau, got in runs:
        steps = [check.scalar(k) for k in got]
        decade = math.log(10) / math.log1p(tau)
        for p, k in zip((1, 4, 9), steps[1:], strict=True):
            extra = k - steps[0]
            message = (
                f"A start {10**p:g} times closer costs you {extra:g} more steps. By which factor does y grow in a step?"
            )
            check.that(abs(extra - p * decade) <= 1 + 1e-9, message)
        check.that(abs(steps[0] - power(y0, tau, R)) <= 1 + 1e-9, "Your first number of steps is off by more than one.")
