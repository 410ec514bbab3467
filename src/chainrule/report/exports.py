"""CSV that spreadsheets open without running it, and an output folder that changes at once or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pandas as pd

from chainrule.errors import ChainruleError
from chainrule.formats.text import safe

DECIMALS = 6


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """UTF-8, RFC 4180 quoting. Numbers stay numbers; a missing value is an empty cell; times are in UTC.

    Cells are made by column, equal ones once: a table of all outcomes of a large class has a million rows.
    """
    columns = [[_quoted(str(name)), *_cells(frame.iloc[:, place])] for place, name in enumerate(frame.columns)]
    if len(columns) == 1:
        columns = [[cell or '""' for cell in columns[0]]]  # an empty line is no row
    lines = map(",".join, zip(*columns, strict=True))
    path.write_text("\r\n".join([*lines, ""]), encoding="utf-8", newline="")


def _cells(column: pd.Series) -> list[str]:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return _each(column.cat.codes.to_numpy(), [_quoted(str(text)) for text in column.cat.categories])
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_integer_dtype(column):
        return [str(x) for x in column.tolist()]
    codes, found = pd.factorize(column)  # -1 is a missing value
    if pd.api.types.is_float_dtype(column):
        cells = _numbers(np.round(found, DECIMALS))
        return cells if len(cells) == len(column) else _each(codes, cells)  # all different, as times are
    if pd.api.types.is_datetime64_dtype(column):
        return _each(codes, [time.isoformat() + "Z" for time in pd.DatetimeIndex(found).to_pydatetime()])
    return _each(codes, [_quoted(str(x)) for x in found])


def _each(codes: np.ndarray, cells: list[str]) -> list[str]:
    """The cell of each code; an empty one for -1, which takes the last."""
    made: list[str] = np.array([*cells, ""], dtype="object")[codes].tolist()
    return made


def _numbers(values: np.ndarray) -> list[str]:
    """Whole ones without ".0"."""
    cells = list(map(repr, values.tolist()))
    for place in np.flatnonzero(np.isfinite(values) & (values == np.floor(values))):
        cells[place] = repr(int(values[place]))
    return cells


def _quoted(text: str) -> str:
    text = safe(text)
    return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in ',"\r\n') else text


MANIFEST = ".chainrule-report"
"""Beside a report: the paths of its files, a line each, so that the next one can take away what it does not replace."""


@contextmanager
def staged(out: Path, manifest: str = MANIFEST) -> Iterator[tuple[Path, list[Path]]]:
    """A scratch folder inside `out` and a list that afterwards holds the files moved from it to `out`.

    A folder holds one report: what an earlier one with this manifest left is removed, what none wrote never is.
    Nothing moves unless the block succeeds, so a failed run leaves the earlier report as it was.
    """
    moved: list[Path] = []
    scratch: Path | None = None
    try:
        out.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".report-", dir=out))
        yield scratch, moved
        files = sorted(path.relative_to(scratch) for path in scratch.rglob("*") if path.is_file())
        earlier = _listed(out, manifest)
        _list(out, manifest, {*earlier, *files}, scratch)  # all that may be there if we are interrupted from here on
        for file in files:
            target = out / file
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(scratch / file, target)
            moved.append(target)
        for file in sorted(earlier - set(files)):
            _remove(out, file)
        _list(out, manifest, set(files), scratch)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ChainruleError(
            f"The report cannot be written to {out}: {reason}. Free the space or choose another folder with --out."
        ) from error
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)


def _listed(out: Path, manifest: str) -> set[Path]:
    """The files of the earlier report, as far as they lie in `out`: the manifest is a file that anybody may edit."""
    try:
        lines = (out / manifest).read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, UnicodeDecodeError):
        return set()
    inside = out.resolve()
    found = {Path(line) for line in lines if line and ".." not in Path(line).parts}
    return {path for path in found if (out / path).parent.resolve().is_relative_to(inside)}


def _list(out: Path, manifest: str, files: set[Path], scratch: Path) -> None:
    (scratch / manifest).write_text("".join(f"{path}\n" for path in sorted(files)), encoding="utf-8")
    os.replace(scratch / manifest, out / manifest)


def _remove(out: Path, file: Path) -> None:
    """The file, and the folders that are empty without it."""
    with suppress(FileNotFoundError, IsADirectoryError):
        (out / file).unlink()
    for folder in list(file.parents)[:-1]:
        with suppress(OSError):  # something else is in it
            (out / folder).rmdir()
