"""The price of all derivatives of a chain, by counting."""

import sympy as sp

from chainrule import check
from chainrule.grader import alternative, misconception, points

L = sp.symbols("L", positive=True, integer=True)
DOMAIN = {"L": (1, 60)}


@misconception("Weights and biases.", of="count_fd")
def fd_weights_only():
    return 2 * L**2


@misconception("A central difference quotient takes two losses.", of="count_fd")
def fd_one_loss():
    return L * (2 * L + 1)


@misconception("Every loss costs L evaluations of s: each is computed anew from x.", of="count_fd")
def fd_losses():
    return 4 * L


@misconception("There are 2L parameters, not one.", of="count_fd")
def fd_one_parameter():
    return 2 * L


@misconception("Constant factors matter here: the exact number is asked for.", of="count_fd")
def fd_class():
    return L**2


@misconception(
    "Only what lies behind the changed layer would change, but each loss is computed anew from x.", of="count_fd"
)
def fd_from_layer():
    return 2 * L * (L + 1)


@misconception("The loss at the point itself is not needed by a central difference.", of="count_fd")
def fd_and_centre():
    return 4 * L**2 + L


@misconception("Layers l..L only.", of="count_naive")
def naive_all_layers():
    return L**2


@misconception("Layer l itself counts.", of="count_naive")
def naive_without_own():
    return L * (L - 1) / 2


@misconception("Paths are products, not trees: one neuron per layer.", of="count_naive")
def naive_tree():
    return 2**L


@misconception("Paths are products, not trees: one neuron per layer.", of="count_naive")
def naive_full_tree():
    return 2**L - 1


@misconception("Only the derivatives by the weights are asked for here, not those by the biases.", of="count_naive")
def naive_with_biases():
    return L * (L + 1)


@misconception("That is one derivative for each layer, with all its factors reused.", of="count_naive")
def naive_reused():
    return L


@misconception("The exact number is asked for, not its growth.", of="count_naive")
def naive_growth():
    return L**2 / 2


@misconception("Once for each layer, the last one included.", of="count_backprop")
def backprop_without_last():
    return L - 1


@misconception("δ_l serves the weight and the bias of its layer: one evaluation for both.", of="count_backprop")
def backprop_twice():
    return 2 * L


@misconception("Count the evaluations of s′ alone, not those of s.", of="count_backprop")
def backprop_and_forward():
    return 3 * L


@misconception("Backpropagation reuses δ_(l+1): this is the number without reuse.", of="count_backprop")
def backprop_from_scratch():
    return L * (L + 1) / 2


@misconception("This does not depend on the depth: for which L did you count?", of="count_backprop")
def backprop_constant():
    return sp.Integer(2)


@alternative("an unevaluated sum", of="count_fd")
def fd_sum():
    k = sp.symbols("k", integer=True)
    return sp.Sum(4 * L, (k, 1, L))


@alternative("as a product of its parts, own symbol", of="count_fd")
def fd_product():
    depth = sp.Symbol("L")
    return 2 * (2 * depth) * depth


@alternative("an unevaluated sum", of="count_naive")
def naive_sum():
    k = sp.symbols("k", integer=True)
    return sp.Sum(k, (k, 1, L))


@alternative("another sum, over the layers from l to L", of="count_naive")
def naive_other_sum():
    k = sp.symbols("k", integer=True)
    return sp.Sum(L - k + 1, (k, 1, L))


@alternative("a binomial coefficient", of="count_naive")
def naive_binomial():
    return sp.binomial(L + 1, 2)


@alternative("expanded, own symbol", of="count_naive")
def naive_expanded():
    depth = sp.Symbol("L")
    return depth**2 / 2 + depth / 2


@alternative("as text", of="count_naive")
def naive_text():
    return "L*(L+1)/2"


@alternative("as text", of="count_backprop")
def backprop_text():
    return "L"


@alternative("an unevaluated sum", of="count_backprop")
def backprop_sum():
    k = sp.symbols("k", integer=True)
    return sp.Sum(1, (k, 1, L))


@points(3)
def test_count_fd(student):
    """count_fd is the number of evaluations of s by central differences over all parameters."""
    check.symbolic(student.symbolic("count_fd"), 4 * L**2, domain=DOMAIN)


@points(3)
def test_count_naive(student):
    """count_naive is the number of evaluations of s′ without any reuse."""
    k = sp.symbols("k", integer=True)
    check.symbolic(student.symbolic("count_naive"), sp.summation(L - k + 1, (k, 1, L)), domain=DOMAIN)


@points(2)
def test_count_backprop(student):
    """count_backprop is the number of evaluations of s′ with reuse."""
    check.symbolic(student.symbolic("count_backprop"), L, domain=DOMAIN)
