"""Raise-only: where the present graders give an exercise fewer points, its whole old result stays.

Not the number alone: the exercise keeps its old outcomes, or a cell without a grader its old outputs. So the score, the
outcomes, the graded notebook, the feedback and the report go on saying one thing; a note for staff says why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from chainrule.audit import Change
from chainrule.errors import SubmissionError
from chainrule.model import ExerciseResult, Graded, Note, Outcome
from chainrule.notebook import cells
from chainrule.pending import Submission
from chainrule.regrade.difference import Points, named
from chainrule.stored import Grade, Key, Page, Stored

TINY = 1e-9
"""Points that differ by less are the same: they went through a database and JSON."""

ADVICE = "Regrade without --raise-only, or settle this student by hand."


def apply(
    found: Submission,
    stored: Stored,
    computed: Mapping[Key, Points],
    worth: Mapping[Key, tuple[Points, Points]],
    pages: Mapping[str, Page],
) -> None:
    """Put the old result in the place of each lower one of `found`, and tell `found.kept` of it.

    `computed` are the points that the present graders give, `worth` what a cell was and is worth, `pages` the graded
    notebooks that are there. Raises `SubmissionError` where an old result cannot be kept whole.
    """
    for key, grade in stored.grades.items():
        least = floor(grade, worth.get(key, (None, None))[0])
        points = computed.get(key, grade.auto)
        if least is None or (points is not None and points >= least - TINY):
            continue
        notebook, cell = key
        if notebook not in found.ready:
            raise SubmissionError(
                f"{notebook}.ipynb was graded before, and now nothing of it can be graded here, "
                f"so the {least:g} points of {cell} cannot be kept. {ADVICE}"
            )
        graded = found.ready[notebook]
        if before := stored.outcomes.get(key):
            kept = keep(before, cell, least, grade.max_points)
            if kept.points is None or abs(kept.points - least) > TINY:
                raise SubmissionError(f"The stored tests of {cell} do not add up to its {least:g} points. {ADVICE}")
            others = [result for result in graded.exercises if result.test_cell != cell]
            place = next((i for i, result in enumerate(graded.exercises) if result.test_cell == cell), len(others))
            graded = replace(graded, exercises=(*others[:place], kept, *others[place:]))
        else:
            graded = _with_old_outputs(graded, cell, pages.get(notebook))
        was = "no points yet" if points is None else f"{points:g}"
        note = Note(
            "kept", f"{cells.exercise_id(cell)}: {least:g} points are kept; the present graders give {was}.", cell
        )
        found.ready[notebook] = replace(graded, notes=(*graded.notes, note))
        found.kept[key] = Change(notebook, cell, grade.auto, least, grade.manual, points)


def check(found: Submission, scores: Mapping[Key, Points]) -> None:
    """Raise `SubmissionError` unless the scores that would now be written keep every kept point."""
    for (notebook, cell), kept in found.kept.items():
        points = scores.get((notebook, cell))
        if points is None or kept.points_to is None or abs(points - kept.points_to) > TINY:
            raise SubmissionError(f"The old result of {cell} does not give its old points any more. {ADVICE}")


def floor(grade: Grade, worth: Points) -> Points:
    """The points below which raise-only does not go: the old ones, less in proportion if the cell is worth less now."""
    if grade.auto is None:
        return None
    if worth is None or worth <= grade.max_points or worth <= 0:
        return grade.auto
    return round(grade.auto * grade.max_points / worth, 6)


def keep(before: Sequence[Outcome], cell: str, points: float, max_points: float) -> ExerciseResult:
    """The exercise as it was graded before. Where it is worth less now, the old points shrink in proportion."""
    total = sum(outcome.max_points for outcome in before)
    share = min(1.0, max_points / total) if total > 0 else 1.0
    outcomes = tuple(_scaled(outcome, share) if share < 1 else outcome for outcome in before)
    return ExerciseResult(before[0].exercise, cell, max_points, outcomes, named(before))


def _scaled(outcome: Outcome, share: float) -> Outcome:
    points, max_points = round(outcome.points * share, 6), round(outcome.max_points * share, 6)
    return replace(outcome, points=points, max_points=max_points)


def _with_old_outputs(graded: Graded, cell: str, page: Page | None) -> Graded:
    """nbgrader scores a test cell by what it printed: with the old outputs it has the old points."""
    if page is None or cell not in page.outputs:
        raise SubmissionError(f"The graded notebook with the old outputs of {cell} is not there. {ADVICE}")
    outputs = [output for output in page.outputs[cell] if "chainrule" not in output.get("metadata", {})]
    notebook: dict[str, Any] = {
        **graded.notebook,
        "cells": [
            {**made, "outputs": outputs} if cells.grade_id(made) == cell else made for made in graded.notebook["cells"]
        ],
    }
    exercises = tuple(result for result in graded.exercises if result.test_cell != cell)
    return replace(graded, notebook=notebook, exercises=exercises)
