"""The trusted pytest process: collects hidden tests once, runs them for one submission after another.

`python -m chainrule.grader.session FOLDER FD` talks on the socket FD to `graderprocess`. It never sees a submission's
files; the student's process is a second socket, sent along with each request. With `template` as third argument it only
collects, and each order on FD has it copied: the copies do the work.
"""

from __future__ import annotations

import gc
import hashlib
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
import pytest

from chainrule.check import margin
from chainrule.errors import StudentProcessError
from chainrule.grader.copies import copies
from chainrule.grader.declare import MARK, Misconception
from chainrule.grader.explain import Verdict, filled, name_misconception, verdict
from chainrule.grader.forks import Forks
from chainrule.grader.replay import Known, Run
from chainrule.grader.student import Student
from chainrule.model import Status
from chainrule.sandbox import Connection
from chainrule.worker import wire

FIXED_SEEDS = 3
MAX_RECEIVED = 512 << 20
"""Bytes that a student's process may send in answer to one test: the test may keep all of them."""
NOT_APART = "Run in the notebook's own process, not in a copy: it has threads running, or uses a GPU."


class Current:
    """What the fixtures need to know about the test that runs now."""

    def __init__(self) -> None:
        self.base: Connection | None = None
        self.student: Student | None = None
        self.shared: Student | None = None
        self.seeds: list[int] = []
        self.seconds = 10.0
        self.facts: dict[str, Any] = {}
        self.error: BaseException | None = None


class Session:
    """A pytest plugin whose run loop serves requests."""

    def __init__(self, sock: socket.socket, folder: Path, template: bool = False) -> None:
        self.sock, self.folder, self.template = sock, folder, template
        self.items: dict[str, list[pytest.Item]] = {}
        self.broken: dict[str, str] = {}
        self.current = Current()
        self.forks: Forks

    # -- collection ---------------------------------------------------------------------------------------------------

    def pytest_configure(self, config: pytest.Config) -> None:
        config.addinivalue_line("markers", "points(n, seeds=4, seconds=…): what a hidden test is worth")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and report.nodeid.endswith(".py"):
            self.broken[_exercise(Path(report.nodeid))] = str(report.longrepr)[-4000:]

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            self.items.setdefault(_exercise(item.path), []).append(item)

    def _described(self) -> dict[str, Any]:
        exercises = {
            exercise: [
                {
                    "test": item.name,
                    "title": _title(item),
                    "points": float(_points(item).args[0]),
                    "seconds": _seconds(item, 0.0),
                }
                for item in items
            ]
            for exercise, items in self.items.items()
            if all(item.get_closest_marker("points") for item in items)
        }
        for exercise in self.items.keys() - exercises.keys():
            self.broken[exercise] = "A test has no @points(n): every test of a grader file needs its points."
        return {"exercises": exercises, "broken": self.broken}

    # -- the loop -----------------------------------------------------------------------------------------------------

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        gc.collect()
        gc.freeze()  # what the grader files imported stays: never look through it again
        if not self.template:
            self._serve()
            return True
        copy = copies(self.sock)
        if copy is not None:
            self.sock = copy
            self._serve()
            os._exit(0)  # pytest's end is the template's
        return True

    def _serve(self) -> None:
        wire.send(self.sock, wire.encode(self._described()))
        while True:
            try:
                request = wire.receive(self.sock)
            except wire.Gone:
                return
            _, descriptors, _, _ = socket.recv_fds(self.sock, 1, 1)
            base = Connection(socket.socket(fileno=descriptors[0]))
            self.current.base, self.forks = base, Forks(base)
            try:
                self._grade(request)
            finally:
                self.forks.drop()
                base.close()

    def _grade(self, request: dict[str, Any]) -> None:
        """Run tests of one exercise; send an outcome for each, then which misconception explains the failures."""
        items = [item for item in self.items[request["exercise"]] if item.name in request["tests"]]
        module: ModuleType = items[0].getparent(pytest.Module).obj  # type: ignore[union-attr]
        known = _known(module, request["exercise"])
        failed: list[tuple[str, Run]] = []
        facts: dict[str, Any] = {}
        for item, following in zip(items, [*items[1:], None], strict=True):
            self.current.facts = {}
            margin.taken()
            start = time.perf_counter()
            result = self._test(item, following, request, known)
            facts.update(self.current.facts)
            if result.status not in (Status.PASSED, Status.UNGRADED) and result.run is not None:
                failed.append((item.name, result.run))
            worth = float(_points(item).args[0])
            self._send(
                test=item.name,
                title=_title(item),
                points=worth if result.status is Status.PASSED else 0.0,
                max_points=worth,
                status=result.status.value,
                message=result.message,
                detail="\n".join(part for part in (result.detail, "" if self.forks.apart else NOT_APART) if part),
                margins=tuple(margin.taken()) if result.status is Status.PASSED else (),
                seconds=round(time.perf_counter() - start, 4),
            )
        named = name_misconception(known, [run for _, run in failed])
        self.forks.drop()  # before the last word: after it the process has others to answer
        self._send(
            done=True,
            misconception=filled(named[0].declaration.message, facts) if named else None,
            explains=[test for test, run in failed if named and run in named[1]],
        )

    def _send(self, **message: Any) -> None:
        wire.send(self.sock, wire.encode(message))

    def _test(
        self, item: pytest.Item, following: pytest.Item | None, request: dict[str, Any], known: list[Known]
    ) -> Verdict:
        """Run a test for each of its seeds until one fails.

        The tests of an exercise share a fork of the student's process as long as they pass: a fork is most of the
        price of a test. One that fails after others ran there is run again in a fork of its own, and that counts.
        """
        used = self.forks.used
        result = self._attempt(item, following, request, known)
        # A crash is tried again in any case: the fork may have been killed from outside, which is no student's fault.
        if result.status is Status.CRASHED or (result.status is Status.FAILED and used):
            self.current.facts = {}
            result = self._attempt(item, following, request, known)
        return result

    def _attempt(
        self, item: pytest.Item, following: pytest.Item | None, request: dict[str, Any], known: list[Known]
    ) -> Verdict:
        marker, current = _points(item), self.current
        current.seconds = _seconds(item, request["seconds"])
        seeds = list(_seeds(request, item.name))[-int(marker.kwargs.get("seeds", 4)) :]
        result = Verdict(Status.PASSED)
        current.student = None
        try:
            fork = self.forks.take()
            _limit(fork, current.seconds)
            current.student = Student(fork)
            if current.shared is not None:
                _limit(current.shared._connection, current.seconds)
            error = self._run(item, seeds, following)
        except StudentProcessError as caught:
            error = caught
        if error is not None:
            result = self._verdict(error, item, request, known)
        if result.status is not Status.PASSED:
            self.forks.drop()
            self._tear_down(item, following)
        return result

    def _run(self, item: pytest.Item, seeds: list[int], following: pytest.Item | None) -> BaseException | None:
        """Run a test with its seeds; what ended it, or None. Only where fixtures of the grader file are made anew for
        each run does each seed go through all of pytest: that costs more than most tests.
        """
        if not _own_fixtures(item):
            return self._protocol(item, seeds, following)
        for seed in seeds:
            # The module as "next item": what is of the function is torn down, what is of the module stays.
            after = following if seed == seeds[-1] else item.getparent(pytest.Module)
            error = self._protocol(item, [seed], after)
            if error is not None:
                return error
        return None

    def _protocol(
        self, item: pytest.Item, seeds: list[int], following: pytest.Item | pytest.Module | None
    ) -> BaseException | None:
        self.current.seeds, self.current.error = seeds, None
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        return self.current.error

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool:
        """Call the test function once for each seed, with a generator and an empty record of calls for each."""
        names = pyfuncitem._fixtureinfo.argnames
        values = {name: pyfuncitem.funcargs[name] for name in names}
        for seed in self.current.seeds:
            if "rng" in values:
                values["rng"] = np.random.default_rng(seed)
            if self.current.student is not None:
                self.current.student.calls.clear()
            pyfuncitem.obj(**values)
        return True

    def _tear_down(self, item: pytest.Item, following: pytest.Item | None) -> None:
        """After a test that stopped before its last seed: leave no fixture of it behind."""
        item.session._setupstate.teardown_exact(following)

    def _verdict(self, error: BaseException, item: pytest.Item, request: dict[str, Any], known: list[Known]) -> Verdict:
        calls = list(self.current.student.calls) if self.current.student is not None else []
        if not calls and self.current.shared is not None:
            calls = list(self.current.shared.calls)
        return verdict(
            error,
            calls,
            test=item.name,
            title=_title(item),
            missing=request["missing"],
            seconds=self.current.seconds,
            facts=self.current.facts,
            known=known,
            folder=self.folder,
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport:
        """Keep what ended the test. Pytest's own report would print the source around each frame, for nobody."""
        if call.excinfo is not None and self.current.error is None:
            self.current.error = call.excinfo.value
        outcome: Literal["passed", "failed"] = "passed" if call.excinfo is None else "failed"
        assert call.when != "collect"
        return pytest.TestReport(item.nodeid, item.location, {}, outcome, None, call.when)

    # -- fixtures -----------------------------------------------------------------------------------------------------

    @pytest.fixture
    def student(self) -> Student:
        assert self.current.student is not None
        return self.current.student

    @pytest.fixture(scope="module")
    def shared_student(self) -> Iterator[Student]:
        assert self.current.base is not None
        with self.current.base.forked() as fork:
            _limit(fork, self.current.seconds)
            self.current.shared = Student(fork)
            yield self.current.shared
            self.current.shared = None

    @pytest.fixture
    def rng(self) -> np.random.Generator:
        return np.random.default_rng(self.current.seeds[0])

    @pytest.fixture
    def facts(self) -> dict[str, Any]:
        return self.current.facts


def _limit(connection: Connection, seconds: float) -> None:
    connection.limit(seconds)
    connection.allowance = wire.Allowance(MAX_RECEIVED)


def _exercise(path: Path) -> str:
    return path.stem.removeprefix("test_")


def _points(item: pytest.Item) -> pytest.Mark:
    marker = item.get_closest_marker("points")
    assert marker is not None
    return marker


def _seconds(item: pytest.Item, usual: float) -> float:
    """How long a test may take: what its `@points` says, or what is usual."""
    return float(_points(item).kwargs.get("seconds", usual))


def _title(item: pytest.Item) -> str:
    text = getattr(getattr(item, "obj", None), "__doc__", None) or item.name.removeprefix("test_").replace("_", " ")
    return " ".join(text.split())


def _known(module: ModuleType, exercise: str) -> list[Known]:
    """The misconceptions of a grader file, in its order."""
    entries = []
    for name, value in vars(module).items():
        declaration = vars(value).get(MARK) if isinstance(value, type) else getattr(value, MARK, None)
        if isinstance(declaration, Misconception):
            entries.append(Known(declaration, name, declaration.of or exercise, value))
    return entries


def _own_fixtures(item: pytest.Item) -> bool:
    """Whether the grader file makes fixtures anew for each run of the test."""
    definitions = getattr(item, "_fixtureinfo").name2fixturedefs  # noqa: B009 - pytest does not declare it
    return any(
        definitions[name][-1].scope == "function" and definitions[name][-1].baseid
        for name in getattr(item, "fixturenames", ())
        if name in definitions
    )


def _seeds(request: dict[str, Any], test: str) -> Iterator[int]:
    """Three seeds fixed for the assignment, then the student's own: the same on every regrade."""
    place = (request["assignment"], request["exercise"], test)
    for k in range(FIXED_SEEDS):
        yield _hash(*place, str(k))
    yield _hash(request["course"], *place, "student", request["student"])


def _hash(*parts: str) -> int:
    return int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest()[:8], "little")


def main(folder: Path, sock: socket.socket, *, template: bool) -> int:
    """Collect the folder and serve until the other side hangs up. The working folder is empty and private."""
    Path("pytest.ini").write_text(f"[pytest]\npythonpath = {folder}\npython_files = test_*.py\n")
    # Without `logging`: it visits every logger of torch several times a test, which took more than half of all time.
    unused = ("terminal", "cacheprovider", "warnings", "logging")
    options = [*(part for name in unused for part in ("-p", f"no:{name}")), "--import-mode=importlib"]
    place = ["-c", "pytest.ini", f"--rootdir={folder}", f"--confcutdir={folder}", "--continue-on-collection-errors"]
    return int(pytest.main([*options, *place, str(folder)], plugins=[Session(sock, folder, template)]))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), socket.socket(fileno=int(sys.argv[2])), template=sys.argv[3:] == ["template"]))
