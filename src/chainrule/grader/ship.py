"""Takes one function or class out of a module as source, with the imports, functions and constants that it uses."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Collection

from chainrule.errors import GraderError

OURS = {"misconception", "alternative", "points", "fixture"}
"""Decorators of a grader file: they mean nothing on the student's side."""


def shipped_source(module: str, name: str, without: Collection[str] = ()) -> str:
    """Source that defines `name` and what it needs of `module`, except the names in `without`.

    Raises `GraderError` if the module does not define it.
    """
    tree = ast.parse(module)
    bound = _bindings(tree)
    if name not in bound:
        raise GraderError(f"{name} is not a module-level function of the grader file, so it cannot be shipped.")
    needed: set[str] = set()
    todo = [name]
    while todo:
        current = todo.pop()
        if current in needed or current in without or current not in bound:
            continue
        needed.add(current)
        todo += [node.id for node in ast.walk(_bare(bound[current])) if isinstance(node, ast.Name)]
    kept: list[ast.stmt] = []
    for statement in tree.body:
        if any(bound.get(n) is statement for n in needed) and statement not in kept:
            kept.append(statement)
    return "\n".join(ast.unparse(_bare(statement)) for statement in kept)


def variant_source(module: str, name: str, of: str) -> str:
    """A cell's text that makes `of` stand for the function, class or (without parameters) value `name` of `module`.

    All else stays local, so that no helper of the grader file shadows a name of the notebook.
    """
    body = shipped_source(module, name)
    definition = _bindings(ast.parse(module))[name]
    is_value = isinstance(definition, ast.FunctionDef) and not _parameters(definition.args)
    result = f"{name}()" if is_value else name
    return f"def _variant():\n{textwrap.indent(body, '    ')}\n    return {result}\n\n{of} = _variant()\n"


def _parameters(args: ast.arguments) -> list[ast.arg]:
    rest = [arg for arg in (args.vararg, args.kwarg) if arg is not None]
    return [*args.posonlyargs, *args.args, *args.kwonlyargs, *rest]


def _bindings(tree: ast.Module) -> dict[str, ast.stmt]:
    """Module-level names and the statements that bind them (the last one wins)."""
    bound: dict[str, ast.stmt] = {}
    for statement in tree.body:
        match statement:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                bound[name] = statement
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                for alias in names:
                    bound[alias.asname or alias.name.split(".")[0]] = statement
            case ast.Assign(targets=targets):
                for target in targets:
                    for node in ast.walk(target):
                        if isinstance(node, ast.Name):
                            bound[node.id] = statement
            case ast.AnnAssign(target=ast.Name(id=name)):
                bound[name] = statement
    return bound


def _bare(statement: ast.stmt) -> ast.stmt:
    """The statement without our decorators."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        kept = [node for node in statement.decorator_list if decorator_name(node) not in OURS]
        fields = {**dict(ast.iter_fields(statement)), "decorator_list": kept}
        return ast.copy_location(type(statement)(**fields), statement)
    return statement


def decorator_name(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        node = node.func
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
