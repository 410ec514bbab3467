"""Heavy ball: the spectral radius of a step, and the learning rate and momentum that make it smallest."""

import cmath
import math

import numpy as np

from chainrule import check
from chainrule.grader import alternative, misconception, points


def matrix(lam, lr, beta):
    return np.array([[1 + beta - lr * lam, -beta], [1.0, 0.0]])


def best(lam_min, lam_max):
    low, high = math.sqrt(lam_min), math.sqrt(lam_max)
    return low, high, (high - low) / (high + low)


# The spectral radius.


@misconception("Modulus of complex eigenvalues.", of="hb_radius")
def real_parts(lam, lr, beta):
    return np.abs(np.linalg.eigvals(matrix(lam, lr, beta)).real).max()


@misconception("The modulus counts: an eigenvalue near −1 is as slow as one near 1.", of="hb_radius")
def largest_real_part(lam, lr, beta):
    return np.linalg.eigvals(matrix(lam, lr, beta)).real.max()


@misconception("√β is the modulus only where the eigenvalues are complex.", of="hb_radius")
def always_complex(lam, lr, beta):
    return math.sqrt(beta)


@misconception("The larger of the two moduli decides in the long run.", of="hb_radius")
def smaller_modulus(lam, lr, beta):
    return np.abs(np.linalg.eigvals(matrix(lam, lr, beta))).min()


@misconception("The norm of a matrix bounds one step; the long run is decided by its eigenvalues.", of="hb_radius")
def norm(lam, lr, beta):
    return np.linalg.norm(matrix(lam, lr, beta), 2)


@misconception("This is the determinant, the product of both eigenvalues.", of="hb_radius")
def determinant(lam, lr, beta):
    return abs(np.linalg.det(matrix(lam, lr, beta)))


@misconception("The momentum term is a difference of two iterates: the older one comes with −β.", of="hb_radius")
def sign_of_beta(lam, lr, beta):
    return np.abs(np.linalg.eigvals([[1 + beta - lr * lam, beta], [1.0, 0.0]])).max()


@misconception(
    "The momentum term is a difference of two iterates: the newer one comes with 1 + β − lr·λ.", of="hb_radius"
)
def beta_missing(lam, lr, beta):
    return np.abs(np.linalg.eigvals([[1 - lr * lam, -beta], [1.0, 0.0]])).max()


@misconception("That is plain gradient descent: the momentum is missing.", of="hb_radius")
def without_momentum(lam, lr, beta):
    return abs(1 - lr * lam)


@misconception("The gradient of ½λw² is λw: multiply lr by λ.", of="hb_radius")
def curvature_forgotten(lam, lr, beta):
    return np.abs(np.linalg.eigvals(matrix(1.0, lr, beta))).max()


@misconception("That is a moving average: in the heavy ball the gradient has weight 1, not 1 − β.", of="hb_radius")
def averaged(lam, lr, beta):
    return np.abs(np.linalg.eigvals(matrix(lam, lr * (1 - beta), beta))).max()


# The optimum.


@misconception("Momentum gains a square root: √κ stands where gradient descent has κ.", of="heavy_ball")
def kappa_without_root(lam_min, lam_max):
    rate = (lam_max - lam_min) / (lam_max + lam_min)
    low, high, _ = best(lam_min, lam_max)
    return (2 / (low + high)) ** 2, rate**2, rate


@misconception("Momentum gains a square root: this is the optimum of plain gradient descent.", of="heavy_ball")
def gradient_descent(lam_min, lam_max):
    return 2 / (lam_min + lam_max), 0.0, (lam_max - lam_min) / (lam_max + lam_min)


@misconception("Rate is √β.", of="heavy_ball")
def beta_not_squared(lam_min, lam_max):
    low, high, rate = best(lam_min, lam_max)
    return (2 / (low + high)) ** 2, rate, rate


@misconception("Rate is √β.", of="heavy_ball")
def rate_is_beta(lam_min, lam_max):
    low, high, rate = best(lam_min, lam_max)
    return (2 / (low + high)) ** 2, rate**2, rate**2


@misconception("That is plain GD’s safe step.", of="heavy_ball")
def safe_step(lam_min, lam_max):
    _, _, rate = best(lam_min, lam_max)
    return 1 / lam_max, rate**2, rate


@misconception("With momentum longer steps are stable: this is gradient descent's best step.", of="heavy_ball")
def step_of_gd(lam_min, lam_max):
    _, _, rate = best(lam_min, lam_max)
    return 2 / (lam_min + lam_max), rate**2, rate


@misconception("The learning rate is a square: look at its units, one over a curvature.", of="heavy_ball")
def step_not_squared(lam_min, lam_max):
    low, high, rate = best(lam_min, lam_max)
    return 2 / (low + high), rate**2, rate


@misconception("Nesterov's choice is not the optimum of the heavy ball.", of="heavy_ball")
def nesterovs_choice(lam_min, lam_max):
    low, high, rate = best(lam_min, lam_max)
    return 1 / lam_max, rate, math.sqrt(1 - low / high)


@misconception("κ ≥ 1: your rate is negative.", of="heavy_ball")
def negative_rate(lam_min, lam_max):
    low, high, rate = best(lam_min, lam_max)
    return (2 / (low + high)) ** 2, rate**2, -rate


@misconception("Order is (lr, beta, rate).", of="heavy_ball")
def beta_first(lam_min, lam_max):
    low, high, rate = best(lam_min, lam_max)
    return rate**2, (2 / (low + high)) ** 2, rate


@misconception("A momentum of 0.9 is a habit, not the optimum: it depends on κ.", of="heavy_ball")
def habit(lam_min, lam_max):
    low, high, _ = best(lam_min, lam_max)
    return (2 / (low + high)) ** 2, 0.9, math.sqrt(0.9)


@alternative("roots of the characteristic polynomial", of="hb_radius")
def by_roots(lam, lr, beta):
    return max(abs(np.roots([1.0, -(1 + beta - lr * lam), beta])), default=0.0)


@alternative("the quadratic formula over the complex numbers", of="hb_radius")
def by_formula(lam, lr, beta):
    half = (1 + beta - lr * lam) / 2
    root = cmath.sqrt(half * half - beta)
    return max(abs(half + root), abs(half - root))


@alternative("two cases", of="hb_radius")
def by_cases(lam, lr, beta):
    trace = 1 + beta - lr * lam
    if trace**2 < 4 * beta:
        return np.sqrt(beta)
    return (abs(trace) + np.sqrt(trace**2 - 4 * beta)) / 2


@alternative("from the condition number", of="heavy_ball")
def from_kappa(lam_min, lam_max):
    q = np.sqrt(lam_max / lam_min)
    beta = ((q - 1) / (q + 1)) ** 2
    return np.array([4 / (lam_min * (1 + q) ** 2), beta, np.sqrt(beta)])


@alternative("from the double eigenvalues at both ends", of="heavy_ball")
def from_conditions(lam_min, lam_max):
    # 1 + β − lr·λ is 2√β at λ_min and −2√β at λ_max: (1 + √β)² = lr·λ_max and (1 − √β)² = lr·λ_min
    root_lr = 2 / (lam_max**0.5 + lam_min**0.5)
    rate = root_lr * lam_max**0.5 - 1
    return [root_lr**2, rate**2, rate]


def radius(lam, lr, beta):
    """Largest modulus of the roots of z² − (1 + β − lr·λ) z + β, for arrays."""
    half = (1 + beta - lr * np.asarray(lam)) / 2 + 0j
    root = np.sqrt(half**2 - beta)
    return np.maximum(np.abs(half + root), np.abs(half - root))


def optimum(student, lam_min, lam_max):
    return [check.scalar(part) for part in check.parts(student.heavy_ball(lam_min, lam_max), 3)]


@points(4)
def test_optimum(student, rng):
    """The rate is reached for all curvatures of the interval, and no other choice has a better one."""
    cases = [(lam, lam * kappa) for lam, kappa in zip(rng.uniform(0.1, 3, 3), (2.5, 30.0, 400.0), strict=True)]
    cases.append((1, 4))
    found = [optimum(student, *case) for case in cases]
    for (lam_min, lam_max), (lr, beta, rate) in zip(cases, found, strict=True):
        check.that(lr > 0 and 0 <= beta < 1, "The learning rate should be positive, and the momentum between 0 and 1.")
        check.that(0 <= rate < 1, "Your rate is not between 0 and 1.")
        curvatures = np.linspace(lam_min, lam_max, 101)
        worst = radius(curvatures, lr, beta).max()
        check.that(
            abs(worst - rate) <= 1e-6,
            "With your learning rate and momentum the slowest curvature does not shrink at the rate that you state.",
            f"worst {worst}, stated {rate}",
        )
        ends = np.array([lam_min, lam_max])
        near = 10.0 ** rng.uniform(-3, -0.3, size=200)
        others_lr, others_beta = (
            lr * np.exp(near * rng.normal(size=200)),
            np.clip(beta + near * rng.normal(size=200), 0, 0.9999),
        )
        others = radius(ends[:, None], others_lr, others_beta).max(axis=0)
        better = int((others < rate - 1e-6).sum())
        check.that(better == 0, f"Of 200 other choices of learning rate and momentum {better} have a better rate.")
        # The two conditions that determine the optimum: a double eigenvalue at each end, and opposite signs.
        check.close([1 + beta - lr * lam_min, 1 + beta - lr * lam_max], [2 * rate, -2 * rate], atol=1e-7)
        check.close(beta, rate**2, atol=1e-8)


@points(3)
def test_radius(student, rng):
    """hb_radius is the spectral radius, for real and complex pairs, and the same for all curvatures at the optimum."""
    cases = [(rng.uniform(0.5, 2), rng.uniform(0.1, 0.4), rng.uniform(0.5, 0.9)) for _ in range(3)]
    cases += [(rng.uniform(0.01, 0.02), 0.1, 0.5), (rng.uniform(3, 4), 1.5, 0.3), (1.0, rng.uniform(0.1, 2.5), 0.0)]
    cases += [(0.0, 0.1, rng.uniform(0.1, 0.9)), (2.0, 0.5, 0.25), (rng.uniform(1, 2), 0.3, 1.2), (2, 1, 0)]
    lam_min, kappa = rng.uniform(0.2, 2), rng.uniform(2, 50)
    low, high = np.sqrt(lam_min), np.sqrt(kappa * lam_min)
    rate = (high - low) / (high + low)
    inside = [(lam, (2 / (low + high)) ** 2, rate**2) for lam in np.linspace(lam_min, kappa * lam_min, 6)]
    got = [student.hb_radius(*case) for case in cases + inside]
    for value, (lam, lr, beta) in zip(got, cases, strict=False):
        want = np.abs(np.linalg.eigvals(np.array([[1 + beta - lr * lam, -beta], [1.0, 0.0]]))).max()
        check.close(value, want, atol=1e-6)
    check.close([check.scalar(value) for value in got[len(cases) :]], np.full(6, rate), atol=1e-6)


@points(2)
def test_decay(student, rng):
    """On a quadratic with condition number 100 the distance shrinks at the rate that heavy_ball states."""
    lam_min = rng.uniform(0.2, 2)
    lr, beta, rate = optimum(student, lam_min, 100 * lam_min)
    curvatures = lam_min * np.array([1.0, rng.uniform(2, 10), rng.uniform(20, 60), 100.0])
    before = w = 1 + rng.uniform(size=4)
    lengths = []
    with np.errstate(all="ignore"):
        for _ in range(400):
            before, w = w, w - lr * curvatures * w + beta * (w - before)
            lengths.append(np.linalg.norm(w))
    check.that(
        np.isfinite(lengths).all() and lengths[-1] > 0, "With your learning rate and momentum the walk diverges."
    )
    slope = np.polyfit(np.arange(200, 401), np.log(lengths[199:]), 1)[0]
    check.that(0 < rate < 1, "Your rate is not between 0 and 1.")
    check.that(
        abs(slope / math.log(rate) - 1) <= 0.05,
        "Simulated over 400 steps, the distance shrinks by another factor per step than your rate says.",
        f"simulated {math.exp(slope):.3f}, stated {rate:.3f}",
    )
    check.that(abs(slope / math.log(9 / 11) - 1) <= 0.05, "The distance shrinks, but not as fast as it could.")


@points(1)
def test_one_curvature(student, rng):
    """With a single curvature no momentum is needed, and one step suffices; with two it does not."""
    lam = rng.uniform(0.3, 4)
    one, two = optimum(student, lam, lam), optimum(student, lam, 4 * lam)
    check.close(one, [1 / lam, 0.0, 0.0], atol=1e-7)
    check.that(two[1] > 1e-3 and two[2] > 1e-3, "With two different curvatures one step does not suffice.")
