"""The gradient flow of a quadratic, also with flat directions."""

import numpy as np
from scipy.linalg import expm

from chainrule import check
from chainrule.grader import alternative, misconception, points


@misconception("Elementwise exponential of a matrix.")
def elementwise(A, w0, t):
    return np.array([np.exp(-A * s) @ w0 for s in t])


@misconception("Uphill.")
def uphill(A, w0, t):
    values, Q = np.linalg.eigh(A)
    return (np.exp(np.outer(t, values)) * (Q.T @ w0)) @ Q.T


@misconception("Gradient of ½wᵀAw is Aw.")
def half(A, w0, t):
    values, Q = np.linalg.eigh(A)
    return (np.exp(-np.outer(t, values) / 2) * (Q.T @ w0)) @ Q.T


@misconception("The gradient of ½wᵀAw is Aw, not 2Aw: your flow is too fast.")
def doubled(A, w0, t):
    values, Q = np.linalg.eigh(A)
    return (np.exp(-2 * np.outer(t, values)) * (Q.T @ w0)) @ Q.T


@misconception("t is an array.")
def one_time(A, w0, t):
    values, Q = np.linalg.eigh(A)
    return Q @ (np.exp(-values * t) * (Q.T @ w0))


@misconception("t is an array.")
def first_time(A, w0, t):
    values, Q = np.linalg.eigh(A)
    return Q @ (np.exp(-values * np.ravel(t)[0]) * (Q.T @ w0))


@misconception("One long step follows the tangent, not the flow.")
def one_step(A, w0, t):
    return np.array([w0 - s * A @ w0 for s in t])


@misconception("These are the coordinates along the eigenvectors: go back with Q.")
def not_back(A, w0, t):
    values, Q = np.linalg.eigh(A)
    return np.exp(-np.outer(t, values)) * (Q.T @ w0)


@misconception("Go to the coordinates of the eigenvectors with Qᵀ, and back with Q.")
def wrong_way_round(A, w0, t):
    values, Q = np.linalg.eigh(A)
    return (np.exp(-np.outer(t, values)) * (Q @ w0)) @ Q


@misconception("One row per time: shape (T, d).")
def transposed(A, w0, t):
    values, Q = np.linalg.eigh(A)
    return ((np.exp(-np.outer(t, values)) * (Q.T @ w0)) @ Q.T).T


@misconception("The off-diagonal entries of A mix the coordinates.")
def diagonal_only(A, w0, t):
    return np.exp(-np.outer(t, np.diag(A))) * w0


@misconception("Large eigenvalues are the fast ones: exp(−λt), not exp(−t/λ).")
def inverse_rates(A, w0, t):
    values, Q = np.linalg.eigh(A)
    return (np.exp(-np.outer(t, 1 / np.maximum(values, 1e-12))) * (Q.T @ w0)) @ Q.T


@misconception("Each eigenvector has its own decay.")
def one_decay_for_all(A, w0, t):
    return np.exp(-np.outer(t, np.full(len(w0), np.linalg.eigvalsh(A)[0]))) * w0


@misconception("An eigenvalue 0 does not move: its coordinate stays, it does not vanish.")
def flat_directions_lost(A, w0, t):
    values, Q = np.linalg.eigh(A)
    return (np.exp(-np.outer(t, values)) * (Q.T @ w0) * (values > 1e-10)) @ Q.T


@misconception("Row i belongs to t[i]: t need not be sorted.")
def sorted_times(A, w0, t):
    values, Q = np.linalg.eigh(A)
    return (np.exp(-np.outer(np.sort(t), values)) * (Q.T @ w0)) @ Q.T


@misconception("The times are those of the array t: they need not be evenly spaced.")
def even_times(A, w0, t):
    values, Q = np.linalg.eigh(A)
    return (np.exp(-np.outer(np.linspace(np.min(t), np.max(t), len(t)), values)) * (Q.T @ w0)) @ Q.T


@misconception("f itself decays like exp(−2λt); asked is the point w(t).")
def values_of_f(A, w0, t):
    values, Q = np.linalg.eigh(A)
    w = (np.exp(-np.outer(t, values)) * (Q.T @ w0)) @ Q.T
    return np.array([p @ A @ p / 2 for p in w])


@alternative("matrix exponential of scipy")
def by_expm(A, w0, t):
    return np.array([expm(-s * np.asarray(A, dtype=float)) @ w0 for s in t])


@alternative("eigenvalues and inverse of the eigenvectors, list of points")
def by_eig(A, w0, t):
    values, V = np.linalg.eig(np.asarray(A, dtype=float))
    c = np.linalg.solve(V, w0)
    return [(V @ (np.exp(-values * s) * c)).real.tolist() for s in t]


@alternative("rotated to the diagonal case, one coordinate after the other")
def coordinate_by_coordinate(A, w0, t):
    U, s, _ = np.linalg.svd(A)
    return sum(np.exp(-np.asarray(t)[:, None] * s[i]) * (U[:, i] @ w0) * U[:, i] for i in range(len(s)))


def draw(rng, d, flat=0):
    """A positive semidefinite, with `flat` eigenvalues 0."""
    Q = np.linalg.qr(rng.normal(size=(d, d)))[0]
    values = np.concatenate([np.zeros(flat), rng.uniform(0.3, 2.5, size=d - flat)])
    A = (Q * values) @ Q.T
    return (A + A.T) / 2, rng.normal(size=d) * 2, Q[:, :flat]


@points(3)
def test_equation(student, rng):
    """Its derivative is −Aw, by difference quotients, for any number of times."""
    h, cases = 1e-5, []
    for d, times, flat in ((3, 1, 0), (2, 3, 0), (4, 2, 1)):
        A, w0, _ = draw(rng, d, flat)
        t = rng.uniform(0.1, 1.5, size=times)
        cases.append((A, t, student.gradient_flow(A, w0, np.concatenate([t - h, t, t + h]))))
    A, w0, _ = draw(rng, 3)
    t = rng.uniform(0.1, 1.5, size=1)
    cases.append((A, t, student.gradient_flow(A, w0, np.concatenate([t - h, t, t + h]))))
    for A, t, got in cases:
        before, at, after = np.split(check.array(got, (3 * len(t), len(A))), 3)
        quotient, want = (after - before) / (2 * h), -at @ A
        check.that(np.abs(quotient).max() > 1e-3, "Your curve stands still.")
        wrong = np.abs(quotient - want) > 1e-6 * np.maximum(1, np.abs(want))
        check.that(not wrong.any(), "Along your curve w′(t) is not −A w(t).", f"{quotient}\n{want}")


@points(2)
def test_start(student, rng):
    """At t = 0 it is at w0; it can be interrupted and continued; flat directions keep their coordinate."""
    A, w0, kernel = draw(rng, 4, flat=2)
    t = rng.uniform(0.2, 1.5, size=5)
    t[2] = 0.0
    got = student.gradient_flow(A, w0, t)
    middle = student.gradient_flow(A, w0, np.array([0.4]))
    later = student.gradient_flow(A, np.ravel(middle) if np.size(middle) == 4 else w0, t)
    direct = student.gradient_flow(A, w0, t + 0.4)
    whole = student.gradient_flow(np.array([[2, 1], [1, 2]]), np.array([1, -3]), np.array([0, 1, 2]))
    got, middle, later, direct = (check.array(p, (n, 4)) for p, n in ((got, 5), (middle, 1), (later, 5), (direct, 5)))
    check.close(got[2], w0)
    check.close(got @ kernel, np.tile(w0 @ kernel, (5, 1)))
    check.close(later, direct)
    s, e = np.exp(-3.0 * np.arange(3)), np.exp(-1.0 * np.arange(3))  # eigenvalues 3 and 1 along (1, 1) and (1, −1)
    check.close(whole, np.stack([-s + 2 * e, -s - 2 * e], axis=1))


@points(2)
def test_energy(student, rng):
    """The function falls along it at the rate ‖Aw‖²."""
    h, cases = 1e-5, []
    for d, flat in ((3, 0), (5, 2)):
        A, w0, _ = draw(rng, d, flat)
        t = rng.uniform(0.1, 1.2, size=d)
        cases.append((A, student.gradient_flow(A, w0, np.concatenate([t - h, t, t + h]))))
    for A, got in cases:
        w = check.array(got, (3 * len(A), len(A)))
        before, at, after = np.split(np.sum((w @ A) * w, axis=1) / 2, 3)
        slope, want = (after - before) / (2 * h), -np.sum((np.split(w, 3)[1] @ A) ** 2, axis=1)
        check.that(np.abs(want).max() > 1e-3, "Your curve has reached the bottom at once.")
        near = np.abs(slope - want) <= 1e-6 * np.maximum(1, np.abs(want))
        check.that(near.all(), "Along your curve f does not fall at the rate ‖∇f‖².", f"{slope}\n{want}\n{at}")


@points(1)
def test_limit_of_descent(student, rng):
    """It is the limit of gradient descent with n steps of length t/n."""
    A, w0, _ = draw(rng, 3, flat=1)
    t, n = rng.uniform(0.5, 2, size=4), 2**20
    got = check.array(student.gradient_flow(A, w0, t), (4, 3))
    for time, point in zip(t, got, strict=True):
        # Euler's error along an eigenvector is about (tλ)²e^{−tλ}/2n, at most 0.28/n, times its coordinate of w0.
        euler = np.linalg.matrix_power(np.eye(3) - time / n * A, n) @ w0
        check.that(np.abs(euler - point).max() < 1e-4, "Many short steps of gradient descent end elsewhere.")
