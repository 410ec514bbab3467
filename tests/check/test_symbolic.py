"""Formulas are compared by what they mean, and nothing that a student writes is run as code."""

import time

import pytest
import sympy as sp

from chainrule import check

A, B, X, Y = sp.symbols("phi0 phi1 x y")
WANT = 2 * (A + B * X - Y)
N, D, T = sp.symbols("N D T")
COST = N * D**2 + D**3


def failure(function, *args, **kwargs):
    with pytest.raises(check.Failed) as caught:
        function(*args, **kwargs)
    return caught.value.message


@pytest.mark.parametrize(
    "got",
    [
        WANT,
        sp.expand(WANT),
        2 * (sp.Symbol("phi0", real=True) + B * X - Y),
        "2*(phi0 + phi1*x - y)",
        "2*phi0 + 2*phi1*x - 2.0*y",
        sp.Eq(sp.Symbol("g"), WANT),
        ["Mul", ["Rational", "2", "1"], ["Add", ["Symbol", "phi0"], ["Mul", ["Symbol", "phi1"], ["Symbol", "x"]],
                                         ["Mul", ["Rational", "-1", "1"], ["Symbol", "y"]]]],
    ],
)  # fmt: skip
def test_equivalent_forms_are_equal(got):
    check.symbolic(got, WANT)


@pytest.mark.parametrize(
    ("got", "words"),
    [
        (A + B * X - Y, "not equal"),
        (sp.Derivative((A + B * X - Y) ** 2, A), "Enter the result, not the instruction"),
        ("Derivative(x, x)", "Enter the result, not the instruction"),
        (sp.Symbol("z") + 1, "symbol z, which is not one of"),
        (None, "no expression yet"),
        (True, "truth value"),
        (["f", ["Symbol", "x"]], "uses f"),
        (["Rational", "9" * 500, "1"], "hundreds of digits"),
        ("9**9**9**9", "enormous exponent"),
        ("2 +", "not a formula"),
    ],
)
def test_other_answers_are_refused_with_what_to_do(got, words):
    assert words in failure(check.symbolic, got, WANT)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('touch /tmp/chainrule-was-here')",
        "().__class__.__bases__[0].__subclasses__()",
        "exec('x=1')",
        "[x for x in (1,)]",
        "x if x else y",
        "lambda: 1",
        "(x := 1)",
        "open('/etc/passwd').read()",
    ],
)
def test_a_text_is_never_run(text, tmp_path):
    failure(check.symbolic, text, X, symbols="x y")


def test_a_bomb_of_a_formula_ends_within_seconds():
    start = time.process_time()
    bomb = "+".join(f"(phi0+x)**{n}*(y+phi1)**{n}" for n in range(1, 60))
    failure(check.symbolic, bomb, WANT)
    failure(check.symbolic, "(" * 150 + "x" + ")" * 150, WANT)
    assert time.process_time() - start < 8


@pytest.mark.parametrize("got", [COST, 5 * COST, COST + N * D, sp.Max(N * D**2, D**3), sp.O(COST), "O(N*D**2 + D**3)"])
def test_the_same_growth_is_accepted(got):
    check.theta(got, COST)


@pytest.mark.parametrize("got", [N * D**2, D**3, N**2 * D, COST * sp.log(N), COST * N, sp.Integer(1)])
def test_another_growth_is_refused(got):
    assert "grows differently" in failure(check.theta, got, COST)


def test_a_variable_that_is_left_out_is_noticed():
    assert "when T grows" in failure(check.theta, N * D, T * N * D)


def test_functions_and_constants_survive_the_way_through_a_tree():
    check.symbolic(["Mul", ["Pi"], ["exp", ["Symbol", "x"]]], sp.pi * sp.exp(X))
    check.symbolic(["Pow", ["Exp1"], ["Symbol", "x"]], sp.exp(X))


def tree_of_sum(summand, high):
    return ["Sum", summand, ["Tuple", ["Symbol", "k"], 1, high]]


def test_a_sum_of_a_polynomial_is_worked_out():
    n = sp.Symbol("N", positive=True, integer=True)
    check.symbolic(tree_of_sum(["Symbol", "k"], ["Symbol", "N"]), n * (n + 1) / 2)
    check.symbolic(["binomial", ["Add", ["Symbol", "N"], 1], 2], n * (n + 1) / 2)


@pytest.mark.parametrize("summand", [["Pow", 2, ["Symbol", "k"]], ["Pow", ["Symbol", "k"], 500]])
def test_another_sum_is_refused_at_once(summand):
    assert "cannot be worked out" in failure(check.symbolic, tree_of_sum(summand, ["Symbol", "N"]), N)
