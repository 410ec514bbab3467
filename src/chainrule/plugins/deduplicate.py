"""Copies of a cell in a submission."""

from __future__ import annotations

from typing import Any

from nbgrader import utils
from nbgrader.preprocessors import DeduplicateIds as Stock
from nbgrader.preprocessors import NbGraderPreprocessor

from chainrule.plugins.as_nbgrader import AsNbgrader


class DeduplicateIds(NbGraderPreprocessor):
    """Of several cells with one id the first counts; the others become cells like any other.

    nbgrader's own leaves empty metadata on the copies, which later fails validation and with it the whole run.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        if AsNbgrader(parent=self).wants("a_copied_cell_stops_the_run"):
            return Stock(parent=self).preprocess(nb, resources)  # type: ignore[no-any-return]
        seen = set()
        for cell in nb.cells:
            if not any(role(cell) for role in (utils.is_grade, utils.is_solution, utils.is_locked, utils.is_task)):
                continue
            grade_id = cell.metadata.nbgrader["grade_id"]
            if grade_id in seen:
                self.log.warning("Cell with id '%s' exists multiple times! The first one counts.", grade_id)
                del cell.metadata["nbgrader"]
            seen.add(grade_id)
        return nb, resources
