"""A chain of layers with one neuron each: all derivatives, at the price of a few evaluations."""

import math

import numpy as np

from chainrule import check
from chainrule.grader import alternative, helper, misconception, points


def run_chain(x, w, b, s):
    zs, as_ = [], [x]
    for weight, bias in zip(w, b, strict=True):
        zs.append(weight * as_[-1] + bias)
        as_.append(s(zs[-1]))
    return zs, as_


def sensitivities(y, w, zs, as_, ds):
    """The δ_l of a chain, from the first layer to the last."""
    delta = [2 * (as_[-1] - y) * ds(zs[-1])]
    for k in reversed(range(len(w) - 1)):
        delta.append(w[k + 1] * delta[-1] * ds(zs[k]))
    return delta[::-1]


def products(delta, as_):
    return [d * a for d, a in zip(delta, as_, strict=False)]


def quotients_instead(run):
    return "ds was called 0 times" in run.failure


@misconception("Difference quotients are for checking: the chain rule gives exact derivatives.", when=quotients_instead)
def difference_quotients(x, y, w, b, s, ds):
    def loss(parameters):
        return (run_chain(x, parameters[: len(w)], parameters[len(w) :], s)[1][-1] - y) ** 2

    at, slopes = np.concatenate([w, b]).astype(float), []
    for e in np.eye(len(at)):
        slopes.append((loss(at + 1e-5 * e) - loss(at - 1e-5 * e)) / 2e-5)
    return slopes[: len(w)], slopes[len(w) :]


@misconception("∂z_l/∂w_l=a_(l−1).")
def activation_after(x, y, w, b, s, ds):
    zs, as_ = run_chain(x, w, b, s)
    delta = sensitivities(y, w, zs, as_, ds)
    return products(delta, as_[1:]), delta


@misconception("Derivative at the pre-activation z.")
def slope_at_activation(x, y, w, b, s, ds):
    _, as_ = run_chain(x, w, b, s)
    delta = sensitivities(y, w, as_[1:], as_, ds)
    return products(delta, as_), delta


@misconception("δ_l=w_(l+1)δ_(l+1)s′(z_l).")
def weight_of_own_layer(x, y, w, b, s, ds):
    zs, as_ = run_chain(x, w, b, s)
    delta = [2 * (as_[-1] - y) * ds(zs[-1])]
    for k in reversed(range(len(w) - 1)):
        delta.append(w[k] * delta[-1] * ds(zs[k]))
    return products(delta[::-1], as_), delta[::-1]


@misconception("δ_l=w_(l+1)δ_(l+1)s′(z_l).")
def slope_of_next_layer(x, y, w, b, s, ds):
    zs, as_ = run_chain(x, w, b, s)
    slopes = [ds(z) for z in zs]
    delta = [2 * (as_[-1] - y) * slopes[-1]]
    for k in reversed(range(len(w) - 1)):
        delta.append(w[k + 1] * delta[-1] * slopes[k + 1])
    return products(delta[::-1], as_), delta[::-1]


@misconception("The weight is missing on the way back: z_(l+1) = w_(l+1) a_l + b_(l+1).")
def weights_forgotten(x, y, w, b, s, ds):
    zs, as_ = run_chain(x, w, b, s)
    delta = [2 * (as_[-1] - y) * ds(zs[-1])]
    for k in reversed(range(len(w) - 1)):
        delta.append(delta[-1] * ds(zs[k]))
    return products(delta[::-1], as_), delta[::-1]


@misconception("The derivative of the activation is missing between the layers.")
def slopes_forgotten(x, y, w, b, s, ds):
    zs, as_ = run_chain(x, w, b, s)
    for z in zs[:-1]:
        ds(z)
    delta = [2 * (as_[-1] - y) * ds(zs[-1])]
    for k in reversed(range(len(w) - 1)):
        delta.append(w[k + 1] * delta[-1])
    return products(delta[::-1], as_), delta[::-1]


@misconception("The last layer has an activation, too: a_L = s(z_L).")
def last_slope_forgotten(x, y, w, b, s, ds):
    zs, as_ = run_chain(x, w, b, s)
    delta = [2 * (as_[-1] - y)]
    ds(zs[-1])
    for k in reversed(range(len(w) - 1)):
        delta.append(w[k + 1] * delta[-1] * ds(zs[k]))
    return products(delta[::-1], as_), delta[::-1]


@misconception("d(a−y)²=2(a−y).")
def no_factor_two(x, y, w, b, s, ds):
    zs, as_ = run_chain(x, w, b, s)
    delta = [d / 2 for d in sensitivities(y, w, zs, as_, ds)]
    return products(delta, as_), delta


@misconception("The sign: ℓ = (a_L − y)² rises where a_L is above y.")
def sign(x, y, w, b, s, ds):
    zs, as_ = run_chain(x, w, b, s)
    delta = [-d for d in sensitivities(y, w, zs, as_, ds)]
    return products(delta, as_), delta


@misconception("These are the derivatives of a_L: the loss comes after it.")
def of_output(x, y, w, b, s, ds):
    zs, as_ = run_chain(x, w, b, s)
    delta = sensitivities(as_[-1] - 0.5, w, zs, as_, ds)
    return products(delta, as_), delta


@misconception("Your lists run from the last layer to the first: turn them around.")
def backwards(x, y, w, b, s, ds):
    zs, as_ = run_chain(x, w, b, s)
    delta = sensitivities(y, w, zs, as_, ds)
    return products(delta, as_)[::-1], delta[::-1]


@misconception("Order is (dw, db).")
def biases_first(x, y, w, b, s, ds):
    zs, as_ = run_chain(x, w, b, s)
    delta = sensitivities(y, w, zs, as_, ds)
    return delta, products(delta, as_)


@misconception("The derivative by the bias is not that by the activation: the slope of s lies between them.")
def bias_after_activation(x, y, w, b, s, ds):
    zs, as_ = run_chain(x, w, b, s)
    delta = sensitivities(y, w, zs, as_, ds)
    after = [w[k + 1] * delta[k + 1] for k in range(len(w) - 1)] + [2 * (as_[-1] - y)]
    return products(delta, as_), after


@misconception("The derivative by w_l has the factor a_(l−1), not z_(l−1).")
def preactivation_before(x, y, w, b, s, ds):
    zs, as_ = run_chain(x, w, b, s)
    delta = sensitivities(y, w, zs, as_, ds)
    return products(delta, [x, *zs]), delta


def too_many_slopes(run):
    return run.test in ("test_calls", "test_multiplications") and "quadratic" in run.failure


@misconception("Right, but O(L²): reuse δ_(l+1) ({calls} calls of ds for {layers} layers).", when=too_many_slopes)
def from_scratch(x, y, w, b, s, ds):
    zs, as_ = run_chain(x, w, b, s)
    dw, db = [], []
    for k in range(len(w)):
        delta = 2 * (as_[-1] - y) * ds(zs[-1])
        for j in reversed(range(k, len(w) - 1)):
            delta = delta * w[j + 1] * ds(zs[j])
        dw.append(delta * as_[k])
        db.append(delta)
    return dw, db


def too_many_products(run):
    return run.test == "test_multiplications" and "multiplications" in run.failure


@misconception("Right, but O(L²) multiplications: δ_(l+1) already holds the product.", when=too_many_products)
def from_stored_slopes(x, y, w, b, s, ds):
    zs, as_ = run_chain(x, w, b, s)
    slopes = [ds(z) for z in zs]
    db = []
    for k in range(len(w)):
        delta = 2 * (as_[-1] - y) * slopes[-1]
        for j in range(k, len(w) - 1):
            delta = delta * w[j + 1] * slopes[j]
        db.append(delta)
    return products(db, as_), db


def repeated_forward(run):
    return run.test == "test_calls" and "s was called" in run.failure and "ds was called" not in run.failure


@misconception("One pass forward is enough: keep its results.", when=repeated_forward)
def two_forward_passes(x, y, w, b, s, ds):
    zs, _ = run_chain(x, w, b, s)
    _, as_ = run_chain(x, w, b, s)
    delta = sensitivities(y, w, zs, as_, ds)
    return products(delta, as_), delta


@misconception("Dividing undoes a product only where no factor is 0: some weights may be.")
def divides_by_weights(x, y, w, b, s, ds):
    zs, as_ = run_chain(x, w, b, s)
    slopes = [ds(z) for z in zs]
    product = 2 * (as_[-1] - y)
    for weight, slope in zip(w, slopes, strict=True):
        product = product * weight * slope
    db = []
    for weight, slope in zip(w, slopes, strict=True):
        db.append(product / weight)
        product = product / weight / slope
    return products(db, as_), db


@misconception("Every layer has its own derivatives: you return those of one layer.")
def first_layer_only(x, y, w, b, s, ds):
    zs, as_ = run_chain(x, w, b, s)
    delta = sensitivities(y, w, zs, as_, ds)
    return delta[0] * x, delta[0]


@alternative("recursion")
def recursive(x, y, w, b, s, ds):
    def back(a, k):
        """Derivatives by the parameters from layer k on, and by its input a."""
        if k == len(w):
            return [], [], 2 * (a - y)
        z = w[k] * a + b[k]
        dw, db, upstream = back(s(z), k + 1)
        delta = upstream * ds(z)
        return [delta * a, *dw], [delta, *db], delta * w[k]

    dw, db, _ = back(x, 0)
    return dw, db


@alternative("the derivative by the activation is carried")
def by_activations(x, y, w, b, s, ds):
    zs, as_ = run_chain(x, w, b, s)
    dw, db = [None] * len(w), [None] * len(w)
    da = (as_[-1] - y) * 2
    for k in range(len(w) - 1, -1, -1):
        db[k] = da * ds(zs[k])
        dw[k] = db[k] * as_[k]
        da = db[k] * w[k]
    return dw, db


@alternative("slopes on the way forward")
def slopes_first(x, y, w, b, s, ds):
    a, inputs, slopes = x, [], []
    for weight, bias in zip(w, b, strict=True):
        z = bias + weight * a
        inputs.append(a)
        slopes.append(ds(z))
        a = s(z)
    db = [(a - y + a - y) * slopes[-1]]
    for weight, slope in zip(list(w)[:0:-1], slopes[-2::-1], strict=True):
        db.insert(0, db[0] * weight * slope)
    return [d * a for d, a in zip(db, inputs, strict=True)], db


class CountingFloat:
    """A number that counts the operations on it, in a tally shared by all of them."""

    def __init__(self, value, tally):
        self.value, self.tally = value, tally

    def _made(self, operation, value):
        self.tally[operation] = self.tally.get(operation, 0) + 1
        return CountingFloat(value, self.tally)

    def __add__(self, other):
        return self._made("+", self.value + plain(other))

    def __sub__(self, other):
        return self._made("-", self.value - plain(other))

    def __rsub__(self, other):
        return self._made("-", plain(other) - self.value)

    def __mul__(self, other):
        return self._made("*", self.value * plain(other))

    def __truediv__(self, other):
        return self._made("/", self.value / plain(other))

    def __rtruediv__(self, other):
        return self._made("/", plain(other) / self.value)

    def __pow__(self, power):
        return self._made("*", self.value**power)

    def __neg__(self):
        return self._made("-", -self.value)

    __radd__, __rmul__ = __add__, __mul__


def plain(number):
    return number.value if isinstance(number, CountingFloat) else number


def backward_counted(function, x, y, w, b):
    """Run the student's function on counting numbers, with s = sin; results as floats, and the tally."""
    tally, slopes = {}, {"calls": 0}

    def s(z):
        return CountingFloat(math.sin(z.value), tally)

    def ds(z):
        slopes["calls"] += 1
        return CountingFloat(math.cos(z.value), tally)

    def numbers(values):
        return [CountingFloat(value, tally) for value in values]

    dw, db = function(CountingFloat(x, tally), CountingFloat(y, tally), numbers(w), numbers(b), s, ds)
    return [plain(d) for d in dw], [plain(d) for d in db], {**tally, **slopes}


def tanh_slope(z):
    return 1 - math.tanh(z) ** 2


def atan_slope(z):
    return 1 / (1 + z * z)


def softplus(z):
    return math.log1p(math.exp(z))


def softplus_slope(z):
    return 1 / (1 + math.exp(-z))


ACTIVATIONS = (
    (math.tanh, tanh_slope),
    (math.atan, atan_slope),
    (math.sin, math.cos),
    (softplus, softplus_slope),
)


def draw(rng, layers):
    """Numbers for which the derivatives are neither tiny nor huge."""
    w = rng.choice([-1, 1], size=layers) * rng.uniform(0.8, 1.6, size=layers)
    return float(rng.normal()), float(rng.choice([-1, 1]) * rng.uniform(2, 4)), w, 0.4 * rng.normal(size=layers)


def loss(parameters, x, y, layers, s):
    return (run_chain(x, parameters[:layers], parameters[layers:], s)[1][-1] - y) ** 2


def agree(got, x, y, w, b, s):
    dw, db = check.parts(got, 2)
    dw, db = check.array(dw, (len(w),)), check.array(db, (len(w),))
    at = np.concatenate([w, b]).astype(float)
    check.gradient(lambda p: loss(p, x, y, len(w), s), np.concatenate([dw, db]), at)


@points(5)
def test_finite_differences(student, rng):
    """All derivatives agree with central differences, for several depths and activations."""
    cases = [(*draw(rng, layers), *pair) for layers, pair in zip((2, 3, 4, 5), ACTIVATIONS, strict=True)]
    cases.append((2, 1, rng.integers(1, 3, size=3), rng.integers(-1, 2, size=3), math.atan, atan_slope))
    got = [student.chain_backward(*case) for case in cases]
    for result, (x, y, w, b, s, _) in zip(got, cases, strict=True):
        agree(result, x, y, w, b, s)


@points(3)
def test_calls(student, rng, facts):
    """s and its derivative are called once for each layer, at the pre-activations."""
    layers = int(rng.integers(6, 12))
    x, y, w, b = draw(rng, layers)
    s, ds = check.counted(math.atan), check.counted(atan_slope)
    got = student.chain_backward(x, y, w, b, s, ds)
    facts["calls"], facts["layers"] = str(ds.calls), str(layers)
    growth = " That is quadratic." if ds.calls >= layers * (layers + 1) / 2 else ""
    check.that(ds.calls == layers, f"ds was called {ds.calls} times for {layers} layers.{growth}")
    check.that(s.calls == layers, f"s was called {s.calls} times for {layers} layers.")
    zs = np.sort(run_chain(x, w, b, math.atan)[0])
    for asked in (s, ds):
        check.that(
            np.allclose(np.sort([float(z) for (z,) in asked.inputs]), zs),
            "s or ds is not called at the pre-activations, once at each.",
        )
    agree(got, x, y, w, b, math.atan)


@points(2)
def test_zero_weights(student, rng):
    """It is right where some weights are 0."""
    cases = []
    for layers, zeros in ((3, [1]), (5, [2, 4]), (4, [0]), (3, [2])):
        x, y, w, b = draw(rng, layers)
        w[zeros] = 0.0
        cases.append((x, y, w, b))
    got = [student.chain_backward(*case, math.sin, math.cos) for case in cases]
    for result, case in zip(got, cases, strict=True):
        agree(result, *case, math.sin)


@points(2)
def test_one_layer(student, rng):
    """It is right for a single layer."""
    cases = [(*draw(rng, 1), *pair) for pair in ACTIVATIONS]
    got = [student.chain_backward(*case) for case in cases]
    for result, (x, y, w, b, s, _) in zip(got, cases, strict=True):
        agree(result, x, y, w, b, s)


@points(2)
def test_multiplications(student, rng, facts):
    """50 layers take at most 500 multiplications and no division, on numbers of another kind."""
    layers = 50
    x, y, w, b = draw(rng, layers)
    b = b + 0.5 * rng.normal(size=layers)
    got = student.beside(helper(backward_counted), student.chain_backward, x, y, w.tolist(), b.tolist())
    dw, db, tally = got
    facts["calls"], facts["layers"] = str(tally["calls"]), str(layers)
    check.that(tally.get("/", 0) == 0, f"You divide {tally.get('/', 0)} times. No division is needed.")
    times = tally.get("*", 0)
    growth = " That is quadratic." if tally["calls"] >= layers * (layers + 1) / 2 else ""
    check.that(times <= 10 * layers, f"{times} multiplications for {layers} layers are too many.{growth}")
    zs, as_ = run_chain(x, w, b, math.sin)
    delta = sensitivities(y, w, zs, as_, math.cos)
    check.close(db, delta)
    check.close(dw, products(delta, as_))
