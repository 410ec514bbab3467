"""The mean gradient of a mini-batch."""

from itertools import combinations

import numpy as np

from chainrule import check
from chainrule.grader import alternative, helper, misconception, points


def too_many_calls(run):
    return run.test == "test_only_the_batch" and "more than once" in run.failure


def looks_at_others(run):
    return run.test == "test_only_the_batch" and "not in the batch" in run.failure


def changes_gradients(run):
    return "keeps" in run.failure


@misconception("Step size would depend on B: take the mean, not the sum.")
def total(grad_i, w, idx):
    return np.sum([grad_i(i, w) for i in idx], axis=0)


@misconception("Average over the batch only (axis 0).")
def mean_of_everything(grad_i, w, idx):
    return np.mean([grad_i(i, w) for i in idx])


@misconception("Average over the batch only (axis 0).")
def wrong_axis(grad_i, w, idx):
    return np.mean([grad_i(i, w) for i in idx], axis=1)


@misconception("Average all of them; this is the gradient of the last sample.")
def last_gradient(grad_i, w, idx):
    for i in idx:
        g = grad_i(i, w)
    return g


@misconception("Average all of them; this is the gradient of the first sample.")
def first_gradient(grad_i, w, idx):
    for i in idx:
        return grad_i(i, w)


@misconception("The index is the first argument.")
def arguments_swapped(grad_i, w, idx):
    return np.mean([grad_i(w, i) for i in idx], axis=0)


@misconception("grad_i takes one index at a time.")
def all_at_once(grad_i, w, idx):
    return np.mean(grad_i(idx, w), axis=0)


@misconception("Use the indices in idx.")
def first_samples(grad_i, w, idx):
    return np.mean([grad_i(i, w) for i in range(len(idx))], axis=0)


@misconception("Use the indices in idx.")
def positions(grad_i, w, idx):
    return np.mean([grad_i(k, w) for k, _ in enumerate(idx)], axis=0)


@misconception("The mean, not the median: the average over all batches would not be the gradient.")
def median(grad_i, w, idx):
    return np.median([grad_i(i, w) for i in idx], axis=0)


@misconception("Keep the length of the gradient: it says how steep the loss is.")
def normalised(grad_i, w, idx):
    g = np.mean([grad_i(i, w) for i in idx], axis=0)
    return g / np.linalg.norm(g)


@misconception("This points downhill; the gradient points uphill.")
def downhill(grad_i, w, idx):
    return -np.mean([grad_i(i, w) for i in idx], axis=0)


@misconception("Divide by the number of samples in the batch, once.")
def divided_by_b_minus_1(grad_i, w, idx):
    return np.sum([grad_i(i, w) for i in idx], axis=0) / max(len(idx) - 1, 1)


@misconception("grad_i may be expensive: call it once for each sample of the batch.", when=too_many_calls)
def wasteful(grad_i, w, idx):
    total = grad_i(idx[0], w)
    for i in idx[1:]:
        total = total + grad_i(i, w)
    for i in idx:
        grad_i(i, w)
    return total / len(idx)


@misconception("Only the samples of the batch: the others are what we wanted to save.", when=looks_at_others)
def all_gradients(grad_i, w, idx):
    every = [grad_i(i, w) for i in range(int(max(idx)) + 1)]
    return np.mean([every[i] for i in idx], axis=0)


@misconception("`+=` writes into the array that grad_i keeps: start from a copy or from zeros.", when=changes_gradients)
def adds_in_place(grad_i, w, idx):
    total = grad_i(idx[0], w)
    for i in idx[1:]:
        total += grad_i(i, w)
    return total / len(idx)


@alternative("running sum")
def running_sum(grad_i, w, idx):
    total = np.zeros(len(w))
    for i in idx:
        total += grad_i(i, w)
    return total / len(idx)


@alternative("running mean")
def running_mean(grad_i, w, idx):
    mean = 0.0
    for k, i in enumerate(idx):
        mean = mean + (np.asarray(grad_i(i, w)) - mean) / (k + 1)
    return mean


@alternative("list of the components, Python integers")
def components(grad_i, w, idx):
    rows = [grad_i(int(i), w) for i in idx]
    return [sum(column) / len(rows) for column in zip(*rows, strict=True)]


def gradients(A, C):
    """grad_i of a model that is not linear in w, for one sample."""

    def grad_i(i, w):
        if np.shape(w) != C[0].shape:
            raise TypeError("w comes second")
        if np.ndim(i) != 0 or not float(i).is_integer():
            raise IndexError("one index at a time")
        return A[int(i)] * np.tanh(w - C[int(i)]) + 0.5 * w

    return grad_i


def draw(rng, N, d):
    return gradients(rng.normal(size=(N, d)) + 1, rng.normal(size=(N, d))), rng.normal(size=d)


@points(3)
def test_mean(student, rng):
    """It is the mean of the batch, and its average over all batches of one size is the full gradient."""
    for d, b in ((3, 2), (3, 3), (2, 4)):  # d = b: a mean over the wrong axis has the right shape
        grad_i, w = draw(rng, 5, d)
        batches = [np.array(batch) for batch in combinations(range(5), b)]
        got = [student.minibatch_gradient(grad_i, w, idx) for idx in batches]
        each = np.array([grad_i(i, w) for i in range(5)])
        for value, idx in zip(got, batches, strict=True):
            check.close(value, each[idx].sum(axis=0) / b)
        check.close(np.mean([check.array(value, (d,)) for value in got], axis=0), each.mean(axis=0))


def stored(minibatch_gradient, G, idx):
    """Twice the same batch, with gradients that are rows of one array (runs beside the student's code)."""
    G = G.copy()
    values = [minibatch_gradient(lambda i, w: G[i], np.zeros(G.shape[1]), idx) for _ in range(2)]
    return [np.array(value) for value in values], G


@points(2)
def test_only_the_batch(student, rng):
    """It asks for each sample of the batch once, for no other, and leaves what it gets as it is."""
    grad_i, w = draw(rng, 30, 3)
    idx = rng.permutation(30)[:6]
    G = rng.normal(size=(8, 2))
    counting = check.counted(grad_i)
    check.close(student.minibatch_gradient(counting, w, idx), np.mean([grad_i(i, w) for i in idx], axis=0))
    asked = [int(i) for i, _ in counting.inputs]
    check.that(set(asked) <= set(idx.tolist()), "You ask for the gradients of samples that are not in the batch.")
    check.that(len(asked) <= 6, f"You ask for 6 samples {len(asked)} times: some more than once.")
    check.that(
        all(np.array_equal(at, w) for _, at in counting.inputs),
        "The gradients are not all taken at the w you are given.",
    )
    values, after = student.beside(helper(stored), student.minibatch_gradient, G, np.array([5, 2, 7]))
    check.that(np.array_equal(after, G), "Your function changes an array that grad_i returned and keeps.")
    check.close(values[0], G[[5, 2, 7]].mean(axis=0))
    check.close(values[1], G[[5, 2, 7]].mean(axis=0))


@points(1)
def test_one_sample(student, rng):
    """A batch of one sample gives the gradient of that sample, also where w is an array of integers."""
    grad_i, w = draw(rng, 7, 4)
    k = int(rng.integers(1, 7))
    whole = rng.integers(-3, 4, size=4)
    for at in (w, whole):
        check.close(student.minibatch_gradient(grad_i, at, np.array([k])), grad_i(k, at))
