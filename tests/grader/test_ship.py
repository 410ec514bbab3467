"""A function travels as source with what it uses and nothing else; the bank is read without running the file."""

from pathlib import Path

import pytest

from chainrule.errors import GraderError
from chainrule.grader import bank
from chainrule.grader.ship import shipped_source, variant_source

MODULE = '''
import numpy as np
from math import pi, tau
SECRET = "canary"
SCALE = 3

def used(x):
    return SCALE * x

@points(3)
def unused(x):
    return SECRET

@misconception("m")
def f(x):
    """Doc."""
    return np.sum(used(x)) * pi

@misconception("v", of="c")
def value():
    return SCALE

class Net:
    def __call__(self, x):
        return used(x)
'''


def test_what_is_used_travels_and_the_rest_stays():
    source = shipped_source(MODULE, "f")
    namespace = {}
    exec(source, namespace)
    assert namespace["f"](2) == pytest.approx(6 * 3.141592653589793)
    assert "SECRET" not in source
    assert "unused" not in source
    assert "misconception" not in source


def test_bound_names_are_left_to_the_binding():
    assert "SCALE = 3" not in shipped_source(MODULE, "used", without={"SCALE"})


@pytest.mark.parametrize(("name", "of", "expected"), [("f", "f", 9.42477796076938), ("used", "g", 3)])
def test_a_variant_rebinds_the_name_and_leaks_no_helper(name, of, expected):
    namespace = {"used": "the student's own"}
    exec(variant_source(MODULE, name, of), namespace)
    assert namespace[of](1) == pytest.approx(expected)
    assert namespace["used"] == "the student's own"
    assert "np" not in namespace


def test_a_function_without_parameters_stands_for_a_value_and_a_class_for_a_class():
    namespace = {}
    exec(variant_source(MODULE, "value", "c"), namespace)
    assert namespace["c"] == 3
    exec(variant_source(MODULE, "Net", "Net"), namespace)
    assert namespace["Net"]()(2) == 6


def test_an_unknown_name_is_refused():
    with pytest.raises(GraderError, match="nothing is not a module-level function"):
        shipped_source(MODULE, "nothing")


def test_the_bank_lists_all_entries_in_order():
    cases = Path(__file__).parents[1] / "cases" / "small"
    found = bank.read(cases / "test_descend.py")
    assert [(entry.name, entry.of) for entry in found.misconceptions] == [
        ("ascend", "descend"),
        ("one_more", "descend"),
        ("no_two", "slope"),
        ("unevaluated", "slope"),
    ]
    assert [entry.title for entry in found.alternatives] == ["as text"]


def test_a_message_may_be_a_named_constant_but_not_an_expression(tmp_path):
    path = tmp_path / "test_f.py"
    path.write_text('M = "text"\n@misconception(M)\ndef f(x): return x\n')
    assert bank.read(path).misconceptions[0].message == "text"
    path.write_text("@misconception(str(1))\ndef f(x): return x\n")
    with pytest.raises(GraderError, match=r"test_f.py:1: the message"):
        bank.read(path)


def test_a_syntax_error_names_file_and_line(tmp_path):
    path = tmp_path / "test_f.py"
    path.write_text("x = 1\ndef f(:\n")
    with pytest.raises(GraderError, match=r"test_f.py:2"):
        bank.read(path)
