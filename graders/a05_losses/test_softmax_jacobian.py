"""Derivatives of the softmax, written in its values."""

import numpy as np
from scipy import special

from chainrule import check
from chainrule.grader import alternative, misconception, points


@misconception("The off-diagonal is not 0: a larger logit makes all other probabilities smaller.")
def diagonal_only(p):
    p = np.asarray(p)
    return np.diag(p * (1 - p))


@misconception("Sign: a larger logit makes its own probability larger.")
def flipped(p):
    return np.outer(p, p) - np.diag(p)


@misconception("The argument is already the softmax: p is not a vector of logits.")
def of_logits(p):
    q = special.softmax(p)
    return np.diag(q) - np.outer(q, q)


@misconception("Outer product, not a broadcast: each entry needs both p_i and p_j.")
def broadcast(p):
    return np.diag(p) - np.asarray(p)


@misconception("Outer product, not an inner one: p @ p is a single number.")
def inner_product(p):
    return np.diag(p) - np.dot(p, p)


@misconception("Outer product: multiplying p with itself entry by entry leaves the off-diagonal empty or shifted.")
def square_broadcast(p):
    return np.diag(p) - np.asarray(p) ** 2


@misconception("The diagonal has a second term: p_i occurs above and below the fraction.")
def outer_only(p):
    return -np.outer(p, p)


@misconception("The off-diagonal has a minus sign: a larger logit makes all other probabilities smaller.")
def wrong_sign_outside(p):
    p = np.asarray(p)
    J = np.outer(p, p)
    np.fill_diagonal(J, p * (1 - p))
    return J


@misconception("That is the diagonal alone: the matrix has K rows and K columns.")
def vector(p):
    p = np.asarray(p)
    return p * (1 - p)


@misconception("You put 1, not p, on the diagonal before you subtract.")
def identity_minus_outer(p):
    return np.eye(len(p)) - np.outer(p, p)


@misconception("The diagonal is p(1−p), not 1−p.")
def diagonal_one_minus(p):
    p = np.asarray(p)
    J = -np.outer(p, p)
    np.fill_diagonal(J, 1 - p)
    return J


@misconception("These are the derivatives of log p: multiply row i with p_i.")
def of_logarithm(p):
    return np.eye(len(p)) - np.asarray(p)[None, :] * np.ones((len(p), 1))


@misconception("Off the diagonal the product is p_i p_j, not p_i (1 − p_j).")
def one_minus_everywhere(p):
    p = np.asarray(p)
    return np.outer(p, 1 - p)


@misconception("Integer input is truncated; convert to float first.")
def truncated(p):
    J = np.zeros((len(p), len(p)), dtype=np.int64)
    J[:] = np.diag(p) - np.outer(p, p)
    return J


@alternative("einsum")
def by_einsum(p):
    p = np.asarray(p, dtype=float)
    return np.einsum("i,ij->ij", p, np.eye(len(p))) - np.einsum("i,j->ij", p, p)


@alternative("p times (identity minus p)")
def by_broadcasting(p):
    p = np.asarray(p, dtype=float)
    return p[:, None] * (np.eye(len(p)) - p[None, :])


@alternative("loops, list of lists")
def loops(p):
    K = range(len(p))
    return [[float(p[i]) * ((1.0 if i == j else 0.0) - float(p[j])) for j in K] for i in K]


@alternative("the formula for the diagonal written out")
def by_cases(p):
    p = np.asarray(p, dtype=float)
    J = -np.outer(p, p)
    np.fill_diagonal(J, p * (1 - p))
    return J


def softmax(z):
    powers = np.exp(z - np.max(z))
    return powers / powers.sum()


@points(2)
def test_finite_differences(student, rng):
    """It agrees with central differences of the softmax."""
    logits = [rng.normal(size=int(k)) for k in (*rng.integers(3, 8, size=3), 2)]
    answers = [student.softmax_jacobian(softmax(z)) for z in logits]
    for z, answer in zip(logits, answers, strict=True):
        rows = [check.central_differences(lambda v, i=i: softmax(v)[i], z) for i in range(len(z))]
        check.close(answer, np.array(rows), atol=1e-8)


@points(2)
def test_symmetry(student, rng):
    """It is symmetric, its rows sum to 0, and its trace is 1 − Σ p²."""
    for k in (2, int(rng.integers(4, 9)), 20):
        p = rng.dirichlet(np.ones(k))
        J = check.array(student.softmax_jacobian(p), (k, k))
        check.that(np.abs(J - J.T).max() <= 1e-12, "Your matrix is not symmetric.")
        check.that(
            np.abs(J.sum(axis=1)).max() <= 1e-12, "A row does not sum to 0, but the probabilities always sum to 1."
        )
        trace = 1 - float(p @ p)
        check.that(abs(np.trace(J) - trace) <= 1e-9, "The diagonal of your matrix is not right.", f"{np.diag(J)}")


@points(1)
def test_variance(student, rng):
    """It is positive semidefinite: vᵀJv is the variance of v under p."""
    p = rng.dirichlet(np.ones(int(rng.integers(3, 8))))
    J = check.array(student.softmax_jacobian(p), (len(p), len(p)))
    for v in rng.normal(size=(20, len(p))):
        form, variance = v @ J @ v, p @ (v - p @ v) ** 2
        check.that(form >= -1e-12, "Your matrix has a direction with a negative second derivative.", f"{form}")
        check.that(abs(form - variance) <= 1e-9 * max(1, variance), "vᵀJv is not the variance of v under p.")


@points(1)
def test_certain(student, rng):
    """It is 0 for a certain outcome, and largest on the diagonal for an undecided one."""
    k = int(rng.integers(3, 6))
    sure = np.zeros(k, dtype=int)
    sure[rng.integers(k)] = 1
    zero, undecided = student.softmax_jacobian(sure), student.softmax_jacobian(np.full(k, 1 / k))
    check.close(zero, np.zeros((k, k)))
    check.close(undecided, (np.eye(k) - 1 / k) / k)
