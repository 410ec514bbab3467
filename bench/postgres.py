"""A PostgreSQL of our own for tests and measurements: Debian's programs, a throw-away folder, a Unix socket only."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAMS = "/usr/lib/postgresql"
SETTINGS = {"fsync": "off", "listen_addresses": "", "max_connections": "30", "shared_buffers": "64MB"}
"""No power cut matters here, and nobody else on the machine or the network is to reach it."""

ORDINARY = ("postgres", "nobody")
"""Who runs the server when we are root, which it refuses to run as: the first that there is."""

SECONDS = 60.0


class NoPostgres(Exception):
    """Debian's package is not installed."""


@dataclass(frozen=True)
class Server:
    """A running server whose socket is in `folder`. `pid` is its first process, the parent of all others."""

    folder: Path
    pid: int

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://chainrule@/{database}?host={self.folder}"

    def create(self, database: str) -> str:
        """Make an empty database; returns its URL."""
        self.execute(f'CREATE DATABASE "{database}"')
        return self.url(database)

    def execute(self, statement: Any, database: str = "postgres") -> None:
        with self._connect(database) as connection:
            connection.execute(statement)

    def _connect(self, database: str) -> Any:
        import psycopg

        return psycopg.connect(host=str(self.folder), user="chainrule", dbname=database, autocommit=True)


def programs() -> Path:
    """The folder of initdb and postgres, of the newest version installed. Raises `NoPostgres`."""
    found = sorted(Path(PROGRAMS).glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise NoPostgres(f"There is no PostgreSQL in {PROGRAMS}. Install Debian's package postgresql.")
    return found[-1].parent


@contextmanager
def server(*, locale: tuple[str, ...] = ("--locale=C",)) -> Iterator[Server]:
    """Start a server, stop it in the end, remove all of it. `locale` are options of initdb. Raises `NoPostgres`."""
    binaries = programs()
    # Not in pytest's folder: a path to a socket may have 107 characters, and the server's user has to get there.
    folder = Path(tempfile.mkdtemp(prefix="chainrule-pg-"))
    rights = _rights(folder)
    try:
        _initialise(binaries, folder, locale, rights)
        log = (folder / "log").open("w")
        arguments = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        process = subprocess.Popen(
            [binaries / "postgres", "-D", folder / "data", "-k", folder, *arguments],
            cwd=folder,
            stdout=log,
            stderr=log,
            **rights,
        )
        try:
            started = Server(folder, process.pid)
            _wait(started, process)
            yield started
        finally:
            process.send_signal(signal.SIGINT)  # fast shutdown: it does not wait for clients
            process.wait(SECONDS)
            log.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _rights(folder: Path) -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = next(known[name] for name in ORDINARY if name in known)
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _initialise(binaries: Path, folder: Path, locale: tuple[str, ...], rights: dict[str, Any]) -> None:
    options = ["--username=chainrule", "--auth=trust", "--encoding=UTF8", "--no-sync", *locale]
    command = [binaries / "initdb", "-D", folder / "data", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, **rights)
    if done.returncode:
        raise RuntimeError(f"initdb failed: {done.stdout}{done.stderr}")


def _wait(started: Server, process: subprocess.Popen[bytes]) -> None:
    import psycopg

    until = time.monotonic() + SECONDS
    while True:
        try:
            started.execute("SELECT 1")
            return
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > until:
                log = (started.folder / "log").read_text()
                raise RuntimeError(f"PostgreSQL did not start: {log}") from error
            time.sleep(0.05)
