"""A referee for gradients: the largest deviation from central differences."""

from itertools import pairwise

import numpy as np

from chainrule import check
from chainrule.grader import alternative, misconception, points


def quotients(f, x, h):
    """Central difference quotients with step h."""
    x = np.array(x, dtype=float)
    return np.array([(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(len(x))])


def deviations(q, g):
    g = np.asarray(g, dtype=float)
    return np.abs(q - g) / np.maximum(1.0, np.maximum(np.abs(q), np.abs(g)))


def counts(run):
    return "g was called" in run.failure


@misconception("One call of g gives all derivatives: call it once.", when=counts)
def asks_g_again(f, g, x, h=1e-5):
    x = np.array(x, dtype=float)
    q = quotients(f, x, h)
    return max(deviations(q, g(x))[i] for i in range(len(x)))


@misconception("First order only.")
def one_sided(f, g, x, h=1e-5):
    x = np.array(x, dtype=float)
    q = np.array([(f(x + h * e) - f(x)) / h for e in np.eye(len(x))])
    return np.max(deviations(q, g(x)))


@misconception("First order only.")
def one_sided_economical(f, g, x, h=1e-5):
    x = np.array(x, dtype=float)
    here = f(x)
    q = np.array([(f(x + h * e) - here) / h for e in np.eye(len(x))])
    return np.max(deviations(q, g(x)))


@misconception("One wrong coordinate is averaged away.")
def mean(f, g, x, h=1e-5):
    return np.mean(deviations(quotients(f, x, h), g(x)))


@misconception("Restore x[i].")
def shifted_for_good(f, g, x, h=1e-5):
    x, q = np.array(x, dtype=float), []
    slopes = g(x.copy())
    for i in range(len(x)):
        x[i] += h
        above = f(x.copy())
        x[i] -= 2 * h
        q.append((above - f(x.copy())) / (2 * h))
    return np.max(deviations(np.array(q), slopes))


def changed_argument(run):
    return any(call.mutated for call in run.calls)


@misconception("Restore x[i].", when=changed_argument)
def changes_the_callers_x(f, g, x, h=1e-5):
    q = []
    for i in range(len(x)):
        x[i] += h
        above = f(x)
        x[i] -= 2 * h
        q.append((above - f(x)) / (2 * h))
    return np.max(deviations(np.array(q), g(x)))


@misconception("h vanishes in integers.")
def integers(f, g, x, h=1e-5):
    x, q = np.array(x), []
    for i in range(len(x)):
        above, below = x.copy(), x.copy()
        above[i] = x[i] + h
        below[i] = x[i] - h
        q.append((f(above) - f(below)) / (2 * h))
    return np.max(deviations(np.array(q), g(x)))


@misconception("Purely relative: derivatives near 0 are then never close enough. Look at the 1 in the denominator.")
def relative(f, g, x, h=1e-5):
    q, g = quotients(f, x, h), np.asarray(g(np.array(x, dtype=float)))
    return np.max(np.abs(q - g) / np.maximum(1e-300, np.maximum(np.abs(q), np.abs(g))))


@misconception("Purely absolute: for large derivatives the deviation is to be relative.")
def absolute(f, g, x, h=1e-5):
    return np.max(np.abs(quotients(f, x, h) - g(np.array(x, dtype=float))))


@misconception("The denominator looks at the quotient and at the claimed derivative, whichever is larger.")
def scaled_by_quotient(f, g, x, h=1e-5):
    q = quotients(f, x, h)
    return np.max(np.abs(q - g(np.array(x, dtype=float))) / np.maximum(1.0, np.abs(q)))


@misconception("The denominator looks at the quotient and at the claimed derivative, whichever is larger.")
def scaled_by_claim(f, g, x, h=1e-5):
    q, g = quotients(f, x, h), np.asarray(g(np.array(x, dtype=float)))
    return np.max(np.abs(q - g) / np.maximum(1.0, np.abs(g)))


@misconception("The denominator is a maximum, not a sum.")
def scaled_by_sum(f, g, x, h=1e-5):
    q, g = quotients(f, x, h), np.asarray(g(np.array(x, dtype=float)))
    return np.max(np.abs(q - g) / (1 + np.abs(q) + np.abs(g)))


@misconception("Judge each coordinate by itself: in a norm, large derivatives hide wrong small ones.")
def norms(f, g, x, h=1e-5):
    q, g = quotients(f, x, h), np.asarray(g(np.array(x, dtype=float)))
    return np.linalg.norm(q - g) / max(1.0, np.linalg.norm(q), np.linalg.norm(g))


@misconception("Take the absolute value of the difference: a derivative that is too large is wrong, too.")
def signed(f, g, x, h=1e-5):
    q, g = quotients(f, x, h), np.asarray(g(np.array(x, dtype=float)))
    return np.max((q - g) / np.maximum(1.0, np.maximum(np.abs(q), np.abs(g))))


@misconception("From x − h to x + h the distance is 2h.")
def divided_by_h(f, g, x, h=1e-5):
    return np.max(deviations(2 * quotients(f, x, h), g(np.array(x, dtype=float))))


@misconception("Your points lie h/2 to each side: the step is exactly h.")
def half_step(f, g, x, h=1e-5):
    return np.max(deviations(quotients(f, x, h / 2), g(np.array(x, dtype=float))))


@misconception("Use the h that you are given.")
def own_step(f, g, x, h=1e-5):
    return np.max(deviations(quotients(f, x, 1e-5), g(np.array(x, dtype=float))))


@misconception("The step is exactly h in every coordinate, not scaled with x.")
def scaled_step(f, g, x, h=1e-5):
    x, q = np.array(x, dtype=float), []
    for i, e in enumerate(np.eye(len(x))):
        step = h * max(1.0, abs(x[i]))
        q.append((f(x + step * e) - f(x - step * e)) / (2 * step))
    return np.max(deviations(np.array(q), g(x)))


@misconception("Change one coordinate at a time.")
def all_at_once(f, g, x, h=1e-5):
    x = np.array(x, dtype=float)
    q = np.array([(f(x + h) - f(x - h)) / (2 * h) for _ in x])
    return np.max(deviations(q, g(x)))


@misconception("Go through all coordinates, the last one included.")
def last_forgotten(f, g, x, h=1e-5):
    x = np.array(x, dtype=float)
    return np.max(deviations(quotients(f, x, h), g(x))[: max(1, len(x) - 1)])


@misconception("Go through all coordinates, not the first alone.")
def first_only(f, g, x, h=1e-5):
    return deviations(quotients(f, x, h), g(np.array(x, dtype=float)))[0]


@misconception("Return the largest deviation, one number.")
def all_deviations(f, g, x, h=1e-5):
    return deviations(quotients(f, x, h), g(np.array(x, dtype=float)))


@misconception("Return the deviation itself: how much is too much is for the caller to say.")
def verdict(f, g, x, h=1e-5):
    return bool(np.max(deviations(quotients(f, x, h), g(np.array(x, dtype=float)))) < 1e-6)


@alternative("a copy for each coordinate")
def copies(f, g, x, h=1e-5):
    worst, slopes = 0.0, g(np.asarray(x, dtype=float))
    for i in range(len(x)):
        above, below = np.array(x, dtype=float), np.array(x, dtype=float)
        above[i] += h
        below[i] -= h
        q = (f(above) - f(below)) / (2 * h)
        worst = max(worst, abs(q - slopes[i]) / max(1, abs(q), abs(slopes[i])))
    return worst


@alternative("rows of x ± h I")
def rows(f, g, x, h=1e-5):
    x = np.asarray(x, dtype=np.float64)
    steps = h * np.eye(x.size)
    q = (np.array([f(row) for row in x + steps]) - np.array([f(row) for row in x - steps])) / (2 * h)
    return np.array([deviations(q, g(x)).max()])


@alternative("changes a copy in place and restores it")
def in_place(f, g, x, h=1e-5):
    x = [float(v) for v in x]
    slopes, worst = np.asarray(g(np.array(x))), []
    for i, kept in enumerate(x):
        x[i] = kept + h
        above = f(np.array(x))
        x[i] = kept - h
        below = f(np.array(x))
        x[i] = kept
        q = (above - below) / (2 * h)
        worst.append(abs(q - slopes[i]) / max(1.0, abs(q), abs(slopes[i])))
    return np.float64(max(worst))


def wave(a, c):
    """A smooth function that couples its variables, Σ c sin(a x) + (Σ x)²/2, and its gradient."""

    def f(x):
        x = np.asarray(x, dtype=float)
        return float(np.sum(c * np.sin(a * x)) + np.sum(x) ** 2 / 2)

    def g(x):
        x = np.asarray(x, dtype=float)
        return c * a * np.cos(a * x) + np.sum(x)

    return f, g


@points(3)
def test_smooth(student, rng):
    """It is tiny for right gradients of smooth functions, and only for these."""
    got = []
    for d in (1, 2, int(rng.integers(3, 8))):
        a, c, x = rng.uniform(0.5, 1.5, size=d), rng.uniform(0.5, 2, size=d), rng.normal(size=d)
        f, g = wave(a, c)
        got.append((student.grad_check(f, g, x), student.grad_check(f, lambda x, g=g: g(x) + 0.01, x)))
    for right, wrong in got:
        check.that(check.scalar(right) >= 0, "A deviation is never negative.")
        check.that(right < 1e-7, "Your deviation of a right gradient is too large.")
        check.that(check.scalar(wrong) > 1e-3, "You let a wrong gradient pass.")


@points(2)
def test_one_wrong_coordinate(student, rng):
    """One wrong coordinate is found, relative to large derivatives and absolute for small ones."""
    d = int(rng.integers(4, 8))
    slopes = rng.choice([-1, 1], size=d) * rng.uniform(1.5, 4, size=d)
    slopes[rng.integers(1, d - 1)] = rng.uniform(0.01, 0.1)
    x, cases, got = rng.normal(size=d), [], []
    for i, claimed in ((0, 1.01), (d - 1, 1.01), (d - 1, 0.99), (0, 3.0), (d - 1, 0.3)):
        claim = slopes.copy()
        claim[i] *= claimed
        cases.append((claim, abs(claimed - 1) / max(1, claimed)))
    small = int(np.argmin(np.abs(slopes)))
    claim = slopes.copy()
    claim[small] += 0.02  # an error of 0.02 where the derivative is below 1
    cases.append((claim, 0.02))
    for claim, _ in cases:
        got.append(student.grad_check(lambda v: float(slopes @ v), lambda v, claim=claim: claim.copy(), x))
    for value, (_, want) in zip(got, cases, strict=True):
        check.close(value, want, rtol=0, atol=1e-7)


@points(2)
def test_second_order(student, rng):
    """For a cubic function the deviation falls to a quarter when h is halved, and the step is exactly h."""
    d = int(rng.integers(2, 6))
    a, x = rng.uniform(0.5, 2, size=d), 3 * rng.normal(size=d)
    slopes = 3 * a * x**2

    def f(v):
        return float(np.sum(a * np.asarray(v, dtype=float) ** 3))

    def g(v):
        return 3 * a * np.asarray(v, dtype=float) ** 2

    steps = (2e-2, 1e-2, 5e-3)
    got = [student.grad_check(f, g, x, h) for h in steps]
    got = [check.scalar(value) for value in got]
    for larger, smaller in pairwise(got):
        check.that(smaller > 0, "For a cubic function and h = 0.01 the quotient is not exact: where does your step go?")
        ratio = larger / smaller
        check.that(3.9 < ratio < 4.1, f"When h is halved your deviation falls by a factor of {ratio:.2f}.")
    for value, h in zip(got, steps, strict=True):
        # (x + h)³ − (x − h)³ = 2h (3x² + h²): the quotient is too large by a h², exactly.
        check.close(value, np.max(a * h**2 / np.maximum(1, slopes + a * h**2)), rtol=1e-6)


@points(1)
def test_calls(student, rng):
    """It calls f 2d times and g once, leaves x alone, takes integers, and its step is 1e-5 if none is given."""
    d = int(rng.integers(2, 7))
    c, whole = rng.uniform(1, 2, size=d), rng.integers(-3, 4, size=d)
    f, g = (check.counted(function) for function in wave(np.ones(d), c))
    got = student.grad_check(f, g, whole)
    student.grad_check(f.function, lambda v: g.function(v) + np.arange(d), whole)
    check.that(check.scalar(got) < 1e-7, "At an x of integers your deviation is wrong.")
    check.that(not any(call.mutated for call in student.calls), "Your function changed its argument x; work on a copy.")
    check.that(f.calls == 2 * d, f"f was called {f.calls} times for {d} coordinates: twice for each is enough.")
    check.that(g.calls == 1, f"g was called {g.calls} times: once is enough.")
    asked = np.array([np.asarray(v, dtype=float) for (v,) in f.inputs]).reshape(2 * d, d) - whole
    length = np.abs(asked).sum(axis=1)
    check.that(np.allclose(length, 1e-5, rtol=1e-4), "Without h the step is to be 1e-5 in one coordinate.")
    check.that(np.allclose(np.asarray(g.inputs[0][0], dtype=float), whole), "g was not asked at x.")
    again = rng.normal(size=d)
    got = student.grad_check(f.function, g.function, again)
    check.that(check.scalar(got) < 1e-7 and not any(call.mutated for call in student.calls), "x has to stay as it is.")
