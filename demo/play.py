"""The steps, from the source text to the report. Instructors' steps are the real commands, in the scratch course."""

from __future__ import annotations

import contextlib
import csv
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from rich.console import Console

from chainrule.course import Course
from chainrule.model import Exercise
from chainrule.notebook import cells

from . import desk, results
from .classroom import Classroom, Pupil
from .desk import Notebook
from .register import register
from .results import Result
from .scratch import Scratch
from .verdict import complaints

FIRST = "a01_linear_models"
"""The assignment in which the whole class does everything that a class can do."""

LATER = ("a05_losses", "a07_backprop")
"""Assignments that are still open: some have handed in already."""

EARLY = 6
"""So many have."""

DUE = {
    FIRST: datetime(2026, 3, 6, 18, 0, tzinfo=UTC),
    **{name: datetime(2026, 3, 20 + 7 * week, 18, 0, tzinfo=UTC) for week, name in enumerate(LATER)},
}


@dataclass
class Round:
    """One assignment: who does what, and what came of it."""

    assignment: str
    truth: Notebook
    exercises: tuple[Exercise, ...]
    pupils: dict[str, Pupil] = field(default_factory=dict)
    results: dict[str, Result] = field(default_factory=dict)

    @property
    def complaints(self) -> dict[str, list[str]]:
        """What is wrong with each student's result."""
        return {student: complaints(pupil, self.results[student]) for student, pupil in self.pupils.items()}


@dataclass
class Play:
    """One run of the demo. After `run`, each round has every student's result."""

    scratch: Scratch
    console: Console
    rounds: dict[str, Round] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    fetched: str = ""
    """The student whose feedback was fetched."""
    seconds: float = 0.0
    _number: int = 0

    def run(self) -> None:
        started = time.monotonic()
        self.course = Course(self.scratch.course)
        for assignment in DUE:
            self._instructor_releases(assignment)
        self._enrol()
        for round_ in self.rounds.values():
            self._students_work(round_)
        for round_ in self.rounds.values():
            self._instructor_grades(round_)
        self._feedback()
        self._command("Write the report of the course", "chainrule", "report", "--out", str(self.scratch.report))
        self.seconds = time.monotonic() - started

    def _instructor_releases(self, assignment: str) -> None:
        self._command(f"Build {assignment} from its text", "chainrule", "build", assignment)
        self._command(
            "Make the students' version", "nbgrader", "generate_assignment", assignment, "--create", "--force"
        )
        self._command("Release it to the exchange", "nbgrader", "release_assignment", assignment)
        due = DUE[assignment].strftime("%Y-%m-%d %H:%M:%S UTC")
        self._command(f"Set the due date, {due}", "nbgrader", "db", "assignment", "add", assignment, f"--duedate={due}")
        truth = desk.read(self.course.notebooks(assignment)[0])
        self.rounds[assignment] = Round(assignment, truth, cells.exercises(truth, self.course.graders(assignment)))

    def _enrol(self) -> None:
        first = self.rounds[FIRST]
        pupils = Classroom(FIRST, first.truth, first.exercises).pupils()
        roster = register(len(pupils))
        self.names = {student: f"{given} {family}" for student, given, family in roster}
        for round_ in self.rounds.values():
            if round_ is not first:
                pupils = Classroom(round_.assignment, round_.truth, round_.exercises).early(EARLY, len(roster))
            round_.pupils = dict(zip(self.names, pupils, strict=True))
        path = self.scratch.course / "students.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("id", "first_name", "last_name"), *roster])
        self._command(f"Enrol {len(roster)} students", "nbgrader", "db", "student", "import", path.name)

    def _students_work(self, round_: Round) -> None:
        count = sum(len(pupil.hand_ins) for pupil in round_.pupils.values())
        with self._step(f"Students fetch {round_.assignment}, work, and submit") as say:
            done = 0
            for student, pupil in round_.pupils.items():
                place = desk.Desk(self.scratch, self.course.id, round_.assignment, student)
                notebook = place.fetch()
                released = desk.read(notebook)
                for hand_in in pupil.hand_ins:
                    text = hand_in.write(round_.assignment, released, round_.truth, round_.exercises)
                    notebook.write_text(text, encoding="utf-8")
                    place.submit(DUE[round_.assignment] - timedelta(hours=hand_in.hours))
                    done += 1
                    say(f"{done} of {count} submissions")

    def _instructor_grades(self, round_: Round) -> None:
        self._command(f"Collect {round_.assignment}", "nbgrader", "collect", round_.assignment)
        self._command("Grade it", "chainrule", "autograde", round_.assignment, live=True)
        round_.results = results.collect(self.scratch.course / "gradebook.db", round_.assignment)

    def _feedback(self) -> None:
        """Feedback for the first assignment: the others are still open."""
        self._command("Write feedback", "nbgrader", "generate_feedback", FIRST)
        self._command("Release the feedback", "nbgrader", "release_feedback", FIRST)
        pupils = self.rounds[FIRST].pupils
        self.fetched = next(student for student, pupil in pupils.items() if pupil.kind == "typical")
        self._command(
            f"{self.names[self.fetched]} fetches the feedback",
            *("nbgrader", "fetch_feedback", FIRST, "--course", self.course.id),
            f"--Exchange.assignment_dir={self.scratch.home(self.fetched)}",
            f"--Exchange.cache={self.scratch.cache(self.fetched)}",
        )

    def _command(self, title: str, *command: str, live: bool = False) -> None:
        """Run a command in the scratch course; `live` lets its standard error, where progress is, through."""
        shown = " ".join(command[:4] if command[1] == "db" else command[:3])
        with self._step(title, shown, quiet=live):
            done = subprocess.run(
                command,
                cwd=self.scratch.course,
                env=self.scratch.environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=None if live else subprocess.STDOUT,
                text=True,
                check=False,
            )
        if done.returncode:
            tail = "\n".join((done.stdout or "").splitlines()[-25:])
            raise SystemExit(f"{tail}\n\nThe demo stopped: `{' '.join(command)}` ended with status {done.returncode}.")

    @contextlib.contextmanager
    def _step(self, title: str, command: str = "", *, quiet: bool = False) -> Iterator[object]:
        """Number a step and say how long it took. Yields a function that shows how far it is."""
        self._number += 1
        label = f"[bold]{self._number:2}[/bold]  {title}"
        started = time.monotonic()
        if quiet:
            self.console.print(f"{label}  [dim]{command}[/dim]", highlight=False, soft_wrap=True)
            yield print
        else:
            with self.console.status(label) as status:
                yield lambda text: status.update(f"{label} [dim]· {text}[/dim]")
        seconds = time.monotonic() - started
        done = "     [dim]done[/dim]" if quiet else f"{label}  [dim]{command}[/dim]"
        self.console.print(f"{done}  [dim]{seconds:.1f} s[/dim]", highlight=False, soft_wrap=True)
