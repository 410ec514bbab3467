"""Shannon's code lengths, what a message costs in them, and what the wrong code costs on top."""

import math
from fractions import Fraction

import numpy as np
from scipy import special

from chainrule import check
from chainrule.grader import alternative, misconception, points


def guarded_ceil(bits):
    nearest = np.round(bits)
    return np.where(np.abs(bits - nearest) <= 1e-12, nearest, np.ceil(bits)).astype(int)


# Word lengths.


@misconception("Bits: base 2.", of="shannon_lengths")
def natural_logarithm(p):
    return guarded_ceil(-np.log(np.asarray(p, dtype=float)))


@misconception("Kraft fails: words as short as that do not form a prefix code.", of="shannon_lengths")
def rounded_down(p):
    bits = -np.log2(np.asarray(p, dtype=float))
    nearest = np.round(bits)
    return np.where(np.abs(bits - nearest) <= 1e-12, nearest, np.floor(bits)).astype(int)


@misconception("Kraft fails: words as short as that do not form a prefix code.", of="shannon_lengths")
def rounded(p):
    return np.round(-np.log2(np.asarray(p, dtype=float))).astype(int)


@misconception("Kraft fails: words as short as that do not form a prefix code.", of="shannon_lengths")
def truncated(p):
    return (-np.log2(np.asarray(p, dtype=float))).astype(int)


@misconception("30 for p = 2⁻²⁹: −log₂p is exactly 29; guard rounding.", of="shannon_lengths")
def unguarded(p):
    return np.ceil(-np.log(np.asarray(p, dtype=float)) / np.log(2)).astype(int)


@misconception("30 for p = 2⁻²⁹: −log₂p is exactly 29; guard rounding.", of="shannon_lengths")
def unguarded_math(p):
    return [math.ceil(-math.log(v) / math.log(2)) for v in p]


@misconception("Words have whole lengths: round each of them up.", of="shannon_lengths")
def real_lengths(p):
    return -np.log2(np.asarray(p, dtype=float))


@misconception("That is always one more than the whole part: a power of two needs no rounding.", of="shannon_lengths")
def floor_plus_one(p):
    return np.floor(-np.log2(np.asarray(p, dtype=float))).astype(int) + 1


@misconception("Rounding up is enough: you add a bit.", of="shannon_lengths")
def one_too_many(p):
    return guarded_ceil(-np.log2(np.asarray(p, dtype=float))) + 1


@misconception("A word with 0 bits is right for a certain outcome: do not force a bit.", of="shannon_lengths")
def at_least_one(p):
    return np.maximum(1, guarded_ceil(-np.log2(np.asarray(p, dtype=float))))


@misconception("Words of equal length do not use that some letters are rarer.", of="shannon_lengths")
def equal_lengths(p):
    return np.full(len(p), math.ceil(math.log2(len(p))))


@misconception("Surprises of letters are not weighted in the length of their words.", of="shannon_lengths")
def weighted(p):
    p = np.asarray(p, dtype=float)
    return guarded_ceil(-p * np.log2(p))


@misconception("Sign: the logarithm of a probability is negative.", of="shannon_lengths")
def negative(p):
    return -guarded_ceil(-np.log2(np.asarray(p, dtype=float)))


@misconception("Your guard is too wide: lengths well above a whole number have to be rounded up.", of="shannon_lengths")
def wide_guard(p):
    return np.ceil(-np.log2(np.asarray(p, dtype=float)) - 0.01).astype(int)


@alternative("math.frexp", of="shannon_lengths")
def by_frexp(p):
    lengths = []
    for v in p:
        mantissa, exponent = math.frexp(v)  # v = mantissa · 2**exponent, 0.5 <= mantissa < 1
        lengths.append(1 - exponent if mantissa == 0.5 else -exponent + (mantissa < 1))
    return lengths


@alternative("ceil after subtracting 1e-12", of="shannon_lengths")
def by_slack(p):
    return np.ceil(-np.log2(np.asarray(p, dtype=float)) - 1e-12).astype(int)


@alternative("exact comparison of powers, floats", of="shannon_lengths")
def by_powers(p):
    lengths = []
    for v in p:
        length = 0
        while 2.0**-length > v:
            length += 1
        lengths.append(float(length))
    return np.array(lengths)


# Costs.


@misconception("Words have whole lengths: round each of them up.", of="expected_bits")
def ideal_bits(q, p):
    return -np.sum(np.asarray(q) * np.log2(p))


@misconception("The code is made for p, not for q.", of="expected_bits")
def code_for_q(q, p):
    q = np.asarray(q, dtype=float)
    return np.sum(q[q > 0] * guarded_ceil(-np.log2(q[q > 0])))


@misconception("The letters follow q, not p.", of="expected_bits")
def letters_from_p(q, p):
    p = np.asarray(p, dtype=float)
    return np.sum(p * guarded_ceil(-np.log2(p)))


@misconception("The arguments are swapped: letters from q, code for p.", of="expected_bits")
def swapped_costs(q, p):
    q = np.asarray(q, dtype=float)
    with np.errstate(all="ignore"):
        return np.sum(np.asarray(p) * guarded_ceil(-np.log2(np.maximum(q, 1e-300))))


@misconception("Round each word, not the mean.", of="expected_bits")
def rounded_mean(q, p):
    return np.ceil(-np.sum(np.asarray(q) * np.log2(p)))


@misconception("Frequent letters count more: weight the lengths with q.", of="expected_bits")
def unweighted(q, p):
    return np.mean(guarded_ceil(-np.log2(np.asarray(p, dtype=float))))


@misconception("That is the sum of lengths: weight them with q.", of="expected_bits")
def summed_lengths(q, p):
    return np.sum(guarded_ceil(-np.log2(np.asarray(p, dtype=float))))


@misconception("q is a distribution already: divide by nothing.", of="expected_bits")
def averaged_products(q, p):
    return np.mean(np.asarray(q) * guarded_ceil(-np.log2(np.asarray(p, dtype=float))))


@alternative("inner product, lengths by frexp", of="expected_bits")
def by_inner_product(q, p):
    return float(np.dot(q, by_frexp(p)))


@alternative("loop", of="expected_bits")
def cost_loop(q, p):
    return math.fsum(a * n for a, n in zip(q, by_slack(p), strict=True))


# What the wrong code costs.


@misconception("Source first: the weights come from q.", of="redundancy_bits")
def source_second(q, p):
    return np.sum(special.rel_entr(p, q)) / np.log(2)


@misconception("Bits: base 2.", of="redundancy_bits")
def in_nats(q, p):
    return np.sum(special.rel_entr(q, p))


@misconception("Nats to bits: divide by log 2.", of="redundancy_bits")
def multiplied(q, p):
    return np.sum(special.rel_entr(q, p)) * np.log(2)


@misconception("Zeros in q contribute nothing: your sum has NaN terms.", of="redundancy_bits")
def redundancy_nan(q, p):
    q = np.asarray(q, dtype=float)
    with np.errstate(all="ignore"):
        return np.sum(q * np.log2(q / p))


@misconception("That is the cross-entropy: subtract the entropy of q.", of="redundancy_bits")
def cross_entropy_in_bits(q, p):
    return -np.sum(special.xlogy(q, p)) / np.log(2)


@misconception("Achieved minus optimal: your sign is flipped.", of="redundancy_bits")
def redundancy_flipped(q, p):
    return -np.sum(special.rel_entr(q, p)) / np.log(2)


@misconception(
    "The divergence knows no rounding: take the ideal lengths −log₂ p, not whole ones.", of="redundancy_bits"
)
def with_rounding(q, p):
    lengths = guarded_ceil(-np.log2(np.asarray(p, dtype=float)))
    return np.sum(np.asarray(q) * lengths) - np.sum(special.entr(q)) / np.log(2)


@misconception("The divergence knows no rounding: take the ideal lengths, not whole ones.", of="redundancy_bits")
def difference_of_codes(q, p):
    q = np.asarray(q, dtype=float)
    own = np.sum(q[q > 0] * guarded_ceil(-np.log2(q[q > 0])))
    return np.sum(q * guarded_ceil(-np.log2(np.asarray(p, dtype=float)))) - own


@misconception("Gibbs’ inequality makes the *sum* non-negative, not each term.", of="redundancy_bits")
def absolute_terms(q, p):
    return np.sum(np.abs(special.rel_entr(q, p))) / np.log(2)


@alternative("cross-entropy minus entropy", of="redundancy_bits")
def redundancy_by_difference(q, p):
    return -(special.entr(q).sum() + special.xlogy(q, p).sum()) / math.log(2)


@alternative("log2, zeros masked", of="redundancy_bits")
def redundancy_by_log2(q, p):
    q, p = np.asarray(q, dtype=float), np.asarray(p, dtype=float)
    return q[q > 0] @ np.log2(q[q > 0] / p[q > 0])


# The tests.


def draw(rng, k):
    return rng.dirichlet(np.full(k, 0.7)) * (1 - 1e-4 * k) + 1e-4


def draw_with_zeros(rng, k):
    q = rng.dirichlet(np.ones(k))
    q[rng.permutation(k)[: k // 3]] = 0.0
    return q / q.sum()


def bits(q):
    return special.entr(q).sum() / math.log(2)


def exact_lengths(p):
    """The smallest whole number n with 2**-n <= p, by exact arithmetic."""
    lengths = []
    for v in p.tolist():
        n = 0
        while Fraction(1, 2**n) > Fraction(v):
            n += 1
        lengths.append(n)
    return np.array(lengths)


@points(2)
def test_kraft(student, rng):
    """The lengths belong to a prefix code, and none is a whole bit too long."""
    for k in (2, int(rng.integers(3, 9)), 40):
        p = draw(rng, k)
        lengths = check.array(student.shannon_lengths(p), (k,))
        kraft = float(np.sum(2.0**-lengths))
        check.that(kraft <= 1 + 1e-12, f"Kraft’s sum is {kraft:.3f} for your lengths, which is more than 1.")
        long = int((p * 2.0**lengths >= 2 + 1e-9).sum())
        check.that(long == 0, f"{long} of your {k} words are longer than needed by a bit or more.")


@points(2)
def test_cost_of_the_right_code(student, rng):
    """In its own code a source costs between its entropy and one bit more."""
    for k in (2, int(rng.integers(3, 9)), 40):
        q = draw(rng, k)
        cost = check.scalar(student.expected_bits(q, q.copy()))
        check.that(cost >= bits(q) - 1e-9, "Your mean length is below the entropy: no code can do that.", f"{cost}")
        check.that(cost < bits(q) + 1, "Your mean length is a bit or more above the entropy.", f"{cost}")
        check.close(cost, float(q @ exact_lengths(q)))


@points(2)
def test_cost_of_the_wrong_code(student, rng):
    """The wrong code costs the divergence on top, up to one bit for rounding; zeros in q are allowed."""
    for k in (2, int(rng.integers(4, 9)), 30):
        q, p = draw_with_zeros(rng, k), draw(rng, k)
        extra, cost = student.redundancy_bits(q, p), student.expected_bits(q, p)
        divergence = math.fsum(a * math.log2(a / b) for a, b in zip(q.tolist(), p.tolist(), strict=True) if a > 0)
        check.close(extra, divergence)
        value = check.scalar(cost)
        low = bits(q) + divergence
        check.that(value >= low - 1e-9, "Your mean length is below entropy plus divergence.", f"{value}")
        check.that(value < low + 1, "Your mean length is a bit or more above entropy plus divergence.", f"{value}")
        check.close(cost, float(q @ exact_lengths(p)))


@points(2)
def test_lengths(student, rng):
    """The lengths are −log₂ p, rounded up, also where that is a whole number already."""
    dyadic = np.array([*(2.0 ** -np.arange(1, 32)), 2.0**-31])
    cases = [draw(rng, int(rng.integers(3, 9))), draw(rng, 25), rng.permutation(dyadic), np.array([1.0])]
    cases.append(np.array([0.5 - 1e-4, 0.25 + 1e-4, 0.25]))
    answers = [student.shannon_lengths(p) for p in cases]
    for p, answer in zip(cases, answers, strict=True):
        check.close(answer, exact_lengths(p))
