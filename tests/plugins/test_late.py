"""With a late policy in grades.toml no penalty gets into the gradebook; without one nbgrader's plugin decides."""

from __future__ import annotations

import pytest
from nbgrader.api import Gradebook

from chainrule.autograde import autograde
from chainrule.course import Course

ZERO = '\nc.LateSubmissionPlugin.penalty_method = "zero"\n'
LATE = "[late]\npercent_per_day = 10\n"


def penalty(classroom, at_once) -> float | None:  # type: ignore[no-untyped-def]
    """What `chainrule autograde` writes for a submission a day late, where nbgrader's plugin takes all points."""
    config = classroom.root / "nbgrader_config.py"
    config.write_text(config.read_text() + ZERO)
    with Gradebook(classroom.db_url) as book:
        book.update_or_create_assignment("t1", duedate="2025-03-01 12:00:00 UTC")
    classroom.submit("ada", time="2025-03-02 11:00:00 UTC")
    summary = autograde(Course(classroom.root), "t1", executor=at_once)
    assert not summary.failed
    with Gradebook(classroom.db_url) as book:
        found: float | None = book.find_submission_notebook("t1", "t1", "ada").late_submission_penalty
    return found


def test_without_a_late_policy_nbgraders_plugin_decides(classroom, at_once) -> None:  # type: ignore[no-untyped-def]
    (classroom.root / "grades.toml").write_text("cap = 100\n")
    assert penalty(classroom, at_once) == 8.0


def test_with_a_late_policy_nothing_is_frozen(classroom, at_once) -> None:  # type: ignore[no-untyped-def]
    (classroom.root / "grades.toml").write_text(LATE)
    assert penalty(classroom, at_once) is None


@pytest.mark.slow
def test_nbgraders_own_command_freezes_nothing_either(classroom) -> None:  # type: ignore[no-untyped-def]
    import subprocess
    import sys

    config = classroom.root / "nbgrader_config.py"
    config.write_text(config.read_text() + ZERO)
    (classroom.root / "grades.toml").write_text(LATE)
    with Gradebook(classroom.db_url) as book:
        book.update_or_create_assignment("t1", duedate="2025-03-01 12:00:00 UTC")
    classroom.submit("ada", time="2025-03-02 11:00:00 UTC")
    command = [sys.executable, "-m", "nbgrader", "autograde", "t1"]
    done = subprocess.run(command, cwd=classroom.root, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    with Gradebook(classroom.db_url) as book:
        submission = book.find_submission("t1", "ada")
        assert submission.total_seconds_late == 23 * 3600
        assert submission.score > 0
        assert submission.late_submission_penalty == 0.0
