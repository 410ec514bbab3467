"""Starts the process that runs one student's notebook, and ends it with all its children."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from chainrule.model import Limits
from chainrule.sandbox.connection import Connection

ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    # One thread each: submissions are graded side by side, and a process with threads cannot be forked safely.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "NBGRADER_EXECUTION": "autograde",
}


class Child:
    """A running student process: its connection and its scratch folder. `close` kills it and removes the folder."""

    isolation = "none"

    def __init__(self, process: subprocess.Popen[bytes], connection: Connection, folder: Path) -> None:
        self.process, self.connection, self.folder = process, connection, folder

    def exit_status(self) -> int | None:
        """The exit status if the process has ended (negative: killed by that signal), else None."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.process.wait(timeout=0.5)
        return None

    def close(self) -> None:
        self.connection.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def start(files: Path | None, limits: Limits) -> Child:
    """Start a process for a notebook whose neighbours are a copy of the folder `files`."""
    folder = Path(tempfile.mkdtemp(prefix="chainrule-"))
    work, temporary = folder / "work", folder / "tmp"
    try:
        work.mkdir()
        temporary.mkdir()
        if files is not None:
            _copy_regular_files(files, work)
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-P", "-s", "-m", "chainrule.worker", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                cwd=work,
                env={**ENVIRONMENT, "HOME": str(folder), "TMPDIR": str(temporary), "MPLCONFIGDIR": str(temporary)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=lambda: _limit(limits),
            )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Child(process, Connection(ours), folder)


def _limit(limits: Limits) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))


def _copy_regular_files(source: Path, target: Path) -> None:
    """Copy the folder without notebooks and without following a link: a student chose what is in it."""
    for path in sorted(source.rglob("*")):
        inside = path.relative_to(source)
        if any((source / part).is_symlink() for part in [inside, *inside.parents]) or path.suffix == ".ipynb":
            continue
        if path.is_dir():
            (target / inside).mkdir(parents=True, exist_ok=True)
        elif path.is_file():
            (target / inside).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / inside, follow_symlinks=False)
