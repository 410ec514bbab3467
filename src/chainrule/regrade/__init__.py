"""Grading an assignment again: what it would change is shown first, and only what was shown is written.

`run` has the steps, `comparing` takes the place of the writer, `difference` holds what it finds as values, `raise_only`
keeps old results, and `drift` says where source, gradebook and graders disagree.
"""

from chainrule.regrade.difference import Difference
from chainrule.regrade.run import Regrade, ledger

__all__ = ["Difference", "Regrade", "ledger"]
