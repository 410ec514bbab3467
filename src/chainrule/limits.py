"""What student code may use, as a course, an assignment or an exercise says it; the defaults are those of `Limits`.

A course says it in its configuration (`c.Limits.memory = "4 GiB"`), an assignment at the head of its text or in its
source notebook's metadata (`chainrule.limits`), an exercise in its test cell's fence or metadata (`chainrule.seconds`).
The nearest counts. All is read from the instructor's files: what a submission says about limits is never looked at.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from chainrule.errors import CourseError
from chainrule.model import Limits

KEY = "chainrule"
"""Our entry in a notebook's or a cell's metadata."""

MOST_SECONDS = 24 * 3600.0
LEAST_BYTES = 1 << 20
UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}

_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[KMG]iB)")


@dataclass(frozen=True)
class Beside:
    """What of a submission is taken beside its notebooks: bytes in `total` and in a `file`, so many `files` and folders
    together, paths within the submission of so many bytes, folders nested so deep. The rest is left out, with a note.

    Bytes are those of the disk that a notebook has: more could not be put beside it anyway.
    """

    total: int = Limits.disk
    file: int = Limits.disk
    files: int = 10_000
    path: int = 1_024
    depth: int = 32


class LimitError(ValueError):
    """A limit that makes no sense, in words for whoever wrote it."""


def seconds(value: object, name: str = "seconds") -> float:
    """A number of seconds above 0, at most a day. Raises `LimitError`."""
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
    except ValueError:
        number = math.nan
    if not 0 < number <= MOST_SECONDS:
        raise LimitError(f"{name} = {value!r} is not a number of seconds above 0 (at most {MOST_SECONDS:g}).")
    return number


def _size(value: object, name: str) -> int:
    if isinstance(value, str) and (match := _SIZE.fullmatch(value.strip())):
        size = int(float(match["number"]) * UNITS[match["unit"]])
    else:
        size = value if isinstance(value, int) and not isinstance(value, bool) else -1
    if size < LEAST_BYTES:
        raise LimitError(f'{name} = {value!r} is not a size from 1 MiB up: write it as "4 GiB" or "512 MiB".')
    return size


def _count(value: object, name: str) -> int:
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise LimitError(f"{name} = {value!r} is not a whole number from 1 up.")
    return value


def _yes(value: object, name: str) -> bool:
    words = {"yes": True, "true": True, "no": False, "false": False}
    known = words.get(value.strip().lower()) if isinstance(value, str) else value
    if not isinstance(known, bool):
        raise LimitError(f"{name} = {value!r} is neither yes nor no.")
    return known


_KINDS: dict[str, tuple[str, Callable[[object, str], Any]]] = {
    "seconds": ("cell", seconds),
    "test_seconds": ("test", seconds),
    "total_seconds": ("cells", seconds),
    "cpu_seconds": ("cpu", seconds),
    "memory": ("memory", _size),
    "disk": ("disk", _size),
    "processes": ("processes", _count),
    "output": ("output", _count),
    "total_output": ("outputs", _count),
    "gpu": ("gpu", _yes),
}
"""The word -> the field of `Limits` it sets, and how its value is read."""


def read(given: Mapping[str, object]) -> dict[str, Any]:
    """The fields of `Limits` that these words set. Raises `LimitError`."""
    found = {}
    for name, value in given.items():
        if name not in _KINDS:
            near = difflib.get_close_matches(str(name), _KINDS, 1)
            hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(_KINDS)}."
            raise LimitError(f"There is no limit {name!r}. {hint}")
        field, reader = _KINDS[name]
        found[field] = reader(value, name)
    return found


def of_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that a course's configuration sets. Raises `CourseError`."""
    try:
        return read(dict(config.get("Limits", {})))
    except LimitError as error:
        raise CourseError(f"nbgrader_config.py, c.Limits: {error}") from None


def of_source(path: Path) -> tuple[dict[str, Any], dict[str, float]]:
    """What a source notebook sets: fields of `Limits`, and seconds by the grade_id of a test cell.

    Nothing if there is no such notebook, or none that can be read. Raises `CourseError` for a value without sense.
    """
    try:
        status = path.stat()
    except OSError:
        return {}, {}
    return _of_source(path, status.st_mtime_ns, status.st_size)


@lru_cache(64)
def _of_source(path: Path, *_version: int) -> tuple[dict[str, Any], dict[str, float]]:
    try:
        notebook = json.loads(path.read_bytes())
        cells = [(cell["metadata"], cell["metadata"].get("nbgrader", {})) for cell in notebook["cells"]]
        limits = notebook["metadata"].get(KEY, {}).get("limits", {})
        named = [(about["grade_id"], own[KEY]["seconds"]) for own, about in cells if "seconds" in own.get(KEY, {})]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}, {}  # whoever reads it as a notebook says what is wrong
    try:
        return read(limits), {name: seconds(value, f"{name}: seconds") for name, value in named}
    except LimitError as error:
        raise CourseError(f"{path}: {error}") from None


def together(limits: Limits, source: Path) -> tuple[Limits, dict[str, float]]:
    """A course's limits and, over them, those of a source notebook; and the seconds of its exercises."""
    changed, own = of_source(source)
    return replace(limits, **changed), dict(own)
