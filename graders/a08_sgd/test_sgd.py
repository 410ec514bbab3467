"""Stochastic gradient descent with random reshuffling."""

import numpy as np

from chainrule import check
from chainrule.grader import alternative, helper, misconception, points


def pieces(N, B, rng):
    order = rng.permutation(N)
    return [order[start : start + B] for start in range(0, N, B)]


def slope(w, idx, S, C):
    """Mean gradient of the samples idx of a model that is not linear in w."""
    return np.mean(S[idx] * np.tanh(w - C[idx]) + 0.3 * (w - C[idx]), axis=0)


def recorded(sgd, w0, N, B, lr0, decay, epochs, seed, S, C):
    """A run and all that it asked for: where the gradients were taken, of which samples, and the learning rates.

    Runs beside the student's code. A wrong `minibatches` of an earlier exercise costs nothing here.
    """
    notebook = getattr(sgd, "__globals__", {})
    if "minibatches" in notebook:
        notebook["minibatches"] = pieces
    places, batches, steps = [], [], []

    def grad_batch(w, idx):
        places.append(np.array(w, dtype=float))
        batches.append(np.array(idx))
        return slope(np.asarray(w), np.asarray(idx), S, C)

    def lr(t):
        steps.append(t)
        return lr0 / (1 + decay * t)

    start = np.array(w0)
    path = sgd(grad_batch, start, N, B, lr, epochs, np.random.default_rng(seed))
    return {
        "path": np.array(path),
        "places": places,
        "batches": batches,
        "steps": np.array(steps),
        "start": start,
    }


# What the record of a failed run shows: the predicates of the misconceptions.


def records(run):
    return [(call.args, call.result) for call in run.calls if isinstance(call.result, dict)]


def counter_restarts(run):
    return (
        run.test == "test_counter"
        and not counts_epochs(run)
        and any(
            len(found["steps"]) > 2
            and found["steps"][0] == 0
            and (found["steps"] == 0).sum() > 1
            and found["steps"].max() > 0
            for _, found in records(run)
        )
    )


def counts_epochs(run):
    for args, found in records(run):
        per_epoch = -(-args[2] // args[3])
        if per_epoch > 1 and np.array_equal(found["steps"], np.repeat(np.arange(args[6]), per_epoch)):
            return run.test == "test_counter"
    return False


def epochs_of(args, found):
    """The order of the samples in each epoch of a run, where there are as many samples as there should be."""
    order = np.concatenate(found["batches"])
    return order.reshape(args[6], args[2]) if order.size == args[6] * args[2] else None


def same_order(run):
    for args, found in records(run):
        order = epochs_of(args, found) if run.test == "test_epochs" else None
        if order is not None and args[6] > 1 and args[3] < args[2] and (order == order[0]).all():
            return True
    return False


def all_rows_equal(run):
    return any(len(found["path"]) > 2 and np.ptp(found["path"], axis=0).max() == 0 for _, found in records(run))


def old_places(run):
    for _, found in records(run):
        places = np.array(found["places"])
        if run.test == "test_latest" and len(places) > 2 and (places[0] == places[1]).all():
            return True
    return False


def with_repeats(run):
    for args, found in records(run):
        order = epochs_of(args, found) if run.test == "test_epochs" else None
        if order is not None and any(len(set(epoch)) < len(epoch) for epoch in order.tolist()):
            return True
    return False


def changed_start(run):
    return any(not np.array_equal(np.asarray(args[1]), found["start"]) for args, found in records(run))


def global_generator(run):
    return any(call.rng_touched for call in run.calls)


@misconception("lr takes the global step: do not start counting again in each epoch.", when=counter_restarts)
def counter_of_the_epoch(grad_batch, w0, N, B, lr, epochs, rng):
    path = [np.array(w0, dtype=float)]
    for _ in range(epochs):
        for t, idx in enumerate(pieces(N, B, rng)):
            path.append(path[-1] - lr(t) * grad_batch(path[-1], idx))
    return np.array(path)


@misconception("lr takes the number of the step, not of the epoch.", when=counts_epochs)
def lr_of_the_epoch(grad_batch, w0, N, B, lr, epochs, rng):
    path = [np.array(w0, dtype=float)]
    for epoch in range(epochs):
        for idx in pieces(N, B, rng):
            path.append(path[-1] - lr(epoch) * grad_batch(path[-1], idx))
    return np.array(path)


@misconception("The steps count from 0: the first learning rate is lr(0).")
def counts_from_one(grad_batch, w0, N, B, lr, epochs, rng):
    path = [np.array(w0, dtype=float)]
    for _ in range(epochs):
        for idx in pieces(N, B, rng):
            path.append(path[-1] - lr(len(path)) * grad_batch(path[-1], idx))
    return np.array(path)


@misconception("Ask for the learning rate in every step: it may change.")
def constant_rate(grad_batch, w0, N, B, lr, epochs, rng):
    path, eta = [np.array(w0, dtype=float)], lr(0)
    for _ in range(epochs):
        for idx in pieces(N, B, rng):
            path.append(path[-1] - eta * grad_batch(path[-1], idx))
    return np.array(path)


@misconception("Reshuffle: each epoch has an order of its own.", when=same_order)
def one_permutation(grad_batch, w0, N, B, lr, epochs, rng):
    path, batches = [np.array(w0, dtype=float)], pieces(N, B, rng)
    for _ in range(epochs):
        for idx in batches:
            path.append(path[-1] - lr(len(path) - 1) * grad_batch(path[-1], idx))
    return np.array(path)


@misconception("Reshuffle: each epoch has an order of its own.", when=same_order)
def generator_set_back(grad_batch, w0, N, B, lr, epochs, rng):
    path, seed = [np.array(w0, dtype=float)], int(rng.integers(1000))
    for _ in range(epochs):
        for idx in pieces(N, B, np.random.default_rng(seed)):
            path.append(path[-1] - lr(len(path) - 1) * grad_batch(path[-1], idx))
    return np.array(path)


@misconception("Reshuffle: each epoch has an order of its own.", when=same_order)
def never_shuffled(grad_batch, w0, N, B, lr, epochs, rng):
    path = [np.array(w0, dtype=float)]
    for _ in range(epochs):
        for start in range(0, N, B):
            idx = np.arange(start, min(start + B, N))
            path.append(path[-1] - lr(len(path) - 1) * grad_batch(path[-1], idx))
    return np.array(path)


@misconception(
    "With replacement some samples come twice in an epoch, others never: cut one permutation.", when=with_repeats
)
def with_replacement(grad_batch, w0, N, B, lr, epochs, rng):
    path = [np.array(w0, dtype=float)]
    for _ in range(epochs):
        for start in range(0, N, B):
            idx = rng.integers(0, N, size=min(B, N - start))
            path.append(path[-1] - lr(len(path) - 1) * grad_batch(path[-1], idx))
    return np.array(path)


@misconception("Update after every batch: the next gradient is taken at the new w.", when=old_places)
def update_after_epoch(grad_batch, w0, N, B, lr, epochs, rng):
    path = [np.array(w0, dtype=float)]
    for _ in range(epochs):
        old = path[-1]
        for idx in pieces(N, B, rng):
            path.append(path[-1] - lr(len(path) - 1) * grad_batch(old, idx))
    return np.array(path)


@misconception("All rows are equal: append a copy of w, not the same array again.", when=all_rows_equal)
def same_array(grad_batch, w0, N, B, lr, epochs, rng):
    w, t = np.array(w0, dtype=float), 0
    path = [w]
    for _ in range(epochs):
        for idx in pieces(N, B, rng):
            w -= lr(t) * grad_batch(w, idx)
            path.append(w)
            t += 1
    return np.array(path)


@misconception("You changed w0: work on a copy.", when=changed_start)
def start_changed(grad_batch, w0, N, B, lr, epochs, rng):
    w, t = np.asarray(w0), 0
    path = [np.array(w, dtype=float)]
    for _ in range(epochs):
        for idx in pieces(N, B, rng):
            w[...] = w - lr(t) * grad_batch(w, idx)
            path.append(np.array(w, dtype=float))
            t += 1
    return np.array(path)


@misconception("Integer input is truncated; convert to float first.")
def truncated(grad_batch, w0, N, B, lr, epochs, rng):
    steps = epochs * -(-N // B)
    path, t = np.zeros((steps + 1, len(w0)), dtype=np.asarray(w0).dtype), 0
    path[0] = w0
    for _ in range(epochs):
        for idx in pieces(N, B, rng):
            path[t + 1] = path[t] - lr(t) * grad_batch(path[t], idx)
            t += 1
    return path


@misconception("Ascent: step against the gradient.")
def ascent(grad_batch, w0, N, B, lr, epochs, rng):
    path = [np.array(w0, dtype=float)]
    for _ in range(epochs):
        for idx in pieces(N, B, rng):
            path.append(path[-1] + lr(len(path) - 1) * grad_batch(path[-1], idx))
    return np.array(path)


@misconception("The last iterate is missing: T steps give T + 1 points.")
def last_row_missing(grad_batch, w0, N, B, lr, epochs, rng):
    w, path = np.array(w0, dtype=float), []
    for _ in range(epochs):
        for idx in pieces(N, B, rng):
            path.append(w)
            w = w - lr(len(path) - 1) * grad_batch(w, idx)
    return np.array(path)


@misconception("The start is missing: T steps give T + 1 points.")
def start_missing(grad_batch, w0, N, B, lr, epochs, rng):
    w, path = np.array(w0, dtype=float), []
    for _ in range(epochs):
        for idx in pieces(N, B, rng):
            w = w - lr(len(path)) * grad_batch(w, idx)
            path.append(w)
    return np.array(path)


@misconception("Keep every iterate, not only one for each epoch.")
def one_row_per_epoch(grad_batch, w0, N, B, lr, epochs, rng):
    w, t = np.array(w0, dtype=float), 0
    path = [w]
    for _ in range(epochs):
        for idx in pieces(N, B, rng):
            w = w - lr(t) * grad_batch(w, idx)
            t += 1
        path.append(w)
    return np.array(path)


@misconception("Samples lost every epoch: an epoch has N/B steps, rounded up.")
def last_batch_dropped(grad_batch, w0, N, B, lr, epochs, rng):
    path = [np.array(w0, dtype=float)]
    for _ in range(epochs):
        order = rng.permutation(N)
        for k in range(N // B):
            path.append(path[-1] - lr(len(path) - 1) * grad_batch(path[-1], order[k * B : (k + 1) * B]))
    return np.array(path)


@misconception("grad_batch is a mean already: do not divide by B again.")
def divided_by_batch(grad_batch, w0, N, B, lr, epochs, rng):
    path = [np.array(w0, dtype=float)]
    for _ in range(epochs):
        for idx in pieces(N, B, rng):
            path.append(path[-1] - lr(len(path) - 1) * grad_batch(path[-1], idx) / len(idx))
    return np.array(path)


@misconception("One step for each batch: this is gradient descent on all samples.")
def full_batches(grad_batch, w0, N, B, lr, epochs, rng):
    path = [np.array(w0, dtype=float)]
    for _ in range(epochs):
        for _ in range(-(-N // B)):
            path.append(path[-1] - lr(len(path) - 1) * grad_batch(path[-1], np.arange(N)))
    return np.array(path)


@misconception("Use only the generator `rng` you are given.", when=global_generator)
def global_permutation(grad_batch, w0, N, B, lr, epochs, rng):
    path = [np.array(w0, dtype=float)]
    for _ in range(epochs):
        order = np.random.permutation(N)
        for start in range(0, N, B):
            path.append(path[-1] - lr(len(path) - 1) * grad_batch(path[-1], order[start : start + B]))
    return np.array(path)


@alternative("preallocated, own permutation")
def preallocated(grad_batch, w0, N, B, lr, epochs, rng):
    per_epoch = -(-N // B)
    path = np.empty((epochs * per_epoch + 1, len(w0)))
    path[0] = w0
    for t in range(epochs * per_epoch):
        k = t % per_epoch
        if k == 0:
            order = rng.permutation(N)
        path[t + 1] = path[t] - lr(t) * grad_batch(path[t], order[k * B : (k + 1) * B])
    return path


@alternative("one array, copied; list of rows")
def copies(grad_batch, w0, N, B, lr, epochs, rng):
    w, t = np.array(w0, dtype=float), 0
    path = [w.tolist()]
    for _ in range(epochs):
        order = rng.permutation(N)
        for idx in np.split(order, range(B, N, B)):
            w -= lr(t) * grad_batch(w, idx)
            path.append(w.tolist())
            t += 1
    return path


def draw(rng, N, d):
    return {"S": rng.uniform(0.5, 2, size=(N, d)), "C": 3 * rng.normal(size=(N, d))}


def run(student, w0, N, B, lr0, decay, epochs, rng, data, seed=None):
    seed = int(rng.integers(2**31)) if seed is None else seed
    return student.beside(helper(recorded), student.sgd, w0, N, B, lr0, decay, epochs, seed, data["S"], data["C"])


@points(4)
def test_gradient_descent(student, rng):
    """With B ≥ N and a constant learning rate it is gradient descent, also from a start of integers."""
    N, data = 8, draw(rng, 8, 3)
    starts = [3 * rng.normal(size=3), rng.integers(-4, 5, size=3)]
    cases = [(starts[0], N, 0.2, 7), (starts[1], N, 0.15, 5), (starts[0], N + 3, 0.3, 4)]
    found = [run(student, w0, N, B, lr, 0.0, epochs, rng, data) for w0, B, lr, epochs in cases]
    for (w0, _, lr, epochs), got in zip(cases, found, strict=True):
        want = [np.asarray(w0, dtype=float)]
        for _ in range(epochs):
            want.append(want[-1] - lr * slope(want[-1], np.arange(N), **data))
        check.close(got["path"], np.array(want))
        check.that(np.array_equal(got["start"], w0), "Your function changes w0; work on a copy.")


@points(3)
def test_counter(student, rng):
    """There are T + 1 points, and the learning rate is asked for at 0, …, T − 1, in this order, and used."""
    data, w0 = draw(rng, 11, 2), rng.normal(size=2)
    cases = [(11, 4, 4), (11, 1, 2), (10, 5, 3)]
    found = [run(student, w0, N, B, 0.4, 0.3, epochs, rng, data) for N, B, epochs in cases]
    for (N, B, epochs), got in zip(cases, found, strict=True):
        T = epochs * -(-N // B)
        path = check.array(got["path"], (T + 1, 2))
        check.that(len(got["batches"]) == T, f"You take {len(got['batches'])} gradients in {T} steps.")
        check.that(
            np.array_equal(got["steps"], np.arange(T)),
            f"lr is to be asked for each step 0, …, {T - 1} once, in this order: look at your counter.",
        )
        for t, idx in enumerate(got["batches"]):
            step = 0.4 / (1 + 0.3 * t) * slope(path[t], idx, **data)
            check.that(
                np.allclose(path[t + 1] - path[t], -step, rtol=1e-6, atol=1e-9),
                "Your steps are not lr(t) times the mini-batch gradient, downhill.",
            )


@points(3)
def test_epochs(student, rng):
    """Each epoch uses each sample once, in batches of B, and no two epochs in the same order, which rng decides."""
    N, data, seed = 20, draw(rng, 20, 2), int(rng.integers(2**31))
    cases = [(6, 4), (1, 3)]
    found = [run(student, rng.normal(size=2), N, B, 0.1, 0.0, epochs, rng, data) for B, epochs in cases]
    twice = [run(student, np.zeros(2), N, 6, 0.1, 0.0, 2, rng, data, seed)["batches"] for _ in range(2)]
    for (B, epochs), got in zip(cases, found, strict=True):
        sizes = [batch.size for batch in got["batches"]]
        check.that(
            sizes == ([B] * (N // B) + [N % B] * (N % B > 0)) * epochs,
            "In an epoch every batch has B samples, only the last may have fewer.",
        )
        order = np.concatenate(got["batches"]).reshape(epochs, N)
        check.that(
            (np.sort(order, axis=1) == np.arange(N)).all(), "In your epochs some samples come twice and others never."
        )
        different = len({tuple(row) for row in order.tolist()})
        check.that(
            different == epochs and not (order == np.arange(N)).all(axis=1).any(),
            f"Your {epochs} epochs of 20 samples have {different} different orders, or one is not shuffled at all.",
        )
    check.that(
        np.array_equal(*map(np.concatenate, twice)),
        "Two generators in the same state gave different runs. Draw all chance from rng.",
    )


@points(2)
def test_latest(student, rng):
    """Each gradient is taken at the latest iterate."""
    data, w0 = draw(rng, 12, 3), 4 * rng.normal(size=3)
    got = run(student, w0, 12, 5, 0.3, 0.0, 3, rng, data)
    path = check.array(got["path"], (10, 3))
    check.that(len(got["places"]) == 9, f"You take {len(got['places'])} gradients in 9 steps.")
    check.that(np.ptp(path, axis=0).max() > 1e-6, "All your points are equal.")
    late = sum(not np.allclose(at, row, rtol=1e-9) for at, row in zip(got["places"], path, strict=False))
    check.that(late == 0, f"{late} of 9 gradients are not taken at the iterate before their step.")
