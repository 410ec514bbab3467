"""Multiplications of forward and reverse mode."""

import math
from itertools import pairwise

import numpy as np

from chainrule import check
from chainrule.grader import alternative, misconception, points


def forward(dims):
    return sum(dims[k] * dims[k - 1] * dims[0] for k in range(2, len(dims)))


def reverse(dims):
    return sum(dims[-1] * dims[k] * dims[k - 1] for k in range(1, len(dims) - 1))


@misconception("Reverse starts at the output.")
def modes_swapped(dims, mode):
    return reverse(dims) if mode == "forward" else forward(dims)


@misconception("J_1 itself costs nothing.")
def first_counted(dims, mode):
    if mode == "forward":
        return sum(dims[k] * dims[k - 1] * dims[0] for k in range(1, len(dims)))
    return sum(dims[-1] * dims[k] * dims[k - 1] for k in range(1, len(dims)))


@misconception("J_1 itself costs nothing.")
def first_counted_forward(dims, mode):
    if mode == "forward":
        return sum(dims[k] * dims[k - 1] * dims[0] for k in range(1, len(dims)))
    return reverse(dims)


@misconception("Matrix–matrix cost.")
def elementwise(dims, mode):
    if mode == "forward":
        return sum(dims[k] * dims[0] for k in range(2, len(dims)))
    return sum(dims[-1] * dims[k - 1] for k in range(1, len(dims) - 1))


@misconception("Matrix–matrix cost.")
def sizes_only(dims, mode):
    return sum(dims[k] * dims[k - 1] for k in (range(2, len(dims)) if mode == "forward" else range(1, len(dims) - 1)))


@misconception("Inner widths matter.")
def ends_only(dims, mode):
    return (len(dims) - 2) * dims[0] * dims[-1]


@misconception("Products add up, one after the other: the cost is a sum.")
def product_of_all(dims, mode):
    return math.prod(dims)


@misconception("L layers take L − 1 products: one of yours is missing.")
def last_missing(dims, mode):
    if mode == "forward":
        return sum(dims[k] * dims[k - 1] * dims[0] for k in range(2, len(dims) - 1))
    return sum(dims[-1] * dims[k] * dims[k - 1] for k in range(2, len(dims) - 1))


@misconception("Count multiplications only: abc for a product, without the additions.")
def with_additions(dims, mode):
    if mode == "forward":
        return sum(dims[k] * (2 * dims[k - 1] - 1) * dims[0] for k in range(2, len(dims)))
    return sum(dims[-1] * (2 * dims[k] - 1) * dims[k - 1] for k in range(1, len(dims) - 1))


@misconception("The mode matters: look at your second argument.")
def always_reverse(dims, mode):
    return reverse(dims)


@misconception("The mode matters: look at your second argument.")
def always_forward(dims, mode):
    return forward(dims)


@misconception(
    "The intermediate product has n_0 columns in forward mode, and n_L rows in reverse mode: not the widest."
)
def widest(dims, mode):
    inner = range(2, len(dims)) if mode == "forward" else range(1, len(dims) - 1)
    return sum(max(dims) * dims[k] * dims[k - 1] for k in inner)


def too_large(run):
    return "64 bits" in run.failure


@misconception("The numbers exceed 64 bits: compute with Python's integers.", when=too_large)
def in_64_bits(dims, mode):
    n = np.array(dims, dtype=np.int64)
    with np.errstate(over="ignore"):
        if mode == "forward":
            return int(np.sum(n[2:] * n[1:-1] * n[0]))
        return int(np.sum(n[-1] * n[1:-1] * n[:-2]))


@misconception("The numbers exceed 64 bits: compute with Python's integers.", when=too_large)
def in_floats(dims, mode):
    n = np.array(dims, dtype=float)
    return float(np.sum(n[2:] * n[1:-1] * n[0]) if mode == "forward" else np.sum(n[-1] * n[1:-1] * n[:-2]))


@alternative("multiplying shapes out")
def by_shapes(dims, mode):
    jacobians = [(m, n) for n, m in pairwise(dims)]  # J_1, J_2, …
    if mode == "reverse":
        jacobians = [(n, m) for m, n in jacobians[::-1]]  # transposed
    product, cost = jacobians[0], 0
    for m, n in jacobians[1:]:
        cost += m * n * product[1]
        product = (m, product[1])
    return cost


@alternative("recursion")
def recursive(dims, mode):
    if len(dims) == 2:
        return 0
    if mode == "reverse":
        return recursive(dims[::-1], "forward")
    return dims[0] * dims[-1] * dims[-2] + recursive(dims[:-1], mode)


@alternative("a formula with sums")
def formula(dims, mode):
    pairs = [int(a) * int(b) for a, b in pairwise(dims)]
    return {"forward": dims[0] * sum(pairs[1:]), "reverse": dims[-1] * sum(pairs[:-1])}[mode]


def verdict(first, second):
    return "tie" if first == second else "forward" if first < second else "reverse"


@misconception("Inner widths matter.", of="cheaper")
def compares_ends(dims):
    return verdict(dims[0], dims[-1])


@misconception("Equal costs are a tie, and not in favour of either.", of="cheaper")
def no_ties(dims):
    return "forward" if forward(dims) < reverse(dims) else "reverse"


@misconception("Equal costs are a tie, and not in favour of either.", of="cheaper")
def no_ties_forward(dims):
    return "forward" if forward(dims) <= reverse(dims) else "reverse"


@misconception("Cheaper is the mode that takes fewer multiplications.", of="cheaper")
def dearer(dims):
    return verdict(reverse(dims), forward(dims))


@misconception("For a loss, reverse is cheaper; for other shapes, compare.", of="cheaper")
def reverse_always(dims):
    return "reverse"


@misconception("The last but one and the second width count, too: compare the whole costs.", of="cheaper")
def compares_slopes(dims):
    return verdict(dims[0] * dims[1], dims[-1] * dims[-2])


@alternative("by the sign of the difference", of="cheaper")
def by_sign(dims):
    return ("tie", "reverse", "forward")[(forward(dims) > reverse(dims)) - (forward(dims) < reverse(dims))]


def simulated(dims, mode):
    """The oracle: multiply matrices of ones in the order of the mode, and count abc for each product."""
    jacobians = [np.ones((m, n), dtype=bool) for n, m in pairwise(dims)][::-1]  # J_L, …, J_1
    cost = 0
    while len(jacobians) > 1:
        at = len(jacobians) - 2 if mode == "forward" else 0
        left, right = jacobians[at], jacobians[at + 1]
        cost += left.shape[0] * left.shape[1] * right.shape[1]
        jacobians[at : at + 2] = [left @ right]
    return cost


def whole(got):
    """An exact number: of Python or NumPy, or a float without fraction."""
    if isinstance(got, np.ndarray) and got.shape in ((), (1,)):
        got = got.reshape(())[()]
    if isinstance(got, (int, np.integer)) and not isinstance(got, bool):
        return int(got)
    value = check.scalar(got)
    check.that(value == int(value), "A number of multiplications is an integer.")
    return int(value)


def compare(student, cases, mode):
    got = [student.mode_cost(list(dims), mode) for dims in cases]
    for dims in cases:  # not judged here, but it tells mistakes apart
        student.mode_cost(list(dims), "reverse" if mode == "forward" else "forward")
    for value, dims in zip(got, cases, strict=True):
        check.that(
            whole(value) == simulated(dims, mode),
            f"Your {mode} cost is wrong for a network with {len(dims) - 1} Jacobians. Multiply out the shapes.",
        )


def draw(rng):
    return [rng.integers(2, 40, size=size).tolist() for size in (3, 4, int(rng.integers(5, 9)))]


def wide(student, mode, rng):
    """Widths whose costs do not fit into 64 bits, nor into the 53 bits of a float."""
    dims = (10**8 + rng.integers(1, 10**6, size=4) * 2 + 1).tolist()
    want = forward(dims) if mode == "forward" else reverse(dims)
    check.that(whole(student.mode_cost(dims, mode)) == want, "With huge widths your number is wrong beyond 64 bits.")


@points(3)
def test_forward(student, rng):
    """The cost of forward mode is exact, also beyond 64 bits."""
    compare(student, draw(rng), "forward")
    wide(student, "forward", rng)


@points(3)
def test_reverse(student, rng):
    """The cost of reverse mode is exact, also beyond 64 bits."""
    compare(student, draw(rng), "reverse")
    wide(student, "reverse", rng)


@points(1)
def test_one_layer(student, rng):
    """A single Jacobian costs nothing, and two cost the same in both modes."""
    dims = rng.integers(2, 30, size=3).tolist()
    got = [student.mode_cost(dims[:2], mode) for mode in ("forward", "reverse")]
    two = [student.mode_cost(dims, mode) for mode in ("forward", "reverse")]
    check.that([whole(value) for value in got] == [0, 0], "Where there is one Jacobian, nothing has to be multiplied.")
    check.that([whole(value) for value in two] == [math.prod(dims)] * 2, "For two Jacobians there is one product.")


@points(1)
def test_cheaper(student, rng):
    """It names the cheaper mode, or a tie."""
    cases = [[2, 1, 100, 3], [3, 100, 1, 2], [5, 7], [4, 9, 2], [3, 8, 8, 3], [2, 40, 30, 20, 3], [3, 20, 30, 40, 2]]
    cases += [rng.integers(2, 40, size=int(rng.integers(4, 8))).tolist() for _ in range(6)]
    got = [student.cheaper(dims) for dims in cases]
    for said, dims in zip(got, cases, strict=True):
        check.that(
            said in ("forward", "reverse", "tie") if isinstance(said, str) else False,
            "Answer with 'forward', 'reverse' or 'tie'.",
        )
        check.that(
            said == verdict(simulated(dims, "forward"), simulated(dims, "reverse")),
            f"For some network with {len(dims) - 1} Jacobians you name the wrong mode.",
        )
