"""What the exact solution costs, and what gradient descent costs, up to constant factors."""

import sympy as sp

from chainrule import check
from chainrule.grader import alternative, misconception, points

N, D, T = sp.symbols("N D T", positive=True)
EXACT, DESCENT = N * D**2 + D**3, T * N * D


def inside_o(run):
    """The answer is wrong and came inside SymPy's O."""
    return any(call.name == "cost_exact" and "Order" in repr(call.result) for call in run.calls)


@misconception("SymPy’s O is about 0 and has dropped N·D²: enter the terms without O.", of="cost_exact", when=inside_o)
def big_o_about_zero():
    return sp.O(N * D**2 + D**3 + N * D)


@misconception("Fails for D ≫ N: the D×D solve costs D³.", of="cost_exact")
def no_solve():
    return N * D**2


@misconception("Fails for N ≫ D: forming XᵀX costs N D².", of="cost_exact")
def no_forming():
    return D**3


@misconception("XᵀX is D×D, not N×N.", of="cost_exact")
def gram_of_samples():
    return N**2 * D


@misconception("XᵀX is D×D, not N×N.", of="cost_exact")
def gram_of_samples_and_solve():
    return N**2 * D + N**3


@misconception("XᵀX has D² entries, and each is a sum of N products.", of="cost_exact")
def forming_too_cheap():
    return N * D + D**3


@misconception("The parts are done one after the other: their costs add up.", of="cost_exact")
def product_of_parts():
    return N * D**2 * D**3


@misconception("T belongs to gradient descent: the exact solution takes no steps.", of="cost_exact")
def exact_with_steps():
    return T * (N * D**2 + D**3)


@misconception("Cost of one step only.", of="cost_gd")
def one_step():
    return N * D


@misconception("X̃ᵀ(X̃θ − y) needs no D×D matrix: put the brackets where they save work.", of="cost_gd")
def gram_in_every_step():
    return T * N * D**2


@misconception("XᵀX is formed once in your count; here every step goes through the data afresh.", of="cost_gd")
def gram_once():
    return N * D**2 + T * D**2


@misconception("Every step looks at all N samples.", of="cost_gd")
def no_samples():
    return T * D


@misconception("Each sample has D features to multiply with.", of="cost_gd")
def no_features():
    return T * N


@misconception("Every step costs as much: T steps multiply the cost, they do not add to it.", of="cost_gd")
def steps_added():
    return N * D + T


@alternative("with terms of lower order", of="cost_exact")
def lower_order():
    return N * D**2 + D**3 + N * D


@alternative("as a maximum", of="cost_exact")
def maximum():
    return sp.Max(N * D**2, D**3)


@alternative("inside SymPy's O", of="cost_exact")
def big_o():
    return sp.O(N * D**2 + D**3)


@alternative("counted exactly, with D + 1 columns", of="cost_exact")
def counted():
    p = D + 1
    return N * p**2 + N * p + p**3 / 3 + p**2


@alternative("own symbols without assumptions", of="cost_exact")
def own_symbols():
    n, d = sp.symbols("N D")
    return d**2 * (n + d)


@alternative("counted exactly", of="cost_gd")
def counted_steps():
    return T * (2 * N * (D + 1) + (D + 1))


@alternative("inside SymPy's O", of="cost_gd")
def big_o_steps():
    return sp.O(T * N * D)


@alternative("as text", of="cost_gd")
def as_text():
    return "4*T*N*D"


@points(3)
def test_exact(student):
    """cost_exact grows like the cost of forming and solving the normal equations."""
    check.theta(student.symbolic("cost_exact"), EXACT, symbols="N D T")


@points(3)
def test_gradient_descent(student):
    """cost_gd grows like the cost of T steps."""
    check.theta(student.symbolic("cost_gd"), DESCENT, symbols="N D T")


@points(2)
def test_both(student):
    """Both hold whichever of N, D and T is large, also where N = D, N = D² and D = N²."""
    check.theta(student.symbolic("cost_exact"), EXACT, symbols="N D T")
    check.theta(student.symbolic("cost_gd"), DESCENT, symbols="N D T")
