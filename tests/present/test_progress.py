"""Who waits for a run sees how far it is, how fast, for how long yet, and at once what went wrong."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from chainrule.autograde import Row
from chainrule.model import WEAK_NOTE, Note
from chainrule.present.progress import progress

RUN = """
import sys, time
from rich.console import Console
from chainrule.autograde import Row
from chainrule.model import Note
from chainrule.present.progress import progress
with progress(Console(stderr=True), "autograde t1", every=0) as done:
    for number in range(1, 5):
        time.sleep(0.3)
        notes = (Note("duplicate", "A cell was there twice."),) if number == 2 else ()
        done(Row(f"student{number}", 1.0, 2.0, notes), number, 4)
"""
ANOMALIES = ("unreadable", "crashed", "timeout", "limit", "ungraded", "restored", "missing", "duplicate", "metadata")
RATE = r"\d+\.\d/(s|min)"


def environment() -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).parents[2] / "src"),
        "TERM": "xterm",
        "COLUMNS": "100",
    }


def test_on_a_terminal_it_is_a_bar_with_count_time_left_and_rate() -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", RUN], stderr=theirs, env=environment()) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # so a pseudo terminal says that the other end is closed
                break
            if not part:
                break
            shown += part
    os.close(ours)
    assert process.returncode == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    frames = [line for line in re.split(r"[\r\n]+", text) if "autograde t1" in line]
    assert any(re.search(rf"━.* 2/4 0:00:0\d {RATE}", frame) for frame in frames), text
    assert any("student2: A cell was there twice." in line for line in text.splitlines())


def test_in_a_pipe_it_is_a_line_with_count_rate_and_time_left() -> None:
    done = subprocess.run([sys.executable, "-c", RUN], capture_output=True, text=True, env=environment(), check=True)
    lines = done.stderr.splitlines()
    assert len(lines) == 5
    assert re.fullmatch(rf"autograde t1: 1 of 4, {RATE}, about \d+ s left", lines[0])
    assert lines[1] == "  student2: A cell was there twice."
    assert re.fullmatch(rf"autograde t1: 4 of 4, {RATE}, about 0 s left", lines[-1])
    assert "\x1b" not in done.stderr


def test_in_a_pipe_lines_come_seldom_and_one_in_the_end() -> None:
    console = Console(file=io.StringIO(), width=100)
    with progress(console, "autograde t1") as done:
        for number in range(1, 201):
            done(Row(f"student{number}"), number, 200)
    (line,) = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert line.startswith("autograde t1: 200 of 200, ")


@pytest.mark.parametrize("terminal", [False, True])
def test_every_kind_of_anomaly_has_a_line_when_it_happens(terminal: bool) -> None:
    console = Console(file=io.StringIO(), width=100, force_terminal=terminal, color_system=None)
    with progress(console, "autograde t1") as done:
        for number, kind in enumerate(ANOMALIES, 1):
            done(Row("ada", notes=(Note(kind, f"What is {kind}."),)), number, len(ANOMALIES) + 3)
        done(Row("bob", error="It could not be graded: [disk] is full"), len(ANOMALIES) + 1, len(ANOMALIES) + 3)
        done(Row("cyd", notes=(Note("crashed", "Long ago."),), skipped=True), len(ANOMALIES) + 2, len(ANOMALIES) + 3)
        done(Row("dan", notes=(WEAK_NOTE,)), len(ANOMALIES) + 3, len(ANOMALIES) + 3)
        text = console.file.getvalue()  # type: ignore[attr-defined]
    for kind in ANOMALIES:
        assert f"  ada: What is {kind}." in text
    assert "  bob: It could not be graded: [disk] is full" in text, "brackets are no markup"
    assert "Long ago" not in text, "it was graded before"
    assert "tier C" not in text, "that concerns the whole run: the summary says it"
