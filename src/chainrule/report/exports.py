"""CSV that spreadsheets open without running it, and an output folder that changes at once or not at all."""

from __future__ import annotations

import csv
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from chainrule.errors import ChainruleError
from chainrule.formats.text import safe as _safe

DECIMALS = 6


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """UTF-8, RFC 4180 quoting. Numbers stay numbers; a missing value is an empty cell; times are in UTC."""
    columns = [_cells(frame[name]) for name in frame.columns]
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([_safe(str(name)) for name in frame.columns])
        rows.writerows(zip(*columns, strict=True))


def _cells(column: pd.Series) -> list[object]:
    if isinstance(column.dtype, pd.CategoricalDtype):
        texts = [_safe(str(text)) for text in column.cat.categories]
        return [texts[code] if code >= 0 else "" for code in column.cat.codes.tolist()]
    if pd.api.types.is_float_dtype(column):
        # x != x: NaN. Whole numbers without ".0".
        return ["" if x != x else int(x) if x.is_integer() else x for x in column.round(DECIMALS).tolist()]
    if pd.api.types.is_integer_dtype(column) or pd.api.types.is_bool_dtype(column):
        return list(column.tolist())
    if pd.api.types.is_datetime64_dtype(column):
        return ["" if time != time else time.isoformat() + "Z" for time in column.tolist()]
    return [
        "" if missing else _safe(str(x)) for x, missing in zip(column.tolist(), column.isna().tolist(), strict=True)
    ]


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
