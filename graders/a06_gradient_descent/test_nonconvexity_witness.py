"""A triple (u, v, t) that proves that a function is not convex."""

from dataclasses import replace

import numpy as np

from chainrule import check
from chainrule.grader import alternative, helper, misconception, points

# Bound where a function is shipped.
SEED = XS = YS = B = a = 0


def fresh():
    return np.random.default_rng(SEED)


def generator(rng):
    """A random generator for the student's side: generators are no data, so its making travels instead."""
    shipped = helper(fresh, SEED=int(rng.integers(2**31)))
    return replace(shipped, name="generator", source=f"{shipped.source}\ngenerator = fresh()\n")


# What can be wrong: the tests leave the reason in facts.


def found(reason):
    def when(run):
        return run.facts.get("why") == reason

    return when


@misconception("Convex functions satisfy your test.", when=found("below"))
def reversed_inequality(f, dim, rng, n_tries):
    for _ in range(n_tries):
        u, v, t = *rng.uniform(-10, 10, size=(2, dim)), rng.uniform(0.1, 0.9)
        if f(t * u + (1 - t) * v) < t * f(u) + (1 - t) * f(v) - 1e-9:
            return u, v, t
    return None


@misconception("Rounding on a linear function is not a witness.", when=found("rounding"))
def no_margin(f, dim, rng, n_tries):
    for _ in range(n_tries):
        u, v, t = *rng.uniform(-10, 10, size=(2, dim)), rng.uniform(0.1, 0.9)
        if f(t * u + (1 - t) * v) > t * f(u) + (1 - t) * f(v):
            return u, v, t
    return None


@misconception("0<t<1.", when=found("t"))
def endpoints(f, dim, rng, n_tries):
    for _ in range(n_tries):
        u, v, t = *rng.uniform(-10, 10, size=(2, dim)), float(rng.integers(0, 2))
        if f(t * u + (1 - t) * v) >= t * f(u) + (1 - t) * f(v) - 1e-9:
            return u, v, t
    return None


@misconception("0<t<1.", when=found("t"))
def beyond_the_segment(f, dim, rng, n_tries):
    for _ in range(n_tries):
        u, v, t = *rng.uniform(-5, 5, size=(2, dim)), rng.uniform(1.1, 1.5)
        if f(t * u + (1 - t) * v) > t * f(u) + (1 - t) * f(v) + 1e-9:
            return u, v, t
    return None


@misconception("Return (u,v,t).", when=found("shape"))
def midpoint(f, dim, rng, n_tries):
    for _ in range(n_tries):
        u, v, t = *rng.uniform(-10, 10, size=(2, dim)), rng.uniform(0.1, 0.9)
        if f(t * u + (1 - t) * v) > t * f(u) + (1 - t) * f(v) + 1e-9:
            return t * u + (1 - t) * v
    return None


@misconception("Return (u,v,t).", when=found("shape"))
def yes_or_no(f, dim, rng, n_tries):
    for _ in range(n_tries):
        u, v, t = *rng.uniform(-10, 10, size=(2, dim)), rng.uniform(0.1, 0.9)
        if f(t * u + (1 - t) * v) > t * f(u) + (1 - t) * f(v) + 1e-9:
            return True
    return False


@misconception("Return (u,v,t).", when=found("shape"))
def t_first(f, dim, rng, n_tries):
    for _ in range(n_tries):
        u, v, t = *rng.uniform(-10, 10, size=(2, dim)), rng.uniform(0.1, 0.9)
        if f(t * u + (1 - t) * v) > t * f(u) + (1 - t) * f(v) + 1e-9:
            return t, u, v
    return None


@misconception("Return (u,v,t).", when=found("shape"))
def always_two_coordinates(f, dim, rng, n_tries):
    for _ in range(n_tries):
        u, v, t = *rng.uniform(-10, 10, size=(2, 2)), rng.uniform(0.1, 0.9)
        if f(t * u + (1 - t) * v) > t * f(u) + (1 - t) * f(v) + 1e-9:
            return u, v, t
    return None


@misconception("The points u and v lie in the cube [−10, 10]^d.", when=found("box"))
def outside_the_cube(f, dim, rng, n_tries):
    for _ in range(n_tries):
        u, v, t = *rng.normal(scale=30, size=(2, dim)), rng.uniform(0.1, 0.9)
        if f(t * u + (1 - t) * v) > t * f(u) + (1 - t) * f(v) + 1e-9:
            return u, v, t
    return None


@misconception("t belongs to u, and 1−t to v, in the point and in the chord.", when=found("mixed"))
def weights_mixed(f, dim, rng, n_tries):
    for _ in range(n_tries):
        u, v, t = *rng.uniform(-10, 10, size=(2, dim)), rng.uniform(0.1, 0.9)
        if f((1 - t) * u + t * v) > t * f(u) + (1 - t) * f(v) + 1e-9:
            return u, v, t
    return None


@misconception("Three evaluations per try: keep the values that you have.", when=found("many"))
def wasteful(f, dim, rng, n_tries):
    for _ in range(n_tries):
        u, v, t = *rng.uniform(-10, 10, size=(2, dim)), rng.uniform(0.1, 0.9)
        values = [f(u), f(v), f(u), f(v), f(t * u + (1 - t) * v)]
        if values[-1] > t * values[0] + (1 - t) * values[1] + 1e-9:
            return u, v, t
    return None


@misconception("Three evaluations per try: keep the values that you have.", when=found("many"))
def tries_ignored(f, dim, rng, n_tries):
    for _ in range(n_tries + 50):
        u, v, t = *rng.uniform(-10, 10, size=(2, dim)), rng.uniform(0.1, 0.9)
        if f(t * u + (1 - t) * v) > t * f(u) + (1 - t) * f(v) + 1e-9:
            return u, v, t
    return None


@misconception(
    "Your function gave up too early: go through all tries, and ask for a violation of 1e-9 only.", when=found("none")
)
def first_try_only(f, dim, rng, n_tries):
    for _ in range(n_tries):
        u, v, t = *rng.uniform(-10, 10, size=(2, dim)), rng.uniform(0.1, 0.9)
        if f(t * u + (1 - t) * v) > t * f(u) + (1 - t) * f(v) + 1e-9:
            return u, v, t
        return None


@misconception(
    "Your function gave up too early: go through all tries, and ask for a violation of 1e-9 only.", when=found("none")
)
def large_margin(f, dim, rng, n_tries):
    for _ in range(n_tries):
        u, v, t = *rng.uniform(-10, 10, size=(2, dim)), rng.uniform(0.1, 0.9)
        if f(t * u + (1 - t) * v) > t * f(u) + (1 - t) * f(v) + 1.0:
            return u, v, t
    return None


@misconception(
    "Your function gave up too early: go through all tries, and ask for a violation of 1e-9 only.", when=found("none")
)
def always_none(f, dim, rng, n_tries):
    return None


@alternative("midpoints only")
def midpoints(f, dim, rng, n_tries):
    for _ in range(n_tries):
        u, v = rng.uniform(-10, 10, size=dim), rng.uniform(-10, 10, size=dim)
        if f((u + v) / 2) - (f(u) + f(v)) / 2 > 1e-9:
            return [u.tolist(), v.tolist(), 0.5]
    return None


@alternative("short segments around random points")
def short_segments(f, dim, rng, n_tries):
    for _ in range(n_tries):
        centre, arm = rng.uniform(-9, 9, size=dim), rng.uniform(-1, 1, size=dim)
        if f(centre) > (f(centre + arm) + f(centre - arm)) / 2 + 1e-9:
            return centre + arm, centre - arm, 0.5
    return None


@alternative("guided by the curvature along each coordinate and the diagonals")
def guided_by_curvature(f, dim, rng, n_tries):
    left = 3 * n_tries
    directions = np.vstack([np.eye(dim), np.ones((1, dim)), -np.ones((1, dim)) + 2 * np.eye(dim)[:1]])
    while left >= 3:
        w, value, left = rng.uniform(-9, 9, size=dim), None, left - 1
        value = f(w)
        for s in directions:
            if left < 2:
                break
            left -= 2
            if f(w + s) + f(w - s) - 2 * value < -3e-9:
                return w + s, w - s, np.float64(0.5)
    return None


# Functions on both sides.


def gabor_loss(w, x, y):
    phase = w[0] + 0.06 * w[1] * x
    return float(np.mean((np.sin(phase) * np.exp(-(phase**2) / 32) - y) ** 2))


def gabor_there(w):
    return gabor_loss(w, XS, YS)


def product(w):
    return float((1 - w[0] * w[1]) ** 2)


def waves(w):
    return float(np.sum(np.cos(w)))


def well(w):
    return float(w[0] ** 4 / 100 - w[0] ** 2)


def concave(w):
    return float(-np.sum(np.asarray(w) ** 2))


def squares(w, B, a):
    return float(np.sum((B @ w - a) ** 2))


def squares_there(w):
    return squares(w, B, a)


def logistic(w, B):
    return float(np.sum(np.logaddexp(0, B @ w)))


def logistic_there(w):
    return logistic(w, B)


def linear(w, a):
    return float(np.sum(a * w) + 0.1)


def linear_there(w):
    return linear(w, a)


def verdict(got, f, dim):
    """Why the triple is no witness: "none", "shape", "t", "box", "rounding", "mixed" or "below"; "" if it is one."""
    if got is None:
        return "none"
    try:
        one, two, share = check.parts(got, 3)
        one, two, t = check.array(one, (dim,)), check.array(two, (dim,)), check.scalar(share)
    except check.Failed:
        return "shape"
    if not 0 < t < 1:
        return "t"
    if max(np.abs(one).max(), np.abs(two).max()) > 10:
        return "box"
    chord = t * f(one) + (1 - t) * f(two)
    above, other = f(t * one + (1 - t) * two) - chord, f((1 - t) * one + t * two) - chord
    if above >= -0.9e-9:
        return "" if above > 0.9e-9 else "rounding"  # a tenth of the margin is for rounding
    return "mixed" if other > 0.9e-9 else "below"


WORDS = {
    "none": "Your function found no witness, although the function is far from convex.",
    "shape": "A witness is a triple of a point of dim coordinates, another one, and a number.",
    "t": "The t of your witness is not strictly between 0 and 1.",
    "box": "A point of your witness lies outside the cube.",
    "below": "At your witness the function lies below its chord, as it does for convex functions.",
    "rounding": "At your witness the function is as high as the chord, up to rounding.",
    "mixed": "Your triple is no witness: it would be one with t and 1 − t exchanged.",
}


def accept(got, f, dim, facts):
    reason = verdict(got, f, dim)
    if reason:
        facts["why"] = reason
        check.fail(WORDS[reason])


def refuse(got, f, dim, facts):
    if got is None:
        return
    reason = verdict(got, f, dim)
    facts["why"] = reason or "below"
    check.fail("Your function claims that a convex function is not convex. " + WORDS.get(reason, ""))


@points(4)
def test_finds(student, rng, facts):
    """It finds true witnesses against functions that are not convex, in 1, 2 and 3 dimensions."""
    x = rng.uniform(-15, 15, size=30)
    y = np.sin(0.996 * x) * np.exp(-((0.996 * x) ** 2) / 32) + 0.1 * rng.normal(size=30)
    cases = [
        (helper(gabor_there, XS=x, YS=y), lambda w: gabor_loss(w, x, y), 2),
        (helper(product), product, 2),
        (helper(waves), waves, 3),
        (helper(well), well, 1),
    ]
    got = [student.nonconvexity_witness(there, dim, generator(rng), 2000) for there, _, dim in cases]
    for mine, (_, f, dim) in zip(got, cases, strict=True):
        accept(mine, f, dim, facts)


@points(3)
def test_convex(student, rng, facts):
    """It finds nothing against quadratics, logistic losses and linear functions, but does against −‖w‖²."""
    M, c = rng.normal(size=(4, 3)), rng.normal(size=3) * 300
    shift = rng.normal(size=4)
    scale = np.sqrt(1e4 / np.sum((np.abs(M).sum(axis=1) * 10 + np.abs(shift)) ** 2))
    c = c / np.abs(c).sum() * 990
    cases = [
        (helper(squares_there, B=M * scale, a=shift * scale), lambda w: squares(w, M * scale, shift * scale)),
        (helper(logistic_there, B=M), lambda w: logistic(w, M)),
        (helper(linear_there, a=c), lambda w: linear(w, c)),
    ]
    got = [student.nonconvexity_witness(there, 3, generator(rng), 400) for there, _ in cases]
    other = student.nonconvexity_witness(helper(concave), 3, generator(rng), 50)
    for mine, (_, f) in zip(got, cases, strict=True):
        refuse(mine, f, 3, facts)
    accept(other, concave, 3, facts)


@points(1)
def test_evaluations(student, rng, facts):
    """It evaluates f at most three times per try, whether it finds a witness or not."""
    hidden, bowl = check.counted(well), check.counted(lambda w: -concave(w))
    witness = student.nonconvexity_witness(hidden, 1, generator(rng), 120)
    nothing = student.nonconvexity_witness(bowl, 2, generator(rng), 25)
    for f, tries in ((hidden, 120), (bowl, 25)):
        if f.calls > 3 * tries:
            facts["why"] = "many"
            check.fail(f"f was evaluated {f.calls} times in {tries} tries.")
    accept(witness, well, 1, facts)
    refuse(nothing, lambda w: -concave(w), 2, facts)
