"""What makes our commands, and those that they start, start well."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

SLOW = ("rfc3987_syntax",)
"""Compiles a grammar for two seconds when jsonschema, which nbformat imports, finds it. It checks addresses in JSON
schemas, which no command of ours asks for, and jsonschema does without it."""

PAGES = tuple(
    f"nbgrader.server_extensions.{name}"
    for name in ("assignment_list", "course_list", "formgrader", "validate_assignment")
)
"""nbgrader imports these whatever it is imported for, and with them Jupyter's server and nbconvert, because its package
has to know a function of each. No command of ours has such pages."""


@contextmanager
def without_slow_imports() -> Iterator[None]:
    """Within it, `PAGES` are empty and `SLOW` cannot be imported: who would use it if there were finds it missing."""
    hidden: dict[str, ModuleType | None] = {name: None for name in SLOW if name not in sys.modules}
    if "nbgrader" not in sys.modules:
        hidden |= {name: _Empty(name) for name in PAGES if name not in sys.modules}
    # None tells Python's import that there is no such module.
    sys.modules.update(hidden)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


class _Empty(ModuleType):
    """A module whose functions are all None."""

    def __getattr__(self, name: str) -> None:
        if name.startswith("__"):
            raise AttributeError(name)


@contextmanager
def without_collecting() -> Iterator[None]:
    """No garbage collection: it would walk over the many living objects of imports or tables again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def find_alembic() -> None:
    """Put our environment's programs on the path if it is not active: nbgrader starts `alembic` by name."""
    programs = Path(sys.executable).parent
    if shutil.which("alembic") is None and (programs / "alembic").exists():
        os.environ["PATH"] = os.pathsep.join((os.environ.get("PATH", os.defpath), str(programs)))
