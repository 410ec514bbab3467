"""Whether each student got what they deserve, and nobody paid for another."""

from __future__ import annotations

import re

from .answers import Answer, Deserves
from .classroom import Pupil
from .results import ExerciseResult, Result


def complaints(pupil: Pupil, result: Result) -> list[str]:
    """What is wrong with the result; empty if it is deserved."""
    if not pupil.hand_ins:
        return [] if result.points is None else [f"never submitted, but has {result.points} points"]
    if result.points is None:
        return ["submitted, but has no result"]
    found = [f"no note of kind {kind!r}" for kind in sorted(pupil.notes - result.notes.keys())]
    if pupil.late != (result.late_seconds > 0):
        found.append(f"late by {result.late_seconds:.0f} s, which is not so")
    if pupil.unreadable:
        return found + ([f"unreadable, but has {result.points} points"] if result.points else [])
    for exercise, answer in pupil.answers.items():
        problem = _problem(answer, result.exercises.get(exercise))
        if problem:
            found.append(f"{exercise}: {problem}")
    return found


def _problem(answer: Answer, got: ExerciseResult | None) -> str:
    if got is None or got.points is None:
        return "not graded"
    score = f"{got.points:g} of {got.max_points:g} points"
    if answer.deserves is Deserves.FULL and got.points != got.max_points:
        return f"{score} for a right solution ({'; '.join(got.messages[:1])})"
    if answer.deserves is Deserves.NONE and got.points != 0:
        return f"{score} for no solution"
    if answer.deserves is Deserves.PART and got.points >= got.max_points:
        return f"{score} for a known mistake"
    if answer.named and not any(_says(name, said) for name in answer.named for said in got.misconceptions):
        return f"the mistake was not named “{' / '.join(answer.named)}”, but {got.misconceptions or 'nothing'}"
    return ""


def _says(template: str, said: str) -> bool:
    """Whether `said` is the message, with its holes filled."""
    pattern = ".+".join(re.escape(part) for part in re.split(r"\{\w+\}", template))
    return re.fullmatch(pattern, said) is not None
