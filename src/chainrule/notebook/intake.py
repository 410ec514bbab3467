"""Reads a notebook file that anybody may have written.

Whatever the file is, the answer is a well-formed notebook or a `SubmissionError` that says what is wrong with this one
file: no other exception, no waiting, no unbounded memory. `merge` (in `merging`) then takes from it only what is the
student's.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chainrule.errors import SubmissionError
from chainrule.notebook.merging import merge

__all__ = ["MAX_BYTES", "MAX_CELLS", "MAX_DEPTH", "MAX_ITEMS", "merge", "read_notebook"]

MAX_BYTES = 32 << 20
MAX_CELLS = 2_000
MAX_DEPTH = 100
MAX_ITEMS = 2_000_000
"""Bounds of a submission: a notebook with many figures stays far below."""

_NOT_UTF8 = {b"\xff\xfe": "UTF-16 or UTF-32", b"\xfe\xff": "UTF-16", b"\x00\x00": "UTF-32"}
# Every string is one token, closed or not: else a truncated file would be searched again from each quote.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.?)*+(?:"|\Z)|[\[{,\]}]', re.DOTALL)
_UNFIT = re.compile("[\x00\ud800-\udfff]")
_CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")


def read_notebook(path: Path) -> dict[str, Any]:
    """The notebook in `path` as nbformat 4.5, with each source a single text and no outputs.

    NUL and lone surrogates, which no database or file can hold, become U+FFFD. Raises `SubmissionError`.
    """
    name = path.name
    text = _decode(_bytes(path, name), name)
    try:
        # A number of 5,000 digits is a ValueError of its own kind.
        notebook = json.loads(text)
    except ValueError as error:
        cut = isinstance(error, json.JSONDecodeError) and error.pos >= len(text.rstrip()) - 1
        cut = cut or "Unterminated string" in str(error)
        why = "it ends in the middle, as after a broken upload" if cut else _clean(str(error))
        raise _refused(name, f"is not a notebook: the JSON in it cannot be read ({why})") from None
    return _normal(_upgraded(notebook, name), name)


def _bytes(path: Path, name: str) -> bytes:
    try:
        _require_regular(os.lstat(path), name)
        # It may have been exchanged since: do not follow a link, nor wait for the other end of a pipe.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags), "rb") as file:
            _require_regular(os.fstat(file.fileno()), name)
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _refused(name, f"cannot be read ({error.strerror})") from None
    if len(content) > MAX_BYTES:
        raise _refused(name, f"is larger than {MAX_BYTES >> 20} MB", "Clear the outputs, save it, and submit again.")
    return content


def _require_regular(status: os.stat_result, name: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        kinds = {
            stat.S_ISLNK: "symbolic link",
            stat.S_ISFIFO: "named pipe",
            stat.S_ISDIR: "folder",
            stat.S_ISSOCK: "socket",
        }
        kind = next((kind for test, kind in kinds.items() if test(status.st_mode)), "device")
        raise _refused(name, f"is a {kind}, not a regular file", "Submit the notebook file itself.")


def _decode(content: bytes, name: str) -> str:
    if not content.strip():
        raise _refused(name, "is empty")
    content = content.removeprefix(b"\xef\xbb\xbf")
    for mark, encoding in _NOT_UTF8.items():
        if content.startswith(mark):
            raise _refused(name, f"is {encoding} text, not UTF-8")
    _check_size(content, name)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refused(name, f"is not UTF-8 text (byte {error.start})") from None


def _check_size(content: bytes, name: str) -> None:
    """Refuses what would cost too much stack or memory to parse: the parser itself knows no bounds."""
    depth = items = 0
    for match in _TOKEN.finditer(content):
        token = match[0]
        if token in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise _refused(name, f"is nested more than {MAX_DEPTH} levels deep")
        elif token in b"]}":
            depth -= 1
            continue
        elif token != b",":
            continue
        items += 1
        if items > MAX_ITEMS:
            raise _refused(name, f"holds more than {MAX_ITEMS:,} values")


def _upgraded(notebook: Any, name: str) -> dict[str, Any]:
    if not isinstance(notebook, dict):
        raise _refused(name, f"is not a notebook: it holds {_json_type(notebook)} instead of an object with cells")
    version = notebook.get("nbformat")
    if type(version) is not int:
        raise _refused(name, "is not a notebook: it names no nbformat version")
    if version > 4:
        raise _refused(name, f"is of nbformat {version}, newer than the 4 that is known here")
    if version < 4:
        try:
            import nbformat

            notebook = json.loads(json.dumps(nbformat.convert(nbformat.from_dict(notebook), 4)))
        except Exception as error:  # the converter takes the file at its word, so anything can come out of it
            raise _refused(
                name, f"is of the old nbformat {version} and cannot be converted ({type(error).__name__})"
            ) from None
    if not isinstance(notebook.get("cells"), list):
        raise _refused(name, "is not a notebook: it has no list of cells")
    if len(notebook["cells"]) > MAX_CELLS:
        raise _refused(name, f"has {len(notebook['cells']):,} cells; at most {MAX_CELLS:,} are read")
    return dict(notebook)


def _normal(notebook: dict[str, Any], name: str) -> dict[str, Any]:
    taken: set[str] = set()
    cells = []
    for number, cell in enumerate(notebook["cells"], start=1):
        normal = _normal_cell(cell, number, name)
        wanted = cell.get("id")
        if not isinstance(wanted, str) or not _CELL_ID.fullmatch(wanted) or wanted in taken:
            wanted = _free_id(number, taken)
        taken.add(wanted)
        cells.append({"id": wanted, **normal})
    return {"cells": cells, "metadata": _notebook_metadata(notebook), "nbformat": 4, "nbformat_minor": 5}


def _free_id(number: int, taken: set[str]) -> str:
    wanted = f"cell-{number}"
    while wanted in taken:
        wanted += "x"
    return wanted


def _normal_cell(cell: Any, number: int, name: str) -> dict[str, Any]:
    if not isinstance(cell, dict):
        raise _refused(name, f"is damaged: cell {number} is {_json_type(cell)} instead of a cell")
    kind, source, metadata = cell.get("cell_type"), cell.get("source", ""), cell.get("metadata")
    if kind not in ("code", "markdown", "raw"):
        raise _refused(name, f"is damaged: cell {number} is of no known type")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise _refused(name, f"is damaged: the source of cell {number} is {_json_type(source)} instead of text")
    normal = {
        "cell_type": kind,
        "metadata": _clean(metadata) if isinstance(metadata, dict) else {},
        "source": _clean(source),
    }
    if kind == "code":
        normal |= {"execution_count": None, "outputs": []}
    elif attachments := _attachments(cell.get("attachments")):
        normal["attachments"] = attachments
    return normal


def _attachments(given: Any) -> dict[str, dict[str, str]]:
    """The pictures pasted into a Markdown cell: they may be the answer."""
    found: dict[str, dict[str, str]] = {}
    for file, bundle in given.items() if isinstance(given, dict) else ():
        pictures = {
            kind: "".join(data) if isinstance(data, list) else data
            for kind, data in (bundle.items() if isinstance(bundle, dict) else ())
            if kind in _IMAGES and (isinstance(data, str) or _is_lines(data))
        }
        if pictures:
            found[_clean(file)] = {kind: _clean(data) for kind, data in pictures.items()}
    return found


def _is_lines(data: Any) -> bool:
    return isinstance(data, list) and all(isinstance(line, str) for line in data)


def _notebook_metadata(notebook: Mapping[str, Any]) -> dict[str, Any]:
    metadata = notebook.get("metadata")
    if not isinstance(metadata, dict):
        return {}
    return {
        key: {k: v for k, v in _clean(metadata[key]).items() if isinstance(v, str)}
        for key in ("kernelspec", "language_info")
        if isinstance(metadata.get(key), dict)
    }


def _clean(value: Any) -> Any:
    """The value with every text in it fit to be stored. Its depth is bounded by `_check_size`."""
    if isinstance(value, str):
        return _UNFIT.sub("\ufffd", value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    return value


def _json_type(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _refused(
    name: str, what: str, todo: str = "Open it in Jupyter, save it, and submit that file again."
) -> SubmissionError:
    shown = "".join(sign if sign.isprintable() else "\ufffd" for sign in name)
    return SubmissionError(f"{shown} {what}. {todo}")
