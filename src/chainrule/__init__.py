"""chainrule: an auto-graded course platform for Jupyter.

A notebook needs only `from chainrule import check`. The rest is the instructor's side.
"""

from chainrule import check

__all__ = ["__version__", "check"]

__version__ = "0.1.0"
