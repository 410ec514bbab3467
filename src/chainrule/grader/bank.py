"""The exercise bank: the misconceptions and alternatives of a grader file, read from its text without running it."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from chainrule.errors import GraderError
from chainrule.grader.ship import decorator_name, variant_source


@dataclass(frozen=True)
class Variant:
    """One entry. `text` is a message or a title; `source` goes after the source of the solution's cell."""

    name: str
    text: str
    of: str
    source: str

    @property
    def message(self) -> str:
        return self.text

    @property
    def title(self) -> str:
        return self.text


@dataclass(frozen=True)
class Bank:
    """All entries of one exercise, in the order of the file."""

    exercise: str
    misconceptions: tuple[Variant, ...]
    alternatives: tuple[Variant, ...]


def read(path: Path) -> Bank:
    """The bank of `test_<exercise>.py`. Raises `GraderError` naming file and line if a declaration is not literal."""
    text = path.read_text(encoding="utf-8")
    exercise = path.stem.removeprefix("test_")
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise GraderError(f"{path}:{error.lineno}: {error.msg}. Mend the grader file.") from None
    constants = _constants(tree)
    found: dict[str, list[Variant]] = {"misconception": [], "alternative": []}
    for statement in tree.body:
        if not isinstance(statement, ast.FunctionDef | ast.ClassDef):
            continue
        for decorator in statement.decorator_list:
            kind = decorator_name(decorator)
            if kind in found and isinstance(decorator, ast.Call):
                message, of = _literals(decorator, constants, path)
                of = of or exercise
                source = variant_source(text, statement.name, of)
                found[kind].append(Variant(statement.name, message, of, source))
    return Bank(exercise, tuple(found["misconception"]), tuple(found["alternative"]))


def _constants(tree: ast.Module) -> dict[str, ast.expr]:
    """Texts that the module gives a name."""
    return {
        target.id: statement.value
        for statement in tree.body
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }


def _literals(call: ast.Call, constants: dict[str, ast.expr], path: Path) -> tuple[str, str | None]:
    try:
        message = _text(call.args[0], constants)
        of = next((_text(keyword.value, constants) for keyword in call.keywords if keyword.arg == "of"), None)
    except (ValueError, IndexError):
        raise GraderError(
            f"{path}:{call.lineno}: the message and `of` must be plain text, or the name of one in this file."
        ) from None
    return message, of


def _text(node: ast.expr, constants: dict[str, ast.expr]) -> str:
    if isinstance(node, ast.Name):
        node = constants.get(node.id, node)
    value = ast.literal_eval(node)
    if not isinstance(value, str):
        raise ValueError
    return value
