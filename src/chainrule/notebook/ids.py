"""Cell ids that follow from what a cell is, not from where it stands, so that a diff shows what changed."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from chainrule.notebook.roles import Attributes

_LONGEST = 64  # nbformat's limit
_HEADING = re.compile(r"^#{1,6}\s+(.+)$", re.MULTILINE)


class Ids:
    """Gives out ids, each once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def unique(self, wanted: str) -> str:
        """`wanted`, cut to nbformat's limit, with a number behind it if it is taken."""
        if len(wanted) > _LONGEST:
            wanted = f"{wanted[:50]}-{_digest(wanted)}"
        result, number = wanted, 2
        while result in self._taken:
            result = f"{wanted[:58]}-{number}"
            number += 1
        self._taken.add(result)
        return result


def wanted_id(attributes: Attributes, cell_type: str, source: str) -> str:
    """The id a cell should have: from its grade_id, else its first heading, else its content."""
    if attributes.role:
        return f"test-{attributes.name}" if attributes.role == "test" else attributes.name
    heading = _HEADING.search(source) if cell_type == "markdown" else None
    return (slug(heading[1]) if heading else "") or f"{cell_type}-{_digest(source)}"


def slug(heading: str) -> str:
    """Letters and digits of a heading, without its number: "3 · The gradient" gives the-gradient."""
    ascii_only = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "-", ascii_only.lower()).strip("-")
    return re.sub(r"^[\d-]+", "", words)[:48].strip("-")


def _digest(source: str) -> str:
    return hashlib.sha256(source.encode("utf-8", "replace")).hexdigest()[:8]
