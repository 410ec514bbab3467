"""The grader process seen from the supervisor: start it, hand it a student's process, take outcomes, end it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from chainrule import temporary
from chainrule.errors import GraderError
from chainrule.model import Exercise, ExerciseResult, Job, Outcome, Status
from chainrule.sandbox import MOST_CROWDING, hung_up
from chainrule.worker import wire

START_SECONDS = 120.0
GRACE_SECONDS = 30.0
NAMING_SECONDS = 300.0
COPY_SECONDS = 20.0
ODD = ("CI", "BUILD_NUMBER", "PYTHONOPTIMIZE", "PYTHONWARNINGS")
"""Variables that a grader must not see, nor any of pytest's own: with the first two pytest explains differences at any
length, which a student's answer can make take hours; the others take asserts out of a grader, or add errors to it."""
OUR_FAULT = "A fault on our side: this test could not be run. A person will look at it."


_processes: dict[Path, GraderProcess] = {}
_templates: dict[Path, socket.socket] = {}


def grader_process(folder: Path) -> GraderProcess:
    """The warm grader process of this process for a folder, started on first use. Raises `GraderError`."""
    if folder not in _processes:
        _processes[folder] = GraderProcess(folder, _templates.get(folder))
    return _processes[folder]


def adopt(folder: Path, template: socket.socket) -> None:
    """Copy the grader process of a folder from now on, by the control socket of its `GraderTemplate`."""
    _templates[folder] = template


def close() -> None:
    """End the warm grader processes of this process."""
    while _processes:
        _processes.popitem()[1].close()


class GraderTemplate:
    """A pytest session that has collected a folder, only to be copied by `GraderProcess`: a fork costs no imports.

    It can be lent at once, and used after `ready`. Several processes may ask it for copies at a time.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._place = temporary.make("grader")
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._log = (self._place / "log").open("w+b")
        with theirs:
            self._process = _session(self.folder, theirs, self._place, self._log, "template")

    def ready(self) -> None:
        """Wait until it has collected. Raises `GraderError` if it did not start, and is closed then."""
        self.control.settimeout(START_SECONDS)
        try:
            started = bool(self.control.recv(1))
        except OSError:
            started = False
        if not started:
            reason = _tail(self._log)
            self.close()
            raise GraderError(f"The grader process for {self.folder} did not start. {reason}")
        self.control.settimeout(None)

    def close(self) -> None:
        """End it. Its copies live on."""
        self.control.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._log.close()
        temporary.remove(self._place)


class GraderProcess:
    """One warm pytest session for one folder of graders, restarted when it dies.

    `template` is the control socket of a `GraderTemplate` for the folder: as long as that lives, copies of it are
    used. Raises `GraderError` from the constructor if it cannot be started at all.
    """

    def __init__(self, folder: Path, template: socket.socket | None = None) -> None:
        self.folder = folder.resolve()
        self.tests: dict[str, list[dict[str, Any]]] = {}
        self.broken: dict[str, str] = {}
        self._template = template
        self._start()

    def _start(self) -> None:
        self._place = temporary.make("grader")
        self._log = (self._place / "log").open("w+b")
        self._sock, theirs = socket.socketpair()
        with theirs:
            self._end = self._copied(theirs) or self._started(theirs)
        try:
            described = wire.receive(self._sock, time.monotonic() + START_SECONDS)
        except (wire.Gone, wire.OutOfTime, wire.WireError) as error:
            tail = _tail(self._log)
            self.close()
            raise GraderError(
                f"The grader process for {self.folder} did not start ({type(error).__name__}). {tail}"
            ) from None
        self.tests, self.broken = described["exercises"], described["broken"]

    def _started(self, theirs: socket.socket) -> Callable[[], None]:
        """Start a session of its own. Returns what ends it."""
        process = _session(self.folder, theirs, self._place, self._log)

        def end() -> None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

        return end

    def _copied(self, theirs: socket.socket) -> Callable[[], None] | None:
        """Have the template copied. Returns what ends the copy, or None if there is no (living) template."""
        if self._template is None or hung_up(self._template):
            return None
        try:
            place = os.fsencode(self._place)
            socket.send_fds(self._template, [place], [theirs.fileno(), self._log.fileno()])
            self._sock.settimeout(COPY_SECONDS)
            pid, [handle], _, _ = socket.recv_fds(self._sock, 4, 1)
        except (OSError, ValueError):
            return None
        self._sock.settimeout(None)

        def end() -> None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, 0)  # as long as it lives, its number is its own
                os.killpg(int.from_bytes(pid, "little"), signal.SIGKILL)
            os.close(handle)

        return end

    def close(self) -> None:
        self._sock.close()
        self._end()
        self._log.close()
        temporary.remove(self._place)

    def grade(
        self,
        exercise: Exercise,
        job: Job,
        student: socket.socket,
        *,
        missing: str = "",
        after: int = 0,
    ) -> ExerciseResult:
        """Run the hidden tests of an exercise, from number `after` on, against the process behind the socket `student`.

        `missing` is what to add when a name is not defined, such as why the student's cell failed. A fault of the
        grader leaves tests "ungraded"; it is never raised.
        """
        if hung_up(self._sock):  # killed since the last exercise: nobody's fault, and nothing is lost yet
            self.close()
            self._start()
        if exercise.id not in self.tests:
            reason = self.broken.get(exercise.id) or f"{exercise.grader} holds no test."
            return self._ungraded(exercise, reason)
        outcomes: list[Outcome] = []
        tests = self.tests[exercise.id][after:]
        last: dict[str, Any] = {}
        request = {
            "exercise": exercise.id,
            "course": job.course,
            "assignment": job.assignment,
            "student": job.student,
            "missing": missing,
            "tests": [test["test"] for test in tests],
            "seconds": job.limits.test,
        }
        patience = _patience(max([job.limits.test, *(test["seconds"] for test in tests)]))
        try:
            self._request(request, student)
            for _ in range(len(tests) + 1):
                last = wire.receive(self._sock, time.monotonic() + patience)
                if "done" in last:
                    break
                outcomes.append(Outcome(exercise=exercise.id, **{**last, "status": Status(last["status"])}))
        except (wire.Gone, wire.OutOfTime, wire.WireError) as error:
            reason = f"The grader process ended or hung ({type(error).__name__}). {_tail(self._log)}"
            self.close()
            self._start()
            rest = self._ungraded(exercise, reason).outcomes[after + len(outcomes) :]
            return replace(self._ungraded(exercise, reason), outcomes=(*outcomes, *rest))
        misconception, explains = last.get("misconception"), set(last.get("explains") or ())
        named = tuple(
            replace(outcome, misconception=misconception) if outcome.test in explains else outcome
            for outcome in outcomes
        )
        return ExerciseResult(exercise.id, exercise.test_cell, exercise.points, named, misconception)

    def _request(self, request: dict[str, Any], student: socket.socket) -> None:
        wire.send(self._sock, wire.encode(request))
        try:
            socket.send_fds(self._sock, [b"\0"], [student.fileno()])
        except OSError:
            raise wire.Gone from None

    def _ungraded(self, exercise: Exercise, reason: str) -> ExerciseResult:
        tests = self.tests.get(exercise.id) or [{"test": "grader", "title": "The grader", "points": exercise.points}]
        outcomes = tuple(
            Outcome(exercise.id, test["test"], test["title"], 0.0, test["points"], Status.UNGRADED, OUR_FAULT, reason)
            for test in tests
        )
        return ExerciseResult(exercise.id, exercise.test_cell, exercise.points, outcomes)


def _patience(seconds: float) -> float:
    """How long to wait for an outcome of a test that may take `seconds`: a net, for a grader that hangs.

    It is tried twice, on a machine that may be busy; naming its mistake takes time, too.
    """
    return GRACE_SECONDS + NAMING_SECONDS + 2 * MOST_CROWDING * seconds


def _session(folder: Path, sock: socket.socket, place: Path, log: BinaryIO, *more: str) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if name not in ODD and name[:7] != "PYTEST_"}
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "chainrule.grader.session", str(folder), str(sock.fileno()), *more],
        pass_fds=[sock.fileno()],
        cwd=place,
        env={**environment, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,  # Ctrl-C is for the coordinator, which then ends this process
    )


def _tail(log: BinaryIO) -> str:
    log.seek(0)
    return log.read()[-2000:].decode(errors="replace").strip()
