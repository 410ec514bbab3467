"""What attacks are aimed at: files, services, a process, memory, each with a secret that must not get out."""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

libc = ctypes.CDLL(None, use_errno=True)
VICTIM = """
import os, signal, sys, time
log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
signal.signal(signal.SIGURG, lambda *_: os.write(log, b"."))
print(flush=True)
while True: time.sleep(3600)
"""


def canary(what: str) -> str:
    return f"canary-{secrets.token_hex(8)}-{what}"


def inside() -> Path:
    """A folder of the interpreter's that nobody needs; in the world it can be written to."""
    return Path(sys.prefix, "include")


class Targets:
    """What attacks are aimed at, and the secrets that must not get out."""

    def __init__(self, folder: Path, writable: bool) -> None:
        self.folder = folder
        self.secrets: dict[str, str] = {}
        self.services: list[socket.socket] = []
        self.at: dict[str, Any] = {"folder": str(folder), "world": os.getpid()}
        self._files()
        self._services()
        self._victim()
        self._memory()
        if writable:
            self.at["inside"] = str(inside())

    def secret(self, what: str) -> str:
        return self.secrets.setdefault(what, canary(what))

    def _files(self) -> None:
        for name, what in {
            "course/gradebook.db": "gradebook",
            "course/graders/a01/test_line.py": "hidden",
            "course/submitted/eve/a01/a01.ipynb": "submission",
            "home/.ssh/id_ed25519": "key",
            "home/.ipython/profile_default/startup/README": "startup",
        }.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{self.secret(what)}\n")
            self.at[what] = str(path)
        self.at["home"] = str(self.folder / "home")

    def _services(self) -> None:
        tcp = socket.create_server(("127.0.0.1", 0))
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        self.at["tcp"], self.at["udp"] = tcp.getsockname()[1], udp.getsockname()[1]
        self.at["abstract"] = f"\0attack-{os.getpid()}"
        self.at["abstract_datagrams"] = f"\0attack-{os.getpid()}-d"
        for name, kind in (("service", socket.SOCK_STREAM), ("datagrams", socket.SOCK_DGRAM)):
            self.at[name] = str(self.folder / f"{name}.sock")
            self._unix(self.at[name], kind)
            self._unix(self.at[f"abstract{'_datagrams' if name == 'datagrams' else ''}"], kind)
        tcp.listen(8)
        threading.Thread(target=self._serve, args=(tcp,), daemon=True).start()
        self.services += [tcp, udp]

    def _unix(self, address: str, kind: int) -> None:
        sock = socket.socket(socket.AF_UNIX, kind)
        sock.bind(address)
        if kind == socket.SOCK_STREAM:
            sock.listen(8)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()
        self.services.append(sock)

    def _serve(self, sock: socket.socket) -> None:
        while True:
            with contextlib.suppress(OSError):
                sock.accept()[0].sendall(self.secret("service").encode())

    def _victim(self) -> None:
        """A process of this user with a secret in its environment, a segment and a queue."""
        self.victim = subprocess.Popen(
            [sys.executable, "-c", VICTIM, str(self.folder / "signals"), self.secret("arguments")],
            env={"SECRET": self.secret("environment")},
            stdout=subprocess.PIPE,
        )
        assert self.victim.stdout is not None
        self.victim.stdout.readline()
        self.at["victim"] = self.victim.pid
        self.at["segment"] = libc.shmget(0, 4096, 0o1600)
        self.at["queue"] = libc.msgget(0, 0o1600)

    def _memory(self) -> None:
        """What whoever is forked from this process, and not from a clean one, has."""
        self.kept: list[Any] = [self.secret("memory"), self.secret("memory").encode()]
        os.environ["GRADING_TOKEN"] = self.secret("token")
        handle = open(self.folder / "open", "w+b")  # noqa: SIM115 - to be inherited
        handle.write(self.secret("descriptor").encode())
        handle.flush()
        self.kept_open = [handle.fileno(), os.open("/", os.O_RDONLY | os.O_DIRECTORY)]
        self.kept.append(handle)
        for descriptor in self.kept_open:
            os.set_inheritable(descriptor, True)
