"""The head of a text: lines between two `---`, which say what an assignment's student code may use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from chainrule import limits
from chainrule.errors import SourceError

MARK = "---"
_LINE = re.compile(r"(?P<key>[A-Za-z_]+)\s*:\s*(?P<value>\S.*?)\s*$")


def split(text: str, path: Path | str | None = None) -> tuple[dict[str, str], str]:
    """The limits at the head of a text, and the text with its head blanked out, so that lines keep their numbers.

    A text whose first line is no `---`, or whose head is not of lines `name: value`, has no head: it is a Markdown
    rule. Raises `SourceError` for a limit that there is not, or that makes no sense.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if lines[0].rstrip() != MARK:
        return {}, text
    end = next((number for number, line in enumerate(lines[1:], start=1) if line.rstrip() == MARK), None)
    inside = [(number, _LINE.match(line), line) for number, line in enumerate(lines[1 : end or 1], start=2)]
    if end is None or not inside or not all(match or not line.strip() for _, match, line in inside):
        return {}, text
    found: dict[str, str] = {}
    for number, match, _ in inside:
        if match is None:
            continue
        if match["key"] in found:
            raise SourceError(f"{match['key']} is given twice.", path, number)
        found[match["key"]] = match["value"]
        try:
            limits.read({match["key"]: match["value"]})
        except limits.LimitError as error:
            raise SourceError(str(error), path, number) from None
    return found, "\n".join(["" for _ in lines[: end + 1]] + lines[end + 1 :])


def render(found: Mapping[str, object]) -> str:
    """The head that says these limits; empty for none."""
    return (
        "".join([f"{MARK}\n", *(f"{name}: {value}\n" for name, value in found.items()), f"{MARK}\n\n"]) if found else ""
    )
