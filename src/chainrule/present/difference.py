"""What a regrade would change: `regrade`, as tables for people, documented JSON, CSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from chainrule.formats.files import replacing, write_csv
from chainrule.model import FORMAT_VERSION
from chainrule.present.tables import SHORT, Json, arrow, csv_row, number, print_table, print_words
from chainrule.regrade import Difference
from chainrule.regrade.difference import NEW, POINTS, CellChange, StudentChange, TestChange

# -- for people ------------------------------------------------------------------------------------------------------


def print_difference(console: Console, found: Difference) -> None:
    """A line for each student and exercise that changes, largest changes first, then the totals and what is odd.

    That a test has other points is the same for everybody: it is said once, and is no line of a student.
    """
    shared = _reweighted(found)
    rows = [line for student in found.students for line in _lines(student, shared)]
    if rows:
        most = max(student.max_points for student in found.students)  # everybody's, but for those who failed
        print_table(
            console, ("student", f"of {most:g} points" if most else "points", "exercise", "points", "why"), rows
        )
    for student in found.students:
        for cell in student.cells:
            _print_named(console, student.student, cell)
    for exercise in dict.fromkeys(exercise for exercise, _ in shared):
        words = [said for (name, _), said in shared.items() if name == exercise]
        print_words(console, f"In the grader of {exercise}: {', '.join(words)}.")
    if less := _worth_less(found):
        said = f"Worth less now: {', '.join(less)}. There raise-only keeps each student's share, not the points."
        print_words(console, said, style="yellow")
    before = sorted({student.graders[0] for student in found.students if student.graders[0]})
    digests = ", ".join(digest[:SHORT] for digest in before) or "none"
    print_words(console, f"{_totals(found)}; graders {digests} -> {found.graders[:SHORT]}", style="bold")
    for warning in found.warnings:
        print_words(console, warning, style="yellow")


def _totals(found: Difference) -> str:
    totals = found.totals
    words = f"{totals['gain']} gain, {totals['lose']} lose, {totals['unchanged']} unchanged"
    for kind, what in (("new", "graded for the first time"), ("failed", "failed")):
        words += f", {totals[kind]} {what}" if totals[kind] else ""
    return words


def _reweighted(found: Difference) -> dict[tuple[str, str], str]:
    """By exercise and test the other points of a test, where they are the same for all whom it concerns."""
    seen: dict[tuple[str, str], set[str]] = {}
    for student in found.students:
        for cell in student.cells:
            for test in cell.tests:
                if test.why == POINTS:
                    seen.setdefault((cell.exercise, test.test), set()).add(_test(test))
    return {key: words.pop() for key, words in sorted(seen.items()) if len(words) == 1}


def _worth_less(found: Difference) -> list[str]:
    """With raise-only, the cells whose points may fall all the same: what they were and are worth."""
    if not found.raise_only:
        return []
    cells = (cell for student in found.students for cell in student.cells)
    return list(dict.fromkeys(f"{cell.cell} {arrow(*cell.max_points)} points" for cell in cells if cell.is_worth_less))


def _lines(student: StudentChange, shared: Mapping[tuple[str, str], str]) -> Iterator[tuple[str, ...]]:
    if student.error:
        yield student.student, "", "", "", student.error
        return
    lines = []
    if student.first:
        lines.append(("", "", NEW))
    else:
        for cell in student.cells:
            reasons = _reasons(cell, shared)
            if reasons or cell.points[0] != cell.points[1]:
                why = "; ".join(reasons) or "points of its tests"
                lines.append((cell.exercise, arrow(*cell.points, signed=True), why))
    if student.penalty[0] != student.penalty[1]:
        lines.append(("late penalty", arrow(*student.penalty), "" if lines else "computed anew"))
    for row, line in enumerate(lines):
        first = (student.student, arrow(*student.points, signed=True)) if row == 0 else ("", "")
        yield (*first, *line)


def _reasons(cell: CellChange, shared: Mapping[tuple[str, str], str]) -> list[str]:
    said = {test.why for test in cell.tests} | {POINTS}
    words = [why for why in cell.why if why not in said]
    if cell.max_points[0] is not None and cell.max_points[0] != cell.max_points[1]:
        words.insert(0, f"{arrow(*cell.max_points)} points for {cell.cell}")
    words += [_test(test) for test in cell.tests if test.why != POINTS or (cell.exercise, test.test) not in shared]
    if cell.manual is not None and (words or cell.points[0] != cell.points[1]):
        words.append(f"the mark by hand, {cell.manual:g}, is kept")
    if cell.kept:
        what = "the share" if cell.is_worth_less else "the old result"
        words.append(f"raise-only keeps {what} (now {number(cell.computed)})")
    return words


def _test(test: TestChange) -> str:
    if test.why == "added":
        return f"{test.test} added: {test.status[1]}, {number(test.points[1])} of {number(test.max_points[1])}"
    if test.why == "removed":
        return f"{test.test} removed: it gave {number(test.points[0])} of {number(test.max_points[0])}"
    words = []
    if test.status[0] != test.status[1]:
        words.append(f"{test.status[0] or 'ungraded'} -> {test.status[1]}")
    if test.max_points[0] != test.max_points[1] and test.max_points[0] is not None:
        words.append(f"{arrow(*test.max_points)} points")
    return f"{test.test} {', '.join(words) or test.why}"


def _print_named(console: Console, student: str, cell: CellChange) -> None:
    old, new = cell.misconception
    if old != new and cell.tests:
        words = f"{student}, {cell.exercise}: mistake named {_quoted(old)} -> {_quoted(new)}"
        console.print(escape(words), style="dim", highlight=False, soft_wrap=True)


def _quoted(text: str | None) -> str:
    return f"“{text}”" if text else "none"


# -- for programs ----------------------------------------------------------------------------------------------------


def difference_json(found: Difference) -> Json:
    """The document of `chainrule regrade --json` (docs/json.md)."""
    return {
        "version": FORMAT_VERSION,
        "assignment": found.assignment,
        "graders": found.graders,
        "raise_only": found.raise_only,
        "totals": found.totals,
        "warnings": list(found.warnings),
        "students": [_student_json(student) for student in found.students],
    }


def _student_json(student: StudentChange) -> Json:
    if student.error:
        return {"student": student.student, "error": student.error}
    return {
        "student": student.student,
        "points": _pair(student.points),
        "max_points": student.max_points,
        "penalty": _pair(student.penalty),
        "gain": student.gain,
        "first": student.first,
        "graders": _pair(student.graders),
        "exercises": [
            {
                "notebook": cell.notebook,
                "exercise": cell.exercise,
                "cell": cell.cell,
                "points": _pair(cell.points),
                "max_points": _pair(cell.max_points),
                "manual": cell.manual,
                "kept": cell.kept,
                "computed": cell.computed,
                "why": list(cell.why),
                "misconception": _pair(cell.misconception),
                "tests": [
                    {
                        "id": test.test,
                        "title": test.title,
                        "why": test.why,
                        "points": _pair(test.points),
                        "max_points": _pair(test.max_points),
                        "status": _pair(test.status),
                        "misconception": _pair(test.misconception),
                    }
                    for test in cell.tests
                ],
            }
            for cell in student.cells
        ],
    }


def _pair(values: tuple[Any, Any]) -> Json:
    return {"from": values[0], "to": values[1]}


# -- CSV -------------------------------------------------------------------------------------------------------------

CELL_COLUMNS = """student student_from student_to notebook exercise exercise_from exercise_to worth_from worth_to manual
kept computed why graders_from graders_to error""".split()
TEST_COLUMNS = """test test_why test_from test_to test_worth_from test_worth_to status_from status_to misconception_from
misconception_to""".split()


def write_difference(path: Path, found: Difference) -> None:
    """A row for each test that changed, or for the exercise where no test did; a row for each student who failed."""
    columns = (*CELL_COLUMNS, *TEST_COLUMNS)
    with replacing(path) as part:
        write_csv(part, columns, (csv_row(row, columns) for student in found.students for row in _rows(student)))


def _rows(student: StudentChange) -> Iterator[Json]:
    whole: Json = {"student": student.student, "error": student.error}
    if student.error:
        yield whole
        return
    whole |= _sides("student", student.points) | _sides("graders", student.graders)
    for cell in student.cells:
        row: Json = whole | {"notebook": cell.notebook, "exercise": cell.exercise, "why": "; ".join(cell.why)}
        row |= {"manual": cell.manual, "kept": "yes" if cell.kept else "", "computed": cell.computed}
        row |= _sides("exercise", cell.points) | _sides("worth", cell.max_points)
        for test in cell.tests:
            yield (
                row
                | {"test": test.test, "test_why": test.why}
                | _sides("test", test.points)
                | _sides("test_worth", test.max_points)
                | _sides("status", test.status)
                | _sides("misconception", test.misconception)
            )
        if not cell.tests:
            yield row


def _sides(name: str, values: tuple[Any, Any]) -> Json:
    return {f"{name}_from": values[0], f"{name}_to": values[1]}
