"""A level set of the loss of a line: an ellipse around the minimiser."""

import numpy as np

from chainrule import check
from chainrule.grader import alternative, misconception, points


def bowl(x, y):
    """Minimiser, minimum and half the Hessian of the loss of a line."""
    X = np.column_stack([np.ones(len(x)), x])
    centre = np.linalg.lstsq(X, y, rcond=None)[0]
    return centre, np.mean((X @ centre - y) ** 2), X.T @ X / len(x)


def radius(c, minimum):
    if c < minimum - 1e-12 * max(1.0, minimum):
        raise ValueError("the level set is empty")
    return np.sqrt(max(c - minimum, 0.0))


def circle(t):
    return np.stack([np.cos(t), np.sin(t)])


@misconception("Level sets are ellipses: use the Hessian.")
def round_curve(x, y, c, t):
    centre, minimum, _ = bowl(x, y)
    return centre + radius(c, minimum) * circle(t).T


@misconception("Off by the minimum value.")
def minimum_forgotten(x, y, c, t):
    centre, minimum, A = bowl(x, y)
    radius(c, minimum)
    return centre + np.sqrt(c) * np.linalg.solve(np.linalg.cholesky(A).T, circle(t)).T


@misconception("Radius off by √2: L−L_min = δᵀAδ with A = X̃ᵀX̃/N.")
def hessian_as_a(x, y, c, t):
    centre, minimum, A = bowl(x, y)
    return centre + radius(c, minimum) * np.linalg.solve(np.linalg.cholesky(2 * A).T, circle(t)).T


@misconception("Radius off by √N: A is a mean over the samples.")
def not_averaged(x, y, c, t):
    centre, minimum, A = bowl(x, y)
    return centre + radius(c, minimum) * np.linalg.solve(np.linalg.cholesky(len(x) * A).T, circle(t)).T


@misconception("Centre is the least-squares fit.")
def around_origin(x, y, c, t):
    _, minimum, A = bowl(x, y)
    return radius(c, minimum) * np.linalg.solve(np.linalg.cholesky(A).T, circle(t)).T


@misconception("δᵀAδ grows with the square of δ: take the root of c−L_min.")
def no_root(x, y, c, t):
    centre, minimum, A = bowl(x, y)
    return centre + radius(c, minimum) ** 2 * np.linalg.solve(np.linalg.cholesky(A).T, circle(t)).T


@misconception("The ellipse is stretched the wrong way: it is long where the loss is flat.")
def stretched_wrong_way(x, y, c, t):
    centre, minimum, A = bowl(x, y)
    return centre + radius(c, minimum) * (np.linalg.cholesky(A) @ circle(t)).T


@misconception("The ellipse is turned the wrong way: check which triangular factor you invert.")
def wrong_triangle(x, y, c, t):
    centre, minimum, A = bowl(x, y)
    return centre + radius(c, minimum) * np.linalg.solve(np.linalg.cholesky(A), circle(t)).T


@misconception("A half-axis is ρ/√λ, not ρ/λ.")
def half_axes_without_root(x, y, c, t):
    centre, minimum, A = bowl(x, y)
    values, Q = np.linalg.eigh(A)
    return centre + radius(c, minimum) * (Q @ (circle(t) / values[:, None])).T


@misconception("The axes of the ellipse are tilted: the off-diagonal entries of A matter.")
def axes_not_tilted(x, y, c, t):
    centre, minimum, A = bowl(x, y)
    return centre + radius(c, minimum) * (circle(t) / np.sqrt(np.diag(A))[:, None]).T


@misconception("You walk around half of the curve only.")
def half_way(x, y, c, t):
    centre, minimum, A = bowl(x, y)
    return centre + radius(c, minimum) * np.linalg.solve(np.linalg.cholesky(A).T, circle(np.asarray(t) / 2)).T


@misconception("You walk around the curve more than once.")
def twice_around(x, y, c, t):
    centre, minimum, A = bowl(x, y)
    return centre + radius(c, minimum) * np.linalg.solve(np.linalg.cholesky(A).T, circle(2 * np.asarray(t))).T


@misconception("The points are the rows: shape (T, 2), not (2, T).")
def transposed(x, y, c, t):
    centre, minimum, A = bowl(x, y)
    return (centre + radius(c, minimum) * np.linalg.solve(np.linalg.cholesky(A).T, circle(t)).T).T


@misconception("Raise ValueError where the level set is empty.")
def nan_below_minimum(x, y, c, t):
    centre, minimum, A = bowl(x, y)
    with np.errstate(invalid="ignore"):
        size = np.sqrt(np.float64(c - minimum)) if abs(c - minimum) > 1e-12 * max(1.0, minimum) else 0.0
    return centre + size * np.linalg.solve(np.linalg.cholesky(A).T, circle(t)).T


@misconception("Raise ValueError where the level set is empty.")
def point_below_minimum(x, y, c, t):
    centre, minimum, A = bowl(x, y)
    size = np.sqrt(max(c - minimum, 0.0))
    return centre + size * np.linalg.solve(np.linalg.cholesky(A).T, circle(t)).T


@misconception("Leave room for rounding: at c = L_min there is one point, and no error.")
def no_slack(x, y, c, t):
    centre, minimum, A = bowl(x, y)
    if c <= minimum:
        raise ValueError("the level set is empty")
    return centre + np.sqrt(c - minimum) * np.linalg.solve(np.linalg.cholesky(A).T, circle(t)).T


@misconception("Coordinates are (φ0, φ1), in this order.")
def slope_first(x, y, c, t):
    centre, minimum, A = bowl(x, y)
    return (centre + radius(c, minimum) * np.linalg.solve(np.linalg.cholesky(A).T, circle(t)).T)[:, ::-1]


@alternative("eigenvectors: other start and orientation")
def by_eigenvectors(x, y, c, t):
    centre, minimum, A = bowl(x, y)
    values, Q = np.linalg.eigh(A)
    return centre + radius(c, minimum) * (Q @ (circle(-np.asarray(t)) / np.sqrt(values)[:, None])).T


@alternative("symmetric root of A")
def by_symmetric_root(x, y, c, t):
    centre, minimum, A = bowl(x, y)
    values, Q = np.linalg.eigh(A)
    return centre + radius(c, minimum) * (Q @ np.diag(values**-0.5) @ Q.T @ circle(np.asarray(t) + 1)).T


@alternative("along rays: the angle in the plane of parameters itself")
def along_rays(x, y, c, t):
    centre, minimum, A = bowl(x, y)
    size = radius(c, minimum)
    points_on_curve = []
    for angle in np.asarray(t):
        ray = np.array([np.cos(angle), np.sin(angle)])
        points_on_curve.append((centre + size / np.sqrt(ray @ A @ ray) * ray).tolist())
    return points_on_curve


def draw(rng):
    n = int(rng.integers(8, 20))
    x = rng.normal(size=n)
    x = (x - x.mean()) / x.std() + rng.choice([-1, 1]) * rng.uniform(0.5, 1.2)
    return x, rng.normal() + 1.5 * x + rng.uniform(0.5, 1) * rng.normal(size=n)


def mse(phi, x, y):
    return np.mean((phi[..., :1] + phi[..., 1:] * x - y) ** 2, axis=-1)


def curve(student, x, y, c, t):
    return check.array(student.level_curve(x, y, c, t), (len(t), 2))


def more_than_a_point(phi):
    check.that(np.ptp(phi, axis=0).max() > 1e-6, "All your points are the same, although c is above the minimum.")


@points(4)
def test_on_level_set(student, rng):
    """At every point the loss is c."""
    x, y = draw(rng)
    _, minimum, _ = bowl(x, y)
    for c in (minimum * 1.3, minimum + rng.uniform(1, 5)):
        t = np.sort(rng.uniform(0, 2 * np.pi, size=40))
        phi = curve(student, x, y, c, t)
        more_than_a_point(phi)
        wrong = int((np.abs(mse(phi, x, y) - c) > 1e-8 * c).sum())
        check.that(
            wrong == 0, f"At {wrong} of your {len(t)} points the loss is not c. Look at centre, radius and axes."
        )


@points(3)
def test_perpendicular(student, rng):
    """The curve is perpendicular to the gradient of the loss."""
    x, y = draw(rng)
    _, minimum, A = bowl(x, y)
    h, t = 1e-4, rng.uniform(0.01, 2 * np.pi - 0.01, size=30)
    before, at, after = np.split(
        curve(student, x, y, minimum + rng.uniform(1, 5), np.concatenate([t - h, t, t + h])), 3
    )
    tangent = after - before
    X = np.column_stack([np.ones(len(x)), x])
    gradient = 2 * at @ A - 2 * X.T @ y / len(x)
    lengths = np.linalg.norm(tangent, axis=1) * np.linalg.norm(gradient, axis=1)
    check.that(
        lengths.min() > 1e-9, "Your curve stands still: its points do not move with t, or they are the minimiser."
    )
    cosine = np.abs((tangent * gradient).sum(axis=1)) / lengths
    check.that(
        cosine.max() < 1e-5,
        "Your curve is not perpendicular to the gradient, so it does not follow a level line. "
        "Look at its shape and centre.",
        f"largest cosine {cosine.max()}",
    )


@points(2)
def test_once_around(student, rng):
    """It walks around the minimiser exactly once."""
    x, y = draw(rng)
    centre, minimum, A = bowl(x, y)
    t = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    values, Q = np.linalg.eigh(A)
    white = (curve(student, x, y, minimum + rng.uniform(1, 5), t) - centre) @ Q * np.sqrt(values)
    check.that(np.linalg.norm(white, axis=1).min() > 1e-6, "Your curve meets the minimiser: it cannot walk around it.")
    angle = np.arctan2(white[:, 1], white[:, 0])
    steps = np.diff(angle, append=angle[0])
    steps = (steps + np.pi) % (2 * np.pi) - np.pi
    turns = round(steps.sum() / (2 * np.pi))
    check.that(
        abs(turns) == 1 and np.abs(steps).max() < 0.5,
        f"As t goes from 0 to 2π your curve goes {abs(turns)} times around the minimiser, or it jumps.",
    )


@points(2)
def test_lowest_level(student, rng):
    """Below the minimum it raises ValueError; at the minimum all points are the minimiser."""
    x, y = draw(rng)
    centre, minimum, _ = bowl(x, y)
    t = np.linspace(0, 6, 5)
    check.raises(ValueError, student.level_curve, x, y, minimum - 1e-3, t)
    exact = centre[0] + centre[1] * x
    check.raises(ValueError, student.level_curve, x, exact, -1e-6, t)
    for target, c in ((y, minimum), (y, minimum - 1e-13 * max(1, minimum)), (exact, 0.0)):
        phi = curve(student, x, target, c, t)
        check.that(np.abs(phi - centre).max() <= 1e-5, "At c = L_min your points are not all the minimiser.")


@points(1)
def test_every_angle(student, rng):
    """Each angle gives its own point, however many there are."""
    x, y = draw(rng)
    c = bowl(x, y)[1] + rng.uniform(1, 5)
    t = rng.uniform(0, 2 * np.pi, size=6)
    together = curve(student, x, y, c, t)
    more_than_a_point(together)
    alone = np.concatenate([curve(student, x, y, c, t[i : i + 1]) for i in range(6)])
    check.that(
        np.allclose(together, alone, rtol=1e-9, atol=1e-9), "A point depends on the other angles, not on its own alone."
    )
