"""The files beside a notebook: which of a submission's are taken, and whose counts where two have one name.

The instructor's win, and what of the student's is in their way is left out; so are links and all else that is no
regular file, and what is beyond the bounds (`limits.Beside`). Whatever a student's folder holds, looking at it ends.
"""

from __future__ import annotations

import errno
import fnmatch
import hashlib
import io
import itertools
import os
import shutil
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from chainrule.errors import CourseError, SubmissionError
from chainrule.limits import Beside
from chainrule.model import Note

NOTE = "files"
"""The kind of the note that says what was left out."""

NAMED = 8
"""Most files that a note names."""

LINK = "a link"
LONGEST_SHOWN = 80
FREE = 16
"""Of the disk, one part of so many: else a student's files could crowd out one of the instructor's."""

BLOCK = 4096
"""A file takes whole blocks of the disk that it is put on."""


@dataclass(frozen=True)
class Listing:
    """Files by their path in a folder, and by theirs what is not among them, with the reason."""

    files: dict[str, Path] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def notes(self) -> tuple[Note, ...]:
        """What staff should know."""
        if not self.left_out:
            return ()
        named = [f"{shown(name)} ({why})" for name, why in itertools.islice(self.left_out.items(), NAMED)]
        more = len(self.left_out) - len(named)
        rest = f" and {more} more" if more else ""
        return (Note(NOTE, f"Left out of the files beside the notebook: {', '.join(named)}{rest}."),)


def shown(name: str, most: int = LONGEST_SHOWN) -> str:
    """A student's name for a file, fit to be printed and stored."""
    clean = "".join(sign if sign.isprintable() else "\ufffd" for sign in name)
    return clean if len(clean) <= most else clean[: most - 1] + "…"


def theirs(
    folder: Path, ignore: Sequence[str], bounds: Beside, ours: Collection[str] = (), keep: Collection[str] = ()
) -> Listing:
    """The files of a submission: all but notebooks and what matches nbgrader's patterns `ignore`.

    `ours` are the paths of the instructor's files: nothing may be in their way, and what has the very same path is
    replaced, hence not among the files, unless it is one to `keep`. Raises `SubmissionError` for a folder that cannot
    be read.
    """
    return _Walk(folder, ignore, bounds, frozenset(ours), frozenset(keep)).run()


def ours(folder: Path, ignore: Sequence[str]) -> dict[str, Path]:
    """The instructor's files by the same rule, without bounds; a link to a file counts as that file."""
    found: dict[str, Path] = {}
    todo = [folder]
    while todo:
        place = todo.pop()
        for entry in sorted(_entries(place), key=lambda entry: entry.name):
            if _matches(entry.name, (*ignore, "*.ipynb")):
                continue
            if entry.is_dir(follow_symlinks=False):
                todo.append(Path(entry.path))
            elif entry.is_file():
                found[str(Path(entry.path).relative_to(folder))] = Path(entry.path)
    return found


def room(files: Mapping[str, Path], disk: int, folder: Path) -> int:
    """The bytes of `disk` that the instructor's files leave a student's; a part is free for what the code writes.

    Raises `CourseError` if they do not fit at all.
    """
    sizes = {name: blocks(path.stat().st_size) for name, path in files.items()}
    left = disk - sum(sizes.values())
    if left < 0:
        largest = max(sizes, key=lambda name: sizes[name])
        raise CourseError(
            f"The files in {folder} take {_mib(sum(sizes.values()))}, but a notebook has {_mib(disk)} of disk: "
            f"no code would find them whole. The largest is {largest} ({_mib(sizes[largest])}). Allow more "
            "(`c.Limits.disk`, or `disk` at the head of the assignment's text), or hand out less."
        )
    return max(0, left - disk // FREE)


def blocks(size: int) -> int:
    """The bytes that a file of `size` bytes takes."""
    return -(-size // BLOCK) * BLOCK


def digest(path: Path, most: int | None = None) -> str:
    """A digest of a submitted file, of its first `most` bytes if it is longer than that.

    A link is its target's name, what is no file is nothing. Raises `SubmissionError` if it cannot be read.
    """
    try:
        if path.is_symlink():
            return f"link to {os.readlink(path)}"
        if not path.is_file():
            return ""
        with regular(path) as file:
            if most is None or os.fstat(file.fileno()).st_size <= most:
                return hashlib.file_digest(file, "sha256").hexdigest()
            size = os.fstat(file.fileno()).st_size
            return f"{size} bytes: {hashlib.sha256(file.read(most)).hexdigest()}"
    except OSError as error:
        raise _unreadable(path, error) from None


def copy(path: Path, target: Path) -> None:
    """Copy a file of the student's or the instructor's; it stays executable if it was.

    Folders above it are made. Raises `SubmissionError` if it cannot be read, `OSError` if it cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        source = regular(path.resolve() if path.is_symlink() else path)
    except OSError as error:
        raise _unreadable(path, error) from None
    with source, target.open("wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)
        if os.fstat(source.fileno()).st_mode & 0o111:
            target.chmod(0o755)  # a script beside the notebook, to be called with `!./script`


def regular(path: Path) -> io.BufferedReader:
    """A regular file, opened to be read: no link is followed, no pipe waited for. Raises `OSError`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return io.BufferedReader(io.FileIO(descriptor, "rb"))


class _Walk:
    """A student's folder, looked at once. No recursion: folders may be nested deeper than any stack."""

    def __init__(
        self, folder: Path, ignore: Sequence[str], bounds: Beside, ours: frozenset[str], keep: frozenset[str]
    ) -> None:
        self.folder, self.ignore, self.bounds, self.ours = folder, (*ignore, "*.ipynb"), bounds, ours
        self.replaced = ours - keep
        self.folders = {str(parent) for name in ours for parent in PurePosixPath(name).parents}
        self.found = Listing()
        self.count = self.total = 0

    def run(self) -> Listing:
        todo = [""]
        while todo:
            inside = []
            for entry in self._listed(todo.pop()):
                name = os.path.relpath(entry.path, self.folder)
                if _matches(entry.name, self.ignore):
                    continue
                if why := self._refused(entry, name):
                    self.found.left_out[name] = why
                elif entry.is_dir(follow_symlinks=False):
                    inside.append(name)
                elif name not in self.replaced:
                    self.found.files[name] = Path(entry.path)
            todo += reversed(inside)
        return self.found

    def _listed(self, place: str) -> list[os.DirEntry[str]]:
        room = self.bounds.files - self.count
        path = self.folder / place
        try:
            entries = list(itertools.islice(_entries(path), room + 1))
        except OSError as error:
            raise _unreadable(path, error) from None
        if len(entries) > room:
            self.found.left_out[place or "."] = f"more than {self.bounds.files:,} files in all"
        self.count += len(entries[:room])
        return sorted(entries[:room], key=lambda entry: entry.name)

    def _refused(self, entry: os.DirEntry[str], name: str) -> str:
        """Why an entry is left out, or nothing."""
        above = name
        while above := os.path.dirname(above):
            if above in self.ours:
                return "the assignment has a file where this has a folder"
        if entry.is_symlink():
            return LINK
        if entry.is_dir(follow_symlinks=False):
            if name in self.ours:
                return "the assignment has a file where this is a folder"
            deep = name.count(os.sep) + 1 > self.bounds.depth or len(os.fsencode(name)) > self.bounds.path
            return f"more than {self.bounds.depth} folders deep, or its path is too long" if deep else ""
        if name in self.folders:
            return "the assignment has a folder where this is a file"
        return self._too_much(entry, name)

    def _too_much(self, entry: os.DirEntry[str], name: str) -> str:
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError as error:
            raise _unreadable(Path(entry.path), error) from None
        if not stat.S_ISREG(status.st_mode):
            return "not a regular file"
        if len(os.fsencode(name)) > self.bounds.path:
            return "its path is too long"
        if status.st_size > self.bounds.file:
            return f"{_mib(status.st_size)}, of {_mib(self.bounds.file)} at most"
        if name not in self.replaced:
            if self.total + blocks(status.st_size) > self.bounds.total:
                return f"{_mib(status.st_size)}, with {_mib(self.bounds.total)} for all together"
            self.total += blocks(status.st_size)
        return ""


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except FileNotFoundError:
        return


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def _mib(size: int) -> str:
    return f"{size / (1 << 20):,.1f} MiB"


def _unreadable(path: Path, error: OSError) -> SubmissionError:
    name = shown(str(path), 500)
    return SubmissionError(f"{name} cannot be read ({error.strerror}). Make it readable, or remove it.")
