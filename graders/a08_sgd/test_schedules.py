"""Learning rate schedules, and the conditions of Robbins and Monro."""

import math
import warnings

import numpy as np
import torch

from chainrule import check
from chainrule.grader import alternative, helper, misconception, points

# The first optimiser takes torch seconds to make: not out of the time of a student's test.
torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)


def values(make, args, steps):
    """A schedule at some steps (runs beside the student's code)."""
    schedule = make(*args)
    return [schedule(t) for t in steps]


@misconception("Integer division: a staircase.", of="step_decay")
def smooth(lr0, gamma, every):
    return lambda t: lr0 * gamma ** (t / every)


@misconception("It falls once in `every` steps, not in each step.", of="step_decay")
def every_step(lr0, gamma, every):
    return lambda t: lr0 * gamma**t


@misconception("The first stair has `every` steps: t = 0, …, every − 1.", of="step_decay")
def one_step_early(lr0, gamma, every):
    return lambda t: lr0 * gamma ** ((t + 1) // every)


@misconception("The first stair has `every` steps: t = 0, …, every − 1.", of="step_decay")
def one_step_late(lr0, gamma, every):
    return lambda t: lr0 * gamma ** (max(t - 1, 0) // every)


@misconception("Each stair is gamma times the one before, again and again.", of="step_decay")
def linear_stairs(lr0, gamma, every):
    return lambda t: lr0 * gamma * (t // every) if t >= every else lr0


@misconception("Each stair is gamma times the one before, again and again.", of="step_decay")
def one_stair(lr0, gamma, every):
    return lambda t: lr0 if t < every else lr0 * gamma


@misconception("Rounding is not cutting off: the stair ends after `every` steps.", of="step_decay")
def rounded(lr0, gamma, every):
    return lambda t: lr0 * gamma ** round(t / every)


@misconception("The rate depends on t alone, not on how often you were asked.", of="step_decay")
def counts_calls(lr0, gamma, every):
    calls = []

    def schedule(t):
        calls.append(t)
        return lr0 * gamma ** ((len(calls) - 1) // every)

    return schedule


@misconception("Return a function of t, not a number.", of="step_decay", when=lambda run: run.error == "TypeError")
def number(lr0, gamma, every):
    return lr0 * gamma


@misconception("Exponential decay falls much faster than 1/t.", of="inverse_time")
def exponential(lr0, k):
    return lambda t: lr0 / (1 + k) ** t


@misconception("k multiplies t.", of="inverse_time")
def k_added(lr0, k):
    return lambda t: lr0 / (1 + k + t)


@misconception("k multiplies t, it does not divide it.", of="inverse_time")
def k_divides(lr0, k):
    return lambda t: lr0 / (1 + t / k)


@misconception("At t = 0 it is lr0: the 1 is missing.", of="inverse_time")
def one_missing(lr0, k):
    return lambda t: lr0 / max(k * t, 1e-300)


@misconception("At t = 0 it is lr0: count the steps from 0.", of="inverse_time")
def from_one(lr0, k):
    return lambda t: lr0 / (1 + k * (t + 1))


@misconception("A root falls more slowly than 1/t.", of="inverse_time")
def root(lr0, k):
    return lambda t: lr0 / math.sqrt(1 + k * t)


@misconception("A straight line reaches 0 and goes below: divide by 1 + kt.", of="inverse_time")
def straight(lr0, k):
    return lambda t: lr0 * (1 - k * t)


@misconception("Clamp t: after T the rate stays at lr_min.", of="cosine")
def rises_again(lr0, lr_min, T):
    return lambda t: lr_min + 0.5 * (lr0 - lr_min) * (1 + math.cos(math.pi * t / T))


@misconception("After T the rate stays at lr_min, it is not 0.", of="cosine")
def zero_afterwards(lr0, lr_min, T):
    return lambda t: lr_min + 0.5 * (lr0 - lr_min) * (1 + math.cos(math.pi * t / T)) if t <= T else 0.0


@misconception("After T steps it starts anew: clamp t instead.", of="cosine")
def restarts(lr0, lr_min, T):
    return lambda t: lr_min + 0.5 * (lr0 - lr_min) * (1 + math.cos(math.pi * (t % T) / T))


@misconception("At t = 0 the rate is lr0: the wave goes from 1 to −1, so take half of it.", of="cosine")
def no_half(lr0, lr_min, T):
    return lambda t: lr_min + (lr0 - lr_min) * (1 + math.cos(math.pi * min(t, T) / T))


@misconception("At t = 0 the rate is lr0: the height of the wave is lr0 − lr_min.", of="cosine")
def too_high(lr0, lr_min, T):
    return lambda t: lr_min + 0.5 * lr0 * (1 + math.cos(math.pi * min(t, T) / T))


@misconception("The wave ends at lr_min, not at 0.", of="cosine")
def lr_min_forgotten(lr0, lr_min, T):
    return lambda t: 0.5 * lr0 * (1 + math.cos(math.pi * min(t, T) / T))


@misconception("Half a wave ends at angle π.", of="cosine")
def quarter_wave(lr0, lr_min, T):
    return lambda t: lr_min + (lr0 - lr_min) * math.cos(0.5 * math.pi * min(t, T) / T)


@misconception("Half a wave ends at angle π.", of="cosine")
def no_pi(lr0, lr_min, T):
    return lambda t: lr_min + 0.5 * (lr0 - lr_min) * (1 + math.cos(min(t, T) / T))


@misconception("The rate must fall: look at the sign in front of the cosine.", of="cosine")
def rising(lr0, lr_min, T):
    return lambda t: lr_min + 0.5 * (lr0 - lr_min) * (1 - math.cos(math.pi * min(t, T) / T))


@misconception("A straight line is not a cosine.", of="cosine")
def line(lr0, lr_min, T):
    return lambda t: lr0 + (lr_min - lr0) * min(t, T) / T


@misconception("Σ1/t diverges: at p = ½ the squares have an infinite sum.", of="robbins_monro")
def half_included(p):
    return 0.5 <= p <= 1


@misconception("Σ1/t=∞ is what we need.", of="robbins_monro")
def one_excluded(p):
    return 0.5 < p < 1


@misconception("Σ1/t diverges, at both ends of the interval: look at each condition there.", of="robbins_monro")
def ends_interchanged(p):
    return 0.5 <= p < 1


@misconception(
    "The rates themselves must have an infinite sum: the walk must be able to reach any distance.", of="robbins_monro"
)
def only_squares(p):
    return p > 0.5


@misconception("The squares must have a finite sum: or the noise never dies out.", of="robbins_monro")
def only_rates(p):
    return p <= 1


@misconception("Falling is not enough.", of="robbins_monro")
def falling(p):
    return p > 0


@misconception("Both conditions speak about the sums, and both can hold.", of="robbins_monro")
def never(p):
    return False


@alternative("a product, step after step", of="step_decay")
def product(lr0, gamma, every):
    def schedule(t):
        rate = lr0
        for _ in range(int(t) // every):
            rate *= gamma
        return rate

    return schedule


@alternative("reciprocal of a line", of="inverse_time")
def reciprocal(lr0, k):
    def schedule(t):
        return 1.0 / (1.0 / lr0 + k / lr0 * t)

    return schedule


@alternative("square of a cosine, 0-d array", of="cosine")
def squared_cosine(lr0, lr_min, T):
    def schedule(t):
        share = np.clip(t / T, 0, 1)
        return np.asarray(lr_min + (lr0 - lr_min) * np.cos(np.pi * share / 2) ** 2)

    return schedule


@alternative("two comparisons, as numpy's bool", of="robbins_monro")
def both_sums(p):
    rates_diverge, squares_converge = p <= 1, 2 * p > 1
    return np.bool_(rates_diverge and squares_converge)


def by_torch(make, lr0, steps):
    """Learning rates of a scheduler of torch.optim at steps 0, …, steps − 1."""
    optimizer = torch.optim.SGD([torch.zeros(1, dtype=torch.float64, requires_grad=True)], lr=lr0)
    scheduler, rates = make(optimizer), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(steps):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
    return rates


@points(2)
def test_step_decay(student, rng):
    """step_decay is the staircase of torch.optim.lr_scheduler.StepLR."""
    for every in (1, 4, int(rng.integers(5, 12))):
        lr0, gamma, steps = rng.uniform(0.1, 2), rng.uniform(0.3, 0.9), 3 * every + 2
        want = by_torch(lambda o: torch.optim.lr_scheduler.StepLR(o, every, gamma), lr0, steps)  # noqa: B023
        order = rng.permutation(steps)  # a schedule depends on t alone, not on how often it was asked
        got = student.beside(helper(values), student.step_decay, (lr0, gamma, every), order.tolist())
        check.close(got, np.array(want)[order])


@points(2)
def test_inverse_time(student, rng):
    """inverse_time starts at lr0, and its reciprocal is a straight line in t."""
    for k in (rng.uniform(0.2, 0.9), rng.uniform(1.5, 3), 0.0):
        lr0, steps = rng.uniform(0.1, 2), [0, 7, 2, 10_000, 1, 100]
        got = student.beside(helper(values), student.inverse_time, (lr0, k), steps)
        reciprocal = 1 / check.array(got, (6,))
        check.close(got[0], lr0)
        check.close(reciprocal - reciprocal[0], k / lr0 * np.array(steps))


@points(2)
def test_cosine(student, rng):
    """cosine agrees with torch.optim.lr_scheduler.CosineAnnealingLR up to T, and stays at lr_min afterwards."""
    for lr_min in (0.0, rng.uniform(0.05, 0.1)):
        lr0, T = rng.uniform(0.5, 2), int(rng.integers(5, 20))
        steps = [*range(T + 1), T + 1, T + 3, 2 * T, 3 * T + 1]
        want = by_torch(lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T, lr_min), lr0, T + 1)  # noqa: B023
        order = rng.permutation(len(steps))
        got = student.beside(helper(values), student.cosine, (lr0, lr_min, T), [steps[k] for k in order])
        check.close(got, np.array([*want, *[lr_min] * 4])[order])


@points(2)
def test_robbins_monro(student, rng):
    """robbins_monro is true where the rates have an infinite sum and their squares a finite one, ends included."""
    powers = [
        0.5,
        1.0,
        rng.uniform(0.51, 0.99),
        rng.uniform(0.05, 0.49),
        rng.uniform(1.01, 2),
        0.0,
        -0.5,
        0.75,
        0.5 + 1e-6,
    ]
    got = [check.scalar(student.robbins_monro(p)) for p in powers]
    # Σ (t+1)^(−p) and Σ (t+1)^(−2p) are infinite if and only if the exponent is at most 1.
    for answer, p in zip(got, powers, strict=True):
        rates_infinite, squares_finite = p <= 1, not 2 * p <= 1
        check.that(answer in (0.0, 1.0), "The answer is True or False.")
        check.that(
            bool(answer) == (rates_infinite and squares_finite),
            "For some power the answer is wrong. Look at both sums, and at the ends of the interval.",
            f"p = {p}",
        )
