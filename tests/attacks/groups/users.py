"""Groups that are delegated to a user, and being that user in one of them for a while."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.sandbox.ordinary import UID, open_way

from chainrule.sandbox import cgroup
from chainrule.worker.jail import kernel, namespaces

TOP = Path("/sys/fs/cgroup")
USERS = {"root": 0, "user": UID}
PR_SET_DUMPABLE = 4


def delegated(name: str, uid: int, controllers: str = "memory pids cpu") -> Path:
    """A group as systemd delegates one: the folder and four files belong to the user."""
    parent = TOP / f"{name}-{uid}.slice"
    parent.mkdir()
    whole = parent / "run.scope"
    (TOP / "cgroup.subtree_control").write_text("+memory +pids +cpu")
    (parent / "cgroup.subtree_control").write_text(" ".join(f"+{each}" for each in controllers.split()))
    whole.mkdir()
    for path in (whole, *(whole / f"cgroup.{each}" for each in ("procs", "subtree_control", "threads"))):
        os.chown(path, uid, uid)
    return whole


def become(uid: int, whole: Path | None) -> None:
    """Go into a group, and be this user from now on."""
    if whole is not None:
        (whole / "cgroup.procs").write_text("0")
    cgroup._found = None
    if uid:
        namespaces.private_mounts()
        for prefix in {sys.base_prefix, sys.prefix}:
            open_way(os.path.realpath(prefix))
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        kernel.prctl(PR_SET_DUMPABLE, 1)  # as after the start of a program


def forked(action: Callable[[], Any]) -> Any:
    """What the action returns, done in a fork of this process; an error of it is raised here."""
    process, reading = start_fork(action)
    return result(process, reading)


def start_fork(action: Callable[[], Any]) -> tuple[int, int]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        try:
            answer = ["ok", action()]
        except BaseException:
            answer = ["error", traceback.format_exc()]
        os.write(writing, json.dumps(answer).encode())
        os._exit(0)
    os.close(writing)
    return pid, reading


def result(pid: int, reading: int) -> Any:
    with open(reading, "rb") as file:
        answer = json.loads(file.read())
    os.waitpid(pid, 0)
    assert answer[0] == "ok", answer[1]
    return answer[1]
