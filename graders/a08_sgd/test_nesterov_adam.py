"""One step of Nesterov's momentum, one step of Adam."""

import numpy as np
import torch

from chainrule import check
from chainrule.grader import alternative, helper, misconception, points

# The first optimiser takes torch seconds to make: not out of the time of a student's test.
torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)


def asks_twice(run):
    return "more than once" in run.failure


def changes_arguments(run):
    return any(call.mutated for call in run.calls)


@misconception("Look ahead first: the gradient is taken where the momentum will carry you.", of="nesterov_step")
def no_look_ahead(w, m, grad, lr, beta):
    m = beta * m + grad(w)
    return w - lr * m, m


@misconception("Look ahead by lr·β·m: the learning rate belongs to it.", of="nesterov_step")
def rate_forgotten(w, m, grad, lr, beta):
    m = beta * m + grad(w - beta * m)
    return w - lr * m, m


@misconception("Look ahead by lr·β·m: the momentum shrinks by β before it moves you.", of="nesterov_step")
def beta_forgotten(w, m, grad, lr, beta):
    m = beta * m + grad(w - lr * m)
    return w - lr * m, m


@misconception("You look back: w moves against m.", of="nesterov_step")
def looks_back(w, m, grad, lr, beta):
    m = beta * m + grad(w + lr * beta * m)
    return w - lr * m, m


@misconception("The step starts at w, not at the point where you looked.", of="nesterov_step")
def from_look_ahead(w, m, grad, lr, beta):
    ahead = w - lr * beta * m
    m = beta * m + grad(ahead)
    return ahead - lr * m, m


@misconception("The momentum comes twice into your step: m holds it already.", of="nesterov_step")
def form_of_torch(w, m, grad, lr, beta):
    g = grad(w - lr * beta * m)
    m = beta * m + g
    return w - lr * (g + beta * m), m


@misconception("In this form the gradient has weight 1, not 1 − β.", of="nesterov_step")
def averaged(w, m, grad, lr, beta):
    m = beta * m + (1 - beta) * grad(w - lr * beta * m)
    return w - lr * m, m


@misconception("Update m first, then w.", of="nesterov_step")
def old_momentum(w, m, grad, lr, beta):
    return w - lr * m, beta * m + grad(w - lr * beta * m)


@misconception("One call of grad is enough.", of="nesterov_step", when=asks_twice)
def two_gradients(w, m, grad, lr, beta):
    grad(w)
    m = beta * m + grad(w - lr * beta * m)
    return w - lr * m, m


@misconception("Your function changes what it is given; make new arrays.", of="nesterov_step", when=changes_arguments)
def momentum_changed(w, m, grad, lr, beta):
    ahead = w - lr * beta * m
    m *= beta
    m += grad(ahead)
    return w - lr * m, m


def adam(w, m, v, g, lr, b1, b2):
    """New averages, without correction."""
    return b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2


@misconception("Without the correction the first step is (1−b1)/√(1−b2) ≈ 3.2 times too long.", of="adam_step")
def no_correction(w, m, v, g, t, lr, b1, b2, eps):
    m, v = adam(w, m, v, g, lr, b1, b2)
    return w - lr * m / (np.sqrt(v) + eps), m, v


@misconception("First step 10× too small: correct m as well.", of="adam_step")
def only_v_corrected(w, m, v, g, t, lr, b1, b2, eps):
    m, v = adam(w, m, v, g, lr, b1, b2)
    return w - lr * m / (np.sqrt(v / (1 - b2**t)) + eps), m, v


@misconception("First step far too long: correct v as well.", of="adam_step")
def only_m_corrected(w, m, v, g, t, lr, b1, b2, eps):
    m, v = adam(w, m, v, g, lr, b1, b2)
    return w - lr * m / (1 - b1**t) / (np.sqrt(v) + eps), m, v


@misconception("√v̂+ε.", of="adam_step")
def eps_inside(w, m, v, g, t, lr, b1, b2, eps):
    m, v = adam(w, m, v, g, lr, b1, b2)
    return w - lr * m / (1 - b1**t) / np.sqrt(v / (1 - b2**t) + eps), m, v


@misconception("ε is added to the root of the corrected average, not of the plain one.", of="adam_step")
def eps_before_correction(w, m, v, g, t, lr, b1, b2, eps):
    m, v = adam(w, m, v, g, lr, b1, b2)
    return w - lr * np.sqrt(1 - b2**t) / (1 - b1**t) * m / (np.sqrt(v) + eps), m, v


@misconception("ε keeps the division safe, also where v is 0; leave it in.", of="adam_step")
def no_eps(w, m, v, g, t, lr, b1, b2, eps):
    m, v = adam(w, m, v, g, lr, b1, b2)
    return w - lr * m / (1 - b1**t) / np.sqrt(v / (1 - b2**t)), m, v


@misconception("v averages g².", of="adam_step")
def v_from_g(w, m, v, g, t, lr, b1, b2, eps):
    m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * np.abs(g)
    return w - lr * m / (1 - b1**t) / (np.sqrt(v / (1 - b2**t)) + eps), m, v


@misconception("v averages g² of each coordinate, not the squared length of g.", of="adam_step")
def length_of_g(w, m, v, g, t, lr, b1, b2, eps):
    m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * np.sum(g**2)
    return w - lr * m / (1 - b1**t) / (np.sqrt(v / (1 - b2**t)) + eps), m, v


@misconception("Divide by the root of v̂.", of="adam_step")
def no_root(w, m, v, g, t, lr, b1, b2, eps):
    m, v = adam(w, m, v, g, lr, b1, b2)
    return w - lr * m / (1 - b1**t) / (v / (1 - b2**t) + eps), m, v


@misconception("b1 belongs to m, b2 to v.", of="adam_step")
def decays_swapped(w, m, v, g, t, lr, b1, b2, eps):
    b1, b2 = b2, b1
    m, v = adam(w, m, v, g, lr, b1, b2)
    return w - lr * m / (1 - b1**t) / (np.sqrt(v / (1 - b2**t)) + eps), m, v


@misconception("Return m and v without the correction: the next step corrects them anew.", of="adam_step")
def corrected_returned(w, m, v, g, t, lr, b1, b2, eps):
    m, v = adam(w, m, v, g, lr, b1, b2)
    m, v = m / (1 - b1**t), v / (1 - b2**t)
    return w - lr * m / (np.sqrt(v) + eps), m, v


@misconception("The steps count from 1: t is the exponent itself.", of="adam_step")
def t_plus_1(w, m, v, g, t, lr, b1, b2, eps):
    m, v = adam(w, m, v, g, lr, b1, b2)
    return w - lr * m / (1 - b1 ** (t + 1)) / (np.sqrt(v / (1 - b2 ** (t + 1))) + eps), m, v


@misconception("The correction depends on t: b to the power of t.", of="adam_step")
def always_first_step(w, m, v, g, t, lr, b1, b2, eps):
    m, v = adam(w, m, v, g, lr, b1, b2)
    return w - lr * m / (1 - b1) / (np.sqrt(v / (1 - b2)) + eps), m, v


@misconception("Step with the average m̂, not with the gradient.", of="adam_step")
def without_momentum(w, m, v, g, t, lr, b1, b2, eps):
    m, v = adam(w, m, v, g, lr, b1, b2)
    return w - lr * g / (np.sqrt(v / (1 - b2**t)) + eps), m, v


@misconception("Ascent.", of="adam_step")
def uphill(w, m, v, g, t, lr, b1, b2, eps):
    m, v = adam(w, m, v, g, lr, b1, b2)
    return w + lr * m / (1 - b1**t) / (np.sqrt(v / (1 - b2**t)) + eps), m, v


@misconception("Only the sign of the gradient is left: the averages are missing.", of="adam_step")
def sign_only(w, m, v, g, t, lr, b1, b2, eps):
    m, v = adam(w, m, v, g, lr, b1, b2)
    return w - lr * np.sign(g), m, v


@misconception("Your function changes what it is given; make new arrays.", of="adam_step", when=changes_arguments)
def averages_changed(w, m, v, g, t, lr, b1, b2, eps):
    m += (1 - b1) * (g - m)
    v += (1 - b2) * (g**2 - v)
    return w - lr * m / (1 - b1**t) / (np.sqrt(v / (1 - b2**t)) + eps), m, v


@alternative("torch tensors", of="nesterov_step")
def with_tensors(w, m, grad, lr, beta):
    w, m = (torch.as_tensor(np.asarray(part, dtype=float)) for part in (w, m))
    m = beta * m + torch.as_tensor(grad((w - lr * beta * m).numpy()))
    return w - lr * m, m


@alternative("in two moves: first the momentum, then the gradient", of="nesterov_step")
def two_moves(w, m, grad, lr, beta):
    ahead = np.asarray(w) - lr * beta * np.asarray(m)
    g = np.asarray(grad(ahead))
    return [ahead - lr * g, beta * np.asarray(m) + g]


@alternative("torch tensors", of="adam_step")
def adam_with_tensors(w, m, v, g, t, lr, b1, b2, eps):
    w, m, v, g = (torch.as_tensor(np.asarray(part, dtype=float)) for part in (w, m, v, g))
    m, v = torch.lerp(g, m, b1), torch.lerp(g.square(), v, b2)
    return w - lr * (m / (1 - b1**t)) / ((v / (1 - b2**t)).sqrt() + eps), m, v


@alternative("the corrections drawn together, ε scaled with them", of="adam_step")
def drawn_together(w, m, v, g, t, lr, b1, b2, eps):
    g = np.asarray(g, dtype=float)
    m, v = m + (1 - b1) * (g - m), v + (1 - b2) * (g * g - v)
    root = np.sqrt(1 - b2**t)
    return [w - lr * root / (1 - b1**t) * m / (np.sqrt(v) + eps * root), m, v]


def unchanged(student):
    check.that(
        not any(call.mutated for call in student.calls),
        "Your function changes an array that it is given; make new ones.",
    )


@points(3)
def test_nesterov(student, rng):
    """Nesterov's step asks for one gradient, at the look-ahead point, and takes the path of torch's nesterov=True."""
    lr, beta = rng.uniform(0.05, 0.15), rng.uniform(0.5, 0.95)
    scale = rng.uniform(0.5, 3, size=3)

    def slope(w):
        w = np.asarray(w, dtype=float)
        return scale * w + 0.5 * np.sin(2 * w)

    start, before, whole = rng.normal(size=3), rng.normal(size=3), rng.integers(-4, 5, size=3)
    cases = [(start, before), (whole, np.ones(3, dtype=int))]
    asked = [check.counted(slope) for _ in cases]
    single = [student.nesterov_step(w, m, grad, lr, beta) for (w, m), grad in zip(cases, asked, strict=True)]
    for (w, m), grad, got in zip(cases, asked, single, strict=True):
        new_w, new_m = check.parts(got, 2)
        momentum = beta * m + slope(w - lr * beta * m)
        check.close(new_m, momentum)
        check.close(new_w, w - lr * momentum)
        check.that(grad.calls == 1, f"grad was called {grad.calls} times, more than once.")
    unchanged(student)

    theta = torch.tensor(start, requires_grad=True)
    optimizer = torch.optim.SGD([theta], lr=lr, momentum=beta, nesterov=True)
    w, m = start, np.zeros(3)
    for _ in range(10):
        optimizer.zero_grad()
        (0.5 * (torch.tensor(scale) * theta**2).sum() - 0.25 * torch.cos(2 * theta).sum()).backward()
        optimizer.step()
        w, m = (check.array(part, (3,)) for part in check.parts(student.nesterov_step(w, m, slope, lr, beta), 2))
        # torch keeps the look-ahead point as its parameter
        check.close(w - lr * beta * m, theta.detach().numpy(), rtol=1e-6, atol=1e-8)


def walked(step, w, gradients, lr, b1, b2, eps):
    """The path of Adam through given gradients, and its last averages (runs beside the student's code)."""
    m, v, path = np.zeros_like(w), np.zeros_like(w), []
    for t, g in enumerate(gradients, start=1):
        w, m, v = step(w, m, v, g, t, lr, b1, b2, eps)
        path.append(np.array(w))
    return path, m, v


@points(4)
def test_adam(student, rng):
    """Adam takes the path of torch.optim.Adam for 20 steps, for gradients large and small and two sizes of ε."""
    for size, eps in ((1.0, 1e-8), (1e-3, 1e-8), (1.0, 1e-3), (1e-3, 1e-3)):
        lr, b1, b2 = rng.uniform(0.01, 0.1), rng.uniform(0.8, 0.92), rng.uniform(0.95, 0.999)
        start = rng.normal(size=(2, 2))
        gradients = size * rng.normal(size=(20, 2, 2))
        gradients[:, 0, 0] = 0.0  # a coordinate without a slope: 0 divided by ε
        theta = torch.tensor(start, requires_grad=True)
        optimizer = torch.optim.Adam([theta], lr=lr, betas=(b1, b2), eps=eps)
        want = []
        for g in gradients:
            theta.grad = torch.tensor(g)
            optimizer.step()
            want.append(theta.detach().numpy().copy())
        found = student.beside(helper(walked), student.adam_step, start, gradients, lr, b1, b2, eps)
        path, m, v = check.parts(found, 3)
        check.close(path, want, rtol=1e-7, atol=1e-9)
        state = optimizer.state[theta]
        check.close(m, state["exp_avg"].numpy(), rtol=1e-6, atol=1e-12)
        check.close(v, state["exp_avg_sq"].numpy(), rtol=1e-6, atol=1e-15)
    w, m, g = (rng.normal(size=3) for _ in range(3))
    new = check.parts(student.adam_step(w, m, m**2, g, 4, 0.1, 0.9, 0.99, 1e-8), 3)
    check.close(new[1], 0.9 * m + 0.1 * g)
    check.close(new[2], 0.99 * m**2 + 0.01 * g**2)
    unchanged(student)


@points(1)
def test_first_step(student, rng):
    """Adam's first step has length lr in every coordinate, whatever the size of the gradient; the second has not."""
    g = rng.choice([-1, 1], size=5) * 10.0 ** rng.uniform(-3, 4, size=5)
    w, zero, lr = rng.normal(size=5), np.zeros(5), rng.uniform(0.01, 0.3)
    first = check.parts(student.adam_step(w, zero, zero, g, 1, lr, 0.9, 0.999, 1e-8), 3)
    whole = check.parts(
        student.adam_step(np.array([3, -2]), np.zeros(2), np.zeros(2), np.array([4, -1]), 1, lr, 0.9, 0.999, 1e-8), 3
    )
    again = check.parts(student.adam_step(first[0], first[1], first[2], -0.5 * g, 2, lr, 0.9, 0.999, 1e-8), 3)
    check.close(check.array(first[0], (5,)) - w, -lr * np.sign(g), rtol=1e-4)
    check.close(check.array(whole[0], (2,)), [3 - lr, -2 + lr], rtol=1e-4)
    second = (0.9 * 0.1 - 0.1 * 0.5) / 0.19 / np.sqrt((0.999 + 0.25) * 0.001 / (1 - 0.999**2))
    check.close(check.array(again[0], (5,)) - check.array(first[0], (5,)), -lr * second * np.sign(g), rtol=1e-4)
