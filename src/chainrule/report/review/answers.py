"""What students wrote, read from their notebooks: hostile files, through `notebook.intake`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nbgrader.coursedir import CourseDirectory

from chainrule.course import Course
from chainrule.errors import SourceError, SubmissionError
from chainrule.notebook import cells, intake, regions

Key = tuple[str, str]
"""A notebook's name and the grade_id of a graded cell in it."""


@dataclass(frozen=True)
class Written:
    """One student's notebooks. `problem` says why there is no text; `pictures` counts pasted ones by cell."""

    texts: Mapping[Key, str]
    pictures: Mapping[Key, int]
    folder: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Question:
    """What staff know about a graded cell: rubric and sample solution are empty where there is none."""

    rubric: str = ""
    solution: str = ""
    code: bool = False
    cells: tuple[str, ...] = ()
    """The grade_ids that belong to it: its own and those of the cells to be solved."""


@dataclass(frozen=True)
class Notebooks:
    """The notebooks of an assignment: the source, and every student's."""

    course: Course
    directory: CourseDirectory
    assignment: str
    names: tuple[str, ...]

    def of(self, student: str) -> Written:
        """What was graded, from autograded/, or else what was handed in, from submitted/."""
        problem = ""
        steps = (self.directory.autograded_directory, self.directory.submitted_directory)
        for step in steps:
            folder = Path(self.directory.format_path(step, student, self.assignment))
            texts: dict[Key, str] = {}
            pictures: dict[Key, int] = {}
            for name in self.names:
                path = folder / f"{name}.ipynb"
                if not path.exists() and not path.is_symlink():
                    continue
                try:
                    notebook = intake.read_notebook(path)
                except SubmissionError as error:
                    problem = problem or str(error)
                    continue
                texts |= {(name, cell): text for cell, text in by_cell(notebook, self._given).items()}
                pictures |= {(name, cell): count for cell, count in _pictures(notebook).items()}
            if texts:
                return Written(texts, pictures, step)
        folders = " or ".join(f"{step}/" for step in steps)
        return Written({}, {}, problem=problem or f"There is no notebook in {folders}.")

    @cached_property
    def sources(self) -> dict[str, dict[str, Any]]:
        """The source notebooks that can be read, by name."""
        found = {}
        for name in self.names:
            try:
                found[name] = intake.read_notebook(self.course.source(self.assignment) / f"{name}.ipynb")
            except SubmissionError:
                continue  # only rubrics and starter code are lost
        return found

    @cached_property
    def _given(self) -> frozenset[str]:
        """The sources of all ordinary cells that were released."""
        found = [cell for notebook in self.sources.values() for cell in notebook["cells"]]
        return frozenset(cell["source"] for cell in found if not cells.is_nbgrader(cell))

    @cached_property
    def questions(self) -> dict[Key, Question]:
        return {
            (name, cell): question
            for name, notebook in self.sources.items()
            for cell, question in _questions(notebook).items()
        }

    def is_code(self, key: Key) -> bool:
        """Whether an answer is asked for as code; unknown without a source notebook, and then not."""
        return key in self.questions and self.questions[key].code

    def known(self, key: Key) -> list[str]:
        """What anybody may write: the starter code, the sample solution, and all that the exercise's grader lists."""
        name, cell = key
        found = []
        if name in self.sources:
            source = self.sources[name]
            found.append(by_cell(source).get(cell, ""))
            try:
                found.append(by_cell(cells.released(source)).get(cell, ""))
            except SourceError:
                found += [each["source"] for each in source["cells"]]
        try:
            grader = self.course.graders(self.assignment) / f"test_{cells.exercise_id(cell)}.py"
            found.append(grader.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError):
            pass  # a written answer has no grader
        return found


def by_cell(notebook: Mapping[str, Any], given: frozenset[str] = frozenset()) -> dict[str, str]:
    """The student's text for each graded cell: the code above a test cell, an answer itself, what follows a task.

    Of cells that have the same grade_id the first counts, as in grading. Cells without one whose source is in `given`
    are the instructor's and left out.
    """
    found: dict[str, str] = {}
    code: list[str] = []
    task = ""
    for cell in notebook["cells"]:
        name, source = cells.grade_id(cell), cell["source"]
        if cells.is_autograded(cell):
            found.setdefault(name, "\n\n\n".join(code))
            code = []
        elif name and cells.is_grade(cell):
            found.setdefault(name, source)
        elif cell["cell_type"] == "code" and not cells.is_locked(cell) and (name or source not in given):
            code.append(source)
        if name and cells.is_task(cell):
            task = name
            found.setdefault(task, "")
        elif cells.is_nbgrader(cell):
            task = ""
        elif task and source not in given:
            found[task] = f"{found[task]}\n\n{source}".strip("\n")
    return found


def _pictures(notebook: Mapping[str, Any]) -> dict[str, int]:
    return {cells.grade_id(cell): len(cell["attachments"]) for cell in notebook["cells"] if cell.get("attachments")}


def _questions(notebook: Mapping[str, Any]) -> dict[str, Question]:
    found: dict[str, Question] = {}
    solved: list[str] = []
    for cell in notebook["cells"]:
        name = cells.grade_id(cell)
        if cells.is_autograded(cell):
            found[name] = Question(code=True, cells=(name, *solved))
            solved = []
        elif name and (cells.is_grade(cell) or cells.is_task(cell)):
            found[name] = _written(cell, name)
        elif name and cells.is_solution(cell):
            solved.append(name)
    return found


def _written(cell: Mapping[str, Any], name: str) -> Question:
    source = cell["source"]
    try:
        solution = regions.outside(regions.body(source, regions.SOLUTION), [regions.MARK_SCHEME]).strip()
        return Question(cells.rubric(source), solution, cell["cell_type"] == "code", (name,))
    except regions.RegionError:
        return Question(source, "", cell["cell_type"] == "code", (name,))


def names_of(notebooks: Iterable[str]) -> tuple[str, ...]:
    """The notebooks' names, each once, in their order."""
    return tuple(dict.fromkeys(str(name) for name in notebooks))
