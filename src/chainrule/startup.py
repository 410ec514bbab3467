"""What makes our commands, and those that they start, start well."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SLOW = ("rfc3987_syntax",)
"""Compiles a grammar for two seconds when jsonschema, which nbformat imports, finds it. It checks addresses in JSON
schemas, which no command of ours asks for, and jsonschema does without it."""


@contextmanager
def without_slow_imports() -> Iterator[None]:
    """Within it, `SLOW` cannot be imported; whoever would use it if there were finds it missing."""
    hidden = [name for name in SLOW if name not in sys.modules]
    # None tells Python's import that there is no such module.
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def find_alembic() -> None:
    """Put our environment's programs on the path if it is not active: nbgrader starts `alembic` by name."""
    programs = Path(sys.executable).parent
    if shutil.which("alembic") is None and (programs / "alembic").exists():
        os.environ["PATH"] = os.pathsep.join((os.environ.get("PATH", os.defpath), str(programs)))
