"""Scans a Markdown text into prose and the fences that are cells, with line numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from chainrule.errors import SourceError

LANGUAGES = {"python": "code", "markdown": "markdown", "raw": "raw"}
"""Fences of these languages at the start of a line are cells, of that cell type. All others are prose."""

_FENCE = re.compile(r"(?P<indent>[ \t]*)(?P<run>`{3,}|~{3,})(?P<info>.*)$")
_ROLE_LIKE = re.compile(r"\b(?:solution|test|autograder|answer|task|locked|points)\s*=")


@dataclass(frozen=True)
class Block:
    """A Markdown cell written as prose (`language` is empty) or a fence that is a cell.

    `line` is the number of its first line, that of the opening fence if it has one, counted from 1.
    """

    line: int
    language: str
    attributes: str
    source: str


def scan(text: str, path: object = None, *, strict: bool = False) -> list[Block]:
    """The blocks of a text in order. Two or more blank lines in a row divide prose.

    `strict` also refuses an indented fence that nothing closes; otherwise that is a line like any other.
    """
    return _Scanner(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), path, strict).run()


def fence_for(source: str) -> str:
    """A run of backticks that can enclose the source: longer than any that begins a line of it."""
    runs = [
        len(match["run"]) for line in source.split("\n") if (match := _FENCE.match(line)) and match["run"][0] == "`"
    ]
    return "`" * max([3, *(run + 1 for run in runs)])


class _Scanner:
    def __init__(self, lines: list[str], path: object, strict: bool) -> None:
        self.lines, self.path, self.strict = lines, path, strict
        self.blocks: list[Block] = []
        self.prose: list[str] = []
        self.start = 0  # index of the first line of the prose being collected
        self.blank = 0  # blank lines seen since its last line

    def run(self) -> list[Block]:
        index = 0
        while index < len(self.lines):
            line = self.lines[index]
            fence = _opening(line)
            if fence is None:
                self._add(index, line)
                index += 1
                continue
            language, attributes = _info(fence)
            end = self._closing(index, fence)
            if not fence["indent"] and language in LANGUAGES:
                self._flush()
                source = "\n".join(self.lines[index + 1 : end])
                self.blocks.append(Block(index + 1, language, attributes, source))
            else:
                if not fence["indent"] and _ROLE_LIKE.search(attributes):
                    known = ", ".join(LANGUAGES)
                    raise self._error(
                        f"A fence of {language!r} cannot be a cell with a role. Use one of: {known}.", index
                    )
                for number in range(index, end + 1):
                    self._add(number, self.lines[number], verbatim=True)
            index = end + 1
        self._flush()
        return self.blocks

    def _add(self, index: int, line: str, *, verbatim: bool = False) -> None:
        if not line.strip() and not verbatim:
            self.blank += 1
            return
        if self.blank >= 2:
            self._flush()
        if self.prose:
            self.prose += self.lines[index - self.blank : index]
        else:
            self.start = index
        self.prose.append(line)
        self.blank = 0

    def _flush(self) -> None:
        if self.prose:
            self.blocks.append(Block(self.start + 1, "", "", "\n".join(self.prose)))
        self.prose, self.blank = [], 0

    def _closing(self, index: int, fence: re.Match[str]) -> int:
        """Index of the line that closes the fence opened at `index`."""
        is_cell = not fence["indent"] and _info(fence)[0] in LANGUAGES
        # A cell's fence is closed at the start of a line only, so that a docstring may show an indented one.
        indent = "" if is_cell else r"[ \t]+" if fence["indent"] else " {0,3}"
        closing = re.compile(rf"{indent}{re.escape(fence['run'])}{re.escape(fence['run'][0])}*[ \t]*$")
        for number in range(index + 1, len(self.lines)):
            if closing.match(self.lines[number]):
                return number
            other = _opening(self.lines[number])
            if fence["indent"] and other and not other["indent"]:
                break
        if fence["indent"] and not self.strict:
            return index
        raise self._error(f"This fence is never closed: add a line {fence['run']} where it ends.", index)

    def _error(self, message: str, index: int) -> SourceError:
        return SourceError(message, None if self.path is None else str(self.path), index + 1)


def _opening(line: str) -> re.Match[str] | None:
    match = _FENCE.match(line)
    # ```x``` within one line is inline code, by CommonMark.
    return None if match is None or (match["run"][0] == "`" and "`" in match["info"]) else match


def _info(fence: re.Match[str]) -> tuple[str, str]:
    """The language of a fence and the text behind it."""
    language, *rest = fence["info"].split(maxsplit=1) or [""]
    return language, "".join(rest).strip()
