"""A chain of layers with one neuron each: the way forward."""

import math

import numpy as np

from chainrule import check
from chainrule.grader import alternative, helper, misconception, points


@misconception("as_ has L+1 entries.")
def input_missing(x, w, b, s):
    zs, as_, a = [], [], x
    for weight, bias in zip(w, b, strict=True):
        zs.append(weight * a + bias)
        a = s(zs[-1])
        as_.append(a)
    return zs, as_


@misconception("a_0=x.")
def activation_of_input(x, w, b, s):
    zs, as_ = [], [s(x)]
    for weight, bias in zip(w, b, strict=True):
        zs.append(weight * as_[-1] + bias)
        as_.append(s(zs[-1]))
    return zs, as_


@misconception("zs are pre-activations.")
def activated_twice(x, w, b, s):
    zs, as_ = [], [x]
    for weight, bias in zip(w, b, strict=True):
        as_.append(s(weight * as_[-1] + bias))
        zs.append(as_[-1])
    return zs, as_


@misconception("Layers are sequential.")
def all_layers_at_once(x, w, b, s):
    zs = [weight * x + bias for weight, bias in zip(w, b, strict=True)]
    return zs, [x, *(s(z) for z in zs)]


@misconception("Layers are sequential.")
def vectorised(x, w, b, s):
    zs = np.asarray(w) * x + np.asarray(b)
    return list(zs), [x, *(s(z) for z in zs)]


@misconception("The activation stands between the layers, too.")
def linear_inside(x, w, b, s):
    zs, as_, z = [], [x], x
    for weight, bias in zip(w, b, strict=True):
        z = weight * z + bias
        zs.append(z)
        as_.append(s(z))
    return zs, as_


@misconception("In this chain the last layer has an activation like all others.")
def last_layer_affine(x, w, b, s):
    zs, as_ = [], [x]
    for weight, bias in zip(w, b, strict=True):
        zs.append(weight * as_[-1] + bias)
        as_.append(s(zs[-1]) if len(zs) < len(w) else zs[-1])
    return zs, as_


@misconception("z_l = w_l a_(l−1) + b_l: the bias is not multiplied by the weight.")
def bias_inside(x, w, b, s):
    zs, as_ = [], [x]
    for weight, bias in zip(w, b, strict=True):
        zs.append(weight * (as_[-1] + bias))
        as_.append(s(zs[-1]))
    return zs, as_


@misconception("The bias is missing.")
def no_bias(x, w, b, s):
    zs, as_ = [], [x]
    for weight in w:
        zs.append(weight * as_[-1])
        as_.append(s(zs[-1]))
    return zs, as_


@misconception("Order is (zs, as_).")
def activations_first(x, w, b, s):
    zs, as_ = [], [x]
    for weight, bias in zip(w, b, strict=True):
        zs.append(weight * as_[-1] + bias)
        as_.append(s(zs[-1]))
    return as_, zs


@misconception("zs has L entries: the input is an activation, it has no z.")
def input_as_z(x, w, b, s):
    zs, as_ = [x], [x]
    for weight, bias in zip(w, b, strict=True):
        zs.append(weight * as_[-1] + bias)
        as_.append(s(zs[-1]))
    return zs, as_


def repeated(run):
    return run.test == "test_calls" and "more than once" in run.failure


@misconception("Each activation is needed twice, but computed once: keep it.", when=repeated)
def from_the_start_each_time(x, w, b, s):
    zs, as_ = [], [x]
    for last in range(len(w)):
        a = x
        for weight, bias in zip(w[: last + 1], b[: last + 1], strict=True):
            z = weight * a + bias
            a = s(z)
        zs.append(z)
        as_.append(a)
    return zs, as_


def other_numbers(run):
    return run.test == "test_counting_floats" and run.error is not None


@misconception("An array of floats cannot hold other kinds of numbers: collect in lists.", when=other_numbers)
def into_arrays(x, w, b, s):
    zs, as_ = np.zeros(len(w)), np.zeros(len(w) + 1)
    as_[0] = x
    for k in range(len(w)):
        zs[k] = w[k] * as_[k] + b[k]
        as_[k + 1] = s(zs[k])
    return list(zs), list(as_)


@misconception("An array of floats cannot hold other kinds of numbers: collect in lists.", when=other_numbers)
def forced_to_floats(x, w, b, s):
    zs, as_ = [], [float(x)]
    for weight, bias in zip(w, b, strict=True):
        zs.append(float(weight) * as_[-1] + float(bias))
        as_.append(float(s(zs[-1])))
    return zs, as_


@misconception("All layers are asked for, not the last one alone.")
def last_only(x, w, b, s):
    a = x
    for weight, bias in zip(w, b, strict=True):
        z = weight * a + bias
        a = s(z)
    return z, a


@alternative("a loop over indices")
def by_index(x, w, b, s):
    zs, as_ = [], [x]
    for k in range(len(w)):
        z = b[k] + as_[k] * w[k]
        zs += [z]
        as_ += [s(z)]
    return zs, as_


@alternative("recursion")
def recursive(x, w, b, s):
    if len(w) == 0:
        return [], [x]
    z = w[0] * x + b[0]
    zs, as_ = recursive(s(z), w[1:], b[1:], s)
    return [z, *zs], [x, *as_]


@alternative("tuples")
def tuples(x, w, b, s):
    zs, as_ = (), (x,)
    for weight, bias in zip(w, b, strict=True):
        zs = (*zs, weight * as_[-1] + bias)
        as_ = (*as_, s(zs[-1]))
    return [zs, as_]


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

    __radd__, __rmul__ = __add__, __mul__


def plain(number):
    return number.value if isinstance(number, CountingFloat) else number


def forward_counted(function, x, w, b):
    """Run the student's function on counting numbers, with s(z) = 2/(1 + z²) − 1; results as floats, and the tally."""
    tally = {}

    def s(z):
        if not isinstance(z, CountingFloat):
            raise TypeError("s was given a number that has lost its kind")
        return CountingFloat(2 / (1 + z.value**2) - 1, tally)

    def numbers(values):
        return [CountingFloat(value, tally) for value in values]

    zs, as_ = function(CountingFloat(x, tally), numbers(w), numbers(b), s)
    return [plain(z) for z in zs], [plain(a) for a in as_], tally


def run_chain(x, w, b, s):
    zs, as_ = [], [float(x)]
    for weight, bias in zip(w, b, strict=True):
        zs.append(float(weight * as_[-1] + bias))
        as_.append(float(s(zs[-1])))
    return zs, as_


def bump(z):
    return 2 / (1 + z * z) - 1


def draw(rng, layers):
    return float(rng.normal()), 1.5 * rng.normal(size=layers), rng.normal(size=layers)


def lists(got):
    zs, as_ = check.parts(got, 2)
    return zs, as_


@points(3)
def test_values(student, rng):
    """The pre-activations and activations are right, for several depths and activations."""
    cases = []
    for layers, s in ((int(rng.integers(3, 8)), math.tanh), (4, bump), (2, math.sin), (6, math.atan)):
        cases.append((*draw(rng, layers), s))
    cases.append((2, rng.integers(1, 3, size=3), rng.integers(-2, 3, size=3), bump))
    got = [student.chain_forward(x, w, b, s) for x, w, b, s in cases]
    for result, (x, w, b, s) in zip(got, cases, strict=True):
        zs, as_ = lists(result)
        want_zs, want_as = run_chain(x, w, b, s)
        check.close(zs, want_zs)
        check.close(as_, want_as)


@points(1)
def test_lengths(student, rng):
    """There are L pre-activations and L + 1 activations, the first of which is the input."""
    for layers in (1, 2, int(rng.integers(5, 12))):
        x, w, b = draw(rng, layers)
        zs, as_ = lists(student.chain_forward(x, w, b, math.cos))
        zs, as_ = check.array(zs, (None,)), check.array(as_, (None,))
        check.that(len(zs) == layers, f"For {layers} layers you have {len(zs)} pre-activations.")
        check.that(len(as_) == layers + 1, f"For {layers} layers you have {len(as_)} activations.")
        check.close(as_[0], x)


@points(1)
def test_calls(student, rng):
    """s is called L times, at the pre-activations in their order."""
    x, w, b = draw(rng, int(rng.integers(4, 9)))
    s = check.counted(math.tanh)
    zs, _ = lists(student.chain_forward(x, w, b, s))
    check.that(
        s.calls == len(w),
        f"s was called {s.calls} times for {len(w)} layers: some more than once?"
        if s.calls > len(w)
        else f"s was called {s.calls} times for {len(w)} layers.",
    )
    check.close([float(z) for (z,) in s.inputs], run_chain(x, w, b, math.tanh)[0])
    check.array(zs, (len(w),))


@points(1)
def test_counting_floats(student, rng):
    """It runs on numbers of another kind, with one multiplication and one addition in each layer."""
    x, w, b = draw(rng, int(rng.integers(4, 9)))
    zs, as_, tally = student.beside(helper(forward_counted), student.chain_forward, x, w.tolist(), b.tolist())
    want_zs, want_as = run_chain(x, w, b, bump)
    check.close(zs, want_zs)
    check.close(as_, want_as)
    others = sum(count for name, count in tally.items() if name not in "+*")
    check.that(others == 0, f"You use {others} subtractions or divisions, where + and * are enough.")
    check.that(
        tally.get("*", 0) <= 2 * len(w),
        f"{tally.get('*', 0)} multiplications for {len(w)} layers: what do you compute again?",
    )
