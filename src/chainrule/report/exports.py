"""CSV that spreadsheets open without running it, and an output folder that changes at once or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from chainrule.errors import ChainruleError

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A text that starts so may be run as a formula by a spreadsheet: it gets a leading apostrophe."""

DECIMALS = 6


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """UTF-8, RFC 4180 quoting. Numbers stay numbers; a missing value is an empty cell; times are in UTC.

    Cells are made by column, equal ones once: a table of all outcomes of a large class has a million rows.
    """
    columns = [[_quoted(str(name)), *_cells(frame.iloc[:, place])] for place, name in enumerate(frame.columns)]
    if len(columns) == 1:
        columns = [[cell or '""' for cell in columns[0]]]  # an empty line is no row
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(f"{line}\r\n" for line in map(",".join, zip(*columns, strict=True)))


def _cells(column: pd.Series) -> list[str]:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return _each(column.cat.codes.to_numpy(), [_quoted(str(text)) for text in column.cat.categories])
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_integer_dtype(column):
        return [str(x) for x in column.tolist()]
    codes, found = pd.factorize(column)  # -1 is a missing value
    if pd.api.types.is_float_dtype(column):
        return _each(codes, [_number(x) for x in np.round(found, DECIMALS).tolist()])
    if pd.api.types.is_datetime64_dtype(column):
        return _each(codes, [time.isoformat() + "Z" for time in found])
    return _each(codes, [_quoted(str(x)) for x in found])


def _each(codes: np.ndarray, cells: list[str]) -> list[str]:
    """The cell of each code; an empty one for -1, which takes the last."""
    made: list[str] = np.array([*cells, ""], dtype="object")[codes].tolist()
    return made


def _number(x: float) -> str:
    """Whole numbers without ".0"."""
    return repr(int(x)) if x.is_integer() else repr(x)


def _quoted(text: str) -> str:
    text = _safe(text)
    return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in ',"\r\n') else text


def _safe(text: str) -> str:
    return "'" + text if text.startswith(FORMULA) else text


@contextmanager
def staged(out: Path) -> Iterator[tuple[Path, list[Path]]]:
    """A scratch folder inside `out` and a list that afterwards holds the files moved from it to `out`.

    Nothing moves unless the block succeeds, so a failed run leaves the earlier report as it was.
    """
    moved: list[Path] = []
    scratch: Path | None = None
    try:
        out.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".report-", dir=out))
        yield scratch, moved
        for file in sorted(path for path in scratch.rglob("*") if path.is_file()):
            target = out / file.relative_to(scratch)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(file, target)
            moved.append(target)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ChainruleError(
            f"The report cannot be written to {out}: {reason}. Free the space or choose another folder with --out."
        ) from error
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)
