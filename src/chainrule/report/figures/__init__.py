"""Figures as SVG elements for a page: each with a title, axes with units, a text that says the same, and its data.

Colours are classes that the page's style sheet defines for light, dark and print; no figure relies on colour alone.
They are drawn here and not by a plotting library: a picture takes a millisecond, its words are words, and its colours
follow the reader's scheme.
"""

from chainrule.report.figures.canvas import Figure
from chainrule.report.figures.course import difficulty_map, trend
from chainrule.report.figures.distribution import score_distribution
from chainrule.report.figures.shares import completion, exercise_shares
from chainrule.report.figures.timing import hand_in, slowest_tests

__all__ = [
    "Figure",
    "completion",
    "difficulty_map",
    "exercise_shares",
    "hand_in",
    "score_distribution",
    "slowest_tests",
    "trend",
]
