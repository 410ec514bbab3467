"""Totals that can be explained: weights, dropped assignments, extra credit, lateness. Pure Python.

`load(course).total(student, records)` is all that others need; `chainrule.standing` makes the records. Nothing here is
ever written into the gradebook. docs/grades.md describes the file.
"""

from __future__ import annotations

from chainrule.policy.model import Line, Record, Standing, Total
from chainrule.policy.reading import FILE, has_late_policy, load, read
from chainrule.policy.rules import Policy

__all__ = ["FILE", "Line", "Policy", "Record", "Standing", "Total", "has_late_policy", "load", "read"]
