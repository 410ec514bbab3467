"""A class made from the exercise bank: every way of handing in a notebook that a course has met, at least once."""

from __future__ import annotations

import copy
import json
import random
import tomllib
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, zip_longest
from pathlib import Path

from chainrule.grader.bank import Bank, Variant, read
from chainrule.model import Exercise
from chainrule.notebook.cells import grade_id

from . import answers as a
from .answers import LEFT, SOLVED, Answer
from .desk import Notebook, find

HALF_DONE = (0.3, 0.7)
WRITTEN = tomllib.loads(Path(__file__).with_name("prose.toml").read_text(encoding="utf-8"))
"""Answers to the written questions, by assignment and question."""

Answers = dict[str, Answer]
Tamper = Callable[[Notebook], None]


@dataclass(frozen=True)
class HandIn:
    """One submission: `hours` before the due date, or after it if negative."""

    hours: float
    answers: Answers
    tamper: Tamper | None = None
    text: str | None = None  # instead of a notebook

    def write(self, assignment: str, released: Notebook, truth: Notebook, exercises: tuple[Exercise, ...]) -> str:
        """The file as it is submitted."""
        if self.text is not None:
            return self.text
        notebook = copy.deepcopy(released)
        for exercise in exercises:
            a.write(notebook, truth, exercise, self.answers[exercise.id])
        if any(answer != LEFT for answer in self.answers.values()):
            a.write_answers(notebook, lambda question: self._prose(assignment, question))
        if self.tamper:
            self.tamper(notebook)
        return json.dumps(notebook, ensure_ascii=False, indent=1)

    def _prose(self, assignment: str, question: str) -> str:
        """Which of the answers this student gives: any, and always the same."""
        texts: list[str] = WRITTEN[assignment][question]
        return texts[zlib.crc32(f"{assignment} {question} {self.hours}".encode()) % len(texts)]


@dataclass(frozen=True)
class Pupil:
    """What one student does. The last hand-in is the one that counts."""

    kind: str
    did: str
    hand_ins: tuple[HandIn, ...] = ()
    notes: frozenset[str] = field(default_factory=frozenset)
    """Kinds of notes that staff must find on the submission."""

    @property
    def answers(self) -> Answers:
        return self.hand_ins[-1].answers if self.hand_ins else {}

    @property
    def unreadable(self) -> bool:
        return bool(self.hand_ins) and self.hand_ins[-1].text is not None

    @property
    def late(self) -> bool:
        return bool(self.hand_ins) and self.hand_ins[-1].hours < 0


class Classroom:
    """Makes the pupils of one assignment; the same ones every time."""

    def __init__(self, assignment: str, truth: Notebook, exercises: tuple[Exercise, ...]) -> None:
        self.exercises = exercises
        self.ids = [exercise.id for exercise in exercises]
        self.banks: dict[str, Bank] = {exercise.id: read(Path(exercise.grader)) for exercise in exercises}
        self.free = [exercise.id for exercise in a.independent(truth, exercises)]
        self.tests = {exercise.id: exercise.test_cell for exercise in exercises}
        self.others = {name: _Alternatives(bank) for name, bank in self.banks.items()}
        self.random = random.Random(assignment)

    def pupils(self) -> list[Pupil]:
        accidents = list(self._accidents())
        *mistaken, deleted, duplicated, edited, late, later, twice = self._mistaken()
        return [
            self._pupil("solved", "all right", self._all()),
            *self._alternatives(),
            *self._half_done(),
            self._pupil("untouched", "as released", self._all(LEFT)),
            *accidents,
            *self._tampered(deleted, duplicated, edited),
            *self._hand_ins(late, later, twice),
            *mistaken,
        ]

    def early(self, count: int, size: int) -> list[Pupil]:
        """A class of `size` of which `count` have handed in before the due date: right, half done, or with slips."""
        done = self.ids[: round(HALF_DONE[1] * len(self.ids))]
        pupils = [
            self._pupil("solved", "all right", self._all()),
            self._pupil("alternatives", "all right, otherwise", self._right()),
            self._pupil("half-finished", f"the first {len(done)}", self._all(LEFT, **dict.fromkeys(done, SOLVED))),
            *(self._slips(number % 3 + 1) for number in range(count - 3)),
            *(Pupil("not yet", "") for _ in range(size - count)),
        ]
        self.random.shuffle(pupils)
        return pupils

    def _slips(self, count: int) -> Pupil:
        names = self.random.sample(self.free, count)
        wrong = {name: a.mistaken(self.random.choice(self.banks[name].misconceptions)) for name in names}
        return self._pupil("typical", f"slips in {', '.join(names)}", self._right(**wrong))

    def _pupil(self, kind: str, did: str, answers: Answers, *notes: str, tamper: Tamper | None = None) -> Pupil:
        return Pupil(kind, did, (HandIn(self._hours(), answers, tamper),), frozenset(notes))

    def _hours(self) -> float:
        return round(self.random.uniform(1, 120), 2)

    def _right(self, **exceptions: Answer) -> Answers:
        """Each exercise in the next of its alternatives, but for the exceptions."""
        return {name: exceptions.get(name) or others.answer() for name, others in self.others.items()}

    def _all(self, answer: Answer = SOLVED, **exceptions: Answer) -> Answers:
        return dict.fromkeys(self.ids, answer) | exceptions

    def _mistaken(self) -> Iterator[Pupil]:
        """Each misconception once: the k-th student takes the k-th of every exercise, as long as there are so many."""
        sets = {name: _sets(bank.misconceptions) for name, bank in self.banks.items()}
        for k in range(max(map(len, sets.values()))):
            wrong = {name: a.mistaken(*sets[name][k]) for name in self.ids if k < len(sets[name])}
            answers = self._right(**wrong)
            if len(wrong) == 1:
                yield self._pupil("typical", f"a slip in {next(iter(wrong))}", answers)
            elif len(wrong) < 5:
                yield self._pupil("typical", f"slips in {len(wrong)} exercises", answers)
            else:
                yield self._pupil("mistaken", f"in {len(wrong)} exercises", answers)

    def _alternatives(self) -> Iterator[Pupil]:
        """Right in other ways: one student, and more if there are alternatives that nobody else has taken."""
        yield self._pupil("alternatives", "all right, otherwise", self._right())
        while any(others.left for others in self.others.values()):
            yield self._pupil("alternatives", "all right, otherwise", self._right())

    def _half_done(self) -> Iterator[Pupil]:
        for share in HALF_DONE:
            done = self.ids[: round(share * len(self.ids))]
            answers = self._all(LEFT, **dict.fromkeys(done, SOLVED))
            yield self._pupil("half-finished", f"the first {len(done)} exercises", answers)

    def _accidents(self) -> Iterator[Pupil]:
        """Each loses one exercise, and only that one."""
        accidents = [
            ("syntax error", "a bracket missing", "def attempt(x:\n    return x", ()),
            ("raises", "a RuntimeError", 'raise RuntimeError("I will finish this tomorrow")', ()),
            ("endless loop", "while True", "while True:\n    pass", ("timeout",)),
            ("os._exit(0)", "the process ends", "import os\n\nos._exit(0)", ("crashed",)),
        ]
        for number, (kind, did, code, notes) in enumerate(accidents):
            victim = self.free[number % len(self.free)]
            yield self._pupil(kind, f"{did} in {victim}", self._right(**{victim: a.spoiled(code)}), *notes)

    def _tampered(self, *slips: Pupil) -> Iterator[Pupil]:
        """What a student did to cells that are not theirs is undone: each is graded for the slips in their own."""
        test = self.tests[
            self.random.choice([name for name in self.ids if not any(slip.answers[name].named for slip in slips)])
        ]
        tricks: list[tuple[str, str, str, Tamper]] = [
            ("test deleted", test, "missing", lambda notebook: _delete(notebook, test)),
            ("test duplicated", test, "duplicate", lambda notebook: _duplicate(notebook, test)),
            ("points edited", f"{test} is 1000", "metadata", lambda notebook: _reprice(notebook, test)),
        ]
        for (kind, did, note, tamper), slip in zip(tricks, slips, strict=True):
            yield self._pupil(kind, f"{did}; {slip.did}", slip.answers, note, tamper=tamper)

    def _hand_ins(self, late: Pupil, later: Pupil, twice: Pupil) -> Iterator[Pupil]:
        """What can happen around a submission. The three given have slips in them and are graded for those."""
        half = self._all(LEFT, **dict.fromkeys(self.ids[: len(self.ids) // 2], SOLVED))
        text = "<html><body>Your session has expired.</body></html>\n"
        unreadable = HandIn(self._hours(), self._all(LEFT), text=text)
        yield Pupil("not a notebook", "a web page", (unreadable,), frozenset({"unreadable"}))
        yield Pupil("late", f"3 hours, {late.did}", (HandIn(-3, late.answers),))
        yield Pupil("late", f"2 days, {later.did}", (HandIn(-49.5, later.answers),))
        yield Pupil("two submissions", f"half, then {twice.did}", (HandIn(60, half), HandIn(5, twice.answers)))
        yield Pupil("absent", "")


class _Alternatives:
    """The alternatives of an exercise, handed out in turn. `left` counts those not yet taken."""

    def __init__(self, bank: Bank) -> None:
        sets = _sets(bank.alternatives)
        self.left = len(sets)
        self._turn = cycle(sets or [[]])

    def answer(self) -> Answer:
        self.left = max(self.left - 1, 0)
        return a.otherwise(*next(self._turn))


def _sets(entries: Sequence[Variant]) -> list[list[Variant]]:
    """Entries of different names side by side: one student can answer each name once."""
    names = dict.fromkeys(entry.of for entry in entries)
    columns = [[entry for entry in entries if entry.of == name] for name in names]
    return [[entry for entry in row if entry] for row in zip_longest(*columns)]


def _delete(notebook: Notebook, test: str) -> None:
    notebook["cells"] = [cell for cell in notebook["cells"] if grade_id(cell) != test]


def _duplicate(notebook: Notebook, test: str) -> None:
    at = next(index for index, cell in enumerate(notebook["cells"]) if grade_id(cell) == test)
    notebook["cells"].insert(at + 1, copy.deepcopy(notebook["cells"][at]))


def _reprice(notebook: Notebook, test: str) -> None:
    find(notebook, test)["metadata"]["nbgrader"]["points"] = 1000
