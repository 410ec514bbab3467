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
from chainrule.notebook import cells

from . import desk, results
from .classroom import Classroom, Pupil
from .register import register
from .results import Result
from .scratch import Scratch

ASSIGNMENT = "a01_linear_models"
DUE = datetime(2026, 3, 6, 18, 0, tzinfo=UTC)


@dataclass
class Play:
    """One run of the demo. After `run`, `results` has every student's result."""

    scratch: Scratch
    console: Console
    pupils: dict[str, Pupil] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    results: dict[str, Result] = field(default_factory=dict)
    fetched: str = ""
    """The student whose feedback was fetched."""
    _number: int = 0

    def run(self) -> None:
        started = time.monotonic()
        self._instructor_releases()
        self._students_work()
        self._instructor_grades()
        self.results = results.collect(self.scratch.course / "gradebook.db", ASSIGNMENT)
        self.seconds = time.monotonic() - started

    def _instructor_releases(self) -> None:
        self._command("Build the notebook from its text", "chainrule", "build", ASSIGNMENT)
        self._command(
            "Make the students' version", "nbgrader", "generate_assignment", ASSIGNMENT, "--create", "--force"
        )
        self._command("Release it to the exchange", "nbgrader", "release_assignment", ASSIGNMENT)
        self.course = Course(self.scratch.course)
        source = self.course.notebooks(ASSIGNMENT)[0]
        self.truth = desk.read(source)
        self.exercises = cells.exercises(self.truth, self.course.graders(ASSIGNMENT))
        pupils = Classroom(ASSIGNMENT, self.truth, self.exercises).pupils()
        roster = register(len(pupils))
        self.pupils = {row[0]: pupil for row, pupil in zip(roster, pupils, strict=True)}
        self.names = {student: f"{first} {last}" for student, first, last in roster}
        path = self.scratch.course / "students.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("id", "first_name", "last_name"), *roster])
        due = DUE.strftime("%Y-%m-%d %H:%M:%S UTC")
        self._command(f"Enrol {len(roster)} students", "nbgrader", "db", "student", "import", path.name)
        self._command(f"Set the due date, {due}", "nbgrader", "db", "assignment", "add", ASSIGNMENT, f"--duedate={due}")

    def _students_work(self) -> None:
        count = sum(len(pupil.hand_ins) for pupil in self.pupils.values())
        with self._step("Students fetch the assignment, work, and submit") as say:
            done = 0
            for student, pupil in self.pupils.items():
                place = desk.Desk(self.scratch, self.course.id, ASSIGNMENT, student)
                notebook = place.fetch()
                released = desk.read(notebook)
                for hand_in in pupil.hand_ins:
                    notebook.write_text(hand_in.write(released, self.truth, self.exercises), encoding="utf-8")
                    place.submit(DUE - timedelta(hours=hand_in.hours))
                    done += 1
                    say(f"{done} of {count} submissions")

    def _instructor_grades(self) -> None:
        self._command("Collect the submissions", "nbgrader", "collect", ASSIGNMENT)
        self._command("Grade them", "chainrule", "autograde", ASSIGNMENT, live=True)
        self._command("Write feedback", "nbgrader", "generate_feedback", ASSIGNMENT)
        self._command("Release the feedback", "nbgrader", "release_feedback", ASSIGNMENT)
        self.fetched = next(student for student, pupil in self.pupils.items() if pupil.kind == "typical")
        self._command(
            f"{self.names[self.fetched]} fetches the feedback",
            *("nbgrader", "fetch_feedback", ASSIGNMENT, "--course", self.course.id),
            f"--Exchange.assignment_dir={self.scratch.home(self.fetched)}",
            f"--Exchange.cache={self.scratch.cache(self.fetched)}",
        )
        self._command("Write the report", "chainrule", "report", ASSIGNMENT, "--out", str(self.scratch.report))

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
