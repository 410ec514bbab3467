"""Gradescope's results.json, one for each submission.

The fields are those of its *Autograder Specifications*: docs/exports.md. What a student may see is what the feedback
page shows: titles, points, messages and named mistakes; never an outcome's `detail`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from chainrule.formats.book import Submission, Written, warn_held_back
from chainrule.formats.files import replacing
from chainrule.formats.text import clean, file_name, line, number
from chainrule.model import Outcome, Status

VISIBILITIES = ("hidden", "after_due_date", "after_published", "visible")

INDEX = "index.json"


def write(
    submissions: Iterable[Submission],
    folder: Path,
    *,
    words: Mapping[str, str] | None = None,
    visibility: str = "after_published",
    partial: bool = False,
) -> Written:
    """`folder`/<assignment>/<student>/results.json, and an index of them with the students' e-mail addresses.

    `words` are the sentences for students by kind of note; notes of other kinds are for staff. Unless `partial`, a
    submission of which a part has no score yet is left out.
    """
    index, held = [], []
    for found in submissions:
        if not found.score.complete:
            held.append((found.person, found.item, found.score))
            if not partial:
                continue
        place = Path(file_name(found.item.name)) / file_name(found.person.id) / "results.json"
        _dump(results(found, words or {}, visibility), folder / place)
        who = {"assignment": found.item.name, "student": found.person.id, "email": found.person.email}
        index.append({key: clean(value) for key, value in who.items()} | {"file": place.as_posix()})
    _dump(index, folder / INDEX)
    return Written(str(folder), tuple(warn_held_back(held, partial=partial, what="left out")))


def _dump(value: object, path: Path) -> None:
    with replacing(path) as part:
        part.write_text(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def results(found: Submission, words: Mapping[str, str], visibility: str = "after_published") -> dict[str, Any]:
    """The JSON of one submission. Its `score` counts: it has the marks by hand and the late penalty in it."""
    tests = [test for part in enumerate(_exercises(found), 1) for test in _tests(*part, visibility)]
    return {
        "score": found.score.points,
        "output": "\n".join(_remarks(found, words)),
        "output_format": "text",
        "visibility": visibility,
        "stdout_visibility": "hidden",
        "tests": tests + _marks(found, visibility),
    }


def _exercises(found: Submission) -> list[tuple[str, list[Outcome]]]:
    """Outcomes by exercise, in the order of the notebooks."""
    several = len(found.runs) > 1
    exercises: dict[str, list[Outcome]] = {}
    for run in found.runs:
        for _, outcome in run.outcomes:
            name = f"{run.notebook}/{outcome.exercise}" if several else outcome.exercise
            exercises.setdefault(name, []).append(outcome)
    return list(exercises.items())


def _tests(number_of: int, exercise: tuple[str, list[Outcome]], visibility: str) -> list[dict[str, Any]]:
    name, outcomes = exercise
    mistake = next((clean(outcome.misconception) for outcome in outcomes if outcome.misconception), "")
    tests, told = [], False
    for place, outcome in enumerate(outcomes, 1):
        passed, ungraded = outcome.status is Status.PASSED, outcome.status is Status.UNGRADED
        test: dict[str, Any] = {
            "name": line(f"{name}: {outcome.title or outcome.test}"),
            "name_format": "text",
            "number": f"{number_of}.{place}",
            "max_score": outcome.max_points,
            "output": _words(outcome, "" if told or passed or ungraded else mistake),
            "output_format": "text",
            "tags": [line(name)],
            "visibility": visibility,
        }
        if not ungraded:  # a fault of ours is no zero: such a test has neither score nor status
            test |= {"score": outcome.points, "status": "passed" if passed else "failed"}
        told = told or not (passed or ungraded)
        tests.append(test)
    return tests


def _words(outcome: Outcome, mistake: str) -> str:
    """As on the feedback page: the named mistake once an exercise, a message only where something went wrong."""
    if outcome.status is Status.PASSED:
        return ""
    if outcome.status is Status.UNGRADED:
        return "Not graded yet, by a fault on our side. A person will look at it."
    message = clean(outcome.message)
    parts = [mistake, "" if message == clean(outcome.misconception) else message]
    return "\n\n".join(part for part in parts if part)


def _marks(found: Submission, visibility: str) -> list[dict[str, Any]]:
    cells = []
    for mark in found.other_marks:
        cell: dict[str, Any] = {
            "name": line(mark.cell),
            "name_format": "text",
            "max_score": mark.max_points,
            "output": mark.remark,
            "output_format": "text",
            "tags": ["by hand"] if mark.by_hand else [],
            "visibility": visibility,
        }
        cells.append(cell if mark.points is None else cell | {"score": round(mark.points, 6)})
    return cells


def _remarks(found: Submission, words: Mapping[str, str]) -> list[str]:
    """Why the score is not the sum of the tests, and what the student should know of the submission."""
    remarks = []
    for kind, sentence in words.items():
        cells = [line(note.cell) for run in found.runs for note in run.remarks if note.kind == kind]
        if cells:
            named = ", ".join(dict.fromkeys(cell for cell in cells if cell))
            remarks.append(sentence if sentence.endswith(".") else f"{sentence}{f' ({named})' if named else ''}.")
    ours = found.with_outcomes
    for mark in found.marks:
        if (mark.notebook, mark.cell) in ours and (mark.by_hand or mark.extra) and mark.points is not None:
            name = line(mark.cell.removeprefix("test_"))
            remarks.append(f"{name}: a person set {number(mark.points, 2)} of {number(mark.max_points, 2)} points.")
    if found.score.penalty:
        remarks.append(f"{number(found.score.penalty, 2)} points were taken off for lateness.")
    if not found.score.complete:
        remarks.append("A part of this submission is not graded yet; the score is what there is so far.")
    return remarks
