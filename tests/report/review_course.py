"""A course with real notebooks for the review pages: rubrics, hostile answers, faults, copies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from chainrule.model import Note, Status

from .conftest import ASSIGNMENT, TESTS, Classroom, result

SCRIPT = "<script>document.title = 'taken'</script><img src=x onerror=alert(1)>{{ 7 * 7 }}"
RIGHT_TO_LEFT = "الميل صغير ولكن المسافة كبيرة \u202e evil"
HUGE = "the gradient is small " * 50_000
RUBRIC = "* **2** names a plateau\n* **4** gives a better rule with <b>reason</b>"
OPERATIONS = "sum + | mean - | cumsum * | ptp @ | sort / | tanh - | diff // | sign %".split("|")
COPIED = "\n".join(
    f"    {name} = np.{call}(x[{place}:]) {sign} float(w[{place}]) ** 0.5"
    for place, (name, (call, sign)) in enumerate(zip("abcdefgh", map(str.split, OPERATIONS), strict=True))
)


def grade(grade_id: str, **flags: Any) -> dict[str, Any]:
    entry = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3}
    return {"nbgrader": entry | {"grade_id": grade_id} | flags}


def notebook(answers: dict[str, str], *, source: bool = False) -> Any:
    """The notebook of ASSIGNMENT with a student's texts by cell, or the source with its rubrics."""
    cells = [new_markdown_cell("# Linear models"), new_code_cell("import numpy as np")]
    for exercise, tests in TESTS.items():
        stub = "### BEGIN SOLUTION\npass\n### END SOLUTION" if source else "# YOUR CODE HERE"
        cells.append(new_code_cell(answers.get(exercise, stub), metadata=grade(exercise, solution=True)))
        points = sum(value for _, value in tests)
        role = grade(f"test_{exercise}", grade=True, locked=True, points=points)
        cells.append(new_code_cell(f"check_{exercise}()", metadata=role))
    for name, points in (("m1", 6), ("m2", 4)):
        scheme = f"### BEGIN MARK SCHEME\n{RUBRIC}\n### END MARK SCHEME\n" if source else ""
        text = f"### BEGIN SOLUTION\nThe sample solution of {name}.\n{scheme}### END SOLUTION" if source else "…"
        role = grade(name, grade=True, solution=True, points=points)
        cells.append(new_markdown_cell(answers.get(name, text), metadata=role))
    return new_notebook(cells=cells)


def put(room: Classroom, step: str, student: str, answers: dict[str, str]) -> Path:
    path = room.root / step / student / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(notebook(answers), path)
    return path


def fill(room: Classroom, students: int = 12) -> None:
    """Everything that the review page has to show, in a class of `students`; most have nothing waiting."""
    room.assignment()
    folder = room.root / "source" / ASSIGNMENT
    folder.mkdir()
    nbformat.write(notebook({}, source=True), folder / f"{ASSIGNMENT}.ipynb")
    full = {f"test_{name}": sum(points for _, points in tests) for name, tests in TESTS.items()}
    texts = {0: SCRIPT, 1: RIGHT_TO_LEFT, 2: HUGE, 3: "**A plateau**: $\\nabla L$ is small.\n\n- and far away"}
    for i in range(students):
        student = f"s{i:02d}"
        room.book.add_student(student, last_name=f"Family{i}", first_name="<i>N</i>")
        waits = i < 8
        room.submit(
            student,
            full | ({"m1": None, "m2": None} if waits else {}),
            manual={} if waits else {"m1": 4.0, "m2": 3.0},
        )
        code = {"fit": f"def fit(x, w):\n{COPIED}\n    return h"} if i in (5, 6) else {"fit": f"fit = {i}"}
        put(room, "autograded" if i != 4 else "submitted", student, {"m1": texts.get(i, f"Answer {i}."), **code})
        faults(room, student, i)
    comments(room)


def faults(room: Classroom, student: str, i: int) -> None:
    results = [result(name, [Status.PASSED] * len(tests)) for name, tests in TESTS.items()]
    notes: tuple[Note, ...] = ()
    if i == 9:
        results[1] = result("gd", [Status.UNGRADED] * 3, detail="Traceback\nKeyError: 'lr'")
        notes = (Note("ungraded", "gd could not be graded.", "test_gd"),)
    if i == 10:
        results[2] = result("fit", [Status.CRASHED])
        notes = (Note("crashed", "The process ended in this cell (os._exit).", "fit"),)
    if i == 11:
        notes = (
            Note("restored", "test_ridge had been changed and was set back.", "test_ridge"),
            Note("missing", "intro was missing and was put back as released.", "intro"),
        )
    room.store(student, tuple(results), notes)


def comments(room: Classroom) -> None:
    """Two graders' words: one used three times, one once."""
    for i, words in {8: "Name the plateau.", 9: "Name the plateau.", 10: "Name the plateau.", 11: SCRIPT}.items():
        room.book.find_comment("m1", ASSIGNMENT, ASSIGNMENT, f"s{i:02d}").manual_comment = words
    room.book.db.commit()
