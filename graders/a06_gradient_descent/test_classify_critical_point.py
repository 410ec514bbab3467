"""Minimum, maximum, saddle or degenerate: what the Hessian says."""

import numpy as np

from chainrule import check
from chainrule.grader import alternative, misconception, points

KINDS = ("minimum", "maximum", "saddle", "degenerate")


def eigenvalues_of(H):
    H = np.asarray(H, dtype=float)
    return np.linalg.eigvalsh((H + H.T) / 2)


def judged(values, eps):
    """The kind, from eigenvalues and a threshold."""
    if min(values) < -eps and max(values) > eps:
        return "saddle"
    if min(abs(v) for v in values) <= eps:
        return "degenerate"
    return "minimum" if min(values) > 0 else "maximum"


def threshold(values, tol):
    return tol * max(1.0, max(abs(v) for v in values))


@misconception("Fails in 3-D: (+,−,−) has det>0.")
def determinant_and_trace(H, tol=1e-8):
    H = (np.asarray(H, dtype=float) + np.asarray(H, dtype=float).T) / 2
    det, trace = np.linalg.det(H), np.trace(H)
    if abs(det) <= tol * max(1.0, np.abs(H).max()):
        return "degenerate"
    if det < 0:
        return "saddle"
    return "minimum" if trace > 0 else "maximum"


@misconception("Off-diagonals matter.")
def diagonal_entries(H, tol=1e-8):
    values = np.diag(np.asarray(H, dtype=float))
    return judged(values, threshold(values, tol))


@misconception("1e-17 is zero.")
def no_tolerance(H, tol=1e-8):
    return judged(eigenvalues_of(H), 0.0)


@misconception("det>0 is not enough.")
def positive_determinant_is_minimum(H, tol=1e-8):
    values = eigenvalues_of(H)
    kind = judged(values, threshold(values, tol))
    return "minimum" if kind == "maximum" and len(values) % 2 == 0 else kind


@misconception("Use (H+Hᵀ)/2.")
def not_symmetrised(H, tol=1e-8):
    values = np.linalg.eigvals(np.asarray(H, dtype=float)).real
    return judged(values, threshold(values, tol))


@misconception("Use (H+Hᵀ)/2.")
def lower_triangle_only(H, tol=1e-8):
    values = np.linalg.eigvalsh(np.asarray(H, dtype=float))
    return judged(values, threshold(values, tol))


@misconception("A zero eigenvalue does not matter if there is one of each sign: first ask for a saddle.")
def degenerate_first(H, tol=1e-8):
    values = eigenvalues_of(H)
    if np.abs(values).min() <= threshold(values, tol):
        return "degenerate"
    return judged(values, 0.0)


@misconception("HᵀH has no negative eigenvalues: singular values have lost the signs.")
def singular_values(H, tol=1e-8):
    H = np.asarray(H, dtype=float)
    values = np.linalg.svd((H + H.T) / 2, compute_uv=False)
    return judged(values, threshold(values, tol))


@misconception("Positive eigenvalues: the function curves upwards, so it is a minimum.")
def extrema_swapped(H, tol=1e-8):
    values = eigenvalues_of(H)
    kind = judged(values, threshold(values, tol))
    return {"minimum": "maximum", "maximum": "minimum"}.get(kind, kind)


@misconception("The tolerance grows with the largest |λ|: rounding errors do.")
def absolute_tolerance(H, tol=1e-8):
    return judged(eigenvalues_of(H), tol)


@misconception("The tolerance is never below tol itself: max(1, …).")
def relative_tolerance(H, tol=1e-8):
    values = eigenvalues_of(H)
    return judged(values, tol * max(abs(v) for v in values))


@misconception("Use the argument tol.")
def tolerance_ignored(H, tol=1e-8):
    values = eigenvalues_of(H)
    return judged(values, threshold(values, 1e-8))


@misconception("A tiny positive and a tiny negative eigenvalue make no saddle: both signs must exceed the tolerance.")
def saddle_without_tolerance(H, tol=1e-8):
    values = eigenvalues_of(H)
    if values[0] < 0 < values[-1]:
        return "saddle"
    return judged(values, threshold(values, tol))


@misconception("An eigenvalue near zero leaves it open: that is no minimum.")
def never_degenerate(H, tol=1e-8):
    values = eigenvalues_of(H)
    kind = judged(values, threshold(values, tol))
    return kind if kind != "degenerate" else ("minimum" if np.sum(values) >= 0 else "maximum")


@misconception("Take the words as they are given, in small letters.")
def capitals(H, tol=1e-8):
    values = eigenvalues_of(H)
    return judged(values, threshold(values, tol)).capitalize()


@misconception("Two eigenvalues are not all: look at every one.")
def first_two(H, tol=1e-8):
    H = np.asarray(H, dtype=float)
    values = np.linalg.eigvalsh((H + H.T)[:2, :2] / 2)
    return judged(values, threshold(values, tol))


@alternative("eigvals of the symmetric part, counting signs")
def counting_signs(H, tol=1e-8):
    values = np.linalg.eigvals((np.array(H) + np.array(H).T) / 2.0).real
    eps = tol * max(1, np.max(np.abs(values)))
    up, down = int((values > eps).sum()), int((values < -eps).sum())
    if up and down:
        return "saddle"
    if up + down < len(values):
        return "degenerate"
    return ("maximum", "minimum")[up > 0]


@alternative("eigvalsh of (H+Hᵀ)/2, by the ends of the spectrum")
def by_ends(H, tol=1e-8):
    values = np.linalg.eigvalsh((H + np.transpose(H)) * 0.5)
    small, large = values[0], values[-1]
    eps = tol * max(1, -small, large)
    if small > eps:
        return "minimum"
    if large < -eps:
        return "maximum"
    return "saddle" if small < -eps and large > eps else "degenerate"


def hessian(rng, values, skew=0.0):
    """A matrix whose symmetric part has the given eigenvalues, plus an antisymmetric part of that size."""
    d = len(values)
    Q = np.linalg.qr(rng.normal(size=(d, d)))[0]
    S = (Q * np.array(values, dtype=float)) @ Q.T
    K = rng.normal(size=(d, d))
    return (S + S.T) / 2 + skew * (K - K.T)


def agree(student, cases, hint, **kwargs):
    """All answers first, then the check: cases are (matrix, kind)."""
    answers = [student.classify_critical_point(H, **kwargs) for H, _ in cases]
    other = [answer for answer in answers if not (isinstance(answer, str) and answer in KINDS)]
    if any(answer is None for answer in answers):
        check.fail("Your function returned None – is a `return` missing?")
    check.that(not other, "Your function returned something else than one of the four words.", f"{other[:3]}")
    wrong = sum(answer != kind for answer, (_, kind) in zip(answers, cases, strict=True))
    detail = f"{answers}\n{[kind for _, kind in cases]}"
    check.that(wrong == 0, f"{wrong} of {len(cases)} Hessians are called by the wrong name. {hint}", detail)


@points(3)
def test_any_basis(student, rng):
    """It sees the kind in any basis and dimension, from a matrix that need not be symmetric."""
    cases = []
    for d in (1, 2, 3, 5):
        sizes = rng.uniform(0.5, 3, size=d)
        for values, kind in ((sizes, "minimum"), (-sizes, "maximum")):
            cases.append((hessian(rng, values, 2.0), kind))
        if d > 1:
            signs = np.ones(d)
            signs[: rng.integers(1, d)] = -1
            cases.append((hessian(rng, signs * sizes, 4.0), "saddle"))
            cases.append((hessian(rng, signs * sizes), "saddle"))
    cases.append((np.array([[1, 3], [3, 2]]), "saddle"))
    cases.append((np.array([[-3, 1], [1, -2]]), "maximum"))
    agree(student, cases, "Look at all eigenvalues of the symmetric part.")


@points(2)
def test_signs_in_3d(student, rng):
    """Two negative eigenvalues and a positive one: a saddle, although the determinant is positive."""
    cases = []
    for _ in range(3):
        a, b, c = rng.uniform(0.5, 3, size=3)
        cases.append((hessian(rng, (a, -b, -c)), "saddle"))
        cases.append((hessian(rng, (a, b, -c)), "saddle"))
    cases.append((hessian(rng, (1.0, 2.0, -0.5, -1.0)), "saddle"))
    agree(student, cases, "Which signs do the eigenvalues have?")


@points(2)
def test_degenerate(student, rng):
    """Zero up to rounding is zero, in proportion to the largest eigenvalue; a saddle stays one beside it."""
    a, b = rng.uniform(0.5, 3, size=2)
    cases = [(hessian(rng, values), "degenerate") for values in ((a, 0), (a, 0, b), (-a, 0), (0, -a, -b), (a, 0, 0, 0))]
    cases += [(hessian(rng, (a, 0, -b)), "saddle"), (hessian(rng, (a, 0, 0, -b)), "saddle")]
    cases += [(np.zeros((2, 2)), "degenerate"), (np.array([[1, 1], [1, 1]]), "degenerate")]
    cases += [(hessian(rng, (1e4 * a, 1e-5)), "degenerate"), (hessian(rng, (-1e4 * a, 1e-5)), "degenerate")]
    cases += [(hessian(rng, (1e-9, 2e-9)), "degenerate"), (hessian(rng, (1e-5, 2e-5)), "minimum")]
    agree(student, cases, "What is a zero eigenvalue on a computer?")
    cases = [(hessian(rng, values), "degenerate") for values in ((1, 0.05), (0.8, -0.05), (-1, 0.05, -0.5))]
    cases += [(hessian(rng, (1, 0.3)), "minimum"), (hessian(rng, (1, -0.3)), "saddle")]
    agree(student, cases, "Is the tolerance the one that was given?", tol=0.1)


@points(1)
def test_negative_definite(student, rng):
    """All eigenvalues negative: a maximum, in even and odd dimensions, also for integers."""
    cases = [(hessian(rng, -rng.uniform(0.5, 3, size=d)), "maximum") for d in (1, 2, 3, 4)]
    cases.append((np.array([[-2, 1], [1, -2]]), "maximum"))
    agree(student, cases, "All eigenvalues are negative there.")
