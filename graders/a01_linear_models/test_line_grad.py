"""Gradient of the mean squared error of a line: for one sample as formulas, for all as a function."""

import numpy as np
import sympy as sp

from chainrule import check
from chainrule.grader import alternative, misconception, points

phi0, phi1, x, y = sp.symbols("phi0 phi1 x y")
DOMAIN = {"phi0": (-2, 2), "phi1": (-2, 2), "x": (-2, 2), "y": (-2, 2)}

# The function.


@misconception("Half the true gradient: d(u²)=2u du.")
def no_factor_two(phi, x, y):
    r = phi[0] + phi[1] * x - y
    return np.array([np.mean(r), np.mean(r * x)])


@misconception("This points downhill; the gradient points uphill.")
def downhill(phi, x, y):
    r = y - phi[0] - phi[1] * x
    return np.array([2 * np.mean(r), 2 * np.mean(r * x)])


@misconception("Chain rule: ∂(φ1 x)/∂φ1 = x.")
def no_inner_derivative(phi, x, y):
    r = phi[0] + phi[1] * x - y
    return np.array([2 * np.mean(r), 2 * np.mean(r)])


@misconception("This points downhill, and half as far: look at the sign of the residual and at d(u²).")
def half_and_downhill(phi, x, y):
    r = y - phi[0] - phi[1] * x
    return np.array([np.mean(r), np.mean(r * x)])


@misconception("N times too large: the gradient of a mean is a mean.")
def total(phi, x, y):
    r = phi[0] + phi[1] * x - y
    return np.array([2 * np.sum(r), 2 * np.sum(r * x)])


@misconception("Order: first the derivative with respect to φ0, then φ1.")
def slope_first(phi, x, y):
    r = phi[0] + phi[1] * x - y
    return np.array([2 * np.mean(r * x), 2 * np.mean(r)])


@misconception("The mean of a product is not the product of the means: multiply with x before you average.")
def product_of_means(phi, x, y):
    r = phi[0] + phi[1] * x - y
    return np.array([2 * np.mean(r), 2 * np.mean(r) * np.mean(x)])


@misconception("These are the gradients of the single samples: average them.")
def not_averaged(phi, x, y):
    r = phi[0] + phi[1] * x - y
    return np.array([2 * r, 2 * r * x])


@misconception("The derivative of φ0 with respect to φ0 is 1: x belongs to the slope only.")
def x_twice(phi, x, y):
    r = phi[0] + phi[1] * x - y
    return np.array([2 * np.mean(r * x), 2 * np.mean(r * x)])


@misconception("That is the gradient of the root of the loss.")
def of_root(phi, x, y):
    r = phi[0] + phi[1] * x - y
    return np.array([np.mean(r), np.mean(r * x)]) / np.sqrt(np.mean(r**2))


@misconception("φ0 is the intercept, φ1 the slope.")
def parameters_swapped(phi, x, y):
    r = phi[1] + phi[0] * x - y
    return np.array([2 * np.mean(r), 2 * np.mean(r * x)])


@alternative("list of two numbers")
def as_list(phi, x, y):
    r = [phi[0] + phi[1] * a - b for a, b in zip(x, y, strict=True)]
    return [2 * sum(r) / len(r), 2 * sum(u * a for u, a in zip(r, x, strict=True)) / len(r)]


@alternative("tuple, expanded into means")
def expanded(phi, x, y):
    mx, my = np.mean(x), np.mean(y)
    slope = phi[0] * mx + phi[1] * np.mean(x * x) - np.mean(x * y)
    return 2 * (phi[0] + phi[1] * mx - my), 2 * slope


@alternative("design matrix")
def design_matrix(phi, x, y):
    A = np.stack([np.ones(len(x)), x], axis=1)
    return 2 / len(x) * A.T @ (A @ np.asarray(phi) - y)


# The formulas.


def many_samples(run):
    """The formula contains a number of samples, an index or a sum."""
    asked = [call.result for call in run.calls if call.kind == "symbolic"]
    return any(mark in repr(asked) for mark in ("'N'", "'n'", "'i'", "'Sum'"))


@misconception("Half the true gradient: d(u²)=2u du.", of="dl0")
def dl0_half():
    return phi0 + phi1 * x - y


@misconception("This points downhill; the gradient points uphill.", of="dl0")
def dl0_downhill():
    return -2 * (phi0 + phi1 * x - y)


@misconception("Enter the result, not the instruction.", of="dl0")
def dl0_unevaluated():
    return sp.Derivative((phi0 + phi1 * x - y) ** 2, phi0)


@misconception("One sample only.", of="dl0", when=many_samples)
def dl0_mean():
    return 2 / sp.Symbol("N") * (phi0 + phi1 * x - y)


@misconception("One sample only.", of="dl0", when=many_samples)
def dl0_sum():
    N = sp.Symbol("N")
    return 2 / N * sp.Sum(phi0 + phi1 * x - y, (sp.Symbol("i"), 1, N))


@misconception("The derivative of φ0 with respect to φ0 is 1: this is the other derivative.", of="dl0")
def dl0_is_dl1():
    return 2 * (phi0 + phi1 * x - y) * x


@misconception("That is the loss itself: differentiate it.", of="dl0")
def dl0_loss():
    return (phi0 + phi1 * x - y) ** 2


@misconception("Half the true gradient: d(u²)=2u du.", of="dl1")
def dl1_half():
    return (phi0 + phi1 * x - y) * x


@misconception("This points downhill; the gradient points uphill.", of="dl1")
def dl1_downhill():
    return 2 * x * (y - phi0 - phi1 * x)


@misconception("Chain rule: ∂(φ1 x)/∂φ1 = x.", of="dl1")
def dl1_no_inner_derivative():
    return 2 * (phi0 + phi1 * x - y)


@misconception("Enter the result, not the instruction.", of="dl1")
def dl1_unevaluated():
    return sp.Derivative((phi0 + phi1 * x - y) ** 2, phi1)


@misconception("One sample only.", of="dl1", when=many_samples)
def dl1_mean():
    return 2 / sp.Symbol("N") * (phi0 + phi1 * x - y) * x


@misconception("That is the derivative with respect to x: the parameters are the variables now.", of="dl1")
def dl1_with_respect_to_x():
    return 2 * (phi0 + phi1 * x - y) * phi1


@misconception("The derivative of φ1 x with respect to φ1 is x, once: you have a power too many.", of="dl1")
def dl1_square():
    return 2 * (phi0 + phi1 * x - y) * x**2


@alternative("expanded", of="dl0")
def dl0_expanded():
    return 2 * phi0 + 2 * x * phi1 - 2 * y


@alternative("own symbols with other assumptions", of="dl0")
def dl0_own_symbols():
    p, q, u, v = sp.symbols("phi0 phi1 x y", real=True)
    return -2 * (v - p - q * u)


@alternative("as an equation", of="dl0")
def dl0_equation():
    return sp.Eq(sp.Symbol("dl0"), 2 * (phi0 + phi1 * x - y))


@alternative("as text", of="dl0")
def dl0_text():
    return "2*(phi0 + phi1*x - y)"


@alternative("by sp.diff", of="dl1")
def dl1_by_machine():
    return sp.diff((phi0 + phi1 * x - y) ** 2, phi1)


@alternative("expanded", of="dl1")
def dl1_expanded():
    return sp.expand(2 * x * (phi0 + phi1 * x - y))


@alternative("own symbols with other assumptions", of="dl1")
def dl1_own_symbols():
    p, q, u, v = sp.symbols("phi0 phi1 x y", positive=True)
    return 2 * u * (p + q * u - v)


# The tests.


def draw(rng, n):
    return rng.normal(size=2), rng.normal(size=n), 2 * rng.normal(size=n)


def mse(phi, x, y):
    return np.mean((phi[0] + phi[1] * x - y) ** 2)


@points(5)
def test_finite_differences(student, rng):
    """It agrees with central differences of the loss."""
    for _ in range(5):
        phi, x, y = draw(rng, int(rng.integers(3, 20)))
        check.gradient(lambda p, x=x, y=y: mse(p, x, y), student.line_grad(phi, x, y), at=phi)


@points(2)
def test_matrix_form(student, rng):
    """It agrees with the matrix form of the gradient, also for integer data and for one sample."""
    phi, x, y = draw(rng, 12)
    integers = rng.integers(-4, 5, size=6), rng.integers(-4, 5, size=6)
    for a, b in ((x, y), integers, (x[:1], y[:1])):
        A = np.column_stack([np.ones(len(a)), a])
        check.close(student.line_grad(phi, a, b), 2 / len(a) * A.T @ (A @ phi - b))


@points(1)
def test_zero_at_minimum(student, rng):
    """It is zero at the least-squares fit, and only there."""
    phi, x, y = draw(rng, 15)
    fit = np.linalg.lstsq(np.column_stack([np.ones(15), x]), y, rcond=None)[0]
    at_fit = check.array(student.line_grad(fit, x, y), (2,))
    check.that(np.abs(at_fit).max() <= 1e-9, "Your gradient is not 0 at the least-squares fit.", f"{at_fit}")
    away = check.array(student.line_grad(fit + phi, x, y), (2,))
    check.that(np.abs(away).max() > 1e-6, "Your gradient is 0 also where the loss has a slope.", f"{away}")


@points(3)
def test_dl0(student):
    """dl0 is the derivative of the loss of one sample with respect to φ0."""
    want = sp.diff((phi0 + phi1 * x - y) ** 2, phi0)
    check.symbolic(student.symbolic("dl0"), want, domain=DOMAIN)


@points(3)
def test_dl1(student):
    """dl1 is the derivative of the loss of one sample with respect to φ1."""
    want = sp.diff((phi0 + phi1 * x - y) ** 2, phi1)
    check.symbolic(student.symbolic("dl1"), want, domain=DOMAIN)
