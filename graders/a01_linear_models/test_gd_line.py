"""Gradient descent on the loss of a line, with a stopping rule."""

import numpy as np

from chainrule import check
from chainrule.grader import alternative, misconception, points


def mse(phi, x, y):
    with np.errstate(over="ignore", invalid="ignore"):
        return np.mean((phi[0] + phi[1] * x - y) ** 2)


def slope(phi, x, y):
    with np.errstate(over="ignore", invalid="ignore"):
        r = phi[0] + phi[1] * x - y
        return np.array([2 * np.mean(r), 2 * np.mean(r * x)])


def descend(x, y, lr, max_iter, stop, gradient=slope):
    """Gradient descent that ends when stop(losses) says so."""
    phi, losses = np.zeros(2), [mse(np.zeros(2), x, y)]
    for _ in range(max_iter):
        phi = phi - lr * gradient(phi, x, y)
        losses.append(mse(phi, x, y))
        if stop(losses):
            break
    return phi, np.array(losses)


def settled(losses, eps):
    return not np.isfinite(losses[-1]) or abs(losses[-1] - losses[-2]) < eps


@misconception("Rule is about the *change* of L.")
def stops_at_small_loss(x, y, lr, eps, max_iter):
    return descend(x, y, lr, max_iter, lambda L: not np.isfinite(L[-1]) or L[-1] < eps)


@misconception("Stops at once when the loss rises.")
def no_absolute_value(x, y, lr, eps, max_iter):
    return descend(x, y, lr, max_iter, lambda L: not np.isfinite(L[-1]) or L[-2] - L[-1] < eps)


@misconception("A falling loss gives a negative difference: you stop after one step.")
def difference_of_wrong_sign(x, y, lr, eps, max_iter):
    return descend(x, y, lr, max_iter, lambda L: not np.isfinite(L[-1]) or L[-1] - L[-2] < eps)


@misconception("Stop as soon as L is not finite.")
def goes_on_after_overflow(x, y, lr, eps, max_iter):
    return descend(x, y, lr, max_iter, lambda L: abs(L[-1] - L[-2]) < eps)


@misconception("Stop as soon as L is not finite, and keep that value as the last.")
def drops_last(x, y, lr, eps, max_iter):
    phi, losses = descend(x, y, lr, max_iter, lambda L: settled(L, eps))
    return phi, losses if np.isfinite(losses[-1]) else losses[:-1]


@misconception("OverflowError: use r*r or numpy.")
def python_floats(x, y, lr, eps, max_iter):
    xs, ys, n = [float(v) for v in x], [float(v) for v in y], len(x)
    a = b = 0.0
    losses = [sum((a + b * u - v) ** 2 for u, v in zip(xs, ys, strict=True)) / n]
    for _ in range(max_iter):
        r = [a + b * u - v for u, v in zip(xs, ys, strict=True)]
        a, b = a - lr * 2 * sum(r) / n, b - lr * 2 * sum(e * u for e, u in zip(r, xs, strict=True)) / n
        losses.append(sum((a + b * u - v) ** 2 for u, v in zip(xs, ys, strict=True)) / n)
        if not np.isfinite(losses[-1]) or abs(losses[-1] - losses[-2]) < eps:
            break
    return np.array([a, b]), losses


@misconception("Both derivatives at the old φ (simultaneous update).")
def one_after_the_other(x, y, lr, eps, max_iter):
    def gradient(phi, x, y):
        d0 = slope(phi, x, y)[0]
        return np.array([d0, slope(phi - [lr * d0, 0], x, y)[1]])

    return descend(x, y, lr, max_iter, lambda L: settled(L, eps), gradient)


@misconception("Ascent.")
def ascent(x, y, lr, eps, max_iter):
    return descend(x, y, -lr, max_iter, lambda L: settled(L, eps))


@misconception("Ran past max_iter.")
def no_max_iter(x, y, lr, eps, max_iter):
    return descend(x, y, lr, max_iter + 500, lambda L: settled(L, eps))


@misconception("Ran past max_iter.")
def one_step_too_many(x, y, lr, eps, max_iter):
    return descend(x, y, lr, max_iter + 1, lambda L: settled(L, eps))


@misconception("One step is missing: max_iter counts the steps, and there is one loss more than steps.")
def one_step_too_few(x, y, lr, eps, max_iter):
    return descend(x, y, lr, max_iter - 1, lambda L: settled(L, eps))


@misconception("The first loss is L(φ⁰), before any step.")
def first_loss_missing(x, y, lr, eps, max_iter):
    phi, losses = descend(x, y, lr, max_iter, lambda L: settled(L, eps))
    return phi, losses[1:]


@misconception("Your last loss belongs to the φ before the last step.")
def loss_before_step(x, y, lr, eps, max_iter):
    phi, losses = np.zeros(2), [mse(np.zeros(2), x, y)]
    for _ in range(max_iter):
        losses.append(mse(phi, x, y))
        phi = phi - lr * slope(phi, x, y)
        if len(losses) > 2 and settled(losses, eps):
            break
    return phi, np.array(losses)


@misconception("Return the last φ, the one that belongs to the last loss.")
def phi_before_last_step(x, y, lr, eps, max_iter):
    phi, losses = np.zeros(2), [mse(np.zeros(2), x, y)]
    for _ in range(max_iter):
        previous, phi = phi, phi - lr * slope(phi, x, y)
        losses.append(mse(phi, x, y))
        if settled(losses, eps):
            break
    return previous, np.array(losses)


@misconception("Your steps have half the length: look at the factor 2 of the gradient.")
def half_steps(x, y, lr, eps, max_iter):
    return descend(x, y, lr / 2, max_iter, lambda L: settled(L, eps))


@misconception("Your steps are N times too long: the gradient of a mean is a mean.")
def gradient_of_sum(x, y, lr, eps, max_iter):
    return descend(x, y, lr * len(x), max_iter, lambda L: settled(L, eps))


@misconception("Start at φ = (0, 0).")
def other_start(x, y, lr, eps, max_iter):
    phi = np.ones(2)
    losses = [mse(phi, x, y)]
    for _ in range(max_iter):
        phi = phi - lr * slope(phi, x, y)
        losses.append(mse(phi, x, y))
        if settled(losses, eps):
            break
    return phi, np.array(losses)


@misconception("The rule compares with eps itself, not relative to the loss.")
def relative_change(x, y, lr, eps, max_iter):
    return descend(
        x, y, lr, max_iter, lambda L: not np.isfinite(L[-1]) or abs(L[-1] - L[-2]) < eps * max(abs(L[-2]), 1e-300)
    )


@misconception("Order is (φ, losses).")
def losses_first(x, y, lr, eps, max_iter):
    phi, losses = descend(x, y, lr, max_iter, lambda L: settled(L, eps))
    return losses, phi


@misconception("Return all losses, from the first to the last.")
def last_loss_only(x, y, lr, eps, max_iter):
    phi, losses = descend(x, y, lr, max_iter, lambda L: settled(L, eps))
    return phi, losses[-1]


@misconception("Return the last φ, not the best: the caller wants to see what happened.")
def best_phi(x, y, lr, eps, max_iter):
    phi, losses = np.zeros(2), [mse(np.zeros(2), x, y)]
    best = phi
    for _ in range(max_iter):
        phi = phi - lr * slope(phi, x, y)
        losses.append(mse(phi, x, y))
        if losses[-1] <= min(losses[:-1]):
            best = phi
        if settled(losses, eps):
            break
    return best, np.array(losses)


@alternative("lists and tuples")
def lists(x, y, lr, eps, max_iter):
    phi, losses = descend(x, y, lr, max_iter, lambda L: settled(L, eps))
    return [tuple(phi.tolist()), losses.tolist()]


@alternative("the old loss computed again in each step")
def recomputed(x, y, lr, eps, max_iter):
    phi, losses, step = np.zeros(2), [mse(np.zeros(2), x, y)], 0
    while step < max_iter:
        old = phi
        phi = old - lr * slope(old, x, y)
        losses.append(mse(phi, x, y))
        step += 1
        if not np.isfinite(losses[-1]) or np.abs(mse(phi, x, y) - mse(old, x, y)) < eps:
            break
    return phi, np.array(losses)


@alternative("plain Python with r*r")
def plain_python(x, y, lr, eps, max_iter):
    data, n = [(float(u), float(v)) for u, v in zip(x, y, strict=True)], len(x)

    def loss(a, b):
        return sum((a + b * u - v) * (a + b * u - v) for u, v in data) / n

    a = b = 0.0
    losses = [loss(a, b)]
    for _ in range(max_iter):
        d0, d1 = sum(a + b * u - v for u, v in data), sum((a + b * u - v) * u for u, v in data)
        a, b = a - 2 * lr * d0 / n, b - 2 * lr * d1 / n
        losses.append(loss(a, b))
        if losses[-1] != losses[-1] or losses[-1] == float("inf") or abs(losses[-1] - losses[-2]) < eps:
            return (a, b), losses
    return (a, b), losses


@alternative("the update as an affine map")
def affine_map(x, y, lr, eps, max_iter):
    X = np.column_stack([np.ones(len(x)), x])
    M, v = np.eye(2) - 2 * lr * X.T @ X / len(x), 2 * lr * X.T @ y / len(x)
    phi = np.zeros(2)
    losses = [mse(phi, x, y)]
    for _ in range(max_iter):
        with np.errstate(over="ignore", invalid="ignore"):
            phi = M @ phi + v
        losses.append(mse(phi, x, y))
        if settled(losses, eps):
            break
    return phi, np.array(losses)


def draw(rng):
    """Data, their half Hessian A and 1/λmax(A), the limit of the learning rate."""
    n = int(rng.integers(8, 25))
    x = rng.normal(size=n)
    x = (x - x.mean()) / x.std() + rng.uniform(0.3, 1)
    y = rng.uniform(2, 4) + rng.uniform(1, 3) * x + 0.5 * rng.normal(size=n)
    X = np.column_stack([np.ones(n), x])
    A = X.T @ X / n
    return x, y, A, 1 / np.linalg.eigvalsh(A)[-1]


def separated_steps(losses):
    """Steps k such that change k + 1 is clearly smaller than all before it, and not lost in rounding."""
    changes = np.abs(np.diff(losses))
    usable = range(2, len(changes) - 2)
    return [k for k in usable if 1e-8 * losses[0] <= changes[k + 1] < 0.9 * changes[: k + 1].min()]


def run(student, *args, finite=True):
    phi, losses = check.parts(student.gd_line(*args), 2)
    return check.array(phi, (2,), finite=finite), check.array(losses, (None,), finite=finite)


def length(losses, want, why):
    steps = len(losses) - 1
    check.that(steps == want, f"Your run took {steps} steps{', too many' if steps > want else ', too few'}. {why}")


@points(3)
def test_iterates(student, rng):
    """Its iterates are those of gradient descent, and the losses belong to them."""
    x, y, A, limit = draw(rng)
    best = np.linalg.lstsq(np.column_stack([np.ones(len(x)), x]), y, rcond=None)[0]
    for share, k in ((0.3, 1), (0.7, 6), (1.1, 9)):
        lr = share * limit
        M = np.eye(2) - 2 * lr * A
        path = np.array([best - np.linalg.matrix_power(M, j) @ best for j in range(k + 1)])
        phi, losses = run(student, x, y, lr, 0.0, k)
        length(losses, k, "With eps = 0 it takes max_iter steps, and there is one loss more than steps.")
        check.close(phi, path[-1])
        check.close(losses, [mse(p, x, y) for p in path])


@points(2)
def test_stopping(student, rng):
    """It stops after the first step that changes the loss by less than eps, in either direction."""
    x, y, A, limit = draw(rng)
    best = np.linalg.lstsq(np.column_stack([np.ones(len(x)), x]), y, rcond=None)[0]
    M = np.eye(2) - 0.8 * limit * A
    path = [best - np.linalg.matrix_power(M, j) @ best for j in range(60)]
    losses = np.array([mse(p, x, y) for p in path])
    changes = np.abs(np.diff(losses))
    k = int(rng.choice(separated_steps(losses)))
    _, got = run(student, x, y, 0.4 * limit, float(np.sqrt(changes[k] * changes[k + 1])), 500)
    length(got, k + 2, "It stops after the first step whose change of the loss is below eps.")
    _, got = run(student, x, y, 1.15 * limit, 1e-9, 12)
    length(got, 12, "A loss that rises changes too: only a small change stops the run.")


@points(2)
def test_monotone(student, rng):
    """Below the limit of the learning rate the loss falls in every step."""
    x, y, _, limit = draw(rng)
    _, losses = run(student, x, y, rng.uniform(0.2, 0.95) * limit, 1e-6, 200)
    check.that(len(losses) <= 201, f"Your run took {len(losses) - 1} steps, more than max_iter.")
    check.close(losses[0], np.mean(y**2), rtol=1e-9)
    rises = int((np.diff(losses) > 1e-12 * losses[0]).sum())
    check.that(rises == 0, f"Your loss rises in {rises} of {len(losses) - 1} steps.")
    check.that(losses[-1] < 0.9 * losses[0], "Your loss hardly falls.")


@points(2)
def test_overflow(student, rng):
    """With a far too large learning rate the loss rises, and the run ends with the first value that is not finite."""
    x, y, _, _ = draw(rng)
    _, losses = run(student, x, y, 100.0, 1e-9, 1000, finite=False)
    bad = int((~np.isfinite(losses)).sum())
    check.that(len(losses) > 10, f"Your run ended after {len(losses) - 1} steps, before the loss had overflowed.")
    check.that(
        bad == 1 and not np.isfinite(losses[-1]),
        f"Of your {len(losses)} losses {bad} are not finite. Exactly one should be: the last.",
    )
    check.that(np.all(np.diff(losses[:-1]) > 0), "With this learning rate the loss should rise in every step.")


@points(1)
def test_last_loss(student, rng):
    """The last loss belongs to the φ that is returned."""
    x, y, _, limit = draw(rng)
    for lr, k in ((0.5 * limit, 7), (1.2 * limit, 5)):
        phi, losses = run(student, x, y, lr, 0.0, k)
        check.that(len(losses) > 1 and np.abs(phi).max() > 1e-6, "Your run took no step.")
        close = abs(mse(phi, x, y) - losses[-1]) <= 1e-9 * max(1, losses[-1])
        check.that(
            close, "Your last loss is not the loss of the φ that you return. In which order do you append and step?"
        )
