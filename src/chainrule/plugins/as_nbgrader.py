"""Where cells without a grader score otherwise than with nbgrader alone, and how to get nbgrader's way back."""

from __future__ import annotations

from traitlets import Bool
from traitlets.config import Configurable

HELP = "See docs/foreign-courses.md."


class AsNbgrader(Configurable):
    """`c.AsNbgrader.strict = True` turns all of them on but the stock kernel. All are off by default."""

    strict = Bool(False, help=f"Score exactly as nbgrader does, where it is unjust, too. {HELP}").tag(config=True)
    warnings_cost_the_points = Bool(
        False, help=f"A warning, a logged line below ERROR or a progress bar in a test cell costs its points. {HELP}"
    ).tag(config=True)
    a_dead_kernel_drops_the_submission = Bool(
        False, help=f"If a cell ends the notebook's process, nothing of the submission is graded. {HELP}"
    ).tag(config=True)
    a_copied_cell_stops_the_run = Bool(
        False, help=f"If two cells of a submission have one id, the run ends there. {HELP}"
    ).tag(config=True)
    an_old_notebook_stops_the_run = Bool(
        False, help=f"A submission made with an old nbgrader ends the run for all others, too. {HELP}"
    ).tag(config=True)
    a_bad_result_drops_the_submission = Bool(
        False, help=f"If a test cell's last value is above its points, nothing of the submission is graded. {HELP}"
    ).tag(config=True)
    the_skip_tag_holds_in_tests = Bool(
        False, help=f"A test cell that a student gave the tag skip-execution is not run and has full marks. {HELP}"
    ).tag(config=True)
    stock_kernel = Bool(
        False, help=f"Run notebooks without graders in a kernel with the rights of whoever grades. {HELP}"
    ).tag(config=True)

    def wants(self, difference: str) -> bool:
        """Whether nbgrader's way was asked for, of the difference with this name."""
        return bool(self.strict or getattr(self, difference))
