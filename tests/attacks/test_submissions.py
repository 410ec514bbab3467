"""A hostile submission has the score that it deserves, and shows no secret."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.attacks import submissions
from tests.attacks.attack import left
from tests.attacks.submissions import ATTACKS, Attack, hand_in

from chainrule import grading, sandbox
from chainrule.errors import StudentProcessError, SubmissionError
from chainrule.model import Graded, Limits
from chainrule.notebook import intake

IN_PROCESS = """
# {canary}
import numpy as np
assert twice(1.5) == 3.0
np.testing.assert_allclose(twice(31337.125), 62674.25)
"""
THOROUGH = {"print without end", "print of 50 MB", "exception of 30 MB"}
EACH = [
    pytest.param(number, attack, id=attack.name, marks=[pytest.mark.thorough] if attack.name in THOROUGH else [])
    for number, attack in enumerate(ATTACKS)
]


@pytest.fixture(scope="module")
def graded(attacked: Any) -> Iterator[Callable[[int], Graded | SubmissionError]]:
    """The result of an attack, graded once: as `chainrule autograde` does, without the gradebook."""
    course, truth = attacked.course, intake.read_notebook(attacked.course.root / "source/t1/t1.ipynb")
    done: dict[int, Graded | SubmissionError] = {}

    def grade(number: int) -> Graded | SubmissionError:
        if number not in done:
            done[number] = submissions.graded(course, truth, hand_in(course, f"{number:02}", ATTACKS[number]))
        return done[number]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADING_TOKEN", attacked.canaries["environment"])
        grading.close()
        before = (
            f"def twice(x):\n    open('/tmp/left', 'w').write('{attacked.canaries['submission']}')\n    return 2 * x"
        )
        submissions.graded(course, truth, hand_in(course, "before", Attack("before", (), before)))
        yield grade
    grading.close()


@pytest.mark.parametrize(("number", "attack"), EACH)
def test_it_has_the_score_that_it_deserves(graded: Any, number: int, attack: Attack) -> None:
    result = graded(number)
    if isinstance(result, SubmissionError):
        assert attack.deserves == (0.0, 0.0)
        return
    twice, thrice = (exercise.points for exercise in result.exercises)
    assert twice == attack.deserves[0]
    assert thrice == attack.deserves[1] or attack.deserves[1] is None
    assert not any(note.kind == "ungraded" for note in result.notes), "a student can make it look like our fault"


@pytest.mark.parametrize(("number", "attack"), EACH)
def test_it_shows_no_secret(graded: Any, attacked: Any, number: int, attack: Attack) -> None:
    """Neither in the notebook as it was run nor in what the student is told. (Staff are shown lines of the test.)"""
    told = submissions.told(graded(number))
    for secret in (*attacked.canaries.values(), "31337", "62674"):
        assert secret not in told
    assert "evil-module\\n" not in told


def test_no_attack_ran_a_command_here(graded: Any) -> None:
    for number in range(len(ATTACKS)):
        graded(number)
    assert left() == []


def test_the_gradebook_has_the_secret_that_is_looked_for(attacked: Any) -> None:
    """The control of `test_it_shows_no_secret`, for the one secret that no code of ours reads while it grades."""
    assert attacked.canaries["gradebook"].encode() in (attacked.course.root / "gradebook.db").read_bytes()


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(("daemon", "ends the process", "gradebook", "pickle beside the notebook"), id="some"),
        pytest.param(tuple(attack.name for attack in ATTACKS), id="all", marks=pytest.mark.thorough),
    ],
)
def test_no_process_mount_file_or_memory_is_left(attacked: Any, world_of: Any, names: tuple[str, ...]) -> None:
    """Looked for in a world of its own, where nobody else starts or leaves anything."""
    if os.geteuid() != 0:
        pytest.skip("only root can make such a world")
    numbers = [number for number, attack in enumerate(ATTACKS) if attack.name in names]
    assert len(numbers) == len(names)
    done = world_of("root").ask("submissions", root=str(attacked.course.root), numbers=numbers)
    assert done["during"], "the control: while one is graded, there is something to find"
    assert done["left"] == []


@pytest.mark.parametrize("attack", [pytest.param(attack, id=attack.name) for attack in ATTACKS if attack.in_process])
def test_it_works_where_the_tests_run_in_the_students_process(attack: Attack) -> None:
    """The control: tests and answer in one process, as in plain nbgrader (inside a jail all the same)."""
    canary = f"canary-of-{secrets.token_hex(8)}"
    with sandbox.start(None, Limits()) as child:
        child.connection.limit(60)
        _run(child, "import numpy as np")
        _run(child, attack.twice)
        outputs = _run(child, IN_PROCESS.format(canary=canary))
        shown = json.dumps(outputs + _run(child, "print(open('/tmp/seen').read())"))
    assert canary in shown or not any(output["output_type"] == "error" for output in outputs)


def _run(child: Any, source: str) -> list[dict[str, Any]]:
    outputs: list[dict[str, Any]] = []
    try:
        child.connection.request("run", source, on_output=outputs.append)
    except StudentProcessError as error:
        outputs.append({"output_type": "error", "ename": type(error).__name__})
    return outputs
