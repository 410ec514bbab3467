"""What an attack is that comes as a submission, and what several of them are made of."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WRONG = "def twice(x):\n    return 7.0\n"
RIGHT = "def twice(x):\n    return 2 * x\n"
LEFT = f"{tempfile.gettempdir()}/attack-left-{os.getpid()}"
"""How the name of a file begins that is there when an attack of this run, and no other, ran a command outside."""


@dataclass(frozen=True)
class Attack:
    """`twice` is the student's cell; `change` edits the notebook; `files` lie beside it; `raw` is done to its file.

    `deserves`: points for `twice` (of 3) and for the untouched `thrice` (of 3; None: the attack may spoil it).
    `in_process` is true where the attack forges the verdict, or reads the tests, if they run in the student's process
    as nbgrader has them: the control.
    """

    name: str
    rows: tuple[int, ...]
    twice: str = WRONG
    change: Callable[[dict[str, Any]], object] | None = None
    files: dict[str, str | bytes] = field(default_factory=dict)
    raw: Callable[[Path, Path], object] | None = None
    deserves: tuple[float, float | None] = (0.0, 3.0)
    in_process: bool = False


def cells_named(notebook: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("grade_id") == name]


def after(source: str) -> Callable[[dict[str, Any]], object]:
    """A cell of the student's own behind the attacked test."""

    def change(notebook: dict[str, Any]) -> None:
        at = notebook["cells"].index(cells_named(notebook, "test_twice")[0]) + 1
        cell = {"cell_type": "code", "id": "own", "metadata": {}, "source": source, "outputs": []}
        notebook["cells"].insert(at, cell | {"execution_count": None})

    return change


def left() -> list[str]:
    """What commands of attacks left outside."""
    return [str(path) for path in Path(LEFT).parent.glob(f"{Path(LEFT).name}*")]
