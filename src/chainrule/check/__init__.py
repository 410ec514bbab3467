"""Checks that teach: what students run in the notebook and what graders run in the dark.

A check that holds prints `✓ what` when it was given a name; one that does not raises `Failed`, whose message says what
differs and where to look.

>>> from chainrule import check
>>> check.close(2 + 2, 4.0, "two and two")
✓ two and two
"""

from chainrule.check.counting import Counted, counted
from chainrule.check.derivative import derivative
from chainrule.check.failure import Failed, fail, that
from chainrule.check.gradient import central_differences, gradient
from chainrule.check.margin import at_least, at_most
from chainrule.check.names import known
from chainrule.check.raising import raises
from chainrule.check.symbolic import symbolic, theta
from chainrule.check.values import array, close, parts, scalar

__all__ = [
    "Counted",
    "Failed",
    "array",
    "at_least",
    "at_most",
    "central_differences",
    "close",
    "counted",
    "derivative",
    "fail",
    "gradient",
    "known",
    "parts",
    "raises",
    "scalar",
    "symbolic",
    "that",
    "theta",
]
