"""What of an autograded notebook must not reach students: regions between two marks, and text that quotes them."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

SHORT = 12
"""A hidden line with fewer characters says nothing when it is quoted (`else:`, `x = 1`)."""

_OWN_FRAME = re.compile(r"Cell In\s?\[(\d+)\], line (\d+)")
_OLD_FRAME = re.compile(r"Input In \[(\d+)\], in <cell line: (\d+)>")
_ARROW = re.compile(r"^-+> (\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Delimiters:
    """The marks around hidden tests, or around a mark scheme, as nbgrader is configured."""

    begin: str = "BEGIN HIDDEN TESTS"
    end: str = "END HIDDEN TESTS"

    def split(self, source: str) -> tuple[str, dict[int, str]]:
        """The source without the regions, and the lines of the regions by their number (from 1).

        A region that is not closed reaches to the end: rather too much hidden than too little.
        """
        shown, hidden, inside = [], {}, False
        for number, text in enumerate(source.split("\n"), 1):
            opens, closes = self.begin in text, self.end in text
            if inside or opens or closes:
                hidden[number] = text
            else:
                shown.append(text)
            inside = (inside or opens) and not closes
        return "\n".join(shown).strip("\n"), hidden

    def shown(self, source: str) -> str:
        return self.split(source)[0]


@dataclass(frozen=True)
class Secrets:
    """The hidden lines of a notebook, to recognise a text that quotes one."""

    lines: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def of(cls, cells: Iterable[Mapping[str, Any]], *regions: Delimiters) -> Secrets:
        """Hidden lines of all cells, without those that stand in the open too."""
        hidden: set[str] = set()
        opened: set[str] = set()
        for cell in cells:
            shown = str(cell.get("source", ""))
            for region in regions:
                shown, lines = region.split(shown)
                hidden.update(text.strip() for text in lines.values())
            opened.update(text.strip() for text in shown.split("\n"))
        marks = {text for text in hidden for region in regions if region.begin in text or region.end in text}
        return cls(frozenset(text for text in hidden - opened - marks if len(text) >= SHORT))

    def quoted_in(self, text: str) -> bool:
        return any(secret in text for secret in self.lines)


def own_words(shown: str, error: str) -> str:
    """The text of an error if it is the instructor's: a literal of the visible lines (of an `assert`, say), or Python's
    own sentence on a name of theirs that is not defined. Else "": a student's code may have chosen it.
    """
    lines = ["pass" if line.lstrip()[:1] in ("%", "!", "?") else line for line in shown.split("\n")]
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # another language, or an `if` left without its body
        return ""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.strip() == error.strip():
            return node.value.strip()
        if isinstance(node, ast.Name) and error.strip() == f"name '{node.id}' is not defined":
            return error.strip()
    return ""


def raised_in_the_open(source: str, traceback: str, region: Delimiters) -> bool:
    """Whether an error of a test cell comes from its visible lines, as far as its (plain) traceback tells.

    Without hidden lines it does. With some, a traceback that names no line of the cell decides against it. The
    traceback is what the student's process says: it may choose which of two sentences is said, and nothing more.
    """
    hidden = region.split(source)[1]
    if not hidden:
        return True
    frames = _OWN_FRAME.findall(traceback) or _OLD_FRAME.findall(traceback)
    if frames:
        lines = [int(number) for cell, number in frames if cell == frames[0][0]]
    else:
        lines = [int(number) for number in _ARROW.findall(traceback)[:1]]
    return bool(lines) and not any(number in hidden for number in lines)
