"""Negative log-likelihood of normal distributions: its derivatives as formulas, its value, its minimiser."""

import math

import numpy as np
import sympy as sp
from scipy.stats import norm

from chainrule import check
from chainrule.grader import alternative, misconception, points

y, mu, s = sp.symbols("y mu s")
DOMAIN = {"y": (-2, 2), "mu": (-2, 2), "s": (-1.2, 1.2)}
HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)

# The negative log-likelihood.


@misconception("Constants are part of the NLL here.")
def no_constant(y, mu, log_sigma):
    return np.mean(log_sigma + (y - mu) ** 2 / (2 * np.exp(log_sigma) ** 2))


@misconception("The term log σ belongs to the NLL: without it the widest bell would always win.")
def no_log_sigma(y, mu, log_sigma):
    return np.mean(HALF_LOG_2PI + (y - mu) ** 2 / (2 * np.exp(log_sigma) ** 2))


@misconception("The parameter is log σ.")
def log_sigma_as_sigma(y, mu, log_sigma):
    with np.errstate(all="ignore"):
        return np.mean(HALF_LOG_2PI + np.log(log_sigma) + (y - mu) ** 2 / (2 * np.asarray(log_sigma) ** 2))


@misconception("The parameter is log σ.")
def log_sigma_as_sigma_in_the_square(y, mu, log_sigma):
    return np.mean(HALF_LOG_2PI + log_sigma + (y - mu) ** 2 / (2 * np.asarray(log_sigma) ** 2))


@misconception("σ and σ² are confused: look at the power of σ below (y−μ)², and at the logarithm of σ.")
def sigma_not_squared(y, mu, log_sigma):
    return np.mean(HALF_LOG_2PI + log_sigma + (y - mu) ** 2 / (2 * np.exp(log_sigma)))


@misconception("σ and σ² are confused: look at the power of σ below (y−μ)², and at the logarithm of σ.")
def log_of_variance(y, mu, log_sigma):
    return np.mean(HALF_LOG_2PI + 2 * np.asarray(log_sigma) + (y - mu) ** 2 / (2 * np.exp(log_sigma) ** 2))


@misconception("σ and σ² are confused: look at the power of σ below (y−μ)², and at the logarithm of σ.")
def log_sigma_is_log_variance(y, mu, log_sigma):
    log_sigma = np.asarray(log_sigma) / 2
    return np.mean(HALF_LOG_2PI + log_sigma + (y - mu) ** 2 / (2 * np.exp(log_sigma) ** 2))


@misconception("Mean over samples.")
def total(y, mu, log_sigma):
    return np.sum(HALF_LOG_2PI + log_sigma + (y - mu) ** 2 / (2 * np.exp(log_sigma) ** 2))


@misconception("Negative log-likelihood: the sign is flipped.")
def positive(y, mu, log_sigma):
    return np.mean(norm.logpdf(y, mu, np.exp(log_sigma)))


@misconception("The exponent of the normal density has a ½.")
def no_half(y, mu, log_sigma):
    return np.mean(HALF_LOG_2PI + log_sigma + (y - mu) ** 2 / np.exp(log_sigma) ** 2)


@misconception("The constant is log √(2π), not log 2π.")
def constant_not_halved(y, mu, log_sigma):
    return np.mean(2 * HALF_LOG_2PI + log_sigma + (y - mu) ** 2 / (2 * np.exp(log_sigma) ** 2))


@misconception("Each sample has its own σ: divide each squared distance by its own σ² before you average.")
def averaged_too_early(y, mu, log_sigma):
    variance = np.mean(np.exp(log_sigma) ** 2)
    return HALF_LOG_2PI + np.mean(log_sigma) + np.mean((y - mu) ** 2) / (2 * variance)


@misconception("Each sample has its own σ: you use one of them for all.")
def first_sigma_only(y, mu, log_sigma):
    return -np.mean(norm.logpdf(y, mu, np.exp(np.ravel(log_sigma)[0])))


@misconception("These are the values of the samples: take their mean.")
def not_averaged(y, mu, log_sigma):
    return -norm.logpdf(y, mu, np.exp(log_sigma))


@misconception("A product of many densities, or a density far from the mean, underflows to 0: take logarithms first.")
def log_of_product(y, mu, log_sigma):
    with np.errstate(all="ignore"):
        return -np.log(np.prod(norm.pdf(y, mu, np.exp(log_sigma)))) / len(y)


@misconception("A product of many densities, or a density far from the mean, underflows to 0: take logarithms first.")
def log_of_density(y, mu, log_sigma):
    with np.errstate(all="ignore"):
        return -np.mean(np.log(norm.pdf(y, mu, np.exp(log_sigma))))


@misconception("Nothing needs to be added to σ: it is positive already, and may be tiny.")
def guarded_sigma(y, mu, log_sigma):
    sigma = np.exp(log_sigma) + 1e-8
    return np.mean(HALF_LOG_2PI + np.log(sigma) + (y - mu) ** 2 / (2 * sigma**2))


@misconception("log σ may be any number: do not clip it.")
def clipped_log_sigma(y, mu, log_sigma):
    log_sigma = np.clip(log_sigma, -20, 20)
    return np.mean(HALF_LOG_2PI + log_sigma + (y - mu) ** 2 / (2 * np.exp(log_sigma) ** 2))


@misconception("Integer input is truncated; convert to float first.")
def truncated(y, mu, log_sigma):
    values = np.zeros_like(y)
    values[:] = HALF_LOG_2PI + log_sigma + (y - mu) ** 2 / (2 * np.exp(log_sigma) ** 2)
    return np.mean(values)


@alternative("scipy.stats.norm.logpdf")
def by_scipy(y, mu, log_sigma):
    return -norm.logpdf(y, loc=mu, scale=np.exp(log_sigma)).mean()


@alternative("expressions in exp(−2s), 0-d array")
def by_precision(y, mu, log_sigma):
    precision = np.exp(-2 * np.asarray(log_sigma, dtype=float))
    return np.array(0.5 * np.mean(np.log(2 * np.pi) + 2 * np.asarray(log_sigma) + precision * (y - mu) ** 2))


@alternative("loop in plain Python")
def loop(y, mu, log_sigma):
    mus, logs = np.broadcast_to(mu, np.shape(y)), np.broadcast_to(log_sigma, np.shape(y))
    value = 0.0
    for a, m, t in zip(y.tolist(), mus.tolist(), logs.tolist(), strict=True):
        u = (a - m) / math.exp(t)
        value += HALF_LOG_2PI + t + u * u / 2
    return value / len(y)


# Its minimiser.


@misconception("The maximum of the likelihood divides by N, not by N − 1.", of="gaussian_mle")
def unbiased(y):
    return np.mean(y), np.std(y, ddof=1)


@misconception("The second result is σ, not σ².", of="gaussian_mle")
def variance(y):
    return np.mean(y), np.var(y)


@misconception("The second result is σ itself, not its logarithm.", of="gaussian_mle")
def log_deviation(y):
    return np.mean(y), np.log(np.std(y))


@misconception("Order is (μ, σ).", of="gaussian_mle")
def deviation_first(y):
    return np.std(y), np.mean(y)


@misconception(
    "The best mean under a normal distribution is not the median: set the derivative to 0.", of="gaussian_mle"
)
def median(y):
    return np.median(y), np.sqrt(np.mean((y - np.median(y)) ** 2))


@misconception("The best σ is no mean absolute distance: set the derivative to 0.", of="gaussian_mle")
def absolute_deviation(y):
    return np.mean(y), np.mean(np.abs(y - np.mean(y)))


@misconception("The distances are taken from the mean, not from 0.", of="gaussian_mle")
def root_mean_square(y):
    return np.mean(y), np.sqrt(np.mean(np.asarray(y, dtype=float) ** 2))


@misconception("That is the standard error of the mean: do not divide by √N.", of="gaussian_mle")
def standard_error(y):
    return np.mean(y), np.std(y) / np.sqrt(len(y))


@alternative("in plain Python, as a list", of="gaussian_mle")
def plain_mle(y):
    values = [float(v) for v in y]
    mean = math.fsum(values) / len(values)
    return [mean, math.sqrt(math.fsum((v - mean) ** 2 for v in values) / len(values))]


@alternative("scipy.stats.norm.fit", of="gaussian_mle")
def fitted(y):
    return norm.fit(y)


# The formulas.


@misconception("The sign is flipped: −log p grows when μ moves away from y.", of="dmu")
def dmu_flipped():
    return (y - mu) * sp.exp(-2 * s)


@misconception("σ² stands below the square: s = log σ occurs twice in the exponent.", of="dmu")
def dmu_sigma():
    return (mu - y) * sp.exp(-s)


@misconception("Half or double: d(u²) = 2u du, and the exponent has a ½.", of="dmu")
def dmu_double():
    return 2 * (mu - y) * sp.exp(-2 * s)


@misconception("Half or double: d(u²) = 2u du, and the exponent has a ½.", of="dmu")
def dmu_half():
    return (mu - y) * sp.exp(-2 * s) / 2


@misconception("s is log σ, not σ.", of="dmu")
def dmu_s_as_sigma():
    return (mu - y) / s**2


@misconception("That is the derivative for σ = 1: keep the width.", of="dmu")
def dmu_unit():
    return mu - y


@misconception("Enter the result, not the instruction.", of="dmu")
def dmu_unevaluated():
    return sp.Derivative((y - mu) ** 2 * sp.exp(-2 * s) / 2, mu)


@misconception("That is the derivative of the density: take its logarithm first.", of="dmu")
def dmu_of_density():
    return sp.diff(sp.exp(-((y - mu) ** 2) * sp.exp(-2 * s) / 2) / (sp.sqrt(2 * sp.pi) * sp.exp(s)), mu)


@misconception("The sign is flipped: this is the derivative of +log p.", of="ds")
def ds_flipped():
    return (y - mu) ** 2 * sp.exp(-2 * s) - 1


@misconception("The term log σ has a derivative too.", of="ds")
def ds_no_one():
    return -((y - mu) ** 2) * sp.exp(-2 * s)


@misconception("That is the derivative with respect to σ: the chain rule for σ = exp(s) is missing.", of="ds")
def ds_with_respect_to_sigma():
    return sp.exp(-s) - (y - mu) ** 2 * sp.exp(-3 * s)


@misconception("Chain rule: the derivative of exp(−2s) has a factor −2.", of="ds")
def ds_no_inner():
    return 1 - (y - mu) ** 2 * sp.exp(-2 * s) / 2


@misconception("Check the sign of the derivative of exp(−2s).", of="ds")
def ds_plus():
    return 1 + (y - mu) ** 2 * sp.exp(-2 * s)


@misconception("The exponent has a ½: it cancels with the 2 from the chain rule.", of="ds")
def ds_double():
    return 1 - 2 * (y - mu) ** 2 * sp.exp(-2 * s)


@misconception("s is log σ, not σ.", of="ds")
def ds_s_as_sigma():
    return 1 / s - (y - mu) ** 2 / s**3


@misconception("Enter the result, not the instruction.", of="ds")
def ds_unevaluated():
    return sp.Derivative(s + (y - mu) ** 2 * sp.exp(-2 * s) / 2, s)


@alternative("with 1/exp(s)²", of="dmu")
def dmu_quotient():
    return -(y - mu) / sp.exp(s) ** 2


@alternative("own symbols with other assumptions", of="dmu")
def dmu_own_symbols():
    a, m, t = sp.symbols("y mu s", real=True)
    return (m - a) / sp.exp(2 * t)


@alternative("by sp.diff of the density's logarithm", of="dmu")
def dmu_by_machine():
    return sp.diff(-sp.log(sp.exp(-((y - mu) ** 2) / (2 * sp.exp(s) ** 2)) / (sp.sqrt(2 * sp.pi) * sp.exp(s))), mu)


@alternative("as text", of="ds")
def ds_text():
    return "1 - (y - mu)**2*exp(-2*s)"


@alternative("by sp.diff of the density's logarithm", of="ds")
def ds_by_machine():
    return sp.diff(-sp.log(sp.exp(-((y - mu) ** 2) / (2 * sp.exp(s) ** 2)) / (sp.sqrt(2 * sp.pi) * sp.exp(s))), s)


@alternative("expanded, as an equation", of="ds")
def ds_equation():
    return sp.Eq(sp.Symbol("ds"), sp.expand(1 - (y - mu) ** 2 * sp.exp(-2 * s)))


# The tests.


def nll(y, mu, log_sigma):
    return -norm.logpdf(y, loc=mu, scale=np.exp(log_sigma)).mean()


@points(4)
def test_density(student, rng):
    """It is the mean of −log p, also for many samples, for samples far from the mean, and for integers."""
    n = int(rng.integers(5, 15))
    means, log_sigma, m = rng.normal(size=n), rng.uniform(0.3, 1), rng.normal()
    cases = [(means + 2 * rng.normal(size=n), means, log_sigma)]  # a mean for each sample
    cases.append((m + rng.normal(size=n), float(m), float(-log_sigma)))
    cases.append((rng.normal(size=3000), 0.3, 0.2))
    cases.append((means + 60 * (1 + rng.uniform(size=n)), means, 0.1))
    cases.append((rng.integers(-4, 5, size=7), 1, 1))
    cases.append((rng.normal(size=1), 0.5, 0.4))
    answers = [student.gaussian_nll(*case) for case in cases]
    for case, answer in zip(cases, answers, strict=True):
        check.close(answer, nll(*case))


@points(2)
def test_own_widths(student, rng):
    """Each sample may have a width of its own."""
    n = int(rng.integers(6, 14))
    mu, log_sigma = rng.normal(size=n), rng.uniform(-1.5, 1.5, size=n)
    y = mu + np.exp(log_sigma) * rng.normal(size=n)
    first, second = student.gaussian_nll(y, mu, log_sigma), student.gaussian_nll(y, 0.5, log_sigma)
    check.close(first, nll(y, mu, log_sigma))
    check.close(second, nll(y, 0.5, log_sigma))


@points(1)
def test_extreme_widths(student, rng):
    """It is right for log σ = ±300 and samples at the mean."""
    y = rng.normal(size=6)
    narrow, wide = student.gaussian_nll(y, y.copy(), -300.0), student.gaussian_nll(y, y.copy(), 300.0)
    mixed = student.gaussian_nll(y, y.copy(), np.array([-300.0, 300.0, 120.0, 0.5, -200.0, 1.0]))
    check.close(narrow, HALF_LOG_2PI - 300)
    check.close(wide, HALF_LOG_2PI + 300)
    check.close(mixed, HALF_LOG_2PI - 78.5 / 6)


@points(3)
def test_mle(student, rng):
    """No other mean and width make the sample more likely."""
    samples = [rng.normal(2, rng.uniform(0.5, 2), size=int(rng.integers(4, 9))), rng.exponential(size=30)]
    samples += [np.array([1, 2, 2, 7, 4]), np.array([0.5, 3.0])]
    answers = [student.gaussian_mle(y) for y in samples]
    for y, answer in zip(samples, answers, strict=True):
        mean, sigma = (check.scalar(part) for part in check.parts(answer, 2))
        check.that(sigma > 0, "Your σ is not positive.", f"{sigma}")
        steps = rng.normal(size=(100, 2)) * 10.0 ** rng.uniform(-3, 0, size=(100, 1))
        mine = nll(y, mean, np.log(sigma))
        others = [nll(y, mean + sigma * a, np.log(sigma) + b) for a, b in steps]
        better = sum(value < mine - 1e-12 * max(1, abs(mine)) for value in others)
        check.that(better == 0, f"Of 100 normal distributions near yours, {better} make the sample more likely.")
        check.close(sigma**2 * len(y), math.fsum((v - mean) ** 2 for v in y.tolist()), rtol=1e-7)


@points(2)
def test_dmu(student):
    """dmu is the derivative of −log p with respect to μ."""
    want = sp.diff(s + (y - mu) ** 2 / (2 * sp.exp(s) ** 2), mu)
    check.symbolic(student.symbolic("dmu"), want, domain=DOMAIN)


@points(2)
def test_ds(student):
    """ds is the derivative of −log p with respect to s = log σ."""
    want = sp.diff(s + (y - mu) ** 2 / (2 * sp.exp(s) ** 2), s)
    check.symbolic(student.symbolic("ds"), want, domain=DOMAIN)
