"""A regrade writes nothing without a reason and somebody's consent."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from tests.regrade.lines import command, everything, line_grad, regrade

from chainrule.errors import CourseError


def test_without_a_reason_no_score_changes(edited: Path) -> None:
    before = everything(edited)
    with pytest.raises(CourseError, match="Give --reason TEXT"):
        regrade(edited, reason=" ")
    assert everything(edited) == before


def test_without_a_terminal_nothing_is_written_unless_told_so(edited: Path) -> None:
    before = everything(edited)
    refused = command(edited, "regrade", "lines", "--reason", "Direction counts.")
    assert refused.returncode == 1
    assert "Nothing was written" in refused.stderr
    assert everything(edited) == before
    done = command(edited, "regrade", "lines", "--reason", "=1+1", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["version"], document["totals"]["gain"]) == (1, 1)
    assert line_grad(edited)["cyd"] == 2.0
    (entry,) = json.loads(command(edited, "audit", "lines", "--student", "bob", "--json").stdout)["entries"]
    assert (entry["who"], entry["from" if "from" in entry else "points_from"]) == ("prof", 3.0)
    table = command(edited, "audit", "--csv").stdout
    assert "'=1+1" in table  # no spreadsheet runs it
    assert "3 -> 5" in command(edited, "audit").stdout


@pytest.mark.parametrize(("answer", "points", "status"), [("n", 5.0, 1), ("y", 2.0, 0)])
def test_on_a_terminal_it_asks(edited: Path, answer: str, points: float, status: int) -> None:
    ours, theirs = pty.openpty()
    run = subprocess.Popen(
        [sys.executable, "-m", "chainrule.cli", "regrade", "lines", "--reason", "Direction counts."],
        cwd=edited,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    os.write(ours, f"{answer}\n".encode())
    _, said = run.communicate(timeout=200)
    os.close(ours)
    os.close(theirs)
    assert b"Write this?" in said
    assert run.returncode == status
    assert line_grad(edited)["cyd"] == points
