"""Unpacks an archive that anybody may have made: regular files only, each inside the target, within bounds.

Sizes are counted as they are unpacked, not believed. An entry that cannot be had is left out and named; an archive that
breaks a bound, or cannot be read, is a `SubmissionError`, and nothing of it stays.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import shutil
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chainrule.errors import SubmissionError

CHUNK = 1 << 20
LONGEST_NAME = 255
OVERHEAD = 64 << 20
"""Bytes of a tar file's own: headers, and what fills up blocks."""

PACKED: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
    b"\x5d\0\0": lzma.open,
}
"""The first bytes of compressed files; the last are of the older format of lzma, which has no magic number."""

BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError)


@dataclass(frozen=True)
class Bounds:
    """What an archive may hold. `ratio` (unpacked to packed) counts beyond `unsuspicious` bytes: text packs well."""

    file: int = 256 << 20
    total: int = 16 << 30
    files: int = 100_000
    ratio: float = 100.0
    unsuspicious: int = 16 << 20
    depth: int = 32


def unpack(archive: Path, target: Path, bounds: Bounds | None = None) -> list[str]:
    """Unpack a zip or tar file (also compressed) into the new folder `target`. Returns what was left out, and why.

    Raises `SubmissionError`: then `target` is gone again. Raises `FileExistsError` if `target` is there.
    """
    target.mkdir(parents=True)
    try:
        return _Unpacking(archive, target, bounds or Bounds()).run()
    except BROKEN as error:
        shutil.rmtree(target, ignore_errors=True)
        why = f"{type(error).__name__}: {error}".rstrip(": ")
        raise SubmissionError(f"{archive} cannot be unpacked ({why}). Ask for it again.") from None
    except SubmissionError:
        shutil.rmtree(target, ignore_errors=True)
        raise


class _Unpacking:
    def __init__(self, archive: Path, target: Path, bounds: Bounds) -> None:
        self.archive, self.target, self.bounds = archive, target, bounds
        self.packed = max(1, archive.stat().st_size)
        self.taken: set[str] = set()
        self.left_out: list[str] = []
        self.total = 0
        self.count = 0

    def run(self) -> list[str]:
        entries = self._zip() if zipfile.is_zipfile(self.archive) else self._tar()
        for name, regular, opened in entries:
            self.count += 1
            if self.count > self.bounds.files:
                raise self._refused(f"holds more than {self.bounds.files} entries")
            self._take(name, regular, opened)
        return self.left_out

    def _zip(self) -> Iterator[tuple[str, bool, Any]]:
        with zipfile.ZipFile(self.archive) as file:
            for entry in file.infolist():
                mode = entry.external_attr >> 16
                regular = not mode or (mode & 0o170000) in (0, 0o100000)
                if not entry.is_dir():
                    yield entry.filename, regular and not entry.flag_bits & 1, lambda entry=entry: file.open(entry)

    def _tar(self) -> Iterator[tuple[str, bool, Any]]:
        # A header may claim any length, and tarfile reads it in one piece, and keeps it: the first while it opens.
        with (
            _decompressed(self.archive) as stream,
            _Watched(stream, self._limit() + OVERHEAD) as watched,
            tarfile.open(fileobj=watched, mode="r:") as file,
        ):
            for entry in file:
                if not entry.isdir():
                    yield entry.name, entry.isreg(), lambda entry=entry: file.extractfile(entry)

    def _take(self, name: str, regular: bool, opened: Any) -> None:
        place, why = self._place(name, regular)
        if place is None:
            self.left_out.append(f"{name[:LONGEST_NAME]!r}: {why}")
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        size = 0
        try:
            with opened() as source, place.open("xb") as file:
                while chunk := source.read(CHUNK):
                    size, self.total = size + len(chunk), self.total + len(chunk)
                    if size > self.bounds.file:
                        raise self._refused(f"holds a file of more than {self.bounds.file >> 20} MiB ({name!r})")
                    if self.total > self._limit():
                        raise self._refused(f"unpacks to more than {self._limit() >> 20} MiB, too much for its size")
                    file.write(chunk)
        except (NotImplementedError, RuntimeError) as error:  # zipfile's words for methods that it does not know
            place.unlink(missing_ok=True)
            self.left_out.append(f"{name[:LONGEST_NAME]!r}: {error}")

    def _limit(self) -> int:
        return int(min(self.bounds.total, max(self.bounds.unsuspicious, self.bounds.ratio * self.packed)))

    def _place(self, name: str, regular: bool) -> tuple[Path | None, str]:
        """Where an entry goes, or None and why it goes nowhere."""
        if not regular:
            return None, "a link, a device or encrypted"
        # Some programs on Windows write their own separator.
        parts = unicodedata.normalize("NFC", name).replace("\\", "/").split("/")
        if parts[0].endswith(":") or not parts[0] or ".." in parts:
            return None, "it would be outside the folder"
        parts = [part for part in parts if part not in ("", ".")]
        if not parts or len(parts) > self.bounds.depth:
            return None, f"more than {self.bounds.depth} folders deep"
        if any(len(os.fsencode(part)) > LONGEST_NAME or not part.isprintable() for part in parts):
            return None, "a name that no file should have"
        known = "/".join(parts).casefold()
        ancestors = {"/".join(parts[:count]).casefold() for count in range(1, len(parts))}
        if known in self.taken or ancestors & self.taken or (self.target / Path(*parts)).exists():
            return None, "a second file of that name"
        self.taken.add(known)
        return self.target.joinpath(*parts), ""

    def _refused(self, what: str) -> SubmissionError:
        return SubmissionError(f"{self.archive} {what}. Look at it by hand; nothing of it was taken.")


def _decompressed(archive: Path) -> Any:
    with archive.open("rb") as file:
        head = file.read(6)
    for magic, opened in PACKED.items():
        if head.startswith(magic):
            return opened(archive)
    return archive.open("rb")


class _Watched(io.RawIOBase):
    """A file that hands out `limit` bytes and no more: then it says that it is broken."""

    def __init__(self, file: Any, limit: int) -> None:
        self._file, self._left, self._limit = file, limit, limit

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= self._left:
            raise tarfile.ReadError(f"it claims to hold more than {self._limit >> 20} MiB, too much for its size")
        self._left -= size
        return bytes(self._file.read(size))

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence or offset > self.tell() + self._limit:
            raise tarfile.ReadError(f"it claims to hold more than {self._limit >> 20} MiB, too much for its size")
        return int(self._file.seek(offset))

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        self._file.close()
        super().close()
