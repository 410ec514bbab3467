"""The path of gradient descent for any gradient."""

from itertools import accumulate, pairwise

import numpy as np

from chainrule import check
from chainrule.grader import alternative, misconception, points


def changed_start(run):
    return any(call.mutated for call in run.calls)


def one_call_more(run):
    return run.facts.get("extra") == [0, 1, 1, 1] or run.facts.get("extra") == [1, 1, 1, 1]


def many_calls(run):
    extra = run.facts.get("extra")
    return extra is not None and extra[3] > 1


@misconception("All rows equal the last: copy.")
def same_array_appended(grad, w0, lr, n_steps):
    w = np.array(w0, dtype=float)
    path = [w]
    for _ in range(n_steps):
        w -= lr * grad(w)
        path.append(w)
    return np.array(path)


@misconception("You changed w0.", when=changed_start)
def steps_on_w0(grad, w0, lr, n_steps):
    path = [np.array(w0, dtype=float)]
    for _ in range(n_steps):
        w0 -= lr * grad(w0)
        path.append(w0.copy())
    return np.array(path)


@misconception("Ascent.")
def ascent(grad, w0, lr, n_steps):
    return iterated(lambda w: w + lr * grad(w), w0, n_steps)


@misconception("One per step.", when=one_call_more)
def one_gradient_too_many(grad, w0, lr, n_steps):
    w, path = np.array(w0, dtype=float), []
    for _ in range(n_steps + 1):
        path.append(w)
        w = w - lr * grad(w)
    return np.array(path)


@misconception("You call grad several times per step: keep its value.", when=many_calls)
def two_gradients_per_step(grad, w0, lr, n_steps):
    w = np.array(w0, dtype=float)
    path = [w]
    for _ in range(n_steps):
        w = w - lr * grad(w) if np.any(grad(w)) else w
        path.append(w)
    return np.array(path)


@misconception("n_steps+1 rows.")
def last_row_missing(grad, w0, lr, n_steps):
    return iterated(lambda w: w - lr * grad(w), w0, n_steps)[:-1]


@misconception("The path begins with w0, before any step.")
def first_row_missing(grad, w0, lr, n_steps):
    return iterated(lambda w: w - lr * grad(w), w0, n_steps)[1:]


@misconception("Return the whole path, not only its end.")
def last_point_only(grad, w0, lr, n_steps):
    return iterated(lambda w: w - lr * grad(w), w0, n_steps)[-1]


@misconception("Each step needs the gradient at the current point, not at the start.")
def gradient_of_start(grad, w0, lr, n_steps):
    g = grad(np.array(w0, dtype=float))
    return iterated(lambda w: w - lr * g, w0, n_steps)


@misconception("The step is τ∇f, not τ times the direction: do not divide by the length of the gradient.")
def unit_steps(grad, w0, lr, n_steps):
    def step(w):
        g = grad(w)
        return w - lr * g / np.linalg.norm(g)

    return iterated(step, w0, n_steps)


@misconception("The learning rate stays the same in all steps.")
def shrinking_rate(grad, w0, lr, n_steps):
    w, path = np.array(w0, dtype=float), [np.array(w0, dtype=float)]
    for k in range(n_steps):
        w = w - lr / (k + 1) * grad(w)
        path.append(w)
    return np.array(path)


@misconception("The learning rate is missing.")
def no_rate(grad, w0, lr, n_steps):
    return iterated(lambda w: w - grad(w), w0, n_steps)


@misconception("One row per step, one column per coordinate: shape (n_steps+1, d).")
def transposed(grad, w0, lr, n_steps):
    return iterated(lambda w: w - lr * grad(w), w0, n_steps).T


@misconception("Integer input is truncated; convert to float first.")
def kind_of_w0(grad, w0, lr, n_steps):
    path = np.empty((n_steps + 1, len(w0)), dtype=w0.dtype)
    path[0] = w0
    for k in range(n_steps):
        path[k + 1] = path[k] - lr * grad(path[k])
    return path


@misconception("All coordinates step at once, from the same point.")
def one_coordinate_after_the_other(grad, w0, lr, n_steps):
    def step(w):
        w = w.copy()
        for i in range(len(w)):
            w[i] -= lr * grad(w)[i]
        return w

    return iterated(step, w0, n_steps)


def iterated(step, w0, n_steps):
    path = [np.array(w0, dtype=float)]
    for _ in range(n_steps):
        path.append(step(path[-1]))
    return np.array(path)


@alternative("list of arrays")
def list_of_arrays(grad, w0, lr, n_steps):
    path = [np.asarray(w0, dtype=float)]
    while len(path) <= n_steps:
        path.append(path[-1] - lr * grad(path[-1]))
    return path


@alternative("filled in place")
def filled(grad, w0, lr, n_steps):
    path = np.empty((n_steps + 1, len(w0)))
    path[0] = w0
    for k in range(n_steps):
        path[k + 1] = path[k] - lr * grad(path[k])
    return path


@alternative("plain lists")
def plain_lists(grad, w0, lr, n_steps):
    path = [[float(a) for a in w0]]
    for _ in range(n_steps):
        path.append([a - lr * float(b) for a, b in zip(path[-1], grad(np.array(path[-1])), strict=True)])
    return path


@alternative("itertools.accumulate")
def accumulated(grad, w0, lr, n_steps):
    start = np.array(w0, dtype=np.float64)
    return np.stack(list(accumulate(range(n_steps), lambda w, _: w - lr * grad(w), initial=start)))


def hilly(rng, d):
    """The gradient of a function with sines, so that no two places are alike."""
    B, shift = rng.normal(size=(d, d)) / np.sqrt(d), rng.normal(size=d)
    return lambda w: B.T @ np.sin(B @ np.asarray(w) + shift) + 0.3 * np.asarray(w)


def follows(path, start, grad, lr):
    check.close(path[0], start)
    for before, after in pairwise(path):
        check.close(after, before - lr * grad(before), rtol=1e-9, atol=1e-12)


@points(3)
def test_steps(student, rng):
    """Row 0 is the start, and each row follows from the one before by one step, for a gradient that is not linear."""
    cases = []
    for d, n in ((3, 9), (1, 4), (6, 6), (4, 1)):
        grad, start, lr = hilly(rng, d), 2 * rng.normal(size=d), rng.uniform(0.2, 0.9)
        cases.append((student.gd(grad, start, lr, n), start, grad, lr, (n + 1, d)))
    for path, start, grad, lr, shape in cases:
        follows(check.array(path, shape), start, grad, lr)


@points(2)
def test_calls(student, rng, facts):
    """It calls grad once for each step, and not at all for no step."""
    counts, paths, wanted = [], [], (0, 1, 5, 12)
    for n in wanted:
        grad = check.counted(hilly(rng, 3))
        start = rng.integers(-4, 5, size=3) if n == 5 else rng.normal(size=3)
        paths.append(student.gd(grad, start, 0.3, n))
        counts.append(grad.calls)
    facts["extra"] = [got - n for got, n in zip(counts, wanted, strict=True)]
    for path, got, n in zip(paths, counts, wanted, strict=True):
        check.array(path, (n + 1, 3))
        check.that(got == n, f"grad was called {got} times for {n} steps.")


@points(2)
def test_rows(student, rng):
    """Rows are points of their own: a longer run begins like a shorter one."""
    grad, start, lr = hilly(rng, 3), 2 * rng.normal(size=3), rng.uniform(0.2, 0.9)
    long = student.gd(grad, start, lr, 8)
    short = student.gd(grad, start, lr, 3)
    none = student.gd(grad, start, lr, 0)
    long, short, none = check.array(long, (9, 3)), check.array(short, (4, 3)), check.array(none, (1, 3))
    check.close(none[0], start)
    check.that(np.ptp(long, axis=0).max() > 1e-6, "All your rows are the same point.")
    check.close(short, long[:4])
    follows(short, start, grad, lr)


@points(1)
def test_kinds_of_start(student, rng):
    """A start of floats is not changed, and a start of integers is not rounded."""
    grad, lr = hilly(rng, 3), rng.uniform(0.2, 0.9)
    start, whole = rng.normal(size=3), rng.integers(-4, 5, size=3)
    first = student.gd(grad, start, lr, 4)
    check.that(not student.calls[0].mutated, "After your function has run, w0 has other values.")
    second = student.gd(grad, whole, lr, 4)
    follows(check.array(first, (5, 3)), start, grad, lr)
    follows(check.array(second, (5, 3)), whole, grad, lr)
