"""What makes our commands start faster."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

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
