"""Momentum in its two conventions, and the learning rate that translates between them."""

import numpy as np
import torch

from chainrule import check
from chainrule.grader import alternative, helper, misconception, points

# The first optimiser takes torch seconds to make: not out of the time of a student's test.
torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)


def w_in_place(run):
    return any(0 in call.mutated for call in run.calls)


def m_in_place(run):
    return any(1 in call.mutated for call in run.calls)


@misconception("Steps grow by 1/(1−β): the new gradient enters the average with weight 1 − β.", of="momentum_avg")
def no_weight(w, m, g, lr, beta):
    m = beta * m + g
    return w - lr * m, m


@misconception("The weights are the wrong way round: the old average keeps β.", of="momentum_avg")
def weights_swapped(w, m, g, lr, beta):
    m = (1 - beta) * m + beta * g
    return w - lr * m, m


@misconception("Update m first.", of="momentum_avg")
def old_average(w, m, g, lr, beta):
    return w - lr * m, beta * m + (1 - beta) * g


@misconception("Return the new m: the next step needs it.", of="momentum_avg")
def m_not_returned_new(w, m, g, lr, beta):
    return w - lr * (beta * m + (1 - beta) * g), m


@misconception("Step with the average, not with the gradient.", of="momentum_avg")
def plain_step(w, m, g, lr, beta):
    return w - lr * g, beta * m + (1 - beta) * g


@misconception("Ascent: step against the average.", of="momentum_avg")
def uphill(w, m, g, lr, beta):
    m = beta * m + (1 - beta) * g
    return w + lr * m, m


@misconception("m averages gradients; the learning rate comes in when w moves.", of="momentum_avg")
def rate_in_average(w, m, g, lr, beta):
    m = beta * m + (1 - beta) * lr * g
    return w - m, m


@misconception("Order is (w, m).", of="momentum_avg")
def average_first(w, m, g, lr, beta):
    m = beta * m + (1 - beta) * g
    return m, w - lr * m


@misconception("Your function changes m itself; make a new array.", of="momentum_avg", when=m_in_place)
def m_changed(w, m, g, lr, beta):
    m *= beta
    m += (1 - beta) * g
    return w - lr * m, m


@misconception("Your function changes w itself; make a new array.", of="momentum_avg", when=w_in_place)
def w_changed(w, m, g, lr, beta):
    m = beta * m + (1 - beta) * g
    w -= lr * m
    return w, m


@misconception("In this convention g enters with weight 1, not 1 − β.", of="momentum_torch")
def average_instead(w, m, g, lr, beta):
    m = beta * m + (1 - beta) * g
    return w - lr * m, m


@misconception("Update m first.", of="momentum_torch")
def old_buffer(w, m, g, lr, beta):
    return w - lr * m, beta * m + g


@misconception("That is Nesterov's form of the step: here it is w − lr·m with the new m.", of="momentum_torch")
def nesterov_form(w, m, g, lr, beta):
    m = beta * m + g
    return w - lr * (g + beta * m), m


@misconception("The learning rate stays out of the buffer: it multiplies m when w moves.", of="momentum_torch")
def rate_in_buffer(w, m, g, lr, beta):
    m = beta * m + lr * g
    return w - m, m


@misconception("Without β the buffer forgets nothing.", of="momentum_torch")
def nothing_forgotten(w, m, g, lr, beta):
    m = m + g
    return w - lr * m, m


@misconception("Ascent: step against the buffer.", of="momentum_torch")
def buffer_uphill(w, m, g, lr, beta):
    m = beta * m + g
    return w + lr * m, m


@misconception("Your function changes m itself; make a new array.", of="momentum_torch", when=m_in_place)
def buffer_changed(w, m, g, lr, beta):
    m *= beta
    m += g
    return w - lr * m, m


@misconception("Divide? The torch buffer is already larger: multiply.", of="lr_torch_for")
def divided(lr, beta):
    return lr / (1 - beta)


@misconception(
    "The buffers differ by a constant factor: equal learning rates do not give equal paths.", of="lr_torch_for"
)
def unchanged(lr, beta):
    return lr


@misconception("The factor between the two buffers is not β: compare them after the first step.", of="lr_torch_for")
def times_beta(lr, beta):
    return lr * beta


@misconception("The factor between the two buffers is the same in every step, so no root is needed.", of="lr_torch_for")
def times_root(lr, beta):
    return lr * np.sqrt(1 - beta**2)


@alternative("a step towards g, as a list", of="momentum_avg")
def towards(w, m, g, lr, beta):
    m = np.asarray(m, dtype=float)
    m = m + (1 - beta) * (np.asarray(g, dtype=float) - m)
    return [np.asarray(w) - lr * m, m]


@alternative("components one after the other", of="momentum_torch")
def nested(w, m, g, lr, beta):
    m = np.vectorize(lambda a, b: beta * a + b, otypes=[float])(m, g)
    return np.subtract(w, lr * m).tolist(), m.tolist()


@alternative("copied, then changed", of="momentum_torch")
def copied(w, m, g, lr, beta):
    w, m = np.array(w, dtype=float), np.array(m, dtype=float)
    m *= beta
    m += g
    w -= lr * m
    return w, m


@alternative("difference", of="lr_torch_for")
def difference(lr, beta):
    return lr - lr * beta


def shapes(rng):
    """Pairs of what the step gets: vectors, matrices, integers."""
    for shape in ((4,), (2, 3), (1,)):
        yield tuple(rng.normal(size=shape) for _ in range(3))
    yield tuple(rng.integers(-4, 5, size=3) for _ in range(3))


def one_step(student, function, weight, rng):
    """Compare one step from random w, m, g with the definition, written as sums over two old gradients."""
    cases = [(w, m, g, rng.uniform(0.05, 0.5), rng.uniform(0.3, 0.95)) for w, m, g in shapes(rng)]
    cases.append((*next(iter(shapes(rng))), 0.1, 0.0))
    got = [function(w, m, g, lr, beta) for w, m, g, lr, beta in cases]
    changed = any(call.mutated for call in student.calls)
    for (w, m, g, lr, beta), result in zip(cases, got, strict=True):
        new_w, new_m = check.parts(result, 2)
        buffer = np.tensordot([beta, weight(beta)], np.stack([m, g]).astype(float), axes=1)
        check.close(new_m, buffer)
        check.close(new_w, w - lr * buffer)
    check.that(not changed, "Your function changes an array that it is given; make new ones.")


@points(3)
def test_average(student, rng):
    """momentum_avg moves the average towards the gradient, then w against the average."""
    one_step(student, student.momentum_avg, lambda beta: 1 - beta, rng)


@points(3)
def test_buffer(student, rng):
    """momentum_torch adds the gradient to the shrunk buffer, then moves w against it."""
    one_step(student, student.momentum_torch, lambda beta: 1.0, rng)


def walked(step, w, gradients, lr, beta):
    """The path of a method through given gradients, from m = 0 (runs beside the student's code)."""
    m, path = np.zeros(len(w)), []
    for g in gradients:
        w, m = step(w, m, g, lr, beta)
        path.append(np.array(w))
    return path


@points(3)
def test_torch(student, rng):
    """momentum_torch takes the path of torch.optim.SGD with momentum, for 50 steps."""
    lr, beta = rng.uniform(0.02, 0.1), rng.uniform(0.5, 0.95)
    A = np.diag(rng.uniform(0.5, 3, size=3))
    w0 = rng.normal(size=3)
    theta = torch.tensor(w0, requires_grad=True)
    optimizer = torch.optim.SGD([theta], lr=lr, momentum=beta)
    gradients, want = [], []
    for _ in range(50):
        loss = 0.5 * theta @ torch.tensor(A) @ theta + torch.cos(theta).sum()
        optimizer.zero_grad()
        loss.backward()
        gradients.append(theta.grad.numpy().copy())  # torch's own: one path cannot pull the other along
        optimizer.step()
        want.append(theta.detach().numpy().copy())
    path = student.beside(helper(walked), student.momentum_torch, w0, np.array(gradients), lr, beta)
    check.close(path, want, rtol=1e-6, atol=1e-6)


@points(2)
def test_translation(student, rng):
    """With lr_torch_for both conventions take the same path from m = 0."""
    for beta in (rng.uniform(0.3, 0.7), rng.uniform(0.85, 0.98), 0.0):
        lr = rng.uniform(0.05, 0.3)
        rate = check.scalar(student.lr_torch_for(lr, beta))
        average = buffer = np.zeros(2)
        first = second = rng.normal(size=2)
        for _ in range(12):
            g = rng.normal(size=2)
            average, buffer = beta * average + (1 - beta) * g, beta * buffer + g
            first, second = first - lr * average, second - rate * buffer
            check.that(
                np.allclose(first, second, rtol=1e-9, atol=1e-9),
                "With your learning rate the two paths part. Compare the two buffers after a few steps.",
            )


@points(1)
def test_constant_gradient(student, rng):
    """With a constant gradient the average tends to it, the buffer to a multiple; nothing given is changed."""
    g, beta = rng.normal(size=3) + 2, 0.5
    w, m, v, u = np.zeros(3), np.zeros(3), np.zeros(3), np.zeros(3)
    for _ in range(30):
        w, m = (check.array(part, (3,)) for part in check.parts(student.momentum_avg(w, m, g, 0.1, beta), 2))
        u, v = (check.array(part, (3,)) for part in check.parts(student.momentum_torch(u, v, g, 0.1, beta), 2))
    check.that(not any(call.mutated for call in student.calls), "Your function changes an array that it is given.")
    check.close(m, g, rtol=1e-6)
    check.close(v, g / (1 - beta), rtol=1e-6)
