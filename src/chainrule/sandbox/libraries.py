"""Which libraries a notebook will import: what its zygote should have warm. Being wrong costs time, nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from chainrule.worker.warm import LIBRARIES

# Not parsed: to parse what a student wrote can take any amount of time and stack.
_IMPORT = re.compile(r"^[ \t]*(?:import|from)[ \t]+([^\n]{1,200})", re.MULTILINE)
_NAME = re.compile(r"\w+")


def imported(notebook: Mapping[str, Any]) -> frozenset[str]:
    """The libraries that can be warm and that a line of the notebook seems to import."""
    words = {
        word
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
        for line in _IMPORT.findall(str(cell["source"]))
        for word in _NAME.findall(line)
    }
    return frozenset(words & LIBRARIES.keys())
