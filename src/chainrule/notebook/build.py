"""Builds the notebooks of a course from its texts, and reads a notebook back as text."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from chainrule.course import Course
from chainrule.errors import SourceError, SubmissionError
from chainrule.limits import KEY
from chainrule.notebook.intake import read_notebook
from chainrule.notebook.text import parse, render


def build(course: Course, assignments: Sequence[str] | None = None, *, check: bool = False) -> list[Path]:
    """Writes source/<a>/<a>.ipynb from source/<a>.md and returns the paths; with `check`, returns those that are
    stale or missing and writes nothing. Without `assignments`: all that have a text.

    All texts are read before anything is written. Raises `SourceError` for a bad text, `UnknownName` for no such one.
    """
    if assignments is None:
        chosen = [name for name in course.assignments() if course.text(name).is_file()]
    else:
        chosen = [course.require(name) for name in assignments]
    built = {course.source(name) / f"{name}.ipynb": _build_one(course, name) for name in chosen}
    stale = [path for path, content in built.items() if not path.is_file() or path.read_bytes() != content]
    if check:
        return stale
    for path in stale:
        _write(path, built[path])
    return list(built)


def import_notebook(path: Path) -> str:
    """The text of an existing notebook. Raises `SourceError` if it cannot be read or written as text."""
    try:
        notebook = read_notebook(path)
    except SubmissionError as error:
        raise SourceError(str(error)) from None
    language = notebook["metadata"].get("kernelspec", {}).get("language", "python")
    if language != "python":
        raise SourceError(f"This notebook is written in {language}; texts hold Python notebooks only.", path)
    try:
        head = json.loads(path.read_bytes()).get("metadata", {})  # `read_notebook` keeps little of it
        own = {KEY: head[KEY]} if isinstance(head, dict) and KEY in head else {}
        return render({**notebook, "metadata": {**notebook["metadata"], **own}})
    except SourceError as error:
        raise SourceError(str(error), path) from None


def dumps(notebook: Mapping[str, Any]) -> bytes:
    """The notebook's file, byte for byte what nbformat writes."""
    cells = [cell | {"source": cell["source"].splitlines(keepends=True)} for cell in notebook["cells"]]
    content = {**notebook, "cells": cells}
    return (json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def _build_one(course: Course, name: str) -> bytes:
    path = course.text(name)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise SourceError(
            f"There is no such text: the notebooks in {course.source(name)} are the source of {name}. "
            "To get a text, run `chainrule import` on one.",
            path,
        ) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise SourceError("This line is not UTF-8 text: save the file as UTF-8.", path, line) from None
    return dumps(parse(text, path, course.graders(name)))


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Hidden, since nbgrader copies what is in this folder to students, and gone even if the disk is full.
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        new.write_bytes(content)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
