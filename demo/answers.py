"""What a student puts into the cells of one exercise, and what that deserves."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from chainrule.grader.bank import Variant
from chainrule.model import Exercise
from chainrule.notebook import cells

from .desk import Notebook, find, solution


class Deserves(StrEnum):
    """The score of one exercise, as far as it must be known in advance."""

    FULL = "full"
    PART = "part"  # loses points; how many is the hidden tests' business
    NONE = "none"


@dataclass(frozen=True)
class Answer:
    """`code` comes after the solution, or instead of it when `instead` is set."""

    deserves: Deserves
    code: str = ""
    instead: bool = False
    named: tuple[str, ...] = ()
    """Messages of its misconceptions, one of which must be recognised; `{x}` stands for a number of the student's."""


SOLVED = Answer(Deserves.FULL)
LEFT = Answer(Deserves.NONE, instead=True)


def mistaken(*entries: Variant) -> Answer:
    """Known wrong solutions, one for each name that the exercise asks for at most."""
    return Answer(Deserves.PART, code=_code(entries), named=tuple(entry.message for entry in entries))


def otherwise(*entries: Variant) -> Answer:
    """Right solutions in another form."""
    return Answer(Deserves.FULL, code=_code(entries))


def _code(entries: tuple[Variant, ...]) -> str:
    return "\n\n\n".join(entry.source for entry in entries)


def spoiled(code: str) -> Answer:
    """`code` in place of a solution."""
    return Answer(Deserves.NONE, code=code, instead=True)


def write(notebook: Notebook, truth: Notebook, exercise: Exercise, answer: Answer) -> None:
    """Put the answer into the exercise's solution cells."""
    if answer == LEFT:
        return
    names = cells.solution_cells(truth, exercise.id)
    for name in names:
        find(notebook, name)["source"] = answer.code if answer.instead else solution(find(truth, name)["source"])
    if answer.code and not answer.instead:
        find(notebook, names[-1])["source"] += "\n\n\n" + answer.code


def write_answers(notebook: Notebook, text: Callable[[str], str]) -> None:
    """Answer the written questions: `text` gives the answer to one, by its grade_id."""
    for cell in notebook["cells"]:
        if cells.is_grade(cell) and cells.is_solution(cell) and cell["cell_type"] == "markdown":
            cell["source"] = text(cells.grade_id(cell))


def independent(truth: Notebook, exercises: tuple[Exercise, ...]) -> list[Exercise]:
    """The exercises whose names no other exercise's solution uses: one can fail there and nowhere else."""
    trees = {exercise.id: _tree(truth, exercise) for exercise in exercises}
    free = []
    for exercise in exercises:
        defined = _defined(trees[exercise.id])
        used = {
            node.id
            for other, tree in trees.items()
            if other != exercise.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Name)
        }
        if not defined & used:
            free.append(exercise)
    return free


def _tree(truth: Notebook, exercise: Exercise) -> ast.Module:
    return ast.parse("\n".join(find(truth, name)["source"] for name in cells.solution_cells(truth, exercise.id)))


def _defined(tree: ast.Module) -> set[str]:
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    targets = [target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]
    return names | {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}
