"""What a fence's attributes say about its cell, and how that is written as nbgrader's metadata."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chainrule import limits

SCHEMA_VERSION = 3
"""The version of nbgrader's cell metadata that we write."""

HIDE_INPUT = "hide-input"
"""The tag of a cell whose code JupyterLab shows folded: pictures whose code teaches nothing."""

_ATTRIBUTE = re.compile(r'\s*(?P<key>[A-Za-z_][\w-]*)\s*=\s*(?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s"]+))(?=\s|$)')
_GRADE_ID = re.compile(r"[A-Za-z0-9_-]+")


class RoleError(ValueError):
    """The attributes of a fence, or the metadata of a cell, make no sense."""


@dataclass(frozen=True)
class Role:
    """nbgrader's name for what a cell is, as the flags of its metadata."""

    grade: bool
    solution: bool
    locked: bool
    task: bool
    cell_types: tuple[str, ...]

    @property
    def scored(self) -> bool:
        return self.grade or self.task


ROLES = {
    "solution": Role(False, True, False, False, ("code",)),
    "test": Role(True, False, True, False, ("code",)),
    "autograder": Role(True, False, True, False, ("code",)),
    "answer": Role(True, True, False, False, ("markdown", "code")),
    "task": Role(False, False, True, True, ("markdown",)),
    "locked": Role(False, False, True, False, ("markdown", "code", "raw")),
}
"""The roles a fence can have. `test="x"` is the test cell of exercise x, scored by its grader; `autograder="x"` is
nbgrader's own "Autograder tests" cell with the grade_id x, which needs no grader."""


@dataclass(frozen=True)
class Attributes:
    """A fence's attributes. `role` is empty for a plain cell; `name` is what the role is given, the id.

    `seconds` is how long each cell of an exercise may run, said by its test cell.
    """

    role: str = ""
    name: str = ""
    points: float | None = None
    tags: tuple[str, ...] = ()
    seconds: float | None = None

    @property
    def grade_id(self) -> str:
        return f"test_{self.name}" if self.role == "test" else self.name


def parse(text: str, cell_type: str) -> Attributes:
    """Reads `solution="id"`, `points=8`, `tags="a,b"` … Raises `RoleError`."""
    values: dict[str, str] = {}
    position = 0
    while text[position:].strip():
        match = _ATTRIBUTE.match(text, position)
        if match is None:
            raise RoleError(f'Cannot read {text[position:].strip()!r}: write attributes as name="value" or points=8.')
        key = match["key"]
        if key not in ROLES and key not in ("points", "tags", "seconds"):
            raise RoleError(f"Unknown attribute {key!r}. Known: {', '.join(ROLES)}, points, tags, seconds.")
        if key in values:
            raise RoleError(f"Attribute {key!r} is given twice.")
        values[key] = match["quoted"] if match["quoted"] is not None else match["bare"]
        position = match.end()
    named = [key for key in values if key in ROLES]
    if len(named) > 1:
        raise RoleError(f"A cell has one role, this one has {' and '.join(named)}.")
    role = named[0] if named else ""
    tags = tuple(tag.strip() for tag in values.get("tags", "").split(",") if tag.strip())
    seconds = _seconds(role, values.get("seconds"))
    if not role:
        if "points" in values:
            raise RoleError(f"Points need a role: one of {', '.join(k for k, r in ROLES.items() if r.scored)}.")
        return Attributes(tags=tags)
    return Attributes(role, _name(role, values[role], cell_type), _points(role, values.get("points")), tags, seconds)


def render(attributes: Attributes) -> str:
    """The attributes as they are written behind the fence's language, with a space in front."""
    parts = []
    if attributes.role:
        parts.append(f'{attributes.role}="{attributes.name}"')
    if attributes.points is not None:
        parts.append(f"points={attributes.points!r}")
    if attributes.seconds is not None:
        parts.append(f"seconds={attributes.seconds!r}")
    if attributes.tags:
        parts.append(f'tags="{",".join(attributes.tags)}"')
    return "".join(f" {part}" for part in parts)


def metadata(attributes: Attributes) -> dict[str, Any]:
    """The metadata of a cell with these attributes."""
    result: dict[str, Any] = {}
    if attributes.role:
        role = ROLES[attributes.role]
        nbgrader = {
            "grade": role.grade,
            "grade_id": attributes.grade_id,
            "locked": role.locked,
            "schema_version": SCHEMA_VERSION,
            "solution": role.solution,
            "task": role.task,
        }
        if attributes.points is not None:
            nbgrader["points"] = attributes.points
        result["nbgrader"] = nbgrader
    if attributes.seconds is not None:
        result[limits.KEY] = {"seconds": attributes.seconds}
    if attributes.tags:
        result["tags"] = list(attributes.tags)
    if HIDE_INPUT in attributes.tags:
        result["jupyter"] = {"source_hidden": True}
    return result


def of_cell(cell: Mapping[str, Any], exercises: frozenset[str] = frozenset()) -> Attributes:
    """The attributes that give a cell its metadata. A test cell `test_x` is written `test="x"` if x is among
    `exercises`, otherwise as `autograder="test_x"`. Raises `RoleError` for metadata that nbgrader refuses too."""
    tags = _tags(cell["metadata"].get("tags") or [])
    nbgrader = cell["metadata"].get("nbgrader")
    if not isinstance(nbgrader, Mapping):
        return Attributes(tags=tags)
    flags = {key: bool(nbgrader.get(key, False)) for key in ("grade", "solution", "locked", "task")}
    if not any(flags.values()):
        return Attributes(tags=tags)
    role = _role_of(flags)
    grade_id, points = nbgrader.get("grade_id"), nbgrader.get("points")
    if not isinstance(grade_id, str) or not _GRADE_ID.fullmatch(grade_id):
        raise RoleError(f"its grade_id {grade_id!r} is not made of letters, digits, _ and -.")
    if cell["cell_type"] not in ROLES[role].cell_types:
        raise RoleError(f"a {cell['cell_type']} cell cannot be {role!r}, by nbgrader's rules.")
    name = grade_id
    if role == "autograder" and grade_id.startswith("test_") and grade_id[5:] in exercises:
        role, name = "test", grade_id[5:]
    own = cell["metadata"].get(limits.KEY)
    seconds = own.get("seconds") if isinstance(own, Mapping) and role in ("test", "autograder") else None
    return Attributes(
        role,
        name,
        _points(role, None if points is None or not ROLES[role].scored else str(points)),
        tags,
        _seconds(role, None if seconds is None else str(seconds)),
    )


def _role_of(flags: Mapping[str, bool]) -> str:
    if flags["task"]:
        return "task"
    if flags["grade"]:
        return "answer" if flags["solution"] else "autograder"
    return "solution" if flags["solution"] else "locked"


def _name(role: str, name: str, cell_type: str) -> str:
    if not _GRADE_ID.fullmatch(name):
        raise RoleError(f'{role}="{name}" is not an id: use letters, digits, _ and -.')
    if cell_type not in ROLES[role].cell_types:
        fences = {"code": "```python", "markdown": "```markdown", "raw": "```raw"}
        wanted = " or ".join(fences[kind] for kind in ROLES[role].cell_types)
        raise RoleError(f'{role}="{name}" belongs on a fence {wanted}, not {fences[cell_type]}.')
    return name


def _points(role: str, text: str | None) -> float | None:
    if text is None:
        if ROLES[role].scored:
            raise RoleError(f"{role!r} needs points: add points=…")
        return None
    if not ROLES[role].scored:
        raise RoleError(f"{role!r} has no points: they belong to the test cell.")
    try:
        points = float(text)
    except ValueError:
        points = math.nan
    if not (math.isfinite(points) and points >= 0):
        raise RoleError(f"points={text} is not a number from 0 up.")
    return int(points) if points.is_integer() else points


def _seconds(role: str, text: str | None) -> float | None:
    if text is None:
        return None
    if role not in ("test", "autograder"):
        raise RoleError("Seconds belong to a test cell: they hold for each cell of its exercise.")
    try:
        seconds = limits.seconds(text)
    except limits.LimitError as error:
        raise RoleError(str(error)) from None
    return int(seconds) if seconds.is_integer() else seconds


def _tags(tags: Any) -> tuple[str, ...]:
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise RoleError("its tags are not a list of texts.")
    for tag in tags:
        if not tag or tag != tag.strip() or re.search(r'[",\n\r`]', tag):
            raise RoleError(f"its tag {tag!r} cannot be written as text (no quotes, commas, spaces around it).")
    return tuple(tags)
