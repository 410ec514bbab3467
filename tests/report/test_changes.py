"""A report says what changed since the one that lay in its folder."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from chainrule.report import changes
from chainrule.report.exports import write_csv


def grades(**rows: tuple[str, float | None, str | None, int]) -> pd.DataFrame:
    """By student: status, score, time of the hand-in, answers to mark."""
    frame = pd.DataFrame(
        [(student, *row) for student, row in rows.items()],
        columns=["student", "status", "score", "timestamp", "waiting"],
    )
    return frame.assign(timestamp=pd.to_datetime(frame["timestamp"]), score=frame["score"].astype("float64"))


def wide(**points: list[float | None]) -> pd.DataFrame:
    frame = pd.DataFrame({"student": ["ada", "bob", "eve"][: len(next(iter(points.values())))], **points})
    return frame.astype(dict.fromkeys(points, "float64"))


EARLY, LATER = "2026-03-01 20:00:00", "2026-03-01 21:00:00"
FIRST = wide(gd=[1.0])


def compared(
    folder: Path, before: pd.DataFrame, after: pd.DataFrame, old: pd.DataFrame = FIRST, new: pd.DataFrame = FIRST
) -> changes.Changes:
    write_csv(before, folder / "grades.csv")
    write_csv(old, folder / "exercises.csv")
    return changes.changes(changes.previous(folder), after, new)


def test_the_first_report_says_so(tmp_path: Path) -> None:
    found = changes.changes(changes.previous(tmp_path / "nothing"), grades(ada=("graded", 3.0, EARLY, 0)), FIRST)
    assert found.reason == "This is the first report in this folder."
    assert found.at is None
    assert (len(found.students), len(found.exercises)) == (0, 0)


def test_nothing_changed_between_two_equal_reports(tmp_path: Path) -> None:
    same = grades(ada=("graded", 3.1234567891, EARLY, 0), bob=("no submission", None, None, 0))
    found = compared(tmp_path, same, same)
    assert (found.reason, len(found.students), len(found.exercises)) == ("", 0, 0)


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (("no submission", None, None, 0), ("graded", 3.0, EARLY, 0), "new submission"),
        (("not graded", 0.0, EARLY, 0), ("graded", 3.0, EARLY, 0), "graded"),
        (("graded", 3.0, EARLY, 0), ("graded", 2.0, LATER, 0), "new hand-in"),
        (("needs grading", 3.0, EARLY, 2), ("needs grading", 4.0, EARLY, 1), "marked"),
        (("needs grading", 3.0, EARLY, 1), ("graded", 3.0, EARLY, 0), "marked"),
        (("graded", 3.0, EARLY, 0), ("graded", 2.5, EARLY, 0), "lost points"),
        (("graded", 3.0, EARLY, 0), ("graded", 3.5, EARLY, 0), "gained points"),
        (("graded", 3.0, EARLY, 0), ("late", 3.0, EARLY, 0), "state"),
    ],
)
def test_each_kind_of_change_has_its_name(
    tmp_path: Path,
    before: tuple[str, float | None, str | None, int],
    after: tuple[str, float | None, str | None, int],
    change: str,
) -> None:
    found = compared(tmp_path, grades(ada=before), grades(ada=after)).students
    assert found["change"].tolist() == [change]
    assert found["status_before"].tolist() == [before[0]]


def test_students_come_and_go(tmp_path: Path) -> None:
    found = compared(tmp_path, grades(ada=("graded", 3.0, EARLY, 0)), grades(bob=("graded", 3.0, EARLY, 0))).students
    assert dict(zip(found["student"], found["change"], strict=True)) == {"ada": "no longer there", "bob": "new student"}
    assert found["status_before"].tolist() == ["graded", ""]


def test_losses_come_first_and_the_largest_of_them(tmp_path: Path) -> None:
    before = grades(**dict.fromkeys(("ada", "bob", "eve"), ("graded", 5.0, EARLY, 0)))
    after = grades(ada=("graded", 6.0, EARLY, 0), bob=("graded", 4.0, EARLY, 0), eve=("graded", 1.0, EARLY, 0))
    found = compared(tmp_path, before, after)
    assert found.students["student"].tolist() == ["eve", "bob", "ada"]
    assert found.students["difference"].tolist() == [-4.0, -1.0, 1.0]
    assert found.count("lost points") == 2


def test_the_exercises_behind_a_change_are_counted(tmp_path: Path) -> None:
    one = grades(ada=("graded", 3.0, EARLY, 0))
    old, new = (
        wide(gd=[1.0, 2.0, None], fit=[1.0, 1.0, 1.0]),
        wide(gd=[1.5, 1.0, 2.0], fit=[1.0, 1.0, 1.0], more=[1.0, 1.0, 1.0]),
    )
    found = compared(tmp_path, one, one, old, new).exercises
    assert found.to_dict("records") == [{"exercise": "gd", "gained": 1, "lost": 1, "difference": -0.5}]


def test_a_student_whose_id_looks_like_a_formula_is_the_same_student(tmp_path: Path) -> None:
    same = grades(**{"=1+1": ("graded", 3.0, EARLY, 0)})
    assert compared(tmp_path, same, same).students.empty


def test_the_time_of_the_report_before_is_that_of_its_file(tmp_path: Path) -> None:
    same = grades(ada=("graded", 3.0, EARLY, 0))
    write_csv(same, tmp_path / "grades.csv")
    write_csv(FIRST, tmp_path / "exercises.csv")
    os.utime(tmp_path / "grades.csv", (1772461500, 1772461500))
    assert str(changes.previous(tmp_path).at) == "2026-03-02 14:25:00+00:00"


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b'a,b\n"1', b"a,b\n1\n", b"\x00\n"])
def test_a_file_that_cannot_be_read_is_said_and_compared_with_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "grades.csv").write_bytes(content)
    (tmp_path / "exercises.csv").write_text("student,gd\n")
    found = changes.previous(tmp_path)
    assert found.reason
    assert changes.changes(found, grades(ada=("graded", 3.0, EARLY, 0)), FIRST).students.empty


def test_the_tables_of_another_version_are_said_to_be_that(tmp_path: Path) -> None:
    (tmp_path / "grades.csv").write_text("student,points\nada,3\n")
    (tmp_path / "exercises.csv").write_text("student,gd\nada,3\n")
    assert "no column status" in changes.previous(tmp_path).reason
