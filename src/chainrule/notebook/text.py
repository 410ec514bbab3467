"""An assignment as Markdown text ⇄ a notebook.

The format: prose is Markdown, and two blank lines in a row begin a new Markdown cell. A fence of python, markdown or
raw at the start of a line is a cell, with a role and tags as attributes (see `roles.ROLES`); other fences stay in the
prose, as do indented ones. A longer run of backticks, or tildes, encloses code that itself holds fences. Limits may
stand at the head (`head`).

The parser is our own and small, not Jupytext, because an author needs the line of every error, and the same text must
give the same bytes under every version of every library.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chainrule import limits
from chainrule.errors import SourceError
from chainrule.notebook import head, regions, roles, rules
from chainrule.notebook.fences import LANGUAGES, Block, fence_for, scan
from chainrule.notebook.ids import Ids, wanted_id
from chainrule.notebook.written import WrittenCell, nest_mark_scheme, read, with_hidden_tests

_FENCES = {cell_type: language for language, cell_type in LANGUAGES.items()}
_GENERATED = re.compile(
    r"(?:^|\n)### BEGIN HIDDEN TESTS\nfrom chainrule\.grader import grade\n\n"
    r'grade\("(?P<exercise>[A-Za-z0-9_-]+)"\)  # graders/[^\n]*\n### END HIDDEN TESTS\Z'
)


def parse(text: str, path: Path, graders: Path | None = None) -> dict[str, Any]:
    """The notebook that a text describes. Raises `SourceError` with file and line.

    With `graders`, the assignment's folder of graders, the text is also held to the rules of an assignment (`rules`);
    without it only to the format, as is right for a text imported from elsewhere.
    """
    given, body = head.split(text, path)
    written = read(body, path)
    if graders is not None:
        rules.check(written, path, graders)
    ids = Ids()
    # Graded cells choose first: their ids must not depend on a heading elsewhere.
    chosen: dict[int, str] = {}
    for index, cell in sorted(enumerate(written), key=lambda pair: not pair[1].attributes.role):
        chosen[index] = ids.unique(wanted_id(cell.attributes, cell.cell_type, cell.source))
    return {
        "cells": [_build(cell, chosen[index], path) for index, cell in enumerate(written)],
        "metadata": {
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            **({limits.KEY: {"limits": given}} if given else {}),
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def render(notebook: Mapping[str, Any]) -> str:
    """The text of a notebook. Raises `SourceError` for a cell that text cannot hold.

    Not carried over: outputs, cell ids, metadata other than nbgrader's, limits and tags, and the region that `parse`
    adds to a test cell.
    """
    own = notebook.get("metadata", {}).get(limits.KEY)
    given = own.get("limits") if isinstance(own, Mapping) else None
    parts: list[str] = []
    solved: set[str] = set()
    prose_before = False
    for number, cell in enumerate(notebook["cells"], start=1):
        try:
            attributes, source = _written(cell, frozenset(solved))
        except roles.RoleError as error:
            raise SourceError(f"Cell {number} cannot be written as text: {error}") from None
        if attributes.role == "solution":
            solved.add(attributes.name)
        prose = attributes == roles.Attributes() and cell["cell_type"] == "markdown" and _is_prose(source)
        if parts:
            parts.append("\n\n\n" if prose and prose_before else "\n\n")
        parts.append(source if prose else _fenced(cell["cell_type"], attributes, source))
        prose_before = prose
    return "".join([head.render(given if isinstance(given, Mapping) else {}), *parts, "\n"])


def _build(cell: WrittenCell, cell_id: str, path: Path) -> dict[str, Any]:
    source, attributes = cell.source, cell.attributes
    if attributes.role == "test" and not regions.has(source, regions.HIDDEN_TESTS):
        source = with_hidden_tests(source, path.stem, attributes.name)
    elif attributes.role == "answer":
        try:
            source = nest_mark_scheme(source)
        except regions.RegionError as error:
            raise SourceError(str(error), path, cell.first_line + error.line) from None
    built: dict[str, Any] = {
        "cell_type": cell.cell_type,
        "id": cell_id,
        "metadata": roles.metadata(attributes),
        "source": source,
    }
    if cell.cell_type == "code":
        built |= {"execution_count": None, "outputs": []}
    return built


def _written(cell: Mapping[str, Any], solved: frozenset[str]) -> tuple[roles.Attributes, str]:
    """The attributes and the source of a cell as an author would write them."""
    if cell.get("attachments"):
        raise roles.RoleError("it has an attachment: save the picture beside the notebook and link to the file.")
    source = cell["source"].replace("\r\n", "\n").replace("\r", "\n")
    # A test cell without hidden tests would be given our region by `parse`, so it has to stay nbgrader's own.
    attributes = roles.of_cell(cell, solved if regions.has(source, regions.HIDDEN_TESTS) else frozenset())
    generated = _GENERATED.search(source)
    if attributes.role == "test" and generated and generated["exercise"] == attributes.name:
        source = source[: generated.start()]
    return attributes, source


def _is_prose(source: str) -> bool:
    """Whether a Markdown source, written without a fence, would be read back as this one cell."""
    try:
        return head.split(source) == ({}, source) and scan(source, strict=True) == [Block(1, "", "", source)]
    except SourceError:
        return False


def _fenced(cell_type: str, attributes: roles.Attributes, source: str) -> str:
    fence = fence_for(source)
    body = f"{source}\n" if source else ""
    return f"{fence}{_FENCES[cell_type]}{roles.render(attributes)}\n{body}{fence}"
