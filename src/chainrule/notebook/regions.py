"""Regions between `### BEGIN name` and `### END name` in the source of a cell.

A line belongs to a region by nbgrader's own test: the words occur anywhere in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

SOLUTION, HIDDEN_TESTS, MARK_SCHEME = "SOLUTION", "HIDDEN TESTS", "MARK SCHEME"
NAMES = (SOLUTION, HIDDEN_TESTS, MARK_SCHEME)


class RegionError(ValueError):
    """A region is nested, unclosed or unopened. `line` counts from 0 within the source."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Region:
    """Lines `begin` to `end` of a source, both markers included, counted from 0."""

    begin: int
    end: int


def find(source: str, name: str) -> list[Region]:
    """The regions of that name. Raises `RegionError` where nbgrader would refuse, or drop a line in silence."""
    found: list[Region] = []
    begin: int | None = None
    for number, line in enumerate(source.split("\n")):
        if f"BEGIN {name}" in line:
            if begin is not None:
                raise RegionError(f"BEGIN {name} inside another {name} region: close that one first.", number)
            begin = number
        elif f"END {name}" in line:
            if begin is None:
                raise RegionError(f"END {name} without a BEGIN {name} before it.", number)
            found.append(Region(begin, number))
            begin = None
    if begin is not None:
        raise RegionError(f"BEGIN {name} is never closed: add a line ### END {name}.", begin)
    return found


def has(source: str, name: str) -> bool:
    """Whether a region of that name begins in the source."""
    return f"BEGIN {name}" in source


def replace(source: str, name: str, stub: str | None = None) -> str:
    """The source with each region replaced by `stub` at the indentation of its first line, or removed.

    As lenient as nbgrader about an END without BEGIN (the line vanishes). Raises `RegionError` for the rest.
    """
    lines: list[str] = []
    inside: int | None = None
    for number, line in enumerate(source.split("\n")):
        if f"BEGIN {name}" in line:
            if inside is not None:
                raise RegionError(f"BEGIN {name} inside another {name} region: close that one first.", number)
            inside = number
            if stub is not None:
                indent = line[: len(line) - len(line.lstrip())]
                lines += [indent + part for part in stub.split("\n")]
        elif f"END {name}" in line:
            inside = None
        elif inside is None:
            lines.append(line)
    if inside is not None:
        raise RegionError(f"BEGIN {name} is never closed: add a line ### END {name}.", inside)
    return "\n".join(lines)


def body(source: str, name: str) -> str:
    """What stands in the regions of that name, without the markers and surrounding blank lines."""
    lines = source.split("\n")
    return "\n\n".join("\n".join(lines[r.begin + 1 : r.end]).strip("\n") for r in find(source, name))


def outside(source: str, names: Iterable[str]) -> str:
    """What stands in no region of these names."""
    for name in names:
        source = replace(source, name)
    return source
