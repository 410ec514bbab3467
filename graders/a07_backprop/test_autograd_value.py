"""A number that remembers how it was computed: reverse-mode differentiation of any formula.

Expressions are data, lists of steps `(operation, …)`; helpers build them there, with the student's class.
"""

import math

import numpy as np

from chainrule import check
from chainrule.grader import alternative, helper, misconception, points

# What is right about each class below comes from here; a class changes what it gets wrong.


class Node:
    """Values, local slopes and the operations; `backward` is for the classes that derive from it."""

    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = parents, slopes

    def lift(self, other):
        return other if isinstance(other, Node) else type(self)(other)

    def made(self, data, parents, slopes):
        return type(self)(data, parents, slopes)

    def __add__(self, other):
        other = self.lift(other)
        return self.made(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = self.lift(other)
        return self.made(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, c):
        return self.made(self.data**c, (self,), (c * self.data ** (c - 1),))

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + self.lift(other) * -1

    def __rsub__(self, other):
        return self.lift(other) - self

    def __truediv__(self, other):
        return self * self.lift(other) ** -1

    def __rtruediv__(self, other):
        return self.lift(other) / self

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def exp(self):
        return self.made(math.exp(self.data), (self,), (math.exp(self.data),))

    def log(self):
        return self.made(math.log(self.data), (self,), (1 / self.data,))

    def tanh(self):
        t = math.tanh(self.data)
        return self.made(t, (self,), (1 - t * t,))

    def relu(self):
        return self.made(max(0.0, self.data), (self,), (1.0 if self.data > 0 else 0.0,))

    def sigmoid(self):
        t = 0.5 + 0.5 * math.tanh(0.5 * self.data)
        return self.made(t, (self,), (t * (1 - t),))

    def order(self):
        """All ancestors and this node, each after its parents."""
        done, seen, stack = [], set(), [(self, False)]
        while stack:
            node, ready = stack.pop()
            if ready:
                done.append(node)
            elif node not in seen:
                seen.add(node)
                stack.append((node, True))
                stack.extend((parent, False) for parent in node.parents)
        return done

    def clear(self, nodes):
        for node in nodes:
            if node.parents:
                node.grad = 0.0

    def backward(self):
        nodes = self.order()
        self.clear(nodes)
        self.grad += 1.0
        for node in reversed(nodes):
            for parent, slope in zip(node.parents, node.slopes, strict=True):
                parent.grad += slope * node.grad


@misconception("Diamond: contributions add.", of="Value")
class Assigns(Node):
    def backward(self):
        nodes = self.order()
        self.grad = 1.0
        for node in reversed(nodes):
            for parent, slope in zip(node.parents, node.slopes, strict=True):
                parent.grad = slope * node.grad


def too_deep(run):
    return run.error == "RecursionError"


@misconception("RecursionError at depth 20 000: iterate.", of="Value", when=too_deep)
class Recursive(Node):
    def order(self):
        done, seen = [], set()

        def visit(node):
            if node not in seen:
                seen.add(node)
                for parent in node.parents:
                    visit(parent)
                done.append(node)

        visit(self)
        return done


@misconception("A node must wait for all its consumers.", of="Value")
class PreOrder(Node):
    def order(self):
        done, seen, stack = [], set(), [self]
        while stack:
            node = stack.pop()
            if node not in seen:
                seen.add(node)
                done.append(node)
                stack.extend(reversed(node.parents))
        return done[::-1]


@misconception("A node must wait for all its consumers.", of="Value")
class BreadthFirst(Node):
    def order(self):
        done, seen = [self], {self}
        for node in done:
            for parent in node.parents:
                if parent not in seen:
                    seen.add(parent)
                    done.append(parent)
        return done[::-1]


@misconception("The second backward counts the first one again.", of="Value")
class KeepsInnerGradients(Node):
    def clear(self, nodes):
        pass


@misconception("A leaf accumulates over several calls of backward: only inner nodes start at 0.", of="Value")
class ClearsLeaves(Node):
    def clear(self, nodes):
        for node in nodes:
            node.grad = 0.0


@misconception("The end may be a leaf itself: its gradient grows by 1, it is not set to 1.", of="Value")
class SetsTheEnd(Node):
    def backward(self):
        nodes = self.order()
        self.clear(nodes)
        self.grad = 1.0
        for node in reversed(nodes):
            for parent, slope in zip(node.parents, node.slopes, strict=True):
                parent.grad += slope * node.grad


@misconception("The derivative of the end by itself is 1: start with that.", of="Value")
class NoStart(Node):
    def backward(self):
        nodes = self.order()
        self.clear(nodes)
        for node in reversed(nodes):
            for parent, slope in zip(node.parents, node.slopes, strict=True):
                parent.grad += slope * node.grad


@misconception("All nodes use the last op.", of="Value")
class ClosureOverLoop(Node):
    """What a loop over the names leaves, if its functions look up the variable of the loop when they are called."""

    exp = log = sigmoid = relu = tanh = lambda self: self.made(
        math.tanh(self.data), (self,), (1 - math.tanh(self.data) ** 2,)
    )


@misconception("All nodes use the last op.", of="Value")
class LastSlope(Node):
    """The values are right, the slopes are those of the operation that was defined last."""

    def exp(self):
        return self.made(math.exp(self.data), (self,), (1 - math.tanh(self.data) ** 2,))

    def log(self):
        return self.made(math.log(self.data), (self,), (1 - math.tanh(self.data) ** 2,))

    def relu(self):
        return self.made(max(0.0, self.data), (self,), (1 - math.tanh(self.data) ** 2,))

    def sigmoid(self):
        return self.made(0.5 + 0.5 * math.tanh(self.data / 2), (self,), (1 - math.tanh(self.data) ** 2,))


def type_error_with_numbers(run):
    return run.test == "test_numbers" and run.error in ("TypeError", "AttributeError")


@misconception("2/a fails.", of="Value", when=type_error_with_numbers)
class NoRightDivision(Node):
    def __rtruediv__(self, other):
        return NotImplemented


@misconception("a - 2 works, 2 - a is −(a − 2): look at the order.", of="Value")
class RightMinusSwapped(Node):
    def __rsub__(self, other):
        return self - other


@misconception("2/a is not a/2: look at the order.", of="Value")
class RightDivisionSwapped(Node):
    def __rtruediv__(self, other):
        return self / other


@misconception("The derivative of a − b by b is −1.", of="Value")
class MinusWithoutSign(Node):
    def __sub__(self, other):
        other = self.lift(other)
        return self.made(self.data - other.data, (self, other), (1.0, 1.0))


@misconception("The derivative of a·b by a is b, and by b it is a.", of="Value")
class ProductSwapped(Node):
    def __mul__(self, other):
        other = self.lift(other)
        return self.made(self.data * other.data, (self, other), (self.data, other.data))


@misconception("The derivative of a**c is c·a**(c − 1).", of="Value")
class PowerWithoutFactor(Node):
    def __pow__(self, c):
        return self.made(self.data**c, (self,), (self.data ** (c - 1),))


@misconception("The derivative of a**c is c·a**(c − 1).", of="Value")
class PowerNotLowered(Node):
    def __pow__(self, c):
        return self.made(self.data**c, (self,), (c * self.data**c,))


@misconception("The derivative of tanh is 1 − tanh², and tanh is the result, not the argument.", of="Value")
class TanhOfArgument(Node):
    def tanh(self):
        return self.made(math.tanh(self.data), (self,), (1 - self.data**2,))


@misconception("The derivative of the sigmoid is σ(1 − σ), with the result and not the argument.", of="Value")
class SigmoidOfArgument(Node):
    def sigmoid(self):
        t = 0.5 + 0.5 * math.tanh(0.5 * self.data)
        return self.made(t, (self,), (self.data * (1 - self.data),))


@misconception("The derivative of log a is 1/a.", of="Value")
class LogOfResult(Node):
    def log(self):
        return self.made(math.log(self.data), (self,), (1 / math.log(self.data) if self.data != 1 else 1.0,))


@misconception("At 0 the derivative of relu is to be 0.", of="Value")
class ReluOneAtZero(Node):
    def relu(self):
        return self.made(max(0.0, self.data), (self,), (1.0 if self.data >= 0 else 0.0,))


def overflow(run):
    return run.test == "test_extremes" and run.error == "OverflowError"


@misconception("exp(10 000) overflows: only exponentials of negative numbers are safe.", of="Value", when=overflow)
class NaiveSigmoid(Node):
    def sigmoid(self):
        t = 1 / (1 + math.exp(-self.data))
        return self.made(t, (self,), (t * (1 - t),))


@misconception("The upstream derivative is missing: these are the local ones alone.", of="Value")
class LocalOnly(Node):
    def backward(self):
        nodes = self.order()
        self.clear(nodes)
        self.grad += 1.0
        for node in reversed(nodes):
            for parent, slope in zip(node.parents, node.slopes, strict=True):
                parent.grad += slope


@misconception("Data are numbers with fractions: do not round them to integers.", of="Value")
class Truncates(Node):
    def __init__(self, data, parents=(), slopes=()):
        super().__init__(int(data), parents, slopes)


def too_slow(run):
    return run.timeout and run.test == "test_shared_nodes"


@misconception(
    "Right, but every path by itself: there may be 2⁶⁰ of them. Visit each node once.", of="Value", when=too_slow
)
class PathByPath(Node):
    def backward(self):
        stack = [(self, 1.0)]
        while stack:
            node, flow = stack.pop()
            if node.parents:
                stack.extend((p, flow * slope) for p, slope in zip(node.parents, node.slopes, strict=True))
            else:
                node.grad += flow


@alternative("iterative depth-first search with cleared gradients", of="Value")
class DepthFirst(Node):
    pass


@alternative("Kahn's algorithm", of="Value")
class Kahn(Node):
    def backward(self):
        users, todo, seen = {}, [self], {self}
        while todo:
            for parent in todo.pop().parents:
                users[parent] = users.get(parent, 0) + 1
                if parent not in seen:
                    seen.add(parent)
                    todo.append(parent)
        flow, ready = {self: 1.0}, [self]
        while ready:
            node = ready.pop()
            if not node.parents:
                node.grad += flow[node]
            for parent, slope in zip(node.parents, node.slopes, strict=True):
                flow[parent] = flow.get(parent, 0.0) + slope * flow[node]
                users[parent] -= 1
                if users[parent] == 0:
                    ready.append(parent)


TAPE = []


@alternative("a tape: one list of all numbers, in the order in which they were made", of="Value")
class Tape(Node):
    def __init__(self, data, parents=(), slopes=()):
        super().__init__(data, parents, slopes)
        self.place = len(TAPE)
        TAPE.append(self)

    def backward(self):
        flow = [0.0] * (self.place + 1)
        flow[self.place] = 1.0
        for place in range(self.place, -1, -1):
            node = TAPE[place]
            if flow[place] and not node.parents:
                node.grad += flow[place]
            for parent, slope in zip(node.parents, node.slopes, strict=True):
                flow[parent.place] += slope * flow[place]


@alternative("closures, one for each operation", of="Value")
class Closures:
    def __init__(self, data, parents=()):
        self.data, self.grad = data, 0.0
        self.parents, self.push = parents, lambda: None

    def unary(self, value, slope):
        out = Closures(value, (self,))

        def push():
            self.grad += slope * out.grad

        out.push = push
        return out

    def binary(self, other, rule):
        other = other if isinstance(other, Closures) else Closures(other)
        value, mine, theirs = rule(self.data, other.data)
        out = Closures(value, (self, other))

        def push():
            self.grad += mine * out.grad
            other.grad += theirs * out.grad

        out.push = push
        return out

    def __add__(self, other):
        return self.binary(other, lambda a, b: (a + b, 1, 1))

    def __sub__(self, other):
        return self.binary(other, lambda a, b: (a - b, 1, -1))

    def __rsub__(self, other):
        return self.binary(other, lambda a, b: (b - a, -1, 1))

    def __mul__(self, other):
        return self.binary(other, lambda a, b: (a * b, b, a))

    def __truediv__(self, other):
        return self.binary(other, lambda a, b: (a / b, 1 / b, -a / b**2))

    def __rtruediv__(self, other):
        return self.binary(other, lambda a, b: (b / a, -b / a**2, 1 / a))

    def __neg__(self):
        return self.unary(-self.data, -1)

    def __pow__(self, c):
        return self.unary(self.data**c, c * self.data ** (c - 1))

    def exp(self):
        return self.unary(math.exp(self.data), math.exp(self.data))

    def log(self):
        return self.unary(math.log(self.data), self.data**-1)

    def tanh(self):
        return self.unary(math.tanh(self.data), 1 / math.cosh(min(abs(self.data), 300)) ** 2)

    def relu(self):
        return self.unary(self.data * (self.data > 0), self.data > 0)

    def sigmoid(self):
        e = math.exp(-abs(self.data))
        return self.unary((1 if self.data >= 0 else e) / (1 + e), e / (1 + e) ** 2)

    __radd__, __rmul__ = __add__, __mul__

    def backward(self):
        order, stack, seen = [], [(self, iter(self.parents))], {id(self)}
        while stack:
            node, rest = stack[-1]
            parent = next(rest, None)
            if parent is None:
                order.append(node)
                stack.pop()
            elif id(parent) not in seen:
                seen.add(id(parent))
                stack.append((parent, iter(parent.parents)))
        for node in order:
            if node.parents:
                node.grad = 0.0
        self.grad += 1
        for node in reversed(order):
            node.push()


# Helpers for the student's side: they build, and return plain data.

UNARY = ("neg", "exp", "log", "tanh", "relu", "sigmoid")
BINARY = ("add", "sub", "mul", "div")


def perform(step, nodes):
    """The result of one step `(operation, place, place or number)` of an expression."""
    operation, first, *second = step
    a = nodes[first]
    if operation in ("add", "sub", "mul", "div"):
        b = nodes[second[0]]
        return a + b if operation == "add" else a - b if operation == "sub" else a * b if operation == "mul" else a / b
    if operation == "pow":
        return a ** second[0]
    if operation == "neg":
        return -a
    return getattr(a, operation)()


def expression(Value, leaves, steps, times=1):
    """Build an expression and run it backward `times` times; the number of the end, and the gradients of the leaves."""
    leaves = [Value(leaf) for leaf in leaves]
    nodes = list(leaves)
    for step in steps:
        nodes.append(perform(step, nodes))
    for _ in range(times):
        nodes[-1].backward()
    return float(nodes[-1].data), [float(leaf.grad) for leaf in leaves]


def expressions(Value, cases):
    return [expression(Value, leaves, steps) for leaves, steps in cases]


class Plain(float):
    """A number with the same methods, for the oracle."""

    def exp(self):
        return Plain(math.exp(self))

    def log(self):
        return Plain(math.log(self))

    def tanh(self):
        return Plain(math.tanh(self))

    def relu(self):
        return Plain(max(0.0, self))

    def sigmoid(self):
        return Plain(1 / (1 + math.exp(-self)))


def value_of(leaves, steps):
    nodes = [Plain(leaf) for leaf in leaves]
    for step in steps:
        nodes.append(Plain(perform(step, nodes)))
    return float(nodes[-1])


def random_expression(rng, leaves):
    """Steps in which every operation occurs, all numbers stay moderate, and nothing is near a kink or a pole."""
    nodes = [Plain(leaf) for leaf in leaves]
    steps = []
    for operation in rng.permutation([*UNARY, *BINARY, *BINARY, "pow", "pow"]).tolist():
        for _ in range(200):
            first, second = (int(i) for i in rng.integers(0, len(nodes), size=2))
            if steps and rng.random() < 0.5:
                first = len(nodes) - 1
            a, b = nodes[first], nodes[second]
            if (operation == "log" and a < 0.3) or (operation == "div" and abs(b) < 0.4):
                continue
            if (operation == "relu" and a < 0.05) or (operation == "pow" and abs(a) < 0.4):
                continue
            step = (operation, first)
            if operation in BINARY:
                step = (operation, first, second)
            elif operation == "pow":
                step = (operation, first, int(rng.choice([-2, -1, 2, 3])))
            value = Plain(perform(step, nodes))
            if 0.1 < abs(value) < 6:
                steps.append(step)
                nodes.append(value)
                break
    # The sum of all that was made, so that every step matters.
    total = len(leaves)
    for place in range(len(leaves) + 1, len(leaves) + len(steps)):
        steps.append(("add", total, place))
        total = len(leaves) + len(steps) - 1
    return steps


def agree(got, leaves, steps):
    end, gradients = check.parts(got, 2)
    check.close(end, value_of(leaves, steps), rtol=1e-9)
    check.gradient(lambda p: value_of(p, steps), gradients, np.asarray(leaves))


@points(4)
def test_expressions(student, rng):
    """Random expressions with all operations agree with central differences."""
    cases = []
    for _ in range(6):
        leaves = (rng.choice([-1, 1], size=3) * rng.uniform(0.5, 2, size=3)).tolist()
        leaves[0] = abs(leaves[0])
        cases.append((leaves, random_expression(rng, leaves)))
    single = [([float(rng.uniform(0.6, 2))], [(name, 0)]) for name in UNARY]
    single += [([float(rng.uniform(0.6, 2))], [("pow", 0, c)]) for c in (2, 3, -1, 0.5, 1.7)]
    single += [(rng.uniform(0.6, 2, size=2).tolist(), [(name, 0, 1)]) for name in BINARY]
    got = student.beside(helper(expressions), student.Value, [*cases, *single])
    got = check.parts(got, len(cases) + len(single))
    for result, (leaves, steps) in zip(got, [*cases, *single], strict=True):
        agree(result, leaves, steps)


@points(3, seconds=6)
def test_shared_nodes(student, rng):
    """Numbers that are used several times are right, on ways of equal and of different length, and 60 times over."""
    a, b = rng.uniform(0.3, 0.9, size=2).tolist()
    long_way = [("mul", 0, 1), ("tanh", 2), ("exp", 3), ("sigmoid", 4), ("pow", 5, 2)]
    cases = [
        ([a], [("add", 0, 0)]),
        ([a], [("mul", 0, 0)]),
        ([a], [("sub", 0, 0)]),
        ([a], [("div", 0, 0)]),
        ([a, b], [("mul", 0, 1), ("exp", 2), ("tanh", 2), ("mul", 3, 4)]),
        ([a, b], [*long_way, ("mul", 6, 2)]),
        ([a, b], [*long_way, ("mul", 2, 6)]),
        ([a, b], [*long_way, ("add", 2, 6), ("mul", 7, 4)]),
        ([a, b], [*long_way, ("add", 6, 0), ("add", 7, 3), ("mul", 8, 2)]),
    ]
    got = student.beside(helper(expressions), student.Value, cases)
    doubled = student.beside(helper(expression), student.Value, [a], [("add", k, k) for k in range(60)])
    for result, (leaves, steps) in zip(check.parts(got, len(cases)), cases, strict=True):
        agree(result, leaves, steps)
    check.close(doubled[1], [2.0**60])


def with_numbers(Value, x, c):
    """All operations with a plain number on one side, an integer and a fraction: value and derivative of each."""
    results = []
    for number in (c, 3):
        for build in (
            lambda a: a + number,  # noqa: B023
            lambda a: number + a,  # noqa: B023
            lambda a: a - number,  # noqa: B023
            lambda a: number - a,  # noqa: B023
            lambda a: a * number,  # noqa: B023
            lambda a: number * a,  # noqa: B023
            lambda a: a / number,  # noqa: B023
            lambda a: number / a,  # noqa: B023
            lambda a: -a,
            lambda a: a**number,  # noqa: B023
        ):
            a = Value(x)
            end = build(a)
            end.backward()
            results.append((float(end.data), float(a.grad)))
    a = Value(3)
    end = 1 / a
    end.backward()
    results.append((float(end.data), float(a.grad)))
    return results


@points(2)
def test_numbers(student, rng):
    """Plain numbers may stand on the left and on the right of + - * /, and in the exponent."""
    x, fraction = float(rng.uniform(0.5, 2)), float(rng.uniform(1.2, 2.8))
    got = student.beside(helper(with_numbers), student.Value, x, fraction)
    want = []
    for c in (fraction, 3):
        want += [(x + c, 1), (c + x, 1), (x - c, 1), (c - x, -1), (x * c, c), (c * x, c), (x / c, 1 / c)]
        want += [(c / x, -c / x**2), (-x, -1), (x**c, c * x ** (c - 1))]
    want.append((1 / 3, -1 / 9))
    check.close(got, want)


def chain(Value, x, factors):
    """Two links for each factor: a product with a plain number, and a sum with a leaf that all of them share."""
    a = Value(x)
    end = a
    for factor in factors:
        end = end * factor + a
    end.backward()
    return float(end.data), float(a.grad)


@points(3, seeds=1)
def test_long_chain(student, rng):
    """A chain of 20 000 nodes works."""
    factors = rng.uniform(0.1, 0.9, size=10_000).tolist()
    x = float(rng.uniform(0.5, 2))
    got = student.beside(helper(chain), student.Value, x, factors)
    slope = 1.0
    for factor in factors:
        slope = slope * factor + 1
    check.close(got, [x * slope, slope], rtol=1e-8)


def accumulation(Value, x, y):
    """Gradients after several graphs that share a leaf, or an inner node, or nothing."""
    results = {}
    a, b, alone = Value(x), Value(y), Value(y)
    unused = alone * 2
    results["at first"] = [float(leaf.grad) for leaf in (a, b, alone)]
    (a * b).backward()
    results["one graph"] = [float(leaf.grad) for leaf in (a, b, alone)]
    (a * a + b).backward()
    results["two graphs"] = [float(leaf.grad) for leaf in (a, b, alone)]
    a, b = Value(x), Value(y)
    shared = a * b
    first, second = shared * 3, shared.tanh()
    first.backward()
    second.backward()
    results["shared node"] = [float(leaf.grad) for leaf in (a, b)]
    first.backward()
    results["again"] = [float(leaf.grad) for leaf in (a, b)]
    shared.backward()
    results["inside"] = [float(leaf.grad) for leaf in (a, b)]
    c = Value(x)
    c.backward()
    c.backward()
    results["leaf"] = [float(c.grad), float(unused.data)]
    return results


@points(2)
def test_accumulation(student, rng):
    """Leaves add up over graphs and calls, inner numbers start anew, and what was not used hears nothing."""
    x, y = rng.uniform(0.3, 1.2, size=2).tolist()
    got = student.beside(helper(accumulation), student.Value, x, y)
    check.that(isinstance(got, dict), "Your class returned something else than numbers.")
    slope = 1 - math.tanh(x * y) ** 2
    total = 3 + slope
    wants = {
        "at first": ([0, 0, 0], "A new number has the gradient 0."),
        "one graph": ([y, x, 0], "After one graph the gradients of its leaves are wrong, or another leaf got one."),
        "two graphs": ([y + 2 * x, x + 1, 0], "A leaf of two graphs does not add up their derivatives."),
        "shared node": ([total * y, total * x], "Two graphs that share an inner number disturb each other."),
        "again": ([(total + 3) * y, (total + 3) * x], "When one graph runs backward twice, it should count twice."),
        "inside": ([(total + 4) * y, (total + 4) * x], "backward of a number inside a graph is wrong."),
        "leaf": ([2, 2 * y], "A leaf that runs backward itself grows by 1 each time."),
    }
    for name, (want, message) in wants.items():
        check.that(np.allclose(check.array(got[name], (len(want),)), want, rtol=1e-9, atol=1e-12), message)


def extremes(Value, operation, xs):
    results = []
    for x in xs:
        a = Value(x)
        end = getattr(a, operation)()
        end.backward()
        results.append((float(end.data), float(a.grad)))
    return results


@points(2)
def test_extremes(student, rng):
    """The sigmoid survives ±10 000, relu is flat at 0 and below, and tanh is right everywhere."""
    x = rng.uniform(0.2, 3, size=3).tolist()
    moderate = [*x, *(-v for v in x), 0.0]
    value = student.Value
    relu = student.beside(helper(extremes), value, "relu", [0.0, -0.0, 0, *moderate])
    tanh = student.beside(helper(extremes), value, "tanh", [*moderate, 50.0, -50.0])
    sigmoid = student.beside(helper(extremes), value, "sigmoid", [*moderate, 1e4, -1e4])
    check.close(relu, [(0, 0)] * 3 + [(max(v, 0), float(v > 0)) for v in moderate])
    check.close(tanh, [(math.tanh(v), 1 / math.cosh(v) ** 2) for v in [*moderate, 50.0, -50.0]])
    with_care = [(1 / (1 + math.exp(-v)), 1 / (2 + math.exp(v) + math.exp(-v))) for v in moderate]
    check.close(sigmoid, [*with_care, (1, 0), (0, 0)])
