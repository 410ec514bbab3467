"""How results get into the gradebook."""

from __future__ import annotations

from typing import Any

from nbgrader.api import Gradebook
from nbgrader.preprocessors import SaveAutoGrades

from chainrule import gradebook, submission, written
from chainrule.model import Graded
from chainrule.notebook import cells
from chainrule.plugins.as_nbgrader import AsNbgrader
from chainrule.plugins.exporter import PLACE


class SaveResults(SaveAutoGrades):
    """Scores of exercises with a grader are the sums of their tests' points; all other cells are nbgrader's.

    An exercise that a fault of ours left ungraded gets no score and waits for a human. The tests' records are written
    in the same transaction.
    """

    def preprocess(self, nb: Any, resources: Any) -> Any:
        graded: Graded | None = resources.get(submission.KEY)
        if graded is None:  # run by a stock kernel, or not at all
            return super().preprocess(nb, resources)
        about = resources["nbgrader"]
        self.notebook_id, self.assignment_id = about["notebook"], about["assignment"]
        self.student_id, self.db_url = about["student"], about["db_url"]
        ours = {result.test_cell for result in graded.exercises}
        self.gradebook = Gradebook(self.db_url)
        with self.gradebook:
            for index, cell in enumerate(nb.cells):
                if cells.grade_id(cell) not in ours:
                    self.preprocess_cell(cell, resources, index)
            self._save(graded, resources)
        return nb, resources

    def _add_score(self, cell: Any, resources: Any) -> None:
        """As nbgrader, but a result that it cannot take as points is for a human, and the rest is scored."""
        try:
            super()._add_score(cell, resources)
        except (KeyError, ValueError) as error:
            if AsNbgrader(parent=self).wants("a_bad_result_drops_the_submission"):
                raise
            name = cells.grade_id(cell)
            self.log.warning("The result of the test cell %s cannot be its points (%s). Score it by hand.", name, error)
            grade = self.gradebook.find_grade(name, self.notebook_id, self.assignment_id, self.student_id)
            grade.auto_score, grade.needs_manual_grade = None, True
            self.gradebook.db.commit()

    def _save(self, graded: Graded, resources: Any) -> None:
        for result in graded.exercises:
            grade = self.gradebook.find_grade(result.test_cell, self.notebook_id, self.assignment_id, self.student_id)
            grade.auto_score = result.points
            grade.needs_manual_grade = grade.manual_score is not None or result.points is None
        digest = submission.grader_hash(resources[PLACE].graders)
        connection = self.gradebook.db.connection()
        gradebook.save(connection, graded, digest, submission.versions())
        written.unmark(connection, graded.assignment, graded.student)
        self.gradebook.db.commit()
