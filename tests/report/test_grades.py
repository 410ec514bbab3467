"""Grades, states and the attention list agree with nbgrader's gradebook."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from nbgrader.api import Gradebook

from chainrule.course import Course
from chainrule.model import Note, Status
from chainrule.report import attention, frames, grades
from chainrule.report.connect import snapshot

from .conftest import ASSIGNMENT, HALF, TESTS, WRITTEN, Classroom, result

FULL = {f"test_{exercise}": sum(points for _, points in tests) for exercise, tests in TESTS.items()}


def load(course: Course) -> frames.Frames:
    with snapshot(f"sqlite:///{course.root / 'gradebook.db'}") as connection:
        return frames.load(connection, ASSIGNMENT)


def by_student(data: frames.Frames) -> dict[str, dict[str, object]]:
    table = grades.grades(data, grades.points(data)).set_index("student")
    return {str(student): row for student, row in table.to_dict("index").items()}


def concerns(data: frames.Frames) -> list[tuple[str, str, str, str]]:
    table = grades.points(data)
    rows = attention.attention(data, grades.grades(data, table), table)
    return list(rows[["kind", "student", "where", "reason"]].itertuples(index=False, name=None))


def test_scores_are_those_of_nbgrader(full_course: Course) -> None:
    table = by_student(load(full_course))
    with Gradebook(f"sqlite:///{full_course.root / 'gradebook.db'}") as book:
        for submission in book.assignment_submissions(ASSIGNMENT):
            assert table[submission.student.id]["score"] == pytest.approx(submission.score)
            assert table[submission.student.id]["max_score"] == pytest.approx(submission.max_score)
        assert len(table) == len(book.students)


def test_a_manual_score_goes_before_an_automatic_one_and_extra_credit_is_added(classroom: Classroom) -> None:
    classroom.assignment()
    classroom.book.add_student("ada")
    classroom.submit("ada", FULL, manual={"m1": 5.0, "test_gd": 1.5, "m2": 4.0})
    classroom.book.find_grade("test_fit", ASSIGNMENT, ASSIGNMENT, "ada").extra_credit = 2.0
    classroom.book.db.commit()
    row = by_student(load(classroom.course))["ada"]
    submission = classroom.book.find_submission(ASSIGNMENT, "ada")
    assert row["score"] == submission.score == 8 + 1.5 + 6 + 2 + 8 + 5 + 4
    assert (row["manual_score"], row["extra_credit"], row["status"]) == (10.5, 2.0, "graded")


def test_the_late_penalty_is_taken_off_and_a_score_is_never_negative(classroom: Classroom) -> None:
    classroom.assignment()
    for student, penalty in (("ada", 3.0), ("bob", 99.0)):
        classroom.book.add_student(student)
        classroom.submit(student, FULL, manual=WRITTEN, timestamp="2026-03-03 12:00:00")
        classroom.book.find_submission(ASSIGNMENT, student).notebooks[0].late_submission_penalty = penalty
    classroom.book.db.commit()
    table = by_student(load(classroom.course))
    assert (table["ada"]["score"], table["bob"]["score"]) == (37.0, 0.0)
    assert table["ada"]["late_penalty"] == 3.0


def test_late_is_counted_from_the_due_date_with_the_students_extension(classroom: Classroom) -> None:
    classroom.assignment()
    for student in ("ada", "bob"):
        classroom.book.add_student(student)
        classroom.submit(student, FULL, manual=WRITTEN, timestamp="2026-03-02 15:00:00")
    classroom.book.find_submission(ASSIGNMENT, "bob").extension = timedelta(hours=4)
    classroom.book.db.commit()
    data = load(classroom.course)
    table = by_student(data)
    assert (table["ada"]["late_seconds"], table["ada"]["status"]) == (3 * 3600, "late")
    assert (table["bob"]["late_seconds"], table["bob"]["status"]) == (0, "graded")
    assert concerns(data) == [("late", "ada", "", "3 h after the deadline")]


def test_a_missing_score_is_no_zero_in_the_statistics_and_somebody_has_to_look(classroom: Classroom) -> None:
    """NULL for a test cell is our fault or nbgrader's; NULL for a written answer waits for a TA."""
    classroom.assignment()
    classroom.book.add_student("ada")
    classroom.submit("ada", {**FULL, "test_gd": None}, manual={"m1": 6.0})
    data = load(classroom.course)
    points = grades.points(data).set_index("exercise")
    assert np.isnan(points["points"]["gd"])
    assert points.index[points["ungraded"]].tolist() == ["gd"]
    assert points.index[points["waiting"]].tolist() == ["m2"]
    row = by_student(data)["ada"]
    assert (row["status"], row["ungraded"], row["waiting"]) == ("needs grading", 1, 1)
    assert concerns(data) == [("ungraded", "ada", "gd", "The gradebook holds no score for it.")]


def test_an_ungraded_exercise_shows_staff_the_last_line_of_what_went_wrong(full_course: Course) -> None:
    found = [row for row in concerns(load(full_course)) if row[0] == "ungraded"]
    assert found == [("ungraded", "s04", "gd", "KeyError: 'lr'")]


def test_an_ungraded_exercise_that_a_human_has_marked_needs_nobody(classroom: Classroom) -> None:
    classroom.assignment()
    classroom.book.add_student("ada")
    classroom.store("ada", (result("gd", [Status.UNGRADED] * 3),))
    classroom.submit("ada", FULL | {"test_gd": None}, manual={**WRITTEN, "test_gd": 7.0})
    data = load(classroom.course)
    assert by_student(data)["ada"]["status"] == "graded"
    assert concerns(data) == []


def test_what_was_marked_by_hand_before_a_regrade_waits_for_a_second_look(classroom: Classroom) -> None:
    classroom.assignment()
    classroom.book.add_student("ada")
    classroom.submit("ada", FULL, manual=WRITTEN)
    classroom.book.find_grade("m1", ASSIGNMENT, ASSIGNMENT, "ada").needs_manual_grade = True
    classroom.book.db.commit()
    row = by_student(load(classroom.course))["ada"]
    assert (row["status"], row["waiting"], row["score"]) == ("needs grading", 1, 40.0)


def test_a_submission_without_any_score_is_not_graded_and_one_only_collected_too(classroom: Classroom) -> None:
    classroom.assignment()
    for student in ("ada", "bob", "eve"):
        classroom.book.add_student(student)
    classroom.submit("ada", {})
    data = load(classroom.course)
    table = grades.grades(data, grades.points(data), frozenset({"bob"}))
    assert table["status"].tolist() == ["not graded", "not graded", "no submission"]
    assert grades.scored(grades.points(data), table).empty


def test_an_unreadable_submission_says_nothing_about_the_exercises(full_course: Course) -> None:
    data = load(full_course)
    table = grades.points(data)
    students = grades.grades(data, table)
    assert students.set_index("student")["status"]["s15"] == "unreadable"
    assert "s15" not in set(grades.scored(table, students)["student"])
    assert [row[:2] for row in concerns(data) if row[1] == "s15"] == [("unreadable", "s15")]


def test_everybody_who_needs_attention_is_listed_once_for_each_kind_of_reason_the_urgent_first(
    full_course: Course,
) -> None:
    assert [row[:3] for row in concerns(load(full_course))] == [
        ("ungraded", "s04", "gd"),
        ("unreadable", "s15", ASSIGNMENT),
        ("crashed", "s06", "fit"),
        ("timeout", "s09", "gd"),
        ("altered", "s11", "test_ridge"),
        ("altered", "s12", "test_fit"),
        ("late", "s03", ""),
        ("late", "s17", ""),
        ("no submission", "s31", ""),
    ]


def test_outcomes_come_with_the_student_and_the_exercise_of_the_gradebook(full_course: Course) -> None:
    outcomes = load(full_course).outcomes
    assert set(outcomes["exercise"]) == set(TESTS)
    named = outcomes[outcomes["misconception"] == HALF]
    assert set(named["exercise"]) == {"line_grad"}
    assert outcomes.groupby(["student", "exercise", "test"], observed=True).size().max() == 1
    assert outcomes["student"].is_monotonic_increasing


def test_exercises_are_in_the_order_of_the_notebook_and_know_their_kind(classroom: Classroom) -> None:
    classroom.assignment()
    classroom.book.add_task_cell("essay", ASSIGNMENT, ASSIGNMENT, max_score=3, cell_type="markdown")
    order = {name: place for place, name in enumerate(["m1", "test_ridge", "test_fit"])}
    with snapshot(f"sqlite:///{classroom.root / 'gradebook.db'}") as connection:
        exercises = frames.load(connection, ASSIGNMENT, order).exercises
    assert exercises["exercise"].tolist() == ["m1", "ridge", "fit", "essay", "m2", "gd", "line_grad"]
    kinds = exercises.set_index("exercise")["kind"]
    assert (kinds["m1"], kinds["ridge"], kinds["essay"]) == ("written", "autograded", "task")


def test_two_notebooks_with_exercises_of_one_name_stay_apart(classroom: Classroom) -> None:
    classroom.assignment("two", points={"gd": 8.0})
    classroom.book.add_notebook("second", "two")
    classroom.book.add_grade_cell("test_gd", "second", "two", max_score=8.0, cell_type="code")
    classroom.book.add_student("ada")
    classroom.store("ada", (result("gd", [Status.PASSED] * 3),), assignment="two")
    with snapshot(f"sqlite:///{classroom.root / 'gradebook.db'}") as connection:
        data = frames.load(connection, "two")
    assert data.exercises["exercise"].tolist() == ["second/test_gd", "two/test_gd"]
    assert set(data.outcomes["exercise"]) == {"two/test_gd"}


def test_control_characters_of_students_do_not_reach_files(classroom: Classroom) -> None:
    classroom.assignment()
    classroom.book.add_student("ada", last_name="a\x1bb\x00c\x85d")
    classroom.store("ada", (), (Note("unreadable", "bad\x07 bell"),))
    data = load(classroom.course)
    assert data.students["last_name"].tolist() == [
        "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c\N{REPLACEMENT CHARACTER}d"
    ]
    assert data.notes["message"].tolist() == ["bad\N{REPLACEMENT CHARACTER} bell"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (40, "40 s"), (3600, "1 h"), (12000, "3 h 20 min"), (194400, "2 d 6 h")]
)
def test_durations_are_told_in_two_units(seconds: float, text: str) -> None:
    assert attention.duration(seconds) == text


def test_an_empty_gradebook_gives_empty_frames(classroom: Classroom) -> None:
    classroom.assignment()
    data = load(classroom.course)
    assert len(data.exercises) == 6
    assert all(frame.empty for frame in (data.students, data.submissions, data.grades, data.outcomes, data.notes))
    assert list(grades.grades(data, grades.points(data)).columns) == grades.COLUMNS
