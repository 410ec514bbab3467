"""Linear least squares with several features, also where the minimiser is not unique."""

import numpy as np

from chainrule import check
from chainrule.grader import alternative, misconception, points


def with_ones(X):
    return np.column_stack([np.ones(len(X)), X])


@misconception("Residuals do not sum to 0: the bias is missing.")
def no_bias(X, y):
    return np.linalg.lstsq(X, y, rcond=None)[0], 0.0


@misconception("Check where your ones column sits.")
def bias_from_wrong_end(X, y):
    theta = np.linalg.lstsq(with_ones(X), y, rcond=None)[0]
    return theta[:-1], theta[-1]


@misconception("Check where your ones column sits.")
def ones_behind(X, y):
    theta = np.linalg.lstsq(np.column_stack([X, np.ones(len(X))]), y, rcond=None)[0]
    return theta[1:], theta[0]


@misconception("A minimiser exists, it is just not unique: lstsq or pinv.")
def solve(X, y):
    A = with_ones(X)
    theta = np.linalg.solve(A.T @ A, A.T @ y)
    return theta[1:], theta[0]


@misconception("A minimiser exists, it is just not unique: lstsq or pinv.")
def invert(X, y):
    A = with_ones(X)
    theta = np.linalg.inv(A.T @ A) @ A.T @ y
    return theta[1:], theta[0]


@misconception("A minimiser exists, it is just not unique: lstsq or pinv.")
def refuse(X, y):
    A = with_ones(X)
    if np.linalg.matrix_rank(A) < A.shape[1]:
        raise ValueError("not unique")
    theta = np.linalg.lstsq(A, y, rcond=None)[0]
    return theta[1:], theta[0]


@misconception("You solved ridge regression, not least squares.")
def ridge(X, y):
    A = with_ones(X)
    theta = np.linalg.solve(A.T @ A + 1e-6 * np.eye(A.shape[1]), A.T @ y)
    return theta[1:], theta[0]


@misconception("You solved ridge regression, not least squares.")
def ridge_small(X, y):
    A = with_ones(X)
    theta = np.linalg.solve(A.T @ A + 1e-8 * np.eye(A.shape[1]), A.T @ y)
    return theta[1:], theta[0]


@misconception("Keep y one-dimensional.")
def column_vector(X, y):
    theta = np.linalg.lstsq(with_ones(X), np.reshape(y, (-1, 1)), rcond=None)[0]
    return theta[1:], float(theta[0, 0])


@misconception("Keep y one-dimensional.")
def residual_matrix(X, y):
    A = with_ones(X)
    residual = np.reshape(y, (-1, 1)) - np.mean(y) - np.zeros(len(y))  # (N, N)
    theta = np.linalg.pinv(A) @ residual.mean(axis=0)
    return theta[1:], theta[0] + np.mean(y)


@misconception("The mean of y is the height above the mean of X, not above 0: the bias needs w too.")
def mean_as_bias(X, y):
    w = np.linalg.lstsq(X - X.mean(axis=0), y - y.mean(), rcond=None)[0]
    return w, y.mean()


@misconception("You standardised the columns: translate w and b back to the units of X.")
def standardised(X, y):
    scale = X.std(axis=0)
    Z = (X - X.mean(axis=0)) / np.where(scale > 0, scale, 1)
    return np.linalg.lstsq(Z, y - y.mean(), rcond=None)[0], y.mean()


@misconception("These are all parameters together: take the bias out of w.")
def bias_left_in_weights(X, y):
    theta = np.linalg.lstsq(with_ones(X), y, rcond=None)[0]
    return theta, theta[0]


@misconception("Order is (w, b).")
def bias_first(X, y):
    theta = np.linalg.lstsq(with_ones(X), y, rcond=None)[0]
    return theta[0], theta[1:]


@misconception("Fitting one feature at a time is right only if the columns are perpendicular.")
def one_feature_at_a_time(X, y):
    D = X - X.mean(axis=0)
    squares = (D**2).sum(axis=0)
    w = D.T @ (y - y.mean()) / np.where(squares > 0, squares, 1)
    return w, y.mean() - X.mean(axis=0) @ w


@misconception("A cut-off this large throws away columns of small scale.")
def large_cutoff(X, y):
    theta = np.linalg.lstsq(with_ones(X), y, rcond=1e-4)[0]
    return theta[1:], theta[0]


@alternative("pinv")
def by_pinv(X, y):
    theta = np.linalg.pinv(with_ones(X)) @ y
    return theta[1:], theta[0]


@alternative("ones column at the end")
def ones_at_end(X, y):
    theta = np.linalg.lstsq(np.hstack([X, np.ones((len(X), 1))]), y, rcond=None)[0]
    return theta[:-1].tolist(), theta[-1:]


@alternative("SVD of the centred columns")
def by_svd(X, y):
    X = np.asarray(X, dtype=float)
    centre = X.mean(axis=0)
    U, s, Vt = np.linalg.svd(X - centre, full_matrices=False)
    kept = s > 1e-12 * s[0]
    w = Vt[kept].T @ ((U[:, kept].T @ (y - y.mean())) / s[kept])
    return w, float(y.mean() - centre @ w)


@alternative("QR, the square system by lstsq")
def by_qr(X, y):
    Q, R = np.linalg.qr(with_ones(X))
    theta = np.linalg.lstsq(R, Q.T @ y, rcond=None)[0]
    return theta[1:], theta[0]


@alternative("another of the infinitely many minimisers")
def another_minimiser(X, y):
    A = with_ones(X)
    theta = np.linalg.lstsq(A, y, rcond=None)[0]
    _, s, Vt = np.linalg.svd(A)
    null = Vt[np.sum(s > 1e-10 * s[0]) :]
    theta = theta + null.sum(axis=0)
    return theta[1:], theta[0]


@alternative("minimum-norm solution of the normal equations, with a step of refinement")
def refined(X, y):
    A = with_ones(X)
    theta = np.linalg.pinv(A) @ y
    theta = theta + np.linalg.pinv(A) @ (y - A @ theta)
    return theta[1:], np.array(theta[0])


def draw(rng, n, d):
    X = rng.normal(size=(n, d)) + rng.normal(size=d)
    X[:, -1] += 0.5 * X[:, 0]  # so that the columns are not perpendicular
    return X, X @ rng.normal(size=d) + rng.uniform(1, 3) + 0.5 * rng.normal(size=n)


def fit(student, X, y):
    w, b = check.parts(student.normal_equations(X, y), 2)
    return check.array(w, (X.shape[1],)), check.scalar(b)


def perpendicular(X, y, w, b, bound=1e-9):
    """The normal equations themselves: each minimiser fulfils them, and nothing else does."""
    r = X @ w + b - y
    size = np.linalg.norm(y)
    check.that(
        abs(r.sum()) <= bound * np.sqrt(len(y)) * size,
        "The residuals do not sum to 0: they are not perpendicular to the column of ones. Look at the bias.",
        f"sum {r.sum()}",
    )
    wrong = int((np.abs(X.T @ r) > bound * np.linalg.norm(X, axis=0) * size).sum())
    check.that(
        wrong == 0,
        f"The residual is not perpendicular to {wrong} of {X.shape[1]} columns of X: the normal equations do not hold.",
        f"inner products {X.T @ r}",
    )


@points(4)
def test_perpendicular(student, rng):
    """The residual is perpendicular to every column and to the ones."""
    X, y = draw(rng, 100, int(rng.integers(3, 7)))
    perpendicular(X, y, *fit(student, X, y))


@points(3)
def test_full_rank(student, rng):
    """With independent columns it is the one minimiser."""
    X, y = draw(rng, int(rng.integers(20, 60)), int(rng.integers(1, 6)))
    w, b = fit(student, X, y)
    theta = np.linalg.lstsq(with_ones(X), y, rcond=None)[0]
    check.close(w, theta[1:])
    check.close(b, theta[0])


@points(3)
def test_not_unique(student, rng):
    """It finds a minimiser also with a column of zeros, a column given twice, or too few samples."""
    X, y = draw(rng, 30, 4)
    X = np.column_stack([X, np.zeros(30), X[:, 1]])
    perpendicular(X, y, *fit(student, X, y))
    X, y = draw(rng, 4, 6)
    perpendicular(X, y, *fit(student, X, y))


@points(2)
def test_scales(student, rng):
    """Columns of very different scales lose nothing."""
    X, y = draw(rng, 80, 3)
    X = X * [1e3, 1.0, 1e-3]
    perpendicular(X, y, *fit(student, X, y))


@points(2)
def test_affine_change_of_target(student, rng):
    """If y becomes a·y + c, so do the fitted values."""
    X, y = draw(rng, 50, 3)
    a, c = rng.uniform(2, 4), rng.uniform(5, 9)
    w, b = fit(student, X, y)
    before = X @ w + b
    check.that(np.ptp(before) > 1e-6 * np.ptp(y), "Your fitted values are all equal: the features have no effect.")
    w, b = fit(student, X, a * y + c)
    check.that(
        np.allclose(X @ w + b, a * before + c, rtol=1e-7, atol=1e-7),
        "When y becomes a·y + c, your fitted values do not follow. Look at the bias.",
    )
