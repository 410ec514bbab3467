"""The journal gives back what was put into it, whatever happened to its file in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from chainrule.errors import CourseError
from chainrule.journal import Journal
from chainrule.model import ExerciseResult, Graded, Note, Outcome, Status


def graded(student: str) -> Graded:
    outcome = Outcome("twice", "test_a", "Of two ½", 1.0, 2.0, Status.TIMEOUT, "m", "d\n\ud800", "Half.", 0.25)
    cells = [{"cell_type": "code", "source": "x = 'é'", "outputs": [{"output_type": "stream", "text": "\x00"}]}]
    result = ExerciseResult("twice", "test_twice", 2.0, (outcome,), "Half.")
    return Graded("t1", student, "nb", {"cells": cells}, (result,), (Note("missing", "It was.", "c"),), 1.5, "B+")


def test_a_result_comes_back_as_it_was(tmp_path: Path) -> None:
    with Journal(tmp_path, "t1") as journal:
        assert journal.get("a") is None
        journal.put("a", graded("ada"))
        journal.put("b", graded("bob"))
        assert journal.get("a") == graded("ada")
    with Journal(tmp_path, "t1") as journal:
        assert (journal.get("a"), journal.get("b")) == (graded("ada"), graded("bob"))


def test_a_line_that_was_cut_off_is_forgotten_and_the_others_are_not(tmp_path: Path) -> None:
    with Journal(tmp_path, "t1") as journal:
        journal.put("a", graded("ada"))
        journal.put("b", graded("bob"))
    path = tmp_path / ".chainrule/journal/t1.jsonl"
    whole = path.read_bytes()
    for size in (len(whole) - 1, len(whole) // 2 + 1, len(whole) // 2 + 3):
        path.write_bytes(whole[:size])
        with Journal(tmp_path, "t1") as journal:
            assert (journal.get("a"), journal.get("b")) == (graded("ada"), None)
            journal.put("c", graded("cyd"))
        with Journal(tmp_path, "t1") as journal:
            assert (journal.get("a"), journal.get("c")) == (graded("ada"), graded("cyd"))


@pytest.mark.parametrize("rubbish", [b"\0" * 500, b"\xff\xfe {\n\n", b"a {}\na []\na 1\n", b'a {"exercises": [1]}\n'])
def test_rubbish_is_no_result(tmp_path: Path, rubbish: bytes) -> None:
    with Journal(tmp_path, "t1") as journal:
        journal.put("b", graded("bob"))
    with (tmp_path / ".chainrule/journal/t1.jsonl").open("ab") as file:
        file.write(rubbish)
    with Journal(tmp_path, "t1") as journal:
        assert (journal.get("a"), journal.get("b")) == (None, graded("bob"))


def test_the_last_result_of_a_job_counts_and_what_is_written_is_forgotten(tmp_path: Path) -> None:
    with Journal(tmp_path, "t1") as journal:
        journal.put("a", graded("ada"))
        journal.put("a", graded("eve"))
        assert journal.get("a") == graded("eve")
    with Journal(tmp_path, "t1") as journal:
        assert journal.get("a") == graded("eve")
        journal.forget("a")
    assert (tmp_path / ".chainrule/journal/t1.jsonl").read_bytes() == b""


def test_two_runs_of_one_assignment_do_not_mix(tmp_path: Path) -> None:
    wanted = pytest.raises(CourseError, match="Another `chainrule autograde t1` is at work")
    with Journal(tmp_path, "t1"), Journal(tmp_path, "t2"), wanted:
        Journal(tmp_path, "t1")
    with Journal(tmp_path, "t1"):
        pass
