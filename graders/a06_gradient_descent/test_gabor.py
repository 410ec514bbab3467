"""The Gabor model, its loss, its gradient, and the derivative on which the gradient rests."""

import math

import numpy as np
import sympy as sp

from chainrule import check
from chainrule.grader import alternative, misconception, points

u = sp.symbols("u")
DOMAIN = {"u": (-6, 6)}


def wave(phi, x):
    v = phi[0] + 0.06 * phi[1] * np.asarray(x)
    return np.sin(v) * np.exp(-(v**2) / 32)


def gradient(phi, x, y, slope, inner=0.06, factor=2.0):
    """The gradient of the loss with `slope(v)` for the derivative of the wave."""
    x = np.asarray(x)
    v = phi[0] + 0.06 * phi[1] * x
    r = factor * (wave(phi, x) - y) * slope(v)
    return np.array([np.mean(r), np.mean(r * inner * x)])


def right_slope(v):
    return np.exp(-(v**2) / 32) * (np.cos(v) - v / 16 * np.sin(v))


# The model.


@misconception("The envelope uses the same u as the sine (misprinted in some notes).", of="gabor")
def envelope_without_shift(phi, x):
    v = 0.06 * phi[1] * np.asarray(x)
    return np.sin(phi[0] + v) * np.exp(-(v**2) / 32)


@misconception("The envelope uses the same u as the sine (misprinted in some notes).", of="gabor")
def envelope_of_raw_frequency(phi, x):
    x = np.asarray(x)
    return np.sin(phi[0] + 0.06 * phi[1] * x) * np.exp(-((phi[1] * x) ** 2))


@misconception("The frequency has a factor 0.06.", of="gabor")
def frequency_without_factor(phi, x):
    v = phi[0] + phi[1] * np.asarray(x)
    return np.sin(v) * np.exp(-(v**2) / 32)


@misconception("The factor 0.06 belongs to φ1·x alone, not to φ0.", of="gabor")
def factor_on_everything(phi, x):
    v = 0.06 * (phi[0] + phi[1] * np.asarray(x))
    return np.sin(v) * np.exp(-(v**2) / 32)


@misconception("The bell is exp(−u²/32): look at the 32.", of="gabor")
def wide_envelope(phi, x):
    v = phi[0] + 0.06 * phi[1] * np.asarray(x)
    return np.sin(v) * np.exp(-((v / 32) ** 2))


@misconception("The bell is exp(−u²/32): look at the 32.", of="gabor")
def envelope_of_8(phi, x):
    v = phi[0] + 0.06 * phi[1] * np.asarray(x)
    return np.sin(v) * np.exp(-(v**2) / 8)


@misconception("The bell falls to both sides: mind the minus sign.", of="gabor")
def growing_envelope(phi, x):
    v = phi[0] + 0.06 * phi[1] * np.asarray(x)
    return np.sin(v) * np.exp(v**2 / 32)


@misconception("The bell is missing.", of="gabor")
def no_envelope(phi, x):
    return np.sin(phi[0] + 0.06 * phi[1] * np.asarray(x))


@misconception("φ0 is the shift, φ1 the frequency.", of="gabor")
def parameters_swapped(phi, x):
    return wave((phi[1], phi[0]), x)


@misconception("It is a sine, not a cosine: the wave is odd.", of="gabor")
def cosine(phi, x):
    v = phi[0] + 0.06 * phi[1] * np.asarray(x)
    return np.cos(v) * np.exp(-(v**2) / 32)


@alternative("imaginary part of an exponential", of="gabor")
def by_exponential(phi, x):
    v = phi[0] + 0.06 * phi[1] * np.asarray(x)
    return np.exp(1j * v - v * v / 32).imag


@alternative("sample by sample", of="gabor")
def sample_by_sample(phi, x):
    us = [float(phi[0]) + 0.06 * float(phi[1]) * float(a) for a in x]
    return [math.sin(v) * math.exp(-v * v / 32) for v in us]


# The loss.


@misconception("Mean.", of="gabor_loss")
def loss_sum(phi, x, y):
    return np.sum((wave(phi, x) - y) ** 2)


@misconception("There is no ½ in our losses.", of="gabor_loss")
def loss_half(phi, x, y):
    return np.mean((wave(phi, x) - y) ** 2) / 2


@misconception("No root: the loss is the mean of the squares.", of="gabor_loss")
def loss_root(phi, x, y):
    return np.sqrt(np.mean((wave(phi, x) - y) ** 2))


@misconception("Squares, not absolute values.", of="gabor_loss")
def loss_absolute(phi, x, y):
    return np.mean(np.abs(wave(phi, x) - y))


@misconception("Square each residual before you average.", of="gabor_loss")
def loss_square_of_mean(phi, x, y):
    return np.mean(wave(phi, x) - y) ** 2


@misconception("One number: average over the samples.", of="gabor_loss")
def loss_each(phi, x, y):
    return (wave(phi, x) - y) ** 2


@misconception("The residual is prediction minus target: a sign is wrong.", of="gabor_loss")
def loss_plus(phi, x, y):
    return np.mean((wave(phi, x) + y) ** 2)


@misconception(
    "Noise is not removed: the minimum of the loss need not be 0, so do not subtract the variance.", of="gabor_loss"
)
def loss_variance(phi, x, y):
    return np.var(wave(phi, x) - y)


@alternative("scalar product", of="gabor_loss")
def loss_dot(phi, x, y):
    r = wave(phi, x) - np.asarray(y)
    return np.array([r @ r / r.size])


# The gradient.


@misconception("The envelope moves too.", of="gabor_grad")
def grad_fixed_envelope(phi, x, y):
    return gradient(phi, x, y, lambda v: np.exp(-(v**2) / 32) * np.cos(v))


@misconception("The sine moves too: the product rule has two terms.", of="gabor_grad")
def grad_fixed_sine(phi, x, y):
    return gradient(phi, x, y, lambda v: -v / 16 * np.sin(v) * np.exp(-(v**2) / 32))


@misconception("The derivative of −u²/32 is −u/16.", of="gabor_grad")
def grad_half_envelope(phi, x, y):
    return gradient(phi, x, y, lambda v: np.exp(-(v**2) / 32) * (np.cos(v) - v / 32 * np.sin(v)))


@misconception("The second term of the product rule has the wrong sign.", of="gabor_grad")
def grad_envelope_sign(phi, x, y):
    return gradient(phi, x, y, lambda v: np.exp(-(v**2) / 32) * (np.cos(v) + v / 16 * np.sin(v)))


@misconception("Chain rule.", of="gabor_grad")
def grad_no_inner(phi, x, y):
    x = np.asarray(x)
    v = phi[0] + 0.06 * phi[1] * x
    r = 2 * (wave(phi, x) - y) * right_slope(v)
    return np.array([np.mean(r), np.mean(r)])


@misconception("Chain rule.", of="gabor_grad")
def grad_no_factor(phi, x, y):
    return gradient(phi, x, y, right_slope, inner=1.0)


@misconception("Chain rule.", of="gabor_grad")
def grad_no_x(phi, x, y):
    v = phi[0] + 0.06 * phi[1] * np.asarray(x)
    r = 2 * (wave(phi, x) - y) * right_slope(v)
    return np.array([np.mean(r), 0.06 * np.mean(r)])


@misconception("d(r²)=2r dr.", of="gabor_grad")
def grad_no_two(phi, x, y):
    return gradient(phi, x, y, right_slope, factor=1.0)


@misconception("Mean.", of="gabor_grad")
def grad_sum(phi, x, y):
    return len(x) * gradient(phi, x, y, right_slope)


@misconception("This points downhill; the gradient points uphill.", of="gabor_grad")
def grad_downhill(phi, x, y):
    return -gradient(phi, x, y, right_slope)


@misconception("Order: first the derivative with respect to φ0, then φ1.", of="gabor_grad")
def grad_swapped(phi, x, y):
    return gradient(phi, x, y, right_slope)[::-1]


@misconception("That is the gradient of the mean residual: the residual itself is a factor.", of="gabor_grad")
def grad_no_residual(phi, x, y):
    x = np.asarray(x)
    s = right_slope(phi[0] + 0.06 * phi[1] * x)
    return np.array([np.mean(s), np.mean(s * 0.06 * x)])


@misconception("The mean of a product is not the product of the means.", of="gabor_grad")
def grad_product_of_means(phi, x, y):
    x = np.asarray(x)
    s = right_slope(phi[0] + 0.06 * phi[1] * x)
    r = 2 * np.mean(wave(phi, x) - y)
    return np.array([r * np.mean(s), r * np.mean(s * 0.06 * x)])


@misconception("The bell is a factor of the derivative as well.", of="gabor_grad")
def grad_no_envelope(phi, x, y):
    return gradient(phi, x, y, lambda v: np.cos(v) - v / 16 * np.sin(v))


@misconception("The envelope uses the same u as the sine (misprinted in some notes).", of="gabor_grad")
def grad_of_other_model(phi, x, y):
    x = np.asarray(x)
    w = 0.06 * phi[1] * x
    v, bell = phi[0] + w, np.exp(-(w**2) / 32)
    r = 2 * (np.sin(v) * bell - y)
    return np.array([np.mean(r * np.cos(v) * bell), np.mean(r * bell * (np.cos(v) - w / 16 * np.sin(v)) * 0.06 * x)])


@misconception("One number per parameter: average over the samples.", of="gabor_grad")
def grad_each(phi, x, y):
    x = np.asarray(x)
    r = 2 * (wave(phi, x) - y) * right_slope(phi[0] + 0.06 * phi[1] * x)
    return np.array([r, r * 0.06 * x])


@alternative("Jacobian times residual", of="gabor_grad")
def grad_jacobian(phi, x, y):
    J = np.outer(right_slope(phi[0] + 0.06 * phi[1] * np.asarray(x)), [1.0, 0.06])
    J[:, 1] *= x
    return 2 / len(x) * J.T @ (wave(phi, x) - y)


@alternative("complex steps instead of formulas", of="gabor_grad")
def grad_complex_step(phi, x, y):
    result = []
    for i in range(2):
        at = np.array(phi, dtype=complex)
        at[i] += 1e-30j
        v = at[0] + 0.06 * at[1] * np.asarray(x)
        result.append(float(np.mean((np.sin(v) * np.exp(-v * v / 32) - y) ** 2).imag / 1e-30))
    return result


# The formula.


@misconception("The envelope moves too.", of="df_du")
def formula_fixed_envelope():
    return sp.cos(u) * sp.exp(-(u**2) / 32)


@misconception("The sine moves too: the product rule has two terms.", of="df_du")
def formula_fixed_sine():
    return -u / 16 * sp.sin(u) * sp.exp(-(u**2) / 32)


@misconception("The derivative of −u²/32 is −u/16.", of="df_du")
def formula_half_envelope():
    return sp.exp(-(u**2) / 32) * (sp.cos(u) - u / 32 * sp.sin(u))


@misconception("The second term of the product rule has the wrong sign.", of="df_du")
def formula_envelope_sign():
    return sp.exp(-(u**2) / 32) * (sp.cos(u) + u / 16 * sp.sin(u))


@misconception("A product is not differentiated factor by factor.", of="df_du")
def formula_product_of_derivatives():
    return sp.cos(u) * (-u / 16) * sp.exp(-(u**2) / 32)


@misconception("The inner derivative of the exponential is missing.", of="df_du")
def formula_no_inner():
    return sp.exp(-(u**2) / 32) * (sp.cos(u) + sp.sin(u))


@misconception("The bell is a factor of both terms.", of="df_du")
def formula_no_envelope():
    return sp.cos(u) - u / 16 * sp.sin(u)


@misconception("Enter the result, not the instruction.", of="df_du")
def formula_unevaluated():
    return sp.Derivative(sp.sin(u) * sp.exp(-(u**2) / 32), u)


@misconception("That is the function itself: differentiate it.", of="df_du")
def formula_function():
    return sp.sin(u) * sp.exp(-(u**2) / 32)


@misconception("The derivative of the sine is the cosine, with a plus.", of="df_du")
def formula_minus_cosine():
    return sp.exp(-(u**2) / 32) * (-sp.cos(u) - u / 16 * sp.sin(u))


@alternative("by sp.diff", of="df_du")
def formula_by_machine():
    return sp.diff(sp.sin(u) * sp.exp(-(u**2) / 32), u)


@alternative("as the imaginary part of an exponential", of="df_du")
def formula_exponentials():
    return ((sp.I - u / 16) * sp.exp(sp.I * u - u**2 / 32) + (sp.I + u / 16) * sp.exp(-sp.I * u - u**2 / 32)) / (
        2 * sp.I
    )


@alternative("as text", of="df_du")
def formula_text():
    return "exp(-u**2/32)*cos(u) - u*exp(-u**2/32)*sin(u)/16"


@alternative("own symbol with other assumptions", of="df_du")
def formula_own_symbol():
    v = sp.Symbol("u", real=True)
    return (16 * sp.cos(v) - v * sp.sin(v)) / (16 * sp.exp(v**2 / 32))


@alternative("as an equation", of="df_du")
def formula_equation():
    return sp.Eq(sp.Symbol("df_du"), sp.exp(-(u**2) / 32) * (sp.cos(u) - u / 16 * sp.sin(u)))


# The tests.


def draw(rng, n):
    """Parameters as in the picture, x in [−15, 15], y of the size of the wave."""
    phi = np.array([rng.uniform(-5, 5), rng.uniform(5, 25)])
    return phi, rng.uniform(-15, 15, size=n), rng.normal(size=n)


def exact(phi, x):
    """The wave from its definition, sample by sample, with complex numbers."""
    angles = [complex(float(phi[0]) + 0.06 * float(phi[1]) * float(a)) for a in x]
    return np.array([(np.exp(1j * v) * np.exp(-v * v / 32)).imag for v in angles])


def exact_loss(phi, x, y):
    return math.fsum((exact(phi, x) - y) ** 2) / len(x)


@points(3)
def test_model(student, rng):
    """gabor is the wave under the bell, both at the same u."""
    cases = []
    for n in (12, 1, 2):
        phi, x, _ = draw(rng, n)
        cases += [(phi, x), (phi * [1, -1], x)]
    cases += [(np.array([2, 14]), rng.integers(-9, 10, size=7)), (np.array([1.3, 0.0]), np.arange(3.0))]
    got = [student.gabor(phi, x) for phi, x in cases]
    for mine, (phi, x) in zip(got, cases, strict=True):
        check.close(mine, exact(phi, x))


@points(2)
def test_loss(student, rng):
    """gabor_loss is the mean of the squared residuals."""
    cases = [draw(rng, n) for n in (15, 1, 4)]
    cases.append((np.array([-1, 9]), rng.integers(-9, 10, size=6), rng.integers(-2, 3, size=6)))
    got = [student.gabor_loss(*case) for case in cases]
    for mine, (phi, x, y) in zip(got, cases, strict=True):
        check.close(mine, exact_loss(phi, x, y))


@points(6)
def test_gradient(student, rng):
    """gabor_grad agrees with central differences of the loss at ten points."""
    cases = []
    while len(cases) < 10:
        phi, x, y = draw(rng, int(rng.integers(3, 25)))
        # Where a component is tiny, the absolute floor would let anything pass.
        if np.abs(check.central_differences(lambda p, x=x, y=y: exact_loss(p, x, y), phi)).min() > 1e-2:
            cases.append((phi, x, y))
    got = [student.gabor_grad(*case) for case in cases]
    whole = (np.array([1, 12]), rng.integers(-9, 10, size=8), rng.integers(-2, 3, size=8))
    got.append(student.gabor_grad(*whole))
    for mine, (phi, x, y) in zip(got, [*cases, whole], strict=True):
        check.gradient(lambda p, x=x, y=y: exact_loss(p, x, y), mine, at=phi)


@points(2)
def test_symmetry(student, rng):
    """gabor is odd in φ, and depends on φ and x through u alone: moving the data is the same as moving the shift."""
    phi, x, y = draw(rng, 10)
    s = rng.uniform(1, 4)
    here, odd = student.gabor(phi, x), student.gabor(-phi, x)
    mirrored = student.gabor(phi * [1, -1], -x)
    moved, shifted = student.gabor(phi, x + s), student.gabor(phi + np.array([0.06 * phi[1] * s, 0]), x)
    losses = student.gabor_loss(phi, x, y), student.gabor_loss(-phi, x, -y)
    arrays = [check.array(value, (10,)) for value in (here, odd, mirrored, moved, shifted)]
    here, odd, mirrored, moved, shifted = arrays
    check.that(np.abs(here).max() > 1e-6, "Your wave is 0 everywhere.")
    check.that(np.ptp(here) > 1e-6, "Your wave does not depend on x.")
    check.that(np.allclose(odd, -here, rtol=1e-9, atol=1e-12), "Your g(x, −φ) is not −g(x, φ).")
    check.that(np.allclose(mirrored, here, rtol=1e-9, atol=1e-12), "Your g changes when x and φ1 both change sign.")
    check.that(np.allclose(moved, shifted, rtol=1e-7, atol=1e-10), "Moving x and moving φ0 by the same u differ.")
    check.close(losses[1], check.scalar(losses[0]))


@points(3)
def test_derivative(student):
    """df_du is the derivative of the wave with respect to u."""
    want = sp.diff(sp.sin(u) * sp.exp(-(u**2) / 32), u)
    check.symbolic(student.symbolic("df_du"), want, domain=DOMAIN)
