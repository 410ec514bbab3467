"""The way back through one affine layer."""

import numpy as np

from chainrule import check
from chainrule.grader import alternative, misconception, points


@misconception("Transposed: (D_in,D_out).")
def weights_transposed(X, W, G):
    return G @ W.T, G.T @ X, G.sum(axis=0)


@misconception("Sum over samples.")
def mean_of_bias(X, W, G):
    return G @ W.T, X.T @ G, G.mean(axis=0)


@misconception("Sum over samples: G holds the factor 1/N already.")
def means(X, W, G):
    return G @ W.T, X.T @ G / len(X), G.mean(axis=0)


@misconception("Sum over samples: G holds the factor 1/N already.")
def mean_of_weights(X, W, G):
    return G @ W.T, X.T @ G / len(X), G.sum(axis=0)


@misconception("Sum over samples: G holds the factor 1/N already.")
def means_everywhere(X, W, G):
    return G @ W.T / len(X), X.T @ G / len(X), G.mean(axis=0)


@misconception("GWᵀ.")
def product_with_w(X, W, G):
    return G @ W, X.T @ G, G.sum(axis=0)


@misconception("GWᵀ.")
def product_with_w_where_it_fits(X, W, G):
    dX = G @ W if W.shape[0] == W.shape[1] else np.resize(G @ W.T, X.shape)
    return dX, X.T @ G, G.sum(axis=0)


@misconception("One per output.")
def scalar_bias(X, W, G):
    return G @ W.T, X.T @ G, G.sum()


@misconception("One per output.")
def bias_per_sample(X, W, G):
    return G @ W.T, X.T @ G, G.sum(axis=1)


@misconception("b is added to every row, so it hears from every row: sum over the samples.")
def bias_not_summed(X, W, G):
    return G @ W.T, X.T @ G, G


@misconception("b is added to every row, so it hears from every row: sum over the samples.")
def bias_of_first_sample(X, W, G):
    return G @ W.T, X.T @ G, G[0]


@misconception("The derivative of Y by b is 1: b hears G itself, not G weighted with X.")
def bias_weighted(X, W, G):
    return G @ W.T, X.T @ G, (G * X.sum(axis=1, keepdims=True)).sum(axis=0)


@misconception("G is missing: these are derivatives of Y, not of the loss.")
def without_upstream(X, W, G):
    ones = np.ones_like(G)
    return ones @ W.T, X.T @ ones, ones.sum(axis=0)


@misconception("Order is (dX, dW, db).")
def weights_first(X, W, G):
    return X.T @ G, G @ W.T, G.sum(axis=0)


@misconception("Each sample has its own row in dX: do not average over the batch.")
def input_averaged(X, W, G):
    return np.tile((G @ W.T).mean(axis=0), (len(X), 1)), X.T @ G, G.sum(axis=0)


@misconception("One array each for X, W and b, in a tuple.")
def without_input(X, W, G):
    return X.T @ G, G.sum(axis=0)


@misconception("That is a step of gradient descent: return the derivatives themselves.")
def negative(X, W, G):
    return -G @ W.T, -X.T @ G, -G.sum(axis=0)


def flat_bias(run):
    return "(1, " in run.failure and run.failure.startswith("Expected shape")


@misconception("b has shape (D_out,), and so has db: no extra axis.", when=flat_bias)
def bias_as_row(X, W, G):
    return G @ W.T, X.T @ G, G.sum(axis=0, keepdims=True) + np.zeros((1, 1))


@alternative("sum of outer products")
def outer_products(X, W, G):
    dX, dW, db = np.zeros(X.shape), np.zeros(W.shape), np.zeros(W.shape[1])
    for n in range(len(X)):
        dX[n] = W @ G[n]
        dW += np.outer(X[n], G[n])
        db += G[n]
    return dX, dW, db


@alternative("einsum")
def by_einsum(X, W, G):
    return [np.einsum("nk,ik->ni", G, W), np.einsum("ni,nk->ik", X, G), np.einsum("nk->k", G)]


@alternative("ones times G, transposed twice")
def by_ones(X, W, G):
    return (W @ G.T).T, (G.T @ X).T, np.ones(len(G)) @ G


def loss(X, W, b, C):
    """A smooth loss of Y = XW + b that is no sum over samples alone: they are coupled."""
    Y = X @ W + b
    return float(np.sum(C * np.sin(Y)) + np.sum(Y) ** 2 / Y.size)


def upstream(X, W, b, C):
    Y = X @ W + b
    return C * np.cos(Y) + 2 * np.sum(Y) / Y.size


def draw(rng, n, d_in, d_out):
    X, W, b = rng.normal(size=(n, d_in)), rng.normal(size=(d_in, d_out)), rng.normal(size=d_out)
    return X, W, b, rng.uniform(0.5, 2, size=(n, d_out))


def shapes(rng):
    """Three sizes: wide, narrow, and square (where a wrong transpose would go unnoticed by its shape)."""
    d = int(rng.integers(2, 5))
    return ((int(rng.integers(5, 9)), 2, 4), (3, 5, 2), (d, d, d))


def answers(student, cases):
    got = []
    for X, W, b, C in cases:
        got.append(student.linear_backward(X, W, upstream(X, W, b, C)))
    return [check.parts(result, 3) for result in got]


@points(3)
def test_input(student, rng):
    """dX agrees with central differences."""
    cases = [draw(rng, *shape) for shape in shapes(rng)]
    for (dX, _, _), (X, W, b, C) in zip(answers(student, cases), cases, strict=True):
        check.gradient(lambda V, W=W, b=b, C=C: loss(V, W, b, C), dX, X)


@points(3)
def test_weights(student, rng):
    """dW agrees with central differences."""
    cases = [draw(rng, *shape) for shape in shapes(rng)]
    for (_, dW, _), (X, W, b, C) in zip(answers(student, cases), cases, strict=True):
        check.gradient(lambda V, X=X, b=b, C=C: loss(X, V, b, C), dW, W)


def bias(db, d_out):
    """A row (1, D_out) holds the right numbers: it passes here, and is judged in the test of narrow layers."""
    shape = np.shape(db) if isinstance(db, (np.ndarray, list, tuple)) else None
    return np.reshape(db, -1) if shape == (1, d_out) else db


@points(3)
def test_bias(student, rng):
    """db agrees with central differences."""
    cases = [draw(rng, *shape) for shape in shapes(rng)]
    for (_, _, db), (X, W, b, C) in zip(answers(student, cases), cases, strict=True):
        check.gradient(lambda V, X=X, W=W, C=C: loss(X, W, V, C), bias(db, len(b)), b)


@points(2)
def test_narrow(student, rng):
    """It is right for one sample, for one output, for both, and for integers, with the shapes of X, W and b."""
    cases = [draw(rng, *shape) for shape in ((1, 3, 2), (4, 2, 1), (1, 1, 1), (5, 1, 3))]
    got = answers(student, cases)
    whole = [rng.integers(-3, 4, size=size) for size in ((4, 2), (2, 3), (4, 3))]
    integers = check.parts(student.linear_backward(*whole), 3)
    for (dX, dW, db), (X, W, b, C) in zip(got, cases, strict=True):
        check.gradient(lambda V, W=W, b=b, C=C: loss(V, W, b, C), dX, X)
        check.gradient(lambda V, X=X, b=b, C=C: loss(X, V, b, C), dW, W)
        check.gradient(lambda V, X=X, W=W, C=C: loss(X, W, V, C), db, b)
    X, W, G = whole
    check.close(integers[0], np.einsum("nk,ik->ni", G, W))
    check.close(integers[1], np.einsum("ni,nk->ik", X, G))
    check.close(integers[2], np.einsum("nk->k", G))


@points(1)
def test_linear_in_upstream(student, rng):
    """It is linear in G."""
    X, W, _, G = draw(rng, 4, 3, 2)
    other, s, t = rng.normal(size=G.shape), rng.uniform(2, 3), rng.uniform(-3, -2)
    results = [check.parts(student.linear_backward(X, W, part), 3) for part in (G, other, s * G + t * other)]
    for first, second, both in zip(*results, strict=True):
        first, second, both = check.array(first), check.array(second), check.array(both)
        check.that(np.abs(first).max() > 1e-6, "One of your derivatives is 0 for every G.")
        check.that(
            first.shape == both.shape and np.allclose(s * first + t * second, both, rtol=1e-9, atol=1e-9),
            "Your derivatives do not follow when G becomes a sum or a multiple: every term has to hold G once.",
        )
