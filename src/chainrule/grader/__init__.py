"""The trusted side of grading: hidden tests as pytest files, one an exercise. See docs/writing-graders.md."""

from chainrule.grader.declare import alternative, helper, misconception, points
from chainrule.grader.inline import grade
from chainrule.grader.student import StudentError

__all__ = ["StudentError", "alternative", "grade", "helper", "misconception", "points"]
