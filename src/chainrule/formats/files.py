"""Files that change at once or not at all, and the one way to write CSV."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from chainrule.errors import ChainruleError
from chainrule.formats.text import safe


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file beside `path` to write to; it takes the place of `path` if the block succeeds."""
    part: Path | None = None
    try:
        if path.is_dir():
            raise ChainruleError(f"{path} is a folder, and a file is to be written. Choose a file's name.")
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".part-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        part = Path(name)
        part.chmod(0o666 & ~_umask())  # mkstemp's 0600 is for secrets of one process
        yield part
        os.replace(part, path)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ChainruleError(f"{path} cannot be written: {reason}. Free the space or choose another place.") from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_csv(path: Path, header: Sequence[object], rows: Iterable[Sequence[object]], *, mark: bool = False) -> None:
    """UTF-8, quoted as in RFC 4180, lines ended by CR LF. Texts must be `safe`; None is empty.

    `mark`: with a byte-order mark, without which spreadsheets take the file for Latin-1 and spoil names.
    """
    with path.open("w", encoding="utf-8-sig" if mark else "utf-8", newline="") as file:
        write_rows(file, header, rows)


def write_rows(file: TextIO, header: Sequence[object], rows: Iterable[Sequence[object]]) -> None:
    """`write_csv` into an open file."""
    out = csv.writer(file)
    out.writerow([safe(str(name)) for name in header])
    out.writerows(rows)
