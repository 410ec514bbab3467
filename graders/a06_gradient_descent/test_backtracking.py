"""A step of gradient descent whose length is found by Armijo's condition."""

import math

import numpy as np

from chainrule import check
from chainrule.grader import alternative, misconception, points


def search(f, grad, w, t0, rho, max_halvings, accepted):
    """Backtracking until accepted(old value, new value, t, ‖g‖²)."""
    w = np.array(w, dtype=float)
    g = np.asarray(grad(w), dtype=float)
    old, n = f(w), 1
    if not g.any():
        return w, t0, n
    for j in range(max_halvings + 1):
        t = t0 * rho**j
        new, n = f(w - t * g), n + 1
        if accepted(old, new, t, g @ g):
            return w - t * g, t, n
    return w, 0.0, n


def armijo(c):
    def accepted(old, new, t, slope):
        return bool(np.isfinite(new)) and new <= old - c * t * slope

    return accepted


def secret_calls(run):
    return run.facts.get("surplus", 0) > 0


@misconception("You call f more often than you say.", when=secret_calls)
def old_value_again_in_secret(f, grad, w, t0=1.0, rho=0.5, c=1e-4, max_halvings=60):
    w = np.array(w, dtype=float)

    def accepted(old, new, t, slope):
        return bool(np.isfinite(new)) and new <= f(w) - c * t * slope

    return search(f, grad, w, t0, rho, max_halvings, accepted)


@misconception("Slope along −g is −‖g‖².")
def norm_not_squared(f, grad, w, t0=1.0, rho=0.5, c=1e-4, max_halvings=60):
    return search(
        f, grad, w, t0, rho, max_halvings, lambda old, new, t, s: np.isfinite(new) and new <= old - c * t * np.sqrt(s)
    )


@misconception("Sufficient decrease asks for c t‖g‖².")
def plain_decrease(f, grad, w, t0=1.0, rho=0.5, c=1e-4, max_halvings=60):
    return search(f, grad, w, t0, rho, max_halvings, lambda old, new, t, s: np.isfinite(new) and new < old)


@misconception("Sufficient decrease asks for c t‖g‖².")
def decrease_without_t(f, grad, w, t0=1.0, rho=0.5, c=1e-4, max_halvings=60):
    return search(f, grad, w, t0, rho, max_halvings, lambda old, new, t, s: np.isfinite(new) and new <= old - c * s)


@misconception("The condition asks for a decrease: f(w) minus c t‖g‖².")
def wrong_sign(f, grad, w, t0=1.0, rho=0.5, c=1e-4, max_halvings=60):
    return search(f, grad, w, t0, rho, max_halvings, lambda old, new, t, s: np.isfinite(new) and new <= old + c * t * s)


@misconception("Use the argument c.")
def fixed_c(f, grad, w, t0=1.0, rho=0.5, c=1e-4, max_halvings=60):
    return search(f, grad, w, t0, rho, max_halvings, armijo(1e-4))


@misconception("Use the argument rho.")
def always_halved(f, grad, w, t0=1.0, rho=0.5, c=1e-4, max_halvings=60):
    return search(f, grad, w, t0, 0.5, max_halvings, armijo(c))


@misconception("Begin with t0.")
def starts_at_one(f, grad, w, t0=1.0, rho=0.5, c=1e-4, max_halvings=60):
    return search(f, grad, w, 1.0, rho, max_halvings, armijo(c))


@misconception("Return the t that passed.")
def one_halving_too_many(f, grad, w, t0=1.0, rho=0.5, c=1e-4, max_halvings=60):
    point, t, n = search(f, grad, w, t0, rho, max_halvings, armijo(c))
    g = np.asarray(grad(np.array(w, dtype=float)))
    return (np.asarray(w) - rho * t * g, rho * t, n) if g.any() and t else (point, t, n)


@misconception("Return the t that passed.")
def first_halving_at_once(f, grad, w, t0=1.0, rho=0.5, c=1e-4, max_halvings=60):
    if not np.any(grad(np.array(w, dtype=float))):
        return search(f, grad, w, t0, rho, max_halvings, armijo(c))
    return search(f, grad, w, rho * t0, rho, max_halvings, armijo(c))


@misconception("The new point belongs to the t that passed: they do not fit together.")
def point_of_first_step(f, grad, w, t0=1.0, rho=0.5, c=1e-4, max_halvings=60):
    point, t, n = search(f, grad, w, t0, rho, max_halvings, armijo(c))
    return (np.asarray(w) - t0 * np.asarray(grad(np.array(w, dtype=float))), t, n) if t else (point, t, n)


@misconception("A comparison with NaN must fail.")
def nan_passes(f, grad, w, t0=1.0, rho=0.5, c=1e-4, max_halvings=60):
    return search(f, grad, w, t0, rho, max_halvings, lambda old, new, t, s: not new > old - c * t * s)


@misconception("−inf is below every number, but it is not finite: it never satisfies the condition.")
def minus_infinity_passes(f, grad, w, t0=1.0, rho=0.5, c=1e-4, max_halvings=60):
    return search(f, grad, w, t0, rho, max_halvings, lambda old, new, t, s: new <= old - c * t * s)


@misconception("Where f is not finite, try a shorter step instead of giving up.")
def stops_at_nan(f, grad, w, t0=1.0, rho=0.5, c=1e-4, max_halvings=60):
    def accepted(old, new, t, s):
        if not np.isfinite(new):
            raise ValueError("f is not finite")
        return new <= old - c * t * s

    return search(f, grad, w, t0, rho, max_halvings, accepted)


@misconception("f(w) counts as well.")
def first_value_not_counted(f, grad, w, t0=1.0, rho=0.5, c=1e-4, max_halvings=60):
    point, t, n = search(f, grad, w, t0, rho, max_halvings, armijo(c))
    return point, t, n - 1


@misconception("Asked is the number of evaluations, not that of halvings.")
def halvings_counted(f, grad, w, t0=1.0, rho=0.5, c=1e-4, max_halvings=60):
    point, t, n = search(f, grad, w, t0, rho, max_halvings, armijo(c))
    return point, t, max(n - 2, 0)


@misconception("f(w) does not change: compute it once.")
def old_value_again_counted(f, grad, w, t0=1.0, rho=0.5, c=1e-4, max_halvings=60):
    w = np.array(w, dtype=float)
    g, n = grad(w), 0
    if not np.any(g):
        return w, t0, n
    for j in range(max_halvings + 1):
        t = t0 * rho**j
        old, new, n = f(w), f(w - t * g), n + 2
        if np.isfinite(new) and new <= old - c * t * (g @ g):
            return w - t * g, t, n
    return w, 0.0, n


@misconception("If no t passes, the step is 0.0 and the point stays w.")
def last_step_taken(f, grad, w, t0=1.0, rho=0.5, c=1e-4, max_halvings=60):
    point, t, n = search(f, grad, w, t0, rho, max_halvings, armijo(c))
    smallest = t0 * rho**max_halvings
    g = np.asarray(grad(np.array(w, dtype=float)))
    return (point, t, n) if t else (np.asarray(w) - smallest * g, smallest, n)


@misconception("j runs from 0 to max_halvings, both included.")
def one_try_too_few(f, grad, w, t0=1.0, rho=0.5, c=1e-4, max_halvings=60):
    return search(f, grad, w, t0, rho, max_halvings - 1, armijo(c))


@misconception("j runs from 0 to max_halvings, both included.")
def one_try_too_many(f, grad, w, t0=1.0, rho=0.5, c=1e-4, max_halvings=60):
    return search(f, grad, w, t0, rho, max_halvings + 1, armijo(c))


@misconception("Where the gradient is zero, t is t0.")
def zero_step_at_zero_gradient(f, grad, w, t0=1.0, rho=0.5, c=1e-4, max_halvings=60):
    point, t, n = search(f, grad, w, t0, rho, max_halvings, armijo(c))
    return (point, t, n) if np.any(grad(np.array(w, dtype=float))) else (point, 0.0, n)


@misconception("Where the gradient is zero, every step stays at w: two evaluations are enough.")
def strict_inequality(f, grad, w, t0=1.0, rho=0.5, c=1e-4, max_halvings=60):
    w = np.array(w, dtype=float)
    g, old, n = np.asarray(grad(w)), f(w), 1
    for j in range(max_halvings + 1):
        t = t0 * rho**j
        new, n = f(w - t * g), n + 1
        if np.isfinite(new) and new < old - c * t * (g @ g):
            return w - t * g, t, n
    return w, 0.0, n


@misconception("Walk against the gradient.")
def uphill(f, grad, w, t0=1.0, rho=0.5, c=1e-4, max_halvings=60):
    return search(f, lambda w: -np.asarray(grad(w)), w, t0, rho, max_halvings, armijo(c))


@misconception("Order is (w_new, t, n_f).")
def other_order(f, grad, w, t0=1.0, rho=0.5, c=1e-4, max_halvings=60):
    point, t, n = search(f, grad, w, t0, rho, max_halvings, armijo(c))
    return t, point, n


@misconception("No search: the first step is taken whatever happens.")
def no_search(f, grad, w, t0=1.0, rho=0.5, c=1e-4, max_halvings=60):
    return search(f, grad, w, t0, rho, max_halvings, lambda old, new, t, s: True)


@misconception("The best t is not asked for: take the first that satisfies the condition.")
def best_of_all(f, grad, w, t0=1.0, rho=0.5, c=1e-4, max_halvings=60):
    w = np.array(w, dtype=float)
    g, old = np.asarray(grad(w)), f(w)
    if not g.any():
        return w, t0, 1
    steps = [t0 * rho**j for j in range(max_halvings + 1)]
    values = [f(w - t * g) for t in steps]
    good = [(new, t) for new, t in zip(values, steps, strict=True) if armijo(c)(old, new, t, g @ g)]
    t = min(good)[1] if good else 0.0
    return w - t * g, t, len(steps) + 1


@alternative("step sizes in an array")
def precomputed(f, grad, w, t0=1.0, rho=0.5, c=1e-4, max_halvings=60):
    w = np.asarray(w, dtype=float)
    g = grad(w)
    slope, start = float(np.dot(g, g)), f(w)
    if slope == 0:
        return w.copy(), t0, 1
    for j, t in enumerate(t0 * rho ** np.arange(max_halvings + 1)):
        value = f(w - t * g)
        if math.isfinite(value) and value <= start - c * t * slope:
            return w - t * g, t, j + 2
    return w.copy(), 0.0, max_halvings + 2


@alternative("while loop that multiplies t, tuple as a list, zero gradient through the loop")
def multiplied(f, grad, w, t0=1.0, rho=0.5, c=1e-4, max_halvings=60):
    w = [float(a) for a in w]
    g = [float(a) for a in grad(np.array(w))]
    square, before, t, n = sum(a * a for a in g), f(np.array(w)), t0, 1
    while n <= max_halvings + 1:
        point = [a - t * b for a, b in zip(w, g, strict=True)]
        after, n = f(np.array(point)), n + 1
        if after - before <= -c * t * square and after != -math.inf:
            return [point, t, n]
        t *= rho
    return [w, 0.0, n]


# The tests.


def hilly(rng, d):
    """A quartic with several minima, and its gradient."""
    a, B = rng.uniform(0.5, 2, size=d), rng.normal(size=(d, d)) / 2

    def f(w):
        w = np.asarray(w)
        return float(np.sum((w**2 - a) ** 2) + np.sum((B @ w) ** 2))

    def gradient(w):
        w = np.asarray(w)
        return 4 * w * (w**2 - a) + 2 * B.T @ (B @ w)

    return f, gradient


def round_bowl(rng, c):
    """½L‖w‖² with ‖g‖ near 10, and a t0 that lowers f but fails the condition for this c."""
    L, w = rng.uniform(0.5, 4), rng.normal(size=3)
    w *= 10 / L / np.linalg.norm(w)
    low = 2 * (1 - c) / L
    t0 = low + rng.uniform(0.1, 0.9) * (1.8 / L - low)
    return (lambda v: float(L / 2 * np.sum(np.asarray(v) ** 2))), (lambda v: L * np.asarray(v)), w, t0


def decided(f, gradient, w, t0, rho, c, tries=25):
    """Whether no step of this search is so close to the border that rounding decides."""
    g = gradient(w)
    steps = [t0 * rho**j for j in range(tries)]
    sides = [f(w - t * g) - f(w) + c * t * (g @ g) for t in steps]
    first = next((j for j, side in enumerate(sides) if side <= 0), None)
    return first is not None and all(abs(side) > 1e-6 * steps[j] * (g @ g) for j, side in enumerate(sides[: first + 1]))


def draw(rng, c, d=3):
    while True:
        f, gradient = hilly(rng, d)
        w, t0, rho = rng.uniform(-2, 2, size=d), rng.uniform(0.5, 3), rng.choice([0.3, 0.6, 0.8])
        if decided(f, gradient, w, t0, rho, c) and np.abs(gradient(w)).max() > 1:
            return f, gradient, w, t0, float(rho)


def unpacked(got, d):
    point, t, n = check.parts(got, 3)
    return check.array(point, (d,)), check.scalar(t), check.scalar(n)


def halvings(t, t0, rho):
    """The j with t = t0·ρ^j."""
    check.that(t > 0, "Your step is 0, although there is one that satisfies the condition.")
    j = math.log(t / t0) / math.log(rho)
    check.that(abs(j - round(j)) < 1e-6 and round(j) >= 0, "Your t is not one of t0, ρ t0, ρ² t0, …")
    return round(j)


def follows_armijo(got, f, gradient, w, t0, rho, c):
    point, t, _ = unpacked(got, len(w))
    g, slack = gradient(w), 1e-12 * max(1.0, abs(f(w)))
    j = halvings(t, t0, rho)
    check.close(point, w - t * g, rtol=1e-9)
    check.that(f(w - t * g) <= f(w) - c * t * (g @ g) + slack, "Your step does not satisfy Armijo's condition.")
    longer = t / rho
    fails = j == 0 or f(w - longer * g) > f(w) - c * longer * (g @ g) - slack
    check.that(fails, "A longer step than yours satisfies Armijo's condition as well.")


@points(4)
def test_armijo(student, rng):
    """The step satisfies Armijo's condition and the next longer one does not, for small and large c."""
    cases = []
    for c in (1e-4, 0.3, 0.5, 0.9):
        cases.append((*draw(rng, c), c))
        if c >= 0.3:
            f, gradient, w, t0 = round_bowl(rng, c)
            cases.append((f, gradient, w, t0, 0.5, c))
            cases.append((f, gradient, w, t0, 0.85, c))
    cases.append((*draw(rng, 1e-4, d=1), 1e-4))
    f, gradient, w, _ = round_bowl(rng, 0.5)
    L = np.linalg.norm(gradient(w)) / np.linalg.norm(w)
    cases.append((f, gradient, w, 2 * (1 - 0.5e-4) / L, 0.5, 1e-4))  # lowers f, by less than the condition asks for
    got = [student.backtracking(f, gradient, w, t0, rho, c) for f, gradient, w, t0, rho, c in cases]
    for mine, (f, gradient, w, t0, rho, c) in zip(got, cases, strict=True):
        follows_armijo(mine, f, gradient, w, t0, rho, c)


@points(3)
def test_evaluations(student, rng, facts):
    """After j reductions of the step f has been called j + 2 times, and that is what it reports."""
    cases = []
    for c, factor in ((1e-4, 1.0), (0.5, 1.0), (0.3, 64.0), (0.3, 1e-3)):
        f, gradient, w, t0, rho = draw(rng, c)
        counted = check.counted(f)
        cases.append((counted, t0 * factor, rho, student.backtracking(counted, gradient, w, t0 * factor, rho, c)))
    for f, t0, rho, got in cases:
        _, t, n = unpacked(got, 3)
        j = halvings(t, t0, rho)
        facts["surplus"] = f.calls - n
        check.that(n == f.calls, f"You report {n:g} evaluations of f and made {f.calls}.")
        check.that(n == j + 2, f"With {j} reductions of the step you needed {n:g} evaluations of f.")


@points(2)
def test_theorem(student, rng):
    """On quadratics the step is at least min(t0, 2(1−c)ρ/L), and it satisfies the condition."""
    cases = []
    for c in (1e-4, 0.4, 0.8):
        Q = np.linalg.qr(rng.normal(size=(4, 4)))[0]
        A = (Q * rng.uniform(0.2, 6, size=4)) @ Q.T
        w, t0, rho = rng.normal(size=4) * 3, rng.uniform(0.5, 20), rng.uniform(0.2, 0.9)
        f, gradient = (lambda v, A=A: float(v @ A @ v) / 2), (lambda v, A=A: (A + A.T) @ v / 2)
        if decided(f, gradient, w, t0, rho, c):
            got = student.backtracking(f, gradient, w, t0=t0, rho=rho, c=c)
            cases.append((f, gradient, w, t0, rho, c, np.linalg.eigvalsh(A)[-1], got))
    for f, gradient, w, t0, rho, c, L, got in cases:
        _, t, _ = unpacked(got, 4)
        check.that(t >= min(t0, 2 * (1 - c) * rho / L) * (1 - 1e-9), "Your step is shorter than the theorem allows.")
        check.that(t <= t0 * (1 + 1e-12), "Your step is longer than t0.")
        follows_armijo(got, f, gradient, w, t0, rho, c)


@points(2)
def test_no_progress(student, rng, facts):
    """Where the gradient is zero, and where no step is accepted, it stays at w and says so."""
    w, top, tries = rng.integers(1, 5, size=3), rng.uniform(1, 3), int(rng.integers(3, 9))
    flat = check.counted(lambda v: float(np.sum((np.asarray(v) - w) ** 2)))
    rising = check.counted(lambda v: float(np.sum(np.asarray(v) ** 2)))
    still = student.backtracking(flat, lambda v: 2 * (np.asarray(v) - w), w, top)
    stuck = student.backtracking(rising, lambda v: -2 * np.asarray(v), w.astype(float), top, 0.5, 0.1, tries)
    once = student.backtracking(rising.function, lambda v: -2 * np.asarray(v), w.astype(float), top, 0.5, 0.1, 0)
    late = student.backtracking(
        rising.function, lambda v: 2 * np.asarray(v), w.astype(float), 1.5 * 2**tries, 0.5, 0.01, tries + 1
    )
    facts["surplus"] = rising.calls - unpacked(stuck, 3)[2]
    point, t, n = unpacked(still, 3)
    check.close(point, w)
    check.close(t, top)
    check.that(n <= 2 and flat.calls <= 2, "Where the gradient is zero, two evaluations are enough.")
    for got, needed in ((stuck, tries + 2), (once, 2)):
        point, t, n = unpacked(got, 3)
        check.that(t == 0, "If no step is accepted, t is 0.0.")
        check.close(point, w)
        check.that(
            n == needed, f"When no step was accepted you report {n:g} evaluations: j runs from 0 to max_halvings."
        )
    check.that(rising.calls == tries + 2, f"You made {rising.calls} evaluations and report another number.")
    check.that(unpacked(late, 3)[1] > 0, "You gave up although the last t would have been accepted.")


@points(1)
def test_not_finite(student, rng):
    """Steps into a region where f is NaN or infinite are not taken."""
    cases = []
    for bad in (math.nan, math.inf, -math.inf):
        w = rng.uniform(0.5, 1.5, size=2)
        r = 1.2 * np.linalg.norm(w)

        def f(v, bad=bad, r=r):
            v = np.asarray(v)
            return bad if np.linalg.norm(v) > r else float(v @ v)

        cases.append((f, student.backtracking(f, lambda v: 2 * np.asarray(v), w, 20.0, 0.6, 1e-4)))
    for f, got in cases:
        point, t, n = unpacked(got, 2)
        check.that(np.isfinite(f(point)), "Your step leads to a place where f is not finite.")
        j = halvings(t, 20.0, 0.6)
        check.that(
            t < 1 and n == j + 2 and t / 0.6 > 0.99, "Your step is not the first that leads to a lower, finite value."
        )
