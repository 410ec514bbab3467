"""A formula is compared with the difference quotient at one point, and the line says which number it has there."""

import pytest
import sympy as sp

from chainrule import check

x, y = sp.symbols("x y")


def test_a_right_formula_passes_and_its_value_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    check.derivative(2 * x * y, x**2 * y, x, {"x": 3.0, "y": 0.5}, "dx")
    assert capsys.readouterr().out == "✓ dx: 3 at x = 3, y = 0.5\n"


def test_own_symbols_and_texts_are_matched_by_name() -> None:
    own = sp.Symbol("x", real=True)
    check.derivative(2 * own, x**2, x, {"x": 3.0})
    check.derivative("exp(x)", sp.exp(x), "x", {"x": 1.5})


def test_a_constant_derivative_of_one_variable_may_be_a_number() -> None:
    check.derivative(3, 3 * x, x, {"x": 1.0})


def test_a_wrong_formula_is_refused_with_both_numbers() -> None:
    with pytest.raises(check.Failed, match="dx: Your formula differs") as caught:
        check.derivative(x * y, x**2 * y, x, {"x": 3.0, "y": 0.5}, "dx")
    assert "1.5" in caught.value.detail
    assert "3" in caught.value.detail


def test_an_unknown_symbol_and_a_pole_are_refused() -> None:
    with pytest.raises(check.Failed, match="z"):
        check.derivative(sp.Symbol("z"), x**2, x, {"x": 1.0})
    with pytest.raises(check.Failed, match="no finite real value at x = 0"):
        check.derivative(1 / x, x**2, x, {"x": 0.0})
