"""How a notebook's process ended and which limit is behind an error, in words."""

from __future__ import annotations

import re
from typing import Any

from chainrule.model import Limits
from chainrule.sandbox import Child

MIB, GIB = 1 << 20, 1 << 30
NO_ROOM = ("[Errno 28]", "[Errno 27]", "[Errno 122]")
"""ENOSPC, EFBIG, EDQUOT: how a full file system shows itself to a program."""
NO_PROCESS = ("[Errno 11]", "can't start new thread")
NO_MEMORY = ("[Errno 12]", "can't allocate memory", "Unable to allocate")


def how(child: Child, limits: Limits) -> str:
    """How a process ended, to be read after the name of what ran in it. Waits until it has."""
    status = child.exit_status()
    if child.exit_reason == "memory":
        return f"used more than {limits.memory / GIB:g} GiB of memory and was stopped."
    if child.exit_reason == "processes":
        return f"started more than {limits.processes} processes and was stopped."
    if child.exit_reason == "disk":
        return f"wrote more than {limits.disk / MIB:g} MiB of files, or very many, and was stopped."
    if child.exit_reason == "cpu":
        return f"used more than {limits.processor:g} s of processor time and was stopped."
    name = f" (exit status {status})" if status is not None and status >= 0 else ""
    return f"ended the notebook's process{name}."


def first_line(error: dict[str, Any]) -> str:
    """An error output in a few words, without the name of a temporary file."""
    lines = error["evalue"].strip().splitlines() or [""]
    text = re.sub(r"\(<ipython-input-[^>]*>, (line \d+)\)", r"(\1)", lines[0])
    return f"{error['ename']}: {text}"[:300].rstrip(": .")


def behind(error: dict[str, Any], limits: Limits) -> str:
    """The limit that an error output tells of, in a sentence; "" if none. It is the student's word, for the student."""
    name, text = str(error["ename"]), str(error["evalue"])
    if any(sign in text for sign in NO_ROOM):
        return f"A notebook may write {limits.disk / MIB:g} MiB of files."
    if any(sign in text for sign in NO_PROCESS):
        return f"A notebook may have {limits.processes} processes and threads at a time."
    if name in ("MemoryError", "_ArrayMemoryError") or any(sign in text for sign in NO_MEMORY):
        return f"A notebook may use {limits.memory / GIB:g} GiB of memory."
    return ""
