"""Cross-entropy of logits and labels: value, gradient, and the gradient of one sample as formulas."""

import math

import numpy as np
import sympy as sp
from scipy import special

from chainrule import check
from chainrule.grader import alternative, misconception, points

z0, z1, z2 = sp.symbols("z0 z1 z2")
DOMAIN = {"z0": (-2, 2), "z1": (-2, 2), "z2": (-2, 2)}
EXPONENTIALS = sp.exp(z0) + sp.exp(z1) + sp.exp(z2)

LOST = "NaN for large logits: inf/inf after an overflow, or 0 · (−inf) after a lost logarithm: use log-probabilities."


def picked(Z, labels):
    """The log-probability of each sample's class."""
    return special.log_softmax(np.asarray(Z, dtype=float), axis=1)[np.arange(len(labels)), labels]


def one_hot(labels, k):
    return np.eye(k)[labels]


# The loss.


@misconception("P[:, labels] picks N² entries: pair each row with its own label.")
def all_pairs(Z, labels):
    return -np.mean(special.log_softmax(Z, axis=1)[:, labels])


@misconception("Mean over samples only: the other classes are no terms of the sum.")
def mean_over_entries(Z, labels):
    return -np.sum(picked(Z, labels)) / np.size(Z)


@misconception("Mean over samples, not a sum.")
def total(Z, labels):
    return -np.sum(picked(Z, labels))


@misconception("Z are logits already: you apply the softmax twice.")
def softmax_twice(Z, labels):
    return -np.mean(picked(special.softmax(np.asarray(Z, dtype=float), axis=1), labels))


@misconception("The logit of the class is not its log-probability: it must be normalised.")
def not_normalised(Z, labels):
    return -np.mean(np.asarray(Z, dtype=float)[np.arange(len(labels)), labels])


@misconception("The sign is flipped: a loss is the negative log-likelihood.")
def flipped(Z, labels):
    return np.mean(picked(Z, labels))


@misconception("The logarithm is missing: this is minus a mean probability.")
def no_logarithm(Z, labels):
    return -np.mean(np.exp(picked(Z, labels)))


@misconception("Average the logarithms; the logarithm of the mean probability is something else.")
def logarithm_of_mean(Z, labels):
    with np.errstate(divide="ignore"):
        return -np.log(np.mean(np.exp(picked(Z, labels))))


@misconception("inf for large logits: the probability underflows before you take its logarithm.")
def log_of_softmax(Z, labels):
    with np.errstate(divide="ignore"):
        return -np.mean(np.log(special.softmax(Z, axis=1)[np.arange(len(labels)), labels]))


@misconception(LOST)
def one_hot_times_infinity(Z, labels):
    with np.errstate(all="ignore"):
        P = special.softmax(Z, axis=1)
        return -np.mean(np.sum(one_hot(labels, P.shape[1]) * np.log(P), axis=1))


@misconception("Your loss is capped: clipped probabilities, or a number added to them, hide the mistake.")
def clipped(Z, labels):
    P = np.clip(special.softmax(Z, axis=1), 1e-12, 1)
    return -np.mean(np.log(P[np.arange(len(labels)), labels]))


@misconception("Your loss is capped: clipped probabilities, or a number added to them, hide the mistake.")
def epsilon(Z, labels):
    P = special.softmax(Z, axis=1)
    return -np.mean(np.log(P[np.arange(len(labels)), labels] + 1e-12))


@misconception(LOST)
def overflow(Z, labels):
    with np.errstate(all="ignore"):
        E = np.exp(Z)
        return -np.mean(np.log(E[np.arange(len(labels)), labels] / E.sum(axis=1)))


@misconception("Z are logits, not probabilities: the softmax belongs to the loss.")
def no_softmax(Z, labels):
    with np.errstate(all="ignore"):
        return -np.mean(np.log(np.asarray(Z, dtype=float)[np.arange(len(labels)), labels]))


@misconception("These are the losses of the samples: take their mean.")
def not_averaged(Z, labels):
    return -picked(Z, labels)


@misconception("Labels count from 0, like the columns.")
def labels_from_one(Z, labels):
    return -np.mean(picked(Z, np.asarray(labels) - 1))


@misconception("K is the number of columns of Z, not the largest label plus 1: a class may be missing.")
def classes_from_labels(Z, labels):
    return -np.mean(np.sum(np.eye(np.max(labels) + 1)[labels] * special.log_softmax(Z, axis=1), axis=1))


@misconception("The class that counts is the sample's label, not the most probable one.")
def predicted_class(Z, labels):
    return -np.mean(picked(Z, np.argmax(Z, axis=1)))


@misconception("That is one binary cross-entropy for each class: the classes exclude each other, use the softmax.")
def binary(Z, labels):
    Z = np.asarray(Z, dtype=float)
    return np.mean(np.sum(np.logaddexp(0, Z) - one_hot(labels, Z.shape[1]) * Z, axis=1))


@misconception("Rows are samples: normalise over the classes of a row.")
def columns(Z, labels):
    return -np.mean(special.log_softmax(np.asarray(Z, dtype=float), axis=0)[np.arange(len(labels)), labels])


@misconception("Natural logarithm, please.")
def base_two(Z, labels):
    return -np.mean(picked(Z, labels)) / np.log(2)


@alternative("one-hot route")
def by_one_hot(Z, labels):
    logs = special.log_softmax(Z, axis=1)
    return -(one_hot(labels, logs.shape[1]) * logs).sum() / len(logs)


@alternative("logsumexp minus the picked logit")
def by_logsumexp(Z, labels):
    Z = np.asarray(Z, dtype=float)
    return np.mean(special.logsumexp(Z, axis=1) - Z[np.arange(len(Z)), labels])


@alternative("take_along_axis, 0-d array")
def by_take(Z, labels):
    logs = special.log_softmax(np.asarray(Z, dtype=float), axis=1)
    return -np.array(np.take_along_axis(logs, np.asarray(labels)[:, None], axis=1).mean())


@alternative("loop over the samples")
def loop(Z, labels):
    losses = []
    for row, label in zip(Z.tolist(), labels.tolist(), strict=True):
        top = max(row)
        losses.append(math.log(math.fsum(math.exp(v - top) for v in row)) + top - row[label])
    return math.fsum(losses) / len(losses)


# Its gradient.


@misconception("Mean over N: divide the gradient by the number of samples.", of="ce_grad")
def not_divided(Z, labels):
    P = special.softmax(Z, axis=1)
    return P - one_hot(labels, P.shape[1])


@misconception("Mean over samples only: divide by N, not by N K.", of="ce_grad")
def divided_by_entries(Z, labels):
    P = special.softmax(Z, axis=1)
    return (P - one_hot(labels, P.shape[1])) / P.size


@misconception("Sign: the loss falls when the logit of the true class grows.", of="ce_grad")
def downhill(Z, labels):
    P = special.softmax(Z, axis=1)
    return (one_hot(labels, P.shape[1]) - P) / len(P)


@misconception("Each row of your gradient does not sum to 0: the label does not occur in it.", of="ce_grad")
def no_labels(Z, labels):
    return special.softmax(Z, axis=1) / len(labels)


@misconception("The other classes have a gradient too: their logits sit in the sum below.", of="ce_grad")
def own_class_only(Z, labels):
    P = special.softmax(Z, axis=1)
    Y = one_hot(labels, P.shape[1])
    return (P - 1) * Y / len(P)


@misconception("P[:, labels] -= 1 changes whole columns: pair each row with its own label.", of="ce_grad")
def column_subtracted(Z, labels):
    P = special.softmax(Z, axis=1)
    P[:, labels] -= 1
    return P / len(P)


@misconception("This is the gradient of a squared error: the slope of the softmax cancels here.", of="ce_grad")
def with_softmax_slope(Z, labels):
    P = special.softmax(Z, axis=1)
    return (P - one_hot(labels, P.shape[1])) * P * (1 - P) / len(P)


@misconception("Overflow for large logits: shift each row before you exponentiate.", of="ce_grad")
def overflowing_gradient(Z, labels):
    with np.errstate(all="ignore"):
        E = np.exp(Z)
        P = E / E.sum(axis=1, keepdims=True)
    return (P - one_hot(labels, P.shape[1])) / len(P)


@misconception("Labels count from 0, like the columns.", of="ce_grad")
def gradient_labels_from_one(Z, labels):
    P = special.softmax(Z, axis=1)
    return (P - one_hot(np.asarray(labels) - 1, P.shape[1])) / len(P)


@misconception("The gradient has the shape of Z: do not average it over the samples.", of="ce_grad")
def averaged(Z, labels):
    P = special.softmax(Z, axis=1)
    return (P - one_hot(labels, P.shape[1])).mean(axis=0)


@misconception("Exponentials alone are no probabilities: normalise the rows.", of="ce_grad")
def logits_minus_labels(Z, labels):
    Z = np.asarray(Z, dtype=float)
    return (Z - one_hot(labels, Z.shape[1])) / len(Z)


@misconception("K is the number of columns of Z, not the largest label plus 1: a class may be missing.", of="ce_grad")
def gradient_classes_from_labels(Z, labels):
    return (special.softmax(Z, axis=1) - np.eye(np.max(labels) + 1)[labels]) / len(labels)


@alternative("one-hot matrix", of="ce_grad")
def gradient_by_one_hot(Z, labels):
    P = special.softmax(Z, axis=1)
    return (P - one_hot(labels, P.shape[1])) / len(P)


@alternative("list of rows", of="ce_grad")
def gradient_loop(Z, labels):
    rows = []
    for row, label in zip(Z, labels, strict=True):
        shares = special.softmax(np.asarray(row, dtype=float))
        shares[label] -= 1
        rows.append(shares / len(labels))
    return rows


# The formulas.


@misconception("Class 0 is the true one: its logit stands outside the logarithm of the sum as well.", of="g0")
def g0_probability():
    return sp.exp(z0) / EXPONENTIALS


@misconception("Sign: the loss falls when the logit of the true class grows.", of="g0")
def g0_flipped():
    return 1 - sp.exp(z0) / EXPONENTIALS


@misconception("That is the derivative of the probability: the loss is minus its logarithm.", of="g0")
def g0_of_probability():
    p0 = sp.exp(z0) / EXPONENTIALS
    return p0 * (1 - p0)


@misconception("That is the derivative of the probability: the loss is minus its logarithm.", of="g0")
def g0_of_negative_probability():
    p0 = sp.exp(z0) / EXPONENTIALS
    return -p0 * (1 - p0)


@misconception("The probability is normalised: divide by the sum of the exponentials.", of="g0")
def g0_not_normalised():
    return sp.exp(z0) - 1


@misconception("Only one of the three logits is the true class's.", of="g1")
def g1_minus_one():
    return sp.exp(z1) / EXPONENTIALS - 1


@misconception("Sign: the loss grows when the logit of a wrong class grows.", of="g1")
def g1_flipped():
    return -sp.exp(z1) / EXPONENTIALS


@misconception("The logits of the other classes sit in the sum below: the derivative is not 0.", of="g1")
def g1_zero():
    return sp.Integer(0)


@misconception("That is the derivative of the probability: the loss is minus its logarithm.", of="g1")
def g1_of_probability():
    return -sp.exp(z0) * sp.exp(z1) / EXPONENTIALS**2


@misconception("g1 belongs to z1, g2 to z2.", of="g1")
def g1_is_g2():
    return sp.exp(z2) / EXPONENTIALS


@misconception("Only one of the three logits is the true class's.", of="g2")
def g2_minus_one():
    return sp.exp(z2) / EXPONENTIALS - 1


@misconception("Sign: the loss grows when the logit of a wrong class grows.", of="g2")
def g2_flipped():
    return -sp.exp(z2) / EXPONENTIALS


@misconception("The logits of the other classes sit in the sum below: the derivative is not 0.", of="g2")
def g2_zero():
    return sp.Integer(0)


@misconception("Enter the result, not the instruction.", of="g2")
def g2_unevaluated():
    return sp.Derivative(sp.log(EXPONENTIALS) - z0, z2)


@alternative("minus the other probabilities", of="g0")
def g0_others():
    return -(sp.exp(z1) + sp.exp(z2)) / EXPONENTIALS


@alternative("by sp.diff", of="g0")
def g0_by_machine():
    return sp.diff(-sp.log(sp.exp(z0) / EXPONENTIALS), z0)


@alternative("with differences of logits", of="g1")
def g1_differences():
    return 1 / (sp.exp(z0 - z1) + 1 + sp.exp(z2 - z1))


@alternative("own symbols with other assumptions", of="g2")
def g2_own_symbols():
    a, b, c = sp.symbols("z0 z1 z2", real=True)
    return sp.exp(c) / (sp.exp(a) + sp.exp(b) + sp.exp(c))


@alternative("as text", of="g2")
def g2_text():
    return "exp(z2)/(exp(z0) + exp(z1) + exp(z2))"


# The tests.


def draw(rng):
    """Logits and labels; N and K differ, one class is missing (the last), others occur more than once."""
    n = int(rng.integers(5, 9))
    k = n + int(rng.choice([-2, 1, 2]))
    return 2 * rng.normal(size=(n, k)), rng.integers(0, k - 1, size=n)


def reference(Z, labels):
    """The definition, for moderate logits, in plain Python."""
    losses = [math.log(math.fsum(map(math.exp, row))) - row[k] for row, k in zip(Z.tolist(), labels, strict=True)]
    return math.fsum(losses) / len(losses)


@points(3)
def test_values(student, rng):
    """It is the mean of −log of the probability of each sample's class."""
    cases = [draw(rng) for _ in range(3)]
    cases.append((rng.integers(-3, 4, size=(4, 3)), np.array([2, 0, 0, 1])))
    cases.append((rng.normal(size=(5, 5)), rng.permutation(5)))
    answers = [student.cross_entropy(*case) for case in cases]
    for case, answer in zip(cases, answers, strict=True):
        check.close(answer, reference(*case))


@points(2)
def test_large(student, rng):
    """It is exact for logits of ±10⁴."""
    t = float(rng.integers(8000, 10001))
    Z = np.array([[t, 0.0, -t], [t, 0.0, -t], [t, 0.0, -t], [-t, -t, -t]])
    labels = [np.array([0, 1, 2, 1]), np.array([0, 0, 0, 2]), np.array([2, 2, 1, 0])]
    answers = [student.cross_entropy(Z, classes) for classes in labels]
    for answer, total in zip(answers, (3 * t, 0.0, 5 * t), strict=True):
        check.close(answer, (total + math.log(3)) / 4, rtol=1e-12)


@points(2)
def test_gradient(student, rng):
    """ce_grad agrees with central differences, and is right for logits of ±10⁴."""
    cases = [draw(rng) for _ in range(2)]
    cases.append((rng.integers(-2, 3, size=(3, 4)), np.array([3, 0, 0])))
    large = np.array([[1e4, -1e4, 0.0], [-1e4, -1e4, 1e4]]), np.array([1, 2])
    answers, extreme = [student.ce_grad(*case) for case in cases], student.ce_grad(*large)
    for (Z, labels), answer in zip(cases, answers, strict=True):
        check.gradient(lambda A, labels=labels: reference(A, labels), answer, at=Z)
    check.close(extreme, np.array([[1.0, -1.0, 0.0], [0.0, 0.0, 0.0]]) / 2)


@points(1)
def test_rows_of_the_gradient(student, rng):
    """The rows of the gradient sum to 0, and only the entry of the label is negative."""
    Z, labels = draw(rng)
    G = check.array(student.ce_grad(Z, labels), Z.shape)
    check.that(np.abs(G.sum(axis=1)).max() <= 1e-12, "A row of your gradient does not sum to 0.")
    negative = G < 0
    right = negative[np.arange(len(labels)), labels].all() and negative.sum() == len(labels)
    check.that(right, "In a row of the gradient exactly one entry is negative: the one of the label.")


@points(1)
def test_one_sample(student, rng):
    """For N = 1 it is −log of one probability, and the gradient belongs to it."""
    Z, labels = rng.normal(size=(1, 4)), rng.integers(0, 4, size=1)
    loss, gradient = student.cross_entropy(Z, labels), student.ce_grad(Z, labels)
    check.close(loss, reference(Z, labels))
    check.gradient(lambda A: reference(A, labels), gradient, at=Z)


@points(3)
def test_formulas(student):
    """g0, g1 and g2 are the derivatives of the loss of one sample."""
    loss = sp.log(sp.exp(z0) + sp.exp(z1) + sp.exp(z2)) - z0
    answers = [student.symbolic(name) for name in ("g0", "g1", "g2")]
    for name, answer, logit in zip(("g0", "g1", "g2"), answers, (z0, z1, z2), strict=True):
        check.symbolic(answer, sp.diff(loss, logit), name, domain=DOMAIN)
