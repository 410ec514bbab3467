"""The class divided among graders, the same way each time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence


def split(students: Iterable[str], graders: Sequence[str], assignment: str) -> dict[str, str]:
    """Who marks whom: every student's grader, with shares that differ by one at most.

    It is drawn by a hash of assignment, student and grader: equal on every machine, independent of names' order, and
    another draw for each assignment. A student more or less moves few of the others. Empty without graders.
    """
    given: dict[str, str] = {}
    if not graders:
        return given
    ranked = sorted(set(students), key=lambda student: place(assignment, student))
    room = dict.fromkeys(graders, len(ranked) // len(graders))
    spare = len(ranked) % len(graders)
    for student in ranked:
        for grader in sorted(graders, key=lambda name: place(assignment, student, name)):
            if room[grader] > 0:
                room[grader] -= 1
            elif room[grader] == 0 and spare:  # each takes one of the rest
                room[grader] = -1
                spare -= 1
            else:
                continue
            given[student] = grader
            break
    return given


def place(*parts: str) -> str:
    """A number, as text, that looks drawn at random and is always the same for the same parts."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


ANONYMOUS = "Submission "


def label(assignment: str, student: str) -> str:
    """What stands for a student where names are hidden: enough against prejudice, not against a determined reader."""
    return ANONYMOUS + place(assignment, student)[:6]
