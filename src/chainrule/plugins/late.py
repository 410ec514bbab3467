"""What a late submission costs, as nbgrader asks for it while it grades."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import LateSubmissionPlugin

from chainrule.policy import has_late_policy


class LatePolicy(LateSubmissionPlugin):
    """Takes nothing off in a course whose `grades.toml` has a `[late]` table: that counts when a total is asked for.

    A penalty in the gradebook is an absolute number that nobody calculates again when marks, due dates or extensions
    change. Without the table this is nbgrader's plugin, with its settings (`c.LateSubmissionPlugin`).
    """

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float | None:
        if has_late_policy(_folder(self)):
            return None
        penalty: float | None = super().late_submission_penalty(student_id, score, total_seconds_late)
        return penalty


def _folder(plugin: Any) -> Path:
    """The course folder: that of the converter for which the plugin works, some parents up."""
    parent = plugin.parent
    while parent is not None:
        if getattr(parent, "coursedir", None) is not None:
            return Path(parent.coursedir.root)
        parent = getattr(parent, "parent", None)
    return Path(CourseDirectory(parent=plugin).root)
