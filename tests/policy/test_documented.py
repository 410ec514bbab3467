"""docs/grades.md is true: its example is valid and has every setting; the file of our own course is valid, too."""

from __future__ import annotations

import re
from pathlib import Path

from chainrule import policy
from chainrule.course import Course
from chainrule.policy import reading

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "grades.md").read_text(encoding="utf-8")


def test_the_example_is_valid_and_shows_every_setting() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    rules = policy.read(example)
    rules.check(["a1_linear", "a2_losses", "a3_descent", "b1", "project"], ["ada", "bob", "cleo"])
    for key in (*reading.ROOT, *reading.GROUP, *reading.LATE, "student", "assignment", "until", "days"):
        assert re.search(rf"\b{key}\b", example), f"the example lacks {key}"


def test_our_own_course_has_a_valid_file_in_which_every_assignment_counts() -> None:
    course = Course(ROOT)
    rules = policy.load(course)
    rules.check(course.assignments(), [])
    for name in course.assignments():
        group = rules.group(name)
        assert group is not None, f"grades.toml says nothing about {name}"
        assert group.weight > 0
