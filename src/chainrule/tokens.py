"""Texts as tokens in which what costs a copyist nothing to change is gone. For `similarity`.

The reader of code is a regular expression and no parser: a submission may be no Python at all, nested without end or
one line of a megabyte. Its time is proportional to the length of the text, which is bounded.
"""

from __future__ import annotations

import builtins
import keyword
import re
import zlib
from collections.abc import Iterator
from typing import NamedTuple

MAX_CHARACTERS = 50_000
MAX_TOKENS = 12_000
"""Of one text. What students write for an exercise is a hundredth of it."""

_CODE = re.compile(
    r"""
      (?P<blank>[ \t\r\f\v\n\\]++|\#[^\n]*+)
    | (?P<text>[rbufRBUF]{0,2}+(?:
          \"{3}(?:[^"\\]|\\.|"(?!""))*+(?:\"{3}|\Z)
        | '{3}(?:[^'\\]|\\.|'(?!''))*+(?:'{3}|\Z)
        | "(?:[^"\\\n]|\\.)*+"?
        | '(?:[^'\\\n]|\\.)*+'? ))
    | (?P<name>[^\W\d]\w*+)
    | (?P<number>\.?\d(?:[eE][+-]\d|[\w.])*+)
    | (?P<sign>\*\*=?|//=?|->|:=|[<>=!+\-*/%@&|^]=|<<|>>|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_WORD = re.compile(r"\w+")
_KEPT = frozenset(keyword.kwlist) | frozenset(name for name in dir(builtins) if name.islower())
_OWN_ATTRIBUTE = re.compile(r"\.[ \t]*(\w+)[ \t]*(?::[^=\n]{0,80})?=(?!=)|\b(?:def|class)[ \t]+(\w+)")


class Token(NamedTuple):
    """A token's number, equal for equal tokens in every process, and its place in the text."""

    number: int
    start: int
    end: int


def code(text: str) -> list[Token]:
    """The tokens of code, Python or not.

    Names become one token, but for keywords, built-in functions and attributes that the text does not define itself
    (`np.mean` is not the student's to name). So do numbers and so do texts; documentation strings, comments, line
    ends and indentation are left out.
    """
    text = text[:MAX_CHARACTERS]
    own = {name for match in _OWN_ATTRIBUTE.finditer(text) for name in match.groups() if name}
    found: list[Token] = []
    for shown, start, end in _shown(text, own):
        found.append(Token(zlib.crc32(shown.encode("utf-8", "replace")), start, end))
        if len(found) == MAX_TOKENS:
            break
    return found


def _shown(text: str, own: set[str]) -> Iterator[tuple[str, int, int]]:
    before = line = "\n"
    for match in _CODE.finditer(text):
        kind, found = match.lastgroup, match[0]
        if kind == "blank":
            line = "\n" if "\n" in found else line
            continue
        documentation = kind == "text" and line == "\n" and before in "\n:"
        line = ""
        if documentation:
            continue
        if kind == "name":
            found = found if found in _KEPT or (before == "." and found not in own) else "v"
        elif kind in ("text", "number"):
            found = "1" if kind == "number" else "'"
        yield found, *match.span()
        before = found


def words(text: str) -> list[Token]:
    """The words of an answer without case and punctuation; TeX's commands count as words."""
    found = []
    for match in _WORD.finditer(text[:MAX_CHARACTERS]):
        found.append(Token(zlib.crc32(match[0].casefold().encode("utf-8", "replace")), *match.span()))
        if len(found) == MAX_TOKENS:
            break
    return found
