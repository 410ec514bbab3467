"""A cell as an author wrote it, with its place in the text, and what the build adds to its source."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from chainrule.errors import SourceError
from chainrule.notebook import regions, roles
from chainrule.notebook.fences import LANGUAGES, scan

CODE_STUB = "# YOUR CODE HERE\nraise NotImplementedError()"
"""nbgrader's default `ClearSolutions.code_stub` for Python."""

TEXT_STUB = "YOUR ANSWER HERE"
"""nbgrader's default `ClearSolutions.text_stub`."""


@dataclass(frozen=True)
class WrittenCell:
    """A cell of the text. `line` is its first line; `first_line` that of its source: one below an opening fence."""

    line: int
    first_line: int
    cell_type: str
    source: str
    attributes: roles.Attributes


def read(text: str, path: Path | str | None = None) -> list[WrittenCell]:
    """The cells of a text. Raises `SourceError` with file and line for a bad fence, attribute or duplicate id."""
    cells: list[WrittenCell] = []
    lines_of: dict[str, int] = {}
    for block in scan(text, path):
        cell_type = LANGUAGES[block.language] if block.language else "markdown"
        try:
            attributes = roles.parse(block.attributes, cell_type)
        except roles.RoleError as error:
            raise SourceError(str(error), path, block.line) from None
        grade_id = attributes.grade_id
        if grade_id in lines_of:
            raise SourceError(
                f"The id {grade_id!r} is already taken in line {lines_of[grade_id]}: grade_ids are unique.",
                path,
                block.line,
            )
        if grade_id:
            lines_of[grade_id] = block.line
        first_line = block.line + (1 if block.language else 0)
        cells.append(WrittenCell(block.line, first_line, cell_type, block.source, attributes))
    return cells


def hidden_tests(assignment: str, exercise: str) -> str:
    """The region by which a built test cell names its grader."""
    return (
        "### BEGIN HIDDEN TESTS\n"
        "from chainrule.grader import grade\n"
        "\n"
        f'grade("{exercise}")  # graders/{assignment}/test_{exercise}.py\n'
        "### END HIDDEN TESTS"
    )


def with_hidden_tests(source: str, assignment: str, exercise: str) -> str:
    """The source of a test cell with the region that names its grader behind it."""
    region = hidden_tests(assignment, exercise)
    return f"{source}\n{region}" if source else region


def nest_mark_scheme(source: str) -> str:
    """An answer with its mark scheme moved to the end of its solution region.

    nbgrader clears solutions first and then refuses a mark scheme in any cell but a task, so the rubric of an answer
    has to leave with the solution. Without a solution region nbgrader replaces the whole cell, rubric included.
    """
    solutions = regions.find(source, regions.SOLUTION)
    loose = [
        scheme
        for scheme in regions.find(source, regions.MARK_SCHEME)
        if solutions and not any(s.begin < scheme.begin and scheme.end < s.end for s in solutions)
    ]
    if not loose:
        return source
    lines = source.split("\n")
    moved = [line for scheme in loose for line in ["", *lines[scheme.begin : scheme.end + 1]]]
    end = solutions[-1].end
    gone = {number for scheme in loose for number in range(scheme.begin, scheme.end + 1)}
    kept_before = [line for number, line in enumerate(lines[:end]) if number not in gone]
    kept_after = [line for number, line in enumerate(lines) if number >= end and number not in gone]
    while not kept_before[-1].strip():
        kept_before.pop()
    return "\n".join(kept_before + moved + kept_after).rstrip("\n")
