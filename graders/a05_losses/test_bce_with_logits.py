"""Binary cross-entropy of logits: value, gradient, and two derivatives as formulas."""

import math

import numpy as np
import sympy as sp
from scipy.special import expit, xlogy

from chainrule import check
from chainrule.grader import alternative, misconception, points

p, y = sp.symbols("p y")
DOMAIN = {"p": (0.02, 0.98), "y": (0, 1)}

UNSTABLE = "inf or NaN for large |z|: rearrange on paper until no exp of a large number and no log of 0 is left."

# The loss.


@misconception(UNSTABLE)
def log_of_sigmoid(z, y):
    with np.errstate(all="ignore"):
        p = 1 / (1 + np.exp(-z))
        return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


@misconception(UNSTABLE)
def log_of_sigmoid_without_nan(z, y):
    p = expit(z)
    with np.errstate(all="ignore"):
        return -np.mean(xlogy(y, p) + xlogy(1 - y, 1 - p))


@misconception(UNSTABLE)
def naive_softplus(z, y):
    with np.errstate(all="ignore"):
        return np.mean(np.log(1 + np.exp(z)) - y * z)


@misconception("Loss capped at 16.1: clipping hides the mistake.")
def clipped_at_7(z, y):
    p = np.clip(expit(z), 1e-7, 1 - 1e-7)
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


@misconception("Your loss is capped: a small number inside the logarithm or a clipped p hides the mistake.")
def clipped_at_12(z, y):
    p = np.clip(expit(z), 1e-12, 1 - 1e-12)
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


@misconception("Your loss is capped: a small number inside the logarithm or a clipped p hides the mistake.")
def epsilon_inside(z, y):
    p = expit(z)
    return -np.mean(y * np.log(p + 1e-12) + (1 - y) * np.log(1 - p + 1e-12))


@misconception("Your loss is capped: clipping the logits hides the mistake.")
def clipped_logits(z, y):
    z = np.clip(z, -500, 500)
    return np.mean(np.logaddexp(0, z) - y * z)


@misconception("Your loss is capped: torch's binary_cross_entropy of probabilities stops at 100.")
def capped_at_100(z, y):
    p = expit(z)
    with np.errstate(all="ignore"):
        a, b = np.maximum(np.log(p), -100), np.maximum(np.log(1 - p), -100)
    return -np.mean(y * a + (1 - y) * b)


@misconception("Brackets! Both terms carry the sign (printed wrongly in some notes).")
def missing_brackets(z, y):
    return np.mean(y * np.logaddexp(0, -z) - (1 - y) * np.logaddexp(0, z))


@misconception("The sign is flipped: a loss is the negative log-likelihood.")
def flipped(z, y):
    return -np.mean(np.logaddexp(0, z) - y * z)


@misconception("Labels are 0/1, not ±1.")
def plus_minus_labels(z, y):
    return np.mean(np.logaddexp(0, -y * z))


@misconception("Labels are 0/1, not ±1: a label between them belongs to both classes in part.")
def margin_of_hard_labels(z, y):
    return np.mean(np.logaddexp(0, np.where(y > 0.5, -z, z)))


@misconception("The second term is missing: samples with y = 0 cost something too.")
def first_term_only(z, y):
    return np.mean(y * np.logaddexp(0, -z))


@misconception("y = 1 belongs to σ(z), y = 0 to 1 − σ(z): they are swapped.")
def swapped(z, y):
    return np.mean(np.logaddexp(0, -z) + y * z)


@misconception("Mean over N, not a sum.")
def total(z, y):
    return np.sum(np.logaddexp(0, z) - y * z)


@misconception("These are the losses of the samples: take their mean.")
def not_averaged(z, y):
    return np.logaddexp(0, z) - y * z


@misconception("z are logits, not probabilities: the sigmoid belongs to the loss.")
def logits_as_probabilities(z, y):
    q = np.clip(z, 1e-12, 1 - 1e-12)
    return -np.mean(y * np.log(q) + (1 - y) * np.log(1 - q))


@misconception("That is the squared error of the probability.")
def squared(z, y):
    return np.mean((expit(z) - y) ** 2)


@misconception("Natural logarithm, please.")
def base_two(z, y):
    return np.mean(np.logaddexp(0, z) - y * z) / np.log(2)


@alternative("logaddexp(0, z) − y z")
def by_logaddexp(z, y):
    return np.mean(np.logaddexp(0, z) - y * z)


@alternative("softplus form, 0-d array")
def by_softplus(z, y):
    return np.array((y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z)).mean())


@alternative("scipy.special.log_expit")
def by_log_expit(z, y):
    from scipy.special import log_expit

    return -np.mean(y * log_expit(z) + (1 - y) * log_expit(-np.asarray(z, dtype=float)))


@alternative("loop with cases, plain Python")
def loop(z, y):
    losses = []
    for a, t in zip(z.tolist(), y.tolist(), strict=True):
        soft = a + math.log1p(math.exp(-a)) if a > 0 else math.log1p(math.exp(a))
        losses.append(soft - t * a)
    return math.fsum(losses) / len(losses)


# Its gradient.


@misconception("Mean over N: divide the gradient by the number of samples.", of="bce_grad")
def not_divided(z, y):
    return expit(z) - y


@misconception("Sign: the gradient points uphill.", of="bce_grad")
def downhill(z, y):
    return (y - expit(z)) / len(z)


@misconception("This is the gradient of a squared error: the factor p(1−p) cancels in cross-entropy.", of="bce_grad")
def with_sigmoid_slope(z, y):
    q = expit(z)
    return (q - y) * q * (1 - q) / len(z)


@misconception("That is the gradient of the squared error of the probability.", of="bce_grad")
def of_squared_error(z, y):
    q = expit(z)
    return 2 * (q - y) * q * (1 - q) / len(z)


@misconception("NaN for large |z|: exp(z)/(1 + exp(z)) is inf/inf. Use exp of a negative number.", of="bce_grad")
def unstable_sigmoid(z, y):
    with np.errstate(all="ignore"):
        return (np.exp(z) / (1 + np.exp(z)) - y) / len(z)


@misconception("That is the derivative with respect to p: the chain rule for p = σ(z) is missing.", of="bce_grad")
def with_respect_to_p(z, y):
    q = expit(z)
    with np.errstate(all="ignore"):
        return (q - y) / (q * (1 - q)) / len(z)


@misconception("NaN for large |z|: p − y over p(1−p) times p(1−p) is 0/0. Cancel on paper.", of="bce_grad")
def not_cancelled(z, y):
    q = expit(z)
    with np.errstate(all="ignore"):
        return (-y / q + (1 - y) / (1 - q)) * q * (1 - q) / len(z)


@misconception("The gradient has one entry for each logit: do not average it.", of="bce_grad")
def averaged(z, y):
    return np.mean(expit(z) - y)


@misconception("Labels may lie between 0 and 1: do not round them.", of="bce_grad")
def hard_labels(z, y):
    return (expit(z) - (np.asarray(y) > 0.5)) / len(z)


@alternative("with scipy.special.expit", of="bce_grad")
def by_expit(z, y):
    return (expit(z) - y) / np.size(z)


@alternative("1/(1+exp(−z)), where an overflow does no harm", of="bce_grad")
def plain_sigmoid(z, y):
    with np.errstate(over="ignore"):
        return (1 / (1 + np.exp(-np.asarray(z, dtype=float))) - y) / len(z)


@alternative("with tanh, as a list", of="bce_grad")
def by_tanh(z, y):
    return [((1 + math.tanh(a / 2)) / 2 - t) / len(z) for a, t in zip(z.tolist(), y.tolist(), strict=True)]


# The formulas.


@misconception("Half the true derivative: d(u²) = 2u du.", of="dsq")
def dsq_half():
    return (p - y) * p * (1 - p)


@misconception("Chain rule: p depends on z, and the derivative of the sigmoid is missing.", of="dsq")
def dsq_no_sigmoid():
    return 2 * (p - y)


@misconception("Look at the derivative of the sigmoid again: it vanishes at both ends.", of="dsq")
def dsq_only_p():
    return 2 * (p - y) * p


@misconception("Look at the derivative of the sigmoid again: it vanishes at both ends.", of="dsq")
def dsq_only_q():
    return 2 * (p - y) * (1 - p)


@misconception("The sign is flipped: the derivative of (p − y) with respect to p is +1.", of="dsq")
def dsq_flipped():
    return 2 * (y - p) * p * (1 - p)


@misconception("That is the cross-entropy's: here the loss is (p − y)².", of="dsq")
def dsq_is_dbce():
    return p - y


@misconception("That is the loss itself: differentiate it.", of="dsq")
def dsq_loss():
    return (p - y) ** 2


@misconception("Enter the result, not the instruction.", of="dsq")
def dsq_unevaluated():
    return sp.Derivative((p - y) ** 2, p)


@misconception("That is the derivative with respect to p: the chain rule for p = σ(z) is missing.", of="dbce")
def dbce_with_respect_to_p():
    return (p - y) / (p * (1 - p))


@misconception("The sign is flipped: the loss falls when p moves towards y.", of="dbce")
def dbce_flipped():
    return y - p


@misconception("Brackets! Both terms carry the sign (printed wrongly in some notes).", of="dbce")
def dbce_brackets():
    return -y * (1 - p) - (1 - y) * p


@misconception("The second term is missing: samples with y = 0 cost something too.", of="dbce")
def dbce_first_term():
    return -y * (1 - p)


@misconception("The factor p(1 − p) cancels against the derivatives of the logarithms.", of="dbce")
def dbce_not_cancelled():
    return (p - y) * p * (1 - p)


@misconception("This is the derivative of the squared error.", of="dbce")
def dbce_is_dsq():
    return 2 * (p - y) * p * (1 - p)


@misconception("One sample only.", of="dbce")
def dbce_mean():
    return (p - y) / sp.Symbol("N")


@misconception("Enter the result, not the instruction.", of="dbce")
def dbce_unevaluated():
    return sp.Derivative(-(y * sp.log(p) + (1 - y) * sp.log(1 - p)), p)


@alternative("expanded", of="dsq")
def dsq_expanded():
    return sp.expand(2 * (p - y) * p * (1 - p))


@alternative("own symbols with other assumptions", of="dsq")
def dsq_own_symbols():
    a, b = sp.symbols("p y", positive=True)
    return -2 * a * (a - 1) * (a - b)


@alternative("as text", of="dsq")
def dsq_text():
    return "2*(p - y)*(p - p**2)"


@alternative("not simplified", of="dbce")
def dbce_long():
    return (-y / p + (1 - y) / (1 - p)) * p * (1 - p)


@alternative("as an equation", of="dbce")
def dbce_equation():
    return sp.Eq(sp.Symbol("dbce"), p * (1 - y) - y * (1 - p))


# The tests.


def draw(rng, n):
    """Logits of moderate size and hard labels of both kinds."""
    y = (rng.uniform(size=n) < 0.5).astype(float)
    y[:2] = 0, 1
    return 2 * rng.normal(size=n), rng.permutation(y)


def reference(z, y):
    """The definition, term by term, exact where neither term underflows."""
    terms = []
    for a, t in zip(np.ravel(z).tolist(), np.ravel(y).tolist(), strict=True):
        q, rest = 1 / (1 + math.exp(-a)), 1 / (1 + math.exp(a))
        terms.append(-(t * math.log(q) + (1 - t) * math.log(rest)))
    return math.fsum(terms) / len(terms)


@points(2)
def test_moderate(student, rng):
    """It is the mean negative log-likelihood for labels 0 and 1, also for integers and for one sample."""
    cases = [draw(rng, int(rng.integers(5, 15))) for _ in range(3)]
    cases.append((rng.integers(-6, 7, size=8), np.array([0, 1, 1, 0, 1, 0, 0, 1])))
    cases.append((rng.normal(size=1), np.ones(1)))
    cases.append((30 * rng.uniform(-1, 1, size=6), np.array([1.0, 0, 1, 0, 1, 0])))
    answers = [student.bce_with_logits(*case) for case in cases]
    for case, answer in zip(cases, answers, strict=True):
        check.close(answer, reference(*case))


@points(3)
def test_large(student, rng):
    """It is finite and exact for logits up to ±10⁴."""
    t = float(rng.integers(5000, 10001))
    singles = [(t, 0.0, t), (-t, 1.0, t), (t, 1.0, 0.0), (-t, 0.0, 0.0), (1e4, 0.0, 1e4), (60.0, 0.0, 60.0)]
    answers = [student.bce_with_logits(np.array([z]), np.array([y])) for z, y, _ in singles]
    mixed = student.bce_with_logits(np.array([t, -t, 800.0, 0.0]), np.array([0.0, 0.0, 0.0, 1.0]))
    for answer, (_, _, want) in zip(answers, singles, strict=True):
        check.close(answer, want, rtol=1e-12)
    check.close(mixed, (t + 800 + math.log(2)) / 4, rtol=1e-12)


@points(2)
def test_gradient(student, rng):
    """bce_grad agrees with central differences, and is right for logits of ±10⁴."""
    cases = [draw(rng, int(rng.integers(3, 9))) for _ in range(3)]
    cases.append((rng.normal(size=5), rng.uniform(size=5)))
    cases.append((rng.integers(-3, 4, size=4), np.array([0, 1, 1, 0])))
    large, labels = np.array([1e4, 1e4, -1e4, -1e4, 0.0]), np.array([0.0, 1.0, 0.0, 1.0, 1.0])
    answers, extreme = [student.bce_grad(*case) for case in cases], student.bce_grad(large, labels)
    for (z, y), answer in zip(cases, answers, strict=True):
        check.gradient(lambda a, y=y: reference(a, y), answer, at=z)
    check.close(extreme, np.array([1.0, 0.0, 0.0, -1.0, -0.5]) / 5)


@points(1)
def test_soft_labels(student, rng):
    """Labels may lie between 0 and 1."""
    z, y = 2 * rng.normal(size=7), rng.uniform(0.1, 0.9, size=7)
    first, second = student.bce_with_logits(z, y), student.bce_with_logits(np.array([400.0]), np.array([0.25]))
    check.close(first, reference(z, y))
    check.close(second, 300.0)


def derivative_of(loss):
    """∂loss/∂z in terms of p and y, by SymPy: z is replaced by the logit of p afterwards."""
    z = sp.Symbol("z")
    return sp.diff(loss(1 / (1 + sp.exp(-z))), z).subs(z, sp.log(p / (1 - p)))


@points(2)
def test_dsq(student):
    """dsq is the derivative of (p − y)² with respect to the logit."""
    check.symbolic(student.symbolic("dsq"), derivative_of(lambda q: (q - y) ** 2), domain=DOMAIN)


@points(2)
def test_dbce(student):
    """dbce is the derivative of the binary cross-entropy with respect to the logit."""
    want = derivative_of(lambda q: -(y * sp.log(q) + (1 - y) * sp.log(1 - q)))
    check.symbolic(student.symbolic("dbce"), want, domain=DOMAIN)
