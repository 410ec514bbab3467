"""The line with the smallest mean squared error, in closed form."""

import numpy as np

from chainrule import check
from chainrule.grader import alternative, misconception, points

CANCELLATION = "Right in exact arithmetic, but cancellation: at x+1e6 your slope loses its digits. Centre x first."
NOT_UNIQUE = "Raise ValueError: the minimiser is not unique."


def refuse_equal(x):
    if np.min(x) == np.max(x):
        raise ValueError("all x are equal")


@misconception(CANCELLATION)
def one_pass_sums(x, y):
    refuse_equal(x)
    n = len(x)
    phi1 = (np.sum(x * y) - n * x.mean() * y.mean()) / (np.sum(x**2) - n * x.mean() ** 2)
    return y.mean() - phi1 * x.mean(), phi1


@misconception(CANCELLATION)
def one_pass_means(x, y):
    refuse_equal(x)
    phi1 = (np.mean(x * y) - x.mean() * y.mean()) / (np.mean(x**2) - x.mean() ** 2)
    return y.mean() - phi1 * x.mean(), phi1


@misconception(CANCELLATION)
def cramer(x, y):
    refuse_equal(x)
    n, sx, sy, sxx, sxy = len(x), x.sum(), y.sum(), (x * x).sum(), (x * y).sum()
    determinant = n * sxx - sx * sx
    return (sxx * sy - sx * sxy) / determinant, (n * sxy - sx * sy) / determinant


@misconception("Squares the condition number; fails at large offsets.")
def solve_normal_equations(x, y):
    refuse_equal(x)
    A = np.column_stack([np.ones(len(x)), x])
    phi0, phi1 = np.linalg.solve(A.T @ A, A.T @ y)
    return phi0, phi1


@misconception("Squares the condition number; fails at large offsets.")
def invert_normal_equations(x, y):
    refuse_equal(x)
    A = np.column_stack([np.ones(len(x)), x])
    phi0, phi1 = np.linalg.inv(A.T @ A) @ A.T @ y
    return phi0, phi1


@misconception("You minimise horizontal distances.")
def x_on_y(x, y):
    refuse_equal(x)
    dx, dy = x - x.mean(), y - y.mean()
    phi1 = (dy @ dy) / (dx @ dy)
    return y.mean() - phi1 * x.mean(), phi1


@misconception("That line goes through the origin.")
def through_origin(x, y):
    refuse_equal(x)
    return 0.0, (x @ y) / (x @ x)


@misconception("Order is (φ0, φ1).")
def slope_first(x, y):
    refuse_equal(x)
    dx = x - x.mean()
    phi1 = dx @ (y - y.mean()) / (dx @ dx)
    return phi1, y.mean() - phi1 * x.mean()


@misconception(NOT_UNIQUE)
def nan_when_degenerate(x, y):
    dx = x - x.mean()
    with np.errstate(invalid="ignore", divide="ignore"):
        phi1 = np.float64(dx @ (y - y.mean())) / np.float64(dx @ dx)
    return y.mean() - phi1 * x.mean(), phi1


@misconception(NOT_UNIQUE)
def horizontal_when_degenerate(x, y):
    dx = x - x.mean()
    if dx @ dx == 0:
        return y.mean(), 0.0
    phi1 = dx @ (y - y.mean()) / (dx @ dx)
    return y.mean() - phi1 * x.mean(), phi1


@misconception(NOT_UNIQUE)
def least_squares_without_refusal(x, y):
    A = np.column_stack([np.ones(len(x)), x])
    phi0, phi1 = np.linalg.lstsq(A, y, rcond=None)[0]
    return phi0, phi1


@misconception("These x are not all equal, only close together compared with their size: do not refuse them.")
def refuses_close_points(x, y):
    dx = x - x.mean()
    if np.allclose(x, x[0]):
        raise ValueError("all x are equal")
    phi1 = dx @ (y - y.mean()) / (dx @ dx)
    return y.mean() - phi1 * x.mean(), phi1


@misconception("np.cov divides by N−1, np.var by N: use the same divisor above and below.")
def mixed_divisors(x, y):
    refuse_equal(x)
    phi1 = np.cov(x, y)[0, 1] / np.var(x)
    return y.mean() - phi1 * x.mean(), phi1


@misconception("The mean of y is the height of the line above the mean of x, not above 0.")
def mean_as_intercept(x, y):
    refuse_equal(x)
    dx = x - x.mean()
    return y.mean(), dx @ (y - y.mean()) / (dx @ dx)


@misconception("The line must go through (mean x, mean y): look at the sign in your intercept.")
def wrong_sign_of_intercept(x, y):
    refuse_equal(x)
    dx = x - x.mean()
    phi1 = dx @ (y - y.mean()) / (dx @ dx)
    return y.mean() + phi1 * x.mean(), phi1


@misconception("That is the line through the first and the last point: use all of them.")
def through_end_points(x, y):
    refuse_equal(x)
    phi1 = (y[-1] - y[0]) / (x[-1] - x[0])
    return y[0] - phi1 * x[0], phi1


@misconception("That is the correlation, not the slope: bring back the units.")
def correlation(x, y):
    refuse_equal(x)
    dx, dy = x - x.mean(), y - y.mean()
    phi1 = (dx @ dy) / np.sqrt((dx @ dx) * (dy @ dy))
    return y.mean() - phi1 * x.mean(), phi1


@alternative("np.linalg.lstsq on [1, x]")
def least_squares(x, y):
    refuse_equal(x)
    A = np.column_stack([np.ones(len(x)), x])
    return np.linalg.lstsq(A, y, rcond=None)[0]


@alternative("QR of [1, x]")
def by_qr(x, y):
    if len(set(x.tolist())) < 2:
        raise ValueError("not unique")
    Q, R = np.linalg.qr(np.column_stack([np.ones(len(x)), x]))
    return list(np.linalg.solve(R, Q.T @ y))


@alternative("two passes, in plain Python")
def two_passes(x, y):
    n = len(x)
    mx, my = sum(x) / n, sum(y) / n
    sxx = sum((a - mx) ** 2 for a in x)
    if sxx == 0:
        raise ValueError("the paraboloid is degenerate")
    phi1 = sum((a - mx) * (b - my) for a, b in zip(x, y, strict=True)) / sxx
    return my - phi1 * mx, phi1


@alternative("np.polyfit of the centred data")
def polyfit(x, y):
    if np.ptp(x) == 0:
        raise ValueError("not unique")
    phi1, height = np.polyfit(x - x.mean(), y, 1)
    return np.array([height - phi1 * x.mean(), phi1])


def draw(rng, n):
    """A cloud of points around a line, with standard deviation 1 in x."""
    x = rng.normal(size=n)
    x = (x - x.mean()) / x.std() + rng.uniform(0.5, 1.5)
    return x, rng.normal() + rng.uniform(0.5, 2) * x + 0.7 * rng.normal(size=n)


def fit(student, x, y):
    return check.array(student.fit_line(x, y), (2,))


@points(4)
def test_residuals(student, rng):
    """The residuals have sum 0 and are perpendicular to x."""
    x, y = draw(rng, int(rng.integers(6, 40)))
    phi0, phi1 = fit(student, x, y)
    r = phi0 + phi1 * x - y
    size = np.linalg.norm(y)
    check.that(
        abs(r.sum()) <= 1e-9 * np.sqrt(len(x)) * size,
        "The residuals do not sum to 0: the first of the two equations does not hold. Is the order (φ0, φ1)?",
        f"sum {r.sum()}",
    )
    check.that(
        abs(r @ x) <= 1e-9 * np.linalg.norm(x) * size,
        "The residuals are not perpendicular to x: the second of the two equations does not hold. Look at the slope.",
        f"inner product {r @ x}",
    )


@points(3)
def test_offset(student, rng):
    """The slope keeps its digits when all x are shifted by a million."""
    for _ in range(6):  # by luck, rounding spares a bad formula now and then
        x, y = draw(rng, int(rng.integers(20, 101)))
        far = x + 1e6
        near = x - x.mean()  # exact enough: the slope for `far` differs from this one by its rounding only, about 1e-10
        slope = near @ y / (near @ near)
        before, after = fit(student, x, y)[1], fit(student, far, y)[1]
        check.that(abs(before - slope) <= 1e-8 * max(1, abs(slope)), "The slope is wrong already without an offset.")
        check.that(
            abs(after - before) <= 1e-8 * max(1, abs(before)),
            "Your slope moves when all x are shifted by a million. Look for a small difference of two large numbers.",
            f"from {before:.9g} to {after:.9g}",
        )


@points(2)
def test_minimum(student, rng):
    """No line nearby has a smaller loss."""
    x, y = draw(rng, 25)
    phi = fit(student, x, y)
    steps = rng.normal(size=(50, 2)) * 10.0 ** rng.uniform(-3, 0, size=(50, 1))
    losses = [np.mean((p[0] + p[1] * x - y) ** 2) for p in (phi, *(phi + steps))]
    better = sum(loss < losses[0] * (1 - 1e-12) for loss in losses[1:])
    check.that(better == 0, f"Of 50 lines near yours, {better} have a smaller loss.")


@points(2)
def test_degenerate(student, rng):
    """It raises ValueError if and only if all x are equal."""
    check.raises(ValueError, student.fit_line, np.full(7, 2.0), rng.normal(size=7))
    check.raises(ValueError, student.fit_line, np.array([2.0]), np.array([rng.normal()]))
    x, y = draw(rng, 20)
    fit(student, x, y)
    fit(student, x + 1e6, y)


@points(1)
def test_two_points(student, rng):
    """Two points lie on the line through them."""
    x = rng.normal() + np.array([0.0, rng.uniform(0.5, 2)])
    y = rng.normal(size=2)
    phi0, phi1 = fit(student, x, y)
    check.that(np.allclose(phi0 + phi1 * x, y, rtol=1e-9, atol=1e-9), "Your line misses two points that it could meet.")
