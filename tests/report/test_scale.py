"""The report of a large course: the promise, and what makes it hold: few queries, of an assignment's own rows, on all
cores; and that reading fast reads right.
"""

from __future__ import annotations

import os
import resource
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from bench.postgres import Server
from bench.reports import run
from bench.synthetic import Size, make
from nbgrader.api import Gradebook
from sqlalchemy import event
from tests.processes import until

from chainrule import gradebook
from chainrule.course import Course
from chainrule.errors import ChainruleError, GradebookError
from chainrule.report import frames, parallel, write
from chainrule.report.connect import snapshot

SMALL = Size(students=12, assignments=2)
LARGE = Size(students=36, assignments=4)
NAME = SMALL.names[0]
SECONDS, BYTES = 10, 1 << 30


@pytest.fixture(scope="module")
def courses(tmp_path_factory: pytest.TempPathFactory) -> dict[Size, Path]:
    made = {}
    for size in (SMALL, LARGE):
        made[size] = tmp_path_factory.mktemp("synthetic") / "course"
        make(made[size], size)
    return made


def url(root: Path) -> str:
    return f"sqlite:///{root / 'gradebook.db'}"


def statements(root: Path) -> list[tuple[str, Any]]:
    """What is asked of the database for one assignment."""
    asked: list[tuple[str, Any]] = []
    with snapshot(url(root)) as connection:

        @event.listens_for(connection, "before_cursor_execute")
        def _(conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool) -> None:
            asked.append((statement, parameters))

        frames.load(connection, NAME)
    return asked


def test_the_number_of_queries_depends_on_nothing(courses: dict[Size, Path]) -> None:
    small, large = (statements(courses[size]) for size in (SMALL, LARGE))
    assert [text for text, _ in large] == [text for text, _ in small]
    assert len(small) <= 12


def test_no_query_walks_over_the_rows_of_other_assignments(courses: dict[Size, Path]) -> None:
    """As SQLite itself explains it: of the large tables it searches an index for the rows it needs."""
    with gradebook.connect(url(courses[LARGE])) as connection:
        for statement, parameters in statements(courses[LARGE]):
            if not statement.startswith("SELECT"):
                continue
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            for table in ("chainrule_run", "chainrule_outcome", "grade", "submitted_notebook", "submitted_assignment"):
                assert not [step for step in plan if step.split()[:2] == ["SCAN", table]], plan


def test_outcomes_are_those_that_the_gradebook_gives_one_by_one(courses: dict[Size, Path]) -> None:
    with snapshot(url(courses[LARGE])) as connection:
        found = frames.load(connection, NAME)
        runs = gradebook.load(connection, NAME)
    told = [
        (
            *(run.student, cell.removeprefix("test_"), test.test, test.title, test.points, test.max_points),
            *(test.status.value, test.misconception, test.seconds),
        )
        for run in runs
        for cell, test in run.outcomes
    ]
    read = found.outcomes.astype("object").where(found.outcomes.notna(), None)
    assert list(read.itertuples(index=False, name=None)) == told
    odd = [
        (run.student, test.status.value, test.message, test.detail)
        for run in runs
        for _, test in run.outcomes
        if test.status.value not in ("passed", "failed")
    ]
    kept = found.incidents[["student", "status", "message", "detail"]]
    assert list(kept.itertuples(index=False, name=None)) == odd


def test_scores_and_times_are_those_that_nbgrader_gives_one_by_one(courses: dict[Size, Path]) -> None:
    with snapshot(url(courses[LARGE])) as connection:
        found = frames.load(connection, NAME)
    table = found.grades.astype("object").where(found.grades.notna(), None).sort_values(["student", "exercise"])
    submissions = found.submissions.set_index("student")
    told = []
    with Gradebook(url(courses[LARGE])) as book:
        for submission in book.assignment_submissions(NAME):
            row = submissions.loc[submission.student.id]
            (notebook,) = submission.notebooks
            assert row["timestamp"] == submission.timestamp
            assert row["late_seconds"] == submission.total_seconds_late
            assert row["penalty"] == (notebook.late_submission_penalty or 0.0)
            told += [
                (
                    *(submission.student.id, grade.name.removeprefix("test_"), grade.auto_score, grade.manual_score),
                    *(grade.extra_credit, grade.needs_manual_grade),
                )
                for grade in notebook.grades
            ]
    assert list(table.itertuples(index=False, name=None)) == sorted(told, key=lambda row: row[:2])


def test_the_report_is_the_same_however_many_processes_write_it(
    courses: dict[Size, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports = []
    for most in (1, 3):
        monkeypatch.setattr(parallel, "MOST", most)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
        out = tmp_path / str(most)
        paths = write(Course(courses[LARGE]), None, out)
        reports.append({path.relative_to(out): path.read_bytes() for path in paths if path.suffix == ".csv"})
    assert reports[0] == reports[1]
    assert len(reports[0]) > 4 * len(LARGE.names)


def test_results_come_in_the_order_of_the_items() -> None:
    def slow_square(x: int) -> tuple[int, int]:
        time.sleep(0.05 * (7 - x))
        return x * x, os.getpid()

    found = parallel.each(slow_square, list(range(7)), workers=3)
    assert [square for square, _ in found] == [0, 1, 4, 9, 16, 25, 36]
    assert len({process for _, process in found}) == 3
    assert parallel.each(slow_square, [], workers=3) == []


@pytest.mark.parametrize("in_child", [True, False])
def test_what_fails_in_any_process_is_raised_and_the_others_are_stopped(tmp_path: Path, in_child: bool) -> None:
    parent, begin, turn = os.getpid(), time.monotonic(), tmp_path / "turn"

    def work(item: int) -> int:
        if (os.getpid() != parent) == in_child:
            turn.touch()
            raise GradebookError("It is locked.")
        if in_child:
            assert until(turn.exists)
        else:
            time.sleep(200)
        return item

    with pytest.raises(GradebookError, match="locked"):
        parallel.each(work, [0, 1], workers=2)
    assert time.monotonic() - begin < 100


def test_a_process_that_dies_is_named_and_nothing_hangs(tmp_path: Path) -> None:
    parent, turn = os.getpid(), tmp_path / "turn"

    def die(item: int) -> int:
        if os.getpid() != parent:
            turn.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        assert until(turn.exists)  # the other process gets its turn
        return item

    with pytest.raises(ChainruleError, match="ended with -9 before it was done"):
        parallel.each(die, [0, 1], workers=2)


def check(root: Path, outcomes: int) -> None:
    """The aim is SECONDS on an idle machine, which bench/ measures. A busy one has three times as many, of wall clock
    or processor time.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = run("", root, outcomes)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert min(report.seconds, worked) < 3 * SECONDS
    assert report.peak * 1e6 < BYTES


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_million_outcomes_in_a_file_take_seconds_and_less_than_a_gibibyte(tmp_path: Path) -> None:
    outcomes = make(tmp_path / "course", Size())
    assert outcomes > 1_000_000
    check(tmp_path / "course", outcomes)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_million_outcomes_on_a_server_take_seconds_and_less_than_a_gibibyte(tmp_path: Path, postgres: Server) -> None:
    outcomes = make(tmp_path / "course", Size(), postgres.create("million"))
    assert outcomes > 1_000_000
    check(tmp_path / "course", outcomes)
