"""Where nothing shuts student code in (tier C), a forged submission still has the score that it deserves.

Its process is one of a user of its own here, for these tests run as root: an ordinary user's could read what that user
can, as docs/security.md says.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.attacks import submissions
from tests.attacks.submissions import ATTACKS, hand_in
from tests.attacks.test_submissions import THOROUGH

from chainrule import grading
from chainrule.errors import SubmissionError
from chainrule.model import Graded
from chainrule.notebook import intake
from chainrule.sandbox import tiers

QUICK = ("frame 1", "display hook", "test edited", "ends the process")
EACH = [
    pytest.param(number, id=attack.name, marks=[] if attack.name in QUICK else [pytest.mark.thorough])
    for number, attack in enumerate(ATTACKS)
    if attack.name not in THOROUGH
]
pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can give the student's process a user of its own")


@pytest.fixture(scope="module")
def weakly_graded(attacked: Any) -> Iterator[Callable[[int], Graded | SubmissionError]]:
    course = attacked.course
    truth = intake.read_notebook(course.root / "source/t1/t1.ipynb")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiers, "_chosen", tiers.WEAK)
        patch.setenv(tiers.ALLOW, "1")
        yield lambda number: submissions.graded(course, truth, hand_in(course, f"weak{number:02}", ATTACKS[number]))
    grading.close()


@pytest.mark.parametrize("number", EACH)
def test_it_has_the_score_that_it_deserves(weakly_graded: Any, number: int) -> None:
    attack, result = ATTACKS[number], weakly_graded(number)
    if isinstance(result, SubmissionError):
        assert attack.deserves == (0.0, 0.0)
        return
    assert result.isolation.startswith(tiers.WEAK)
    twice, thrice = (exercise.points for exercise in result.exercises)
    assert twice == attack.deserves[0]
    assert thrice == attack.deserves[1] or attack.deserves[1] is None
    assert not any(note.kind == "ungraded" for note in result.notes), "a student can make it look like our fault"
