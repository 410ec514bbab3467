"""Attacks that are submissions: what each student hands in, and what it deserves. The exercise attacked is `twice`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.attacks.attack import Attack
from tests.attacks.forgeries import FORGERIES
from tests.attacks.notebooks import NOTEBOOKS

from chainrule import grading
from chainrule.errors import SubmissionError
from chainrule.model import Graded, Job, Limits
from chainrule.notebook import cells, intake

ATTACKS = [*FORGERIES, *NOTEBOOKS]


def graded(course: Any, truth: dict[str, Any], path: Path) -> Graded | SubmissionError:
    """The result of a submission: taken in and graded as by `chainrule autograde`, without the gradebook."""
    try:
        notebook, notes = intake.merge(truth, intake.read_notebook(path))
    except SubmissionError as error:
        return error
    exercises = cells.exercises(notebook, course.root / "graders/t1")
    job = Job("tiny", "t1", path.parent.parent.name, "t1", notebook, exercises, path.parent, Limits(cell=10.0))
    result = grading.grade(job)
    return Graded(**{**vars(result), "notes": (*notes, *result.notes)})


def told(result: Graded | SubmissionError) -> str:
    """All that a student is told of a result: messages, and the notebook as it was run."""
    if isinstance(result, SubmissionError):
        return str(result)
    outcomes = [outcome for exercise in result.exercises for outcome in exercise.outcomes]
    texts = [f"{outcome.message} {outcome.misconception}" for outcome in outcomes]
    return "\n".join([*texts, json.dumps([vars(note) for note in result.notes]), json.dumps(result.notebook)])


def hand_in(course: Any, student: str, attack: Attack) -> Path:
    """Collect the submission of an attack; where its notebook lies."""
    course.submit(student, attack.change, twice=attack.twice.replace("{course}", str(course.root)))
    path: Path = course.root / "submitted" / student / "t1/t1.ipynb"
    for name, content in attack.files.items():
        (path.parent / name).parent.mkdir(parents=True, exist_ok=True)
        (path.parent / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    if attack.raw is not None:
        attack.raw(path, course.root)
    return path
