"""nbgrader's own commands work in a course that turns us on: the whole way of an assignment, once, in subprocesses."""

from __future__ import annotations

import csv
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

UPLOADS = r"""
c.FileNameCollectorPlugin.named_regexp = r".*/(?P<student_id>\w+)_attempt_(?P<timestamp>[0-9\-]+)_(?P<file_id>.*)\."
"""


@dataclass
class Flow:
    """A course folder, a student's home folder, an exchange between them, and what the commands printed."""

    classroom: Any
    home: Path
    printed: dict[str, str] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return Path(self.classroom.root)

    def environment(self) -> dict[str, str]:
        # Without the environment's folder on the path, as in `…/bin/nbgrader`: nbgrader starts `alembic` by name.
        programs = str(Path(sys.executable).parent)
        path = os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if part != programs)
        return os.environ | {"PATH": path, "JUPYTER_CONFIG_DIR": str(self.home / "config"), "HOME": str(self.home)}

    def teach(self, command: str, *arguments: str) -> str:
        return self.run(self.root, command, *arguments)

    def study(self, command: str, *arguments: str) -> str:
        return self.run(self.home, command, *arguments)

    def run(self, folder: Path, command: str, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", command, *arguments],
            cwd=folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == 0, f"nbgrader {command}: {done.stderr}"
        self.printed[command] = done.stdout + done.stderr
        return self.printed[command]


@pytest.fixture(scope="module")
def flow(released_classroom: Any, tmp_path_factory: pytest.TempPathFactory) -> Flow:
    """An assignment from generate_assignment to fetch_feedback, with one student and one upload from an LMS."""
    base = tmp_path_factory.mktemp("flow")
    flow = Flow(released_classroom.copy(base / "course"), base / "home")
    exchange = base / "exchange"
    exchange.mkdir(mode=0o777)
    exchange.chmod(0o777)  # mkdir's mode is cut by the umask
    flow.home.mkdir()
    for folder in (flow.root, flow.home):
        settings = (flow.root / "nbgrader_config.py").read_text() if folder == flow.root else "c = get_config()\n"
        more = f"c.Exchange.root = {str(exchange)!r}\nc.Exchange.cache = {str(base / 'cache')!r}\n"
        course = "c.CourseDirectory.course_id = 'tiny'\nc.CourseDirectory.solution_directory = 'solutions'\n"
        (folder / "nbgrader_config.py").write_text(settings + more + course + UPLOADS)
    for made in ("release", "gradebook.db"):
        path = flow.root / made
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    # A test cell of the source calls `grade`, which it has from the course's own notebooks by import.
    source = flow.root / "source/t1/t1.ipynb"
    source.write_text(source.read_text().replace("import numpy as np", "from chainrule.grader.inline import grade"))

    flow.teach("generate_assignment", "t1")
    flow.teach("generate_solution", "t1")
    flow.teach("release_assignment", "t1")
    flow.study("list")
    flow.study("fetch_assignment", "t1")
    solve(flow.home / "t1/t1.ipynb")
    flow.study("validate", "t1/t1.ipynb")
    flow.study("submit", "t1")
    flow.teach("collect", "t1")
    upload(flow)
    flow.teach("zip_collect", "t1")
    flow.teach("autograde", "t1")
    flow.teach("generate_feedback", "t1")
    # nbgrader releases feedback by a secret that the exchange made: an upload has none, and stops it.
    flow.teach("release_feedback", "t1", "--CourseDirectory.student_id_exclude=lms")
    flow.study("fetch_feedback", "t1")
    flow.teach("export", "--to", "grades.csv")
    return flow


def solve(path: Path) -> None:
    answers = {
        "twice": "def twice(x):\n    return x + 2",
        "thrice": "def thrice(x):\n    return 3 * x",
        "four": "def four():\n    return 4",
        "why": "<script>alert(1)</script> Because $a < b$.",
    }
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"]:
        cell["source"] = answers.get(cell["metadata"].get("nbgrader", {}).get("grade_id", ""), cell["source"])
    path.write_text(json.dumps(notebook))


def upload(flow: Flow) -> None:
    """A file as an LMS gives it to `zip_collect`."""
    folder = flow.root / "downloaded/t1/archive"
    folder.mkdir(parents=True)
    shutil.copy(flow.home / "t1/t1.ipynb", folder / "lms_attempt_2025-03-01-12-00-00_t1.ipynb")


def test_generate_assignment_releases_no_hidden_test(flow: Flow) -> None:
    text = (flow.root / "release/t1/t1.ipynb").read_text()
    assert "HIDDEN" not in text
    assert "return 2 * x" not in text


def test_generate_solution_executes_the_hidden_tests_inline(flow: Flow) -> None:
    text = (flow.root / "solutions/t1/t1.ipynb").read_text()
    assert "It is right at random places." in text


def test_list_shows_the_released_assignment(flow: Flow) -> None:
    assert "tiny t1" in flow.printed["list"]


def test_validate_runs_the_visible_checks(flow: Flow) -> None:
    assert "Success! Your notebook passes all the tests." in flow.printed["validate"]


def test_both_ways_of_collecting_are_graded_with_partial_credit(flow: Flow) -> None:
    grades = flow.classroom.grades()
    assert len(grades) == 2
    for grade in grades.values():
        assert grade == {
            "test_twice": (0.0, False),
            "test_thrice": (3.0, False),
            "test_four": (2.0, False),
            "why": (None, True),
        }


def test_feedback_reaches_the_student_and_names_the_mistake(flow: Flow) -> None:
    (page,) = (flow.home / "t1/feedback").glob("*/t1.html")
    text = page.read_text()
    assert "Plus 2, not times 2." in text
    assert "HIDDEN" not in text
    assert "<script" not in text


def test_export_writes_a_row_for_everyone(flow: Flow) -> None:
    with (flow.root / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["score"] for row in rows] == ["5.0", "5.0"]


def test_a_second_autograde_skips_and_force_gives_the_same(flow: Flow) -> None:
    before = flow.classroom.grades()
    assert "Skipping existing assignment" in flow.teach("autograde", "t1")
    flow.teach("autograde", "t1", "--force")
    assert flow.classroom.grades() == before


@pytest.fixture(scope="module")
def formgrader(flow: Flow) -> Iterator[str]:
    """The address of formgrader, as a Jupyter server extension in the course folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    extensions = {"nbgrader.server_extensions.formgrader": True}
    options = {
        "ServerApp.jpserver_extensions": extensions,
        "IdentityProvider.token": "",
        "ServerApp.password": "",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.open_browser": False,
        "ServerApp.allow_root": True,
        "ServerApp.disable_check_xsrf": True,
        "ServerApp.root_dir": str(flow.root),
    }
    settings = "".join(f"c.{name} = {value!r}\n" for name, value in options.items())
    config = flow.home / "jupyter_server_config.py"
    config.write_text(settings)
    with (flow.home / "server.log").open("w+") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyter_server", "--config", str(config)],
            cwd=flow.root,
            env=flow.environment(),
            stdout=log,
            stderr=log,
        )
        address = f"http://127.0.0.1:{port}/formgrader"
        try:
            for _ in range(240):
                if server.poll() is not None:
                    break
                try:
                    urllib.request.urlopen(f"{address}/api/status", timeout=5).close()
                except OSError:
                    time.sleep(0.25)
                else:
                    break
            log.seek(0)
            assert server.poll() is None, log.read()
            yield address
        finally:
            server.terminate()
            server.wait(20)


def get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=60) as reply:
        return str(reply.read().decode())


def test_formgrader_lists_the_grades(formgrader: str) -> None:
    submissions = json.loads(get(f"{formgrader}/api/submissions/t1"))
    assert [entry["score"] for entry in submissions] == [5.0, 5.0]
    assert all(entry["autograded"] and entry["needs_manual_grade"] for entry in submissions)


def test_formgrader_shows_staff_the_report_and_runs_nothing_of_the_student(formgrader: str) -> None:
    entry = json.loads(get(f"{formgrader}/api/submitted_notebooks/t1/t1"))[0]
    page = get(f"{formgrader}/submissions/{entry['id']}/")
    assert "Plus 2, not times 2." in page
    assert "<script>alert(1)" not in page
    assert "Because $a &lt; b$." in page


def test_formgraders_button_grades_again_with_the_same_scores(flow: Flow, formgrader: str) -> None:
    before = flow.classroom.grades()
    student = next(iter(before))
    request = urllib.request.Request(f"{formgrader}/api/submission/t1/{student}/autograde", method="POST", data=b"")
    with urllib.request.urlopen(request, timeout=120) as reply:
        assert json.loads(reply.read())["success"]
    assert flow.classroom.grades() == before
