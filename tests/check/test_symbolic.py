"""Formulas are compared by what they mean, and nothing that a student writes is run as code."""

import contextlib
import random
import time

import pytest
import sympy as sp

from chainrule import check
from chainrule.check.expression import CONSTANTS, FUNCTIONS
from chainrule.check.symbolic import _time_limit

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
    assert time.process_time() - start < 25  # two where the bound was chosen; what is not stopped takes hours


def test_what_the_processor_does_for_others_is_not_on_a_formulas_account():
    """On a machine that is busy a right answer takes longer, and stays right."""
    with _time_limit(0.2, "late"):
        time.sleep(0.5)
    with pytest.raises(check.Failed, match="late"), _time_limit(0.2, "late"):
        sum(0 for _ in iter(int, 1))  # without end


TOWER = ["Pow", ["Pow", 10, 10_000], 10_000]


@pytest.mark.parametrize(
    "got",
    [
        TOWER,
        ["Pow", ["Rational", "1", "7" * 399], 9_999],
        ["floor", ["Float", "1e1000000000"]],
        ["sin", ["Float", "1e100000000"]],
        ["binomial", 10**9, 5 * 10**8],
        ["Mul", *[["Pow", 10, 9_000]] * 20],
        "*".join(["10**9000"] * 100),
    ],
    ids=range(7),
)
def test_an_enormous_number_is_refused_before_it_is_worked_out(got):
    """One operation on it could take hours, and no time limit interrupts that."""
    begin = time.process_time()
    assert "enormous" in failure(check.symbolic, got, WANT)
    assert "enormous" in failure(check.theta, ["Add", got, ["Symbol", "N"]], COST)
    assert time.process_time() - begin < 6


@pytest.mark.parametrize(
    ("got", "words"),
    [
        (["Max", ["ImaginaryUnit"], 1], "cannot be evaluated"),
        (["exp", ["Symbol", "x"], 1], "cannot be evaluated"),
        (["Float", "x"], "cannot be evaluated"),
        (["Symbol", ["x"]], "cannot be evaluated"),
        (["Sum", ["Pow", ["Symbol", "k"], 8], ["Tuple", ["Symbol", "k"], 1, ["Pow", 10, 10_000]]], "not equal"),
        (["log", ["Pow", 12345678910111213141, 900]], "not equal"),
    ],
)
def test_what_makes_sympy_fail_is_the_answers_fault(got, words):
    """Else a student could make it look like ours, and have it graded by hand."""
    assert words in failure(check.symbolic, got, WANT)


LEAVES = [0, 1, -1, 10**50, ["Symbol", "x"], ["Symbol", "y"], ["Float", "1e19999"], ["Float", "nan"], ["Float", "inf"]]
LEAVES += [["Rational", "1", "0"], ["Rational", "2", "3"], *([name] for name in CONSTANTS), "x**2", "oo", 1e308, 1.5]


def tree(chance, depth):
    if depth == 0 or chance.random() < 0.15:
        return chance.choice(LEAVES)
    name = chance.choice([*sorted(FUNCTIONS), "Add", "Mul", "Pow", "Pow", "Sum"])
    if name == "Sum":
        bounds = ["Tuple", ["Symbol", "k"], tree(chance, depth - 1), tree(chance, depth - 1)]
        return ["Sum", tree(chance, depth - 1), bounds]
    return [name, *(tree(chance, depth - 1) for _ in range(2 if name in ("Pow", "binomial") else chance.randint(1, 3)))]


def test_nothing_but_a_refusal_comes_out_of_any_tree():
    chance = random.Random(0)
    for _ in range(60):
        found = tree(chance, chance.randint(1, 5))
        for compare in (check.symbolic, check.theta):
            with contextlib.suppress(check.Failed):
                compare(found, X * Y + 1)


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
