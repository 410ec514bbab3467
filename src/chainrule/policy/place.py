"""Where in a TOML file a key stands, for error messages: tomllib says it only of what is no TOML."""

from __future__ import annotations

import re
from collections.abc import Mapping

from chainrule.errors import SourceError

_HEADER = re.compile(r"^\s*(\[\[?)\s*(.+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")

Path = tuple[str | int, ...]


def lines(text: str) -> Mapping[Path, int]:
    """The line of each table and key. Good for files as people write them; text over several lines may mislead it."""
    found: dict[Path, int] = {}
    table: Path = ()
    seen: dict[Path, int] = {}
    for at, line in enumerate(text.splitlines(), 1):
        if match := _HEADER.match(line):
            table = _parts(match[2])
            if match[1] == "[[":
                seen[table] = seen.get(table, -1) + 1
                found.setdefault(table, at)
                table = (*table, seen[table])
            found.setdefault(table, at)
        elif match := _KEY.match(line):
            found.setdefault((*table, *_parts(match[1])), at)
    return found


def _parts(name: str) -> Path:
    return tuple(part.strip("\"'") for part in _PART.findall(name))


class Where:
    """A place in the file: makes errors that begin with file and line and name the table."""

    def __init__(self, file: str, known: Mapping[Path, int], path: Path = ()) -> None:
        self.file, self._known, self.path = file, known, path

    def __truediv__(self, part: str | int) -> Where:
        return Where(self.file, self._known, (*self.path, part))

    @property
    def line(self) -> int | None:
        """The nearest line that is known: the key's own, else its table's."""
        path = self.path
        while path and path not in self._known:
            path = path[:-1]
        return self._known.get(path)

    @property
    def name(self) -> str:
        """`late.grace_minutes`, `extensions (the 2nd).student`."""
        text = ""
        for part in self.path:
            text += f" ({_ordinal(part + 1)})" if isinstance(part, int) else f"{'.' if text else ''}{part}"
        return text

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"

    def wrong(self, message: str) -> SourceError:
        return SourceError(f"{self.name}: {message}" if self.path else message, self.file, self.line)


def _ordinal(number: int) -> str:
    last = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number % 100 not in (11, 12, 13) else "th"
    return f"the {number}{last}"
