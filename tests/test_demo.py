"""One class, played once by `python -m demo`: everybody gets what they deserve, and nobody pays for another."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook

from chainrule.grader import bank

ROOT = Path(__file__).resolve().parent.parent
ASSIGNMENT = "a01_linear_models"
AUTOMATIC = 88
KINDS = {
    *("solved", "alternatives", "mistaken", "typical", "half-finished", "untouched", "syntax error", "raises"),
    *("endless loop", "os._exit(0)", "test deleted", "test duplicated", "points edited", "not a notebook"),
    *("late", "two submissions", "absent"),
}
ACCIDENTS = ("syntax error", "raises", "endless loop", "os._exit(0)")
RIGHT = ("solved", "alternatives")
TAMPERED = {"test deleted": "missing", "test duplicated": "duplicate", "points edited": "metadata"}

MOST_SECONDS = 1500  # it takes about five minutes on two cores that have nothing else to do; other tests run beside it

Row = dict[str, Any]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(MOST_SECONDS + 60)]


@dataclass(frozen=True)
class Class:
    """What the demo left behind."""

    folder: Path
    output: str
    status: int
    rounds: dict[str, list[Row]]

    @property
    def rows(self) -> list[Row]:
        """The class in the first assignment."""
        return self.rounds[ASSIGNMENT]

    def of(self, *kinds: str) -> list[Row]:
        found = [row for row in self.rows if row["kind"] in kinds]
        assert {row["kind"] for row in found} == set(kinds)
        return found

    @property
    def course(self) -> Path:
        return self.folder / "course"

    def gradebook(self) -> Gradebook:
        return Gradebook(f"sqlite:///{self.course / 'gradebook.db'}")


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Class:
    folder = tmp_path_factory.mktemp("demo") / "scratch"
    demo = subprocess.Popen(
        [sys.executable, "-m", "demo", "--scratch", str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = demo.communicate(timeout=MOST_SECONDS)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(demo.pid, signal.SIGKILL)
    results = folder / "results.json"
    assert results.exists(), "\n".join(output.splitlines()[-15:])
    return Class(folder, output, demo.returncode, json.loads(results.read_text(encoding="utf-8")))


def test_everybody_gets_what_they_deserve(played: Class) -> None:
    """The demo's own judgement, which knows the answer that each student gave to each exercise."""
    for rows in played.rounds.values():
        assert {row["student"]: row["complaints"] for row in rows if row["complaints"]} == {}
    assert played.status == 0, played.output


def test_the_class_is_large_and_of_every_kind(played: Class) -> None:
    assert len(played.rows) >= 30
    assert {row["kind"] for row in played.rows} == KINDS


def test_a_course_has_several_assignments_and_its_report_shows_them(played: Class) -> None:
    assert len(played.rounds) >= 3
    with (played.folder / "report" / "grades.csv").open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file))
    for assignment, rows in played.rounds.items():
        assert any(assignment in name for name in header)
        assert sum(row["points"] is not None for row in rows) >= 6
        assert list((played.folder / "report" / assignment).glob("*.html"))
    assert (played.folder / "report" / ASSIGNMENT / "review" / "m1.html").exists(), "the answers to mark"


def test_each_misconception_and_alternative_of_the_bank_was_handed_in(played: Class) -> None:
    texts = []
    for path in played.course.glob(f"submitted/*/{ASSIGNMENT}/*.ipynb"):
        text = path.read_text(encoding="utf-8")
        if text.startswith("{"):
            texts += ["".join(cell["source"]) for cell in json.loads(text)["cells"]]
    for grader in (ROOT / "graders" / ASSIGNMENT).glob("test_*.py"):
        entries = bank.read(grader)
        for variant in (*entries.misconceptions, *entries.alternatives):
            assert any(variant.source in text for text in texts), f"{grader.stem}: {variant.name}"


def test_right_answers_get_full_marks_in_whatever_form(played: Class) -> None:
    for row in played.of(*RIGHT):
        assert (row["points"], row["max_points"]) == (AUTOMATIC, AUTOMATIC), row["student"]


def test_tampering_with_cells_that_are_not_the_students_changes_nothing(played: Class) -> None:
    """A test cell deleted, duplicated, or worth 1000 points: noted, and scored as if it had not been."""
    for row in played.of(*TAMPERED):
        kind = TAMPERED[row["kind"]]
        cell = row["did"].split(";")[0].split()[0].removeprefix("test_")
        got = row["exercises"][cell]
        assert got["points"] == got["max_points"] < 1000, row["student"]
        assert kind in row["notes"], row["student"]
        assert row["max_points"] == AUTOMATIC


def test_an_accident_costs_its_own_exercise_and_nothing_else(played: Class) -> None:
    """A syntax error, an exception, an endless loop, an exit of the process."""
    for row in played.of(*ACCIDENTS):
        lost = {name for name, got in row["exercises"].items() if got["points"] != got["max_points"]}
        assert len(lost) == 1, row["student"]
        assert row["exercises"][lost.pop()]["points"] == 0, row["student"]


def test_known_mistakes_lose_points_and_are_named(played: Class) -> None:
    """Where a student lost points, the bank has a name for it: these students made known mistakes only."""
    for row in played.of("mistaken", "typical"):
        lost = {name: got for name, got in row["exercises"].items() if got["points"] < got["max_points"]}
        assert lost, row["student"]
        for name, got in lost.items():
            assert got["misconceptions"], (row["student"], name)


def test_the_last_submission_counts(played: Class) -> None:
    """The first was half done; the second has a slip in one exercise."""
    (row,) = played.of("two submissions")
    assert sum(got["points"] < got["max_points"] for got in row["exercises"].values()) == 1
    assert len(list(played.folder.glob(f"exchange/*/inbound/{row['student']}+*"))) == 2


def test_half_done_is_half_paid_and_untouched_is_zero(played: Class) -> None:
    for row in played.of("half-finished"):
        points = [(got["points"], got["max_points"]) for got in row["exercises"].values()]
        done = sum(got == most for got, most in points)
        assert 0 < done < len(points)
        assert all(got == 0 for got, _ in points[done:])
    assert {row["points"] for row in played.of("untouched")} == {0}


def test_lateness_is_recorded_for_the_late_and_for_nobody_else(played: Class) -> None:
    late = {row["student"]: row["late_seconds"] for row in played.rows if row["late_seconds"]}
    assert set(late) == {row["student"] for row in played.of("late")}
    assert sorted(late.values()) == [3 * 3600, 49.5 * 3600]


def test_an_unreadable_notebook_has_a_note_and_no_points(played: Class) -> None:
    (row,) = played.of("not a notebook")
    assert not row["points"]
    assert "unreadable" in row["notes"]


def test_who_never_submits_has_no_score_but_is_in_the_report(played: Class) -> None:
    (absent,) = played.of("absent")
    assert absent["points"] is None
    with (played.folder / "report" / "grades.csv").open(encoding="utf-8", newline="") as file:
        assert absent["student"] in {row["student"] for row in csv.DictReader(file)}


def test_nbgrader_itself_says_the_same(played: Class) -> None:
    """Scores in nbgrader's own tables, cell by cell; nothing automatic waits for a human."""
    said: dict[str, dict[str, float]] = defaultdict(dict)
    with played.gradebook() as gradebook:
        for submission in gradebook.assignment_submissions(ASSIGNMENT):
            for notebook in submission.notebooks:
                for grade in notebook.grades:
                    if grade.cell.cell_type == "code":
                        assert not grade.needs_manual_grade, (submission.student.id, grade.cell.name)
                        said[submission.student.id][grade.cell.name.removeprefix("test_")] = grade.auto_score
    for row in played.rows:
        if row["points"] is not None:
            assert said[row["student"]] == {name: got["points"] for name, got in row["exercises"].items()}
    assert sum(bool(row["points"] is not None) for row in played.rows) == len(said)


def test_the_student_who_fetched_feedback_has_a_page_without_hidden_tests(played: Class) -> None:
    (page,) = played.folder.glob(f"homes/*/{ASSIGNMENT}/feedback/*/*.html")
    text = page.read_text(encoding="utf-8")
    row = next(row for row in played.rows if row["student"] == page.relative_to(played.folder).parts[1])
    named = [message for got in row["exercises"].values() for message in got["misconceptions"]]
    assert named
    assert "BEGIN HIDDEN TESTS" not in text
    assert "student." not in text


def test_the_demo_prints_every_student_and_where_to_look(played: Class) -> None:
    for row in played.rows:
        assert row["name"].split()[0] in played.output
    for words in ("report", "grades.csv", "formgrader", "jupyter"):
        assert words in played.output


def test_a_second_demo_starts_from_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    from demo.scratch import prepare

    first = prepare(tmp_path / "scratch")
    (first.course / "gradebook.db").touch()
    second = prepare(tmp_path / "scratch")
    assert second == first
    assert not (second.course / "gradebook.db").exists()


def test_a_folder_that_is_not_the_demos_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    from demo.scratch import prepare

    (tmp_path / "thesis.tex").touch()
    with pytest.raises(SystemExit, match="--scratch"):
        prepare(tmp_path)
    assert (tmp_path / "thesis.tex").exists()


def test_the_demos_folder_is_ignored_by_git() -> None:
    assert subprocess.run(["git", "check-ignore", "-q", ".demo/course"], cwd=ROOT, check=False).returncode == 0
