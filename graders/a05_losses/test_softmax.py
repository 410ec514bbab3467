"""Softmax and its logarithm, row by row, for logits of any size."""

import math

import numpy as np
from scipy import special

from chainrule import check
from chainrule.grader import alternative, misconception, points

# Softmax.


@misconception("Σ_j e^{z_j}: the exponent below is the logit too (misprinted in some notes).")
def index_in_exponent(Z):
    return np.exp(Z) / np.exp(np.arange(np.shape(Z)[1])).sum()


@misconception("Overflow for logits of 10⁴: shift the logits first.")
def no_shift(Z):
    with np.errstate(all="ignore"):
        E = np.exp(Z)
        return E / E.sum(axis=1, keepdims=True)


@misconception("Rows far below the largest logit of all become 0/0: each row needs a shift of its own.")
def global_maximum(Z):
    with np.errstate(all="ignore"):
        E = np.exp(Z - np.max(Z))
        return E / E.sum(axis=1, keepdims=True)


@misconception("Shift by the largest logit of the row: with the mean, one large logit still overflows.")
def shifted_by_mean(Z):
    with np.errstate(all="ignore"):
        E = np.exp(Z - np.mean(Z, axis=1, keepdims=True))
        return E / E.sum(axis=1, keepdims=True)


@misconception("Shapes (N, K) and (N,) do not fit, or fit by accident when N = K: keep the dimension (keepdims).")
def sum_without_keepdims(Z):
    E = np.exp(Z - np.max(Z, axis=1, keepdims=True))
    return E / E.sum(axis=1)


@misconception("Shapes (N, K) and (N,) do not fit, or fit by accident when N = K: keep the dimension (keepdims).")
def maximum_without_keepdims(Z):
    with np.errstate(all="ignore"):
        E = np.exp(Z - np.max(Z, axis=1))
        return E / E.sum(axis=1, keepdims=True)


@misconception("Shapes (N, K) and (N,) do not fit, or fit by accident when N = K: keep the dimension (keepdims).")
def nothing_kept(Z):
    with np.errstate(all="ignore"):
        E = np.exp(Z - np.max(Z, axis=1))
        return E / E.sum(axis=1)


@misconception("Rows are samples: the sum runs over the classes of one row.")
def columns(Z):
    return special.softmax(Z, axis=0)


@misconception("Each row has its own sum: do not normalise all rows together.")
def all_together(Z):
    return special.softmax(Z)


@misconception("That is one sigmoid for each class: their sum is not 1.")
def sigmoids(Z):
    return special.expit(Z)


@misconception("Dividing by the sum of the logits gives no probabilities: exponentiate first.")
def no_exponential(Z):
    with np.errstate(all="ignore"):
        return Z / np.sum(Z, axis=1, keepdims=True)


@misconception("Clipping changes the probabilities: shift instead.")
def clipped(Z):
    E = np.exp(np.clip(Z, -500, 500))
    return E / E.sum(axis=1, keepdims=True)


@misconception("Nothing needs to be added below: after the right shift the sum is at least 1.")
def epsilon_below(Z):
    E = np.exp(Z - np.max(Z, axis=1, keepdims=True))
    return E / (E.sum(axis=1, keepdims=True) + 1e-6)


@misconception("The softmax is not the one-hot vector of the largest logit.")
def hardmax(Z):
    return np.eye(np.shape(Z)[1])[np.argmax(Z, axis=1)]


@misconception("Small probabilities are probabilities too: do not round them.")
def rounded(Z):
    return np.round(special.softmax(Z, axis=1), 4)


@misconception("A shift multiplies above and below: you shifted only one of the two.")
def shifted_above_only(Z):
    with np.errstate(all="ignore"):
        return np.exp(Z - np.max(Z, axis=1, keepdims=True)) / np.exp(Z).sum(axis=1, keepdims=True)


@misconception("Subtract the maximum of each row, do not divide by it: dividing changes the probabilities.")
def divided_by_maximum(Z):
    with np.errstate(all="ignore"):
        return special.softmax(Z / np.max(np.abs(Z), axis=1, keepdims=True), axis=1)


@misconception("Integer input is truncated; convert to float first.")
def truncated(Z):
    P = np.zeros_like(Z)
    P[:] = special.softmax(Z, axis=1)
    return P


@alternative("scipy.special.softmax")
def by_scipy(Z):
    return special.softmax(Z, axis=1)


@alternative("exp of log_softmax")
def by_logarithm(Z):
    return np.exp(special.log_softmax(Z, axis=1))


@alternative("differences of all pairs")
def by_pairs(Z):
    with np.errstate(over="ignore"):
        return 1 / np.exp(Z[:, None, :] - np.asarray(Z)[:, :, None]).sum(axis=2)


@alternative("loop over the rows, list of lists")
def loop(Z):
    rows = []
    for row in Z.tolist():
        powers = [math.exp(v - max(row)) for v in row]
        rows.append([v / sum(powers) for v in powers])
    return rows


# Its logarithm.


@misconception(
    "−inf for small probabilities: the probability underflows before you take its logarithm.", of="log_softmax"
)
def log_of_softmax(Z):
    with np.errstate(divide="ignore"):
        return np.log(special.softmax(Z, axis=1))


@misconception("Your logarithm is cut off: a number added to the probability hides how small it is.", of="log_softmax")
def log_with_epsilon(Z):
    return np.log(special.softmax(Z, axis=1) + 1e-12)


@misconception("Your logarithm is cut off: clipping hides how small the probability is.", of="log_softmax")
def log_clipped(Z):
    return np.log(np.clip(special.softmax(Z, axis=1), 1e-300, 1))


@misconception("Overflow for logits of 10⁴: shift the logits first.", of="log_softmax")
def log_without_shift(Z):
    with np.errstate(all="ignore"):
        return Z - np.log(np.exp(Z).sum(axis=1, keepdims=True))


@misconception(
    "Rows far below the largest logit of all become log 0: each row needs a shift of its own.", of="log_softmax"
)
def log_global_maximum(Z):
    with np.errstate(all="ignore"):
        shifted = Z - np.max(Z)
        return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


@misconception(
    "Shapes (N, K) and (N,) do not fit, or fit by accident when N = K: keep the dimension (keepdims).", of="log_softmax"
)
def log_without_keepdims(Z):
    shifted = Z - np.max(Z, axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1))


@misconception("The shift belongs to the logit as well as to the sum: yours is in one of them only.", of="log_softmax")
def log_shift_once(Z):
    shifted = Z - np.max(Z, axis=1, keepdims=True)
    return Z - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


@misconception("log_softmax is a logarithm, so it is never positive: the sign is flipped.", of="log_softmax")
def log_flipped(Z):
    return -special.log_softmax(Z, axis=1)


@misconception("That is the softmax itself: take its logarithm.", of="log_softmax")
def log_forgotten(Z):
    return special.softmax(Z, axis=1)


@misconception("Natural logarithm, please.", of="log_softmax")
def log_base_two(Z):
    return special.log_softmax(Z, axis=1) / np.log(2)


@misconception("Rows are samples: the sum runs over the classes of one row.", of="log_softmax")
def log_columns(Z):
    return special.log_softmax(Z, axis=0)


@alternative("logit minus scipy.special.logsumexp", of="log_softmax")
def by_logsumexp(Z):
    return Z - special.logsumexp(Z, axis=1, keepdims=True)


@alternative("logaddexp.reduce", of="log_softmax")
def by_logaddexp(Z):
    Z = np.asarray(Z, dtype=float)
    return Z - np.logaddexp.reduce(Z, axis=1)[:, None]


@alternative("loop over the rows", of="log_softmax")
def log_loop(Z):
    result = np.empty(np.shape(Z))
    for i, row in enumerate(Z):
        top = max(row)
        result[i] = row - top - math.log(sum(math.exp(v - top) for v in row))
    return result


# The tests.


def exact(row):
    """Softmax of one row by its definition, in plain Python, for moderate logits."""
    powers = [math.exp(v) for v in row]
    return [v / math.fsum(powers) for v in powers]


def sizes(rng):
    """N and K, different from each other."""
    n = int(rng.integers(4, 9))
    return n, n + int(rng.choice([-2, -1, 1, 2, 3]))


@points(2)
def test_values(student, rng):
    """softmax and log_softmax have the right values, also for integers and a single row."""
    inputs = [2 * rng.normal(size=sizes(rng)), rng.integers(-3, 4, size=(3, 5)), rng.normal(size=(1, 4))]
    answers = [(student.softmax(Z), student.log_softmax(Z)) for Z in inputs]
    for Z, (shares, logs) in zip(inputs, answers, strict=True):
        want = np.array([exact(row) for row in Z.tolist()])
        check.close(shares, want)
        check.close(logs, np.log(want))


@points(2)
def test_probabilities(student, rng):
    """The rows are probabilities, positive for moderate logits, and a constant added to a row changes nothing."""
    n, k = sizes(rng)
    moderate, wild = rng.uniform(-50, 50, size=(n, k)), rng.uniform(-1e4, 1e4, size=(n, k))
    Z = rng.normal(size=(n, k))
    shift = np.where(np.arange(n)[:, None] % 2 == 0, 1e4, -1e4)
    answers = [student.softmax(A) for A in (moderate, wild, Z, Z + 1e4, Z + shift)]
    P = [check.array(answer, (n, k)) for answer in answers]
    check.that((P[0] > 0).all(), "A probability is 0 or negative for logits between −50 and 50.")
    for shares in P:
        check.that((shares >= 0).all(), "A probability is negative.")
        check.close(shares.sum(axis=1), np.ones(n))
    check.close(P[0], [exact(row) for row in moderate.tolist()])
    for shares in P[3:]:
        far = np.abs(shares - P[2]).max() > 1e-9
        check.that(not far, "Adding the same number to all logits of a row changes your probabilities.")


@points(2)
def test_logarithm_of_tiny_probabilities(student, rng):
    """log_softmax is exact where the probability is too small for a float."""
    k, t = int(rng.integers(3, 7)), float(rng.integers(8000, 10001))
    Z = np.zeros((4, k))
    Z[0, 1] = t  # the others lie t below
    Z[1] = -1e4
    Z[1, 0] = 0.0
    Z[2] = rng.normal(size=k) - 1e4
    Z[3] = np.arange(k) * -1000.0
    logs = student.log_softmax(Z)
    want = np.array([Z[0] - t, Z[1], Z[2] - special.logsumexp(Z[2] + 1e4) + 1e4, Z[3]])
    check.close(logs, want, rtol=1e-12)


@points(1)
def test_distant_rows(student, rng):
    """Rows near −10⁴ and +10⁴ do not disturb each other."""
    Z = rng.normal(size=(3, 4))
    shifted = Z + np.array([[-1e4], [1e4], [0.0]])
    check.close(student.softmax(shifted), [exact(row) for row in Z.tolist()])


@points(1)
def test_square(student, rng):
    """It works row by row also if there are as many samples as classes."""
    k = int(rng.integers(3, 7))
    Z = 2 * rng.normal(size=(k, k)) + rng.normal(size=(k, 1)) * 3
    shares, logs = student.softmax(Z), student.log_softmax(Z)
    want = np.array([exact(row) for row in Z.tolist()])
    check.close(shares, want)
    check.close(logs, np.log(want))


@points(1)
def test_two_classes(student, rng):
    """For two classes it is the sigmoid of the difference of the logits."""
    Z = 3 * rng.normal(size=(7, 2))
    shares = student.softmax(Z)
    upper = [1 / (1 + math.exp(a - b)) for a, b in Z.tolist()]
    check.close(shares, np.column_stack([1 - np.array(upper), upper]))


@points(1)
def test_permutations(student, rng):
    """Permuting classes or samples permutes the probabilities, and does nothing else."""
    n, k = sizes(rng)
    Z, classes, samples = rng.normal(size=(n, k)), rng.permutation(k), rng.permutation(n)
    plain, by_class, by_sample = student.softmax(Z), student.softmax(Z[:, classes]), student.softmax(Z[samples])
    shares = check.array(plain, (n, k))
    check.close(by_class, shares[:, classes])
    check.close(by_sample, shares[samples])
    check.close(shares, [exact(row) for row in Z.tolist()])
