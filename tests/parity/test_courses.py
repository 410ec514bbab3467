"""Whole courses score as with nbgrader alone: its documentation's, its tests' notebooks, and odd submissions."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
import nbgrader
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import twice

sys.path.pop(0)

pytestmark = [pytest.mark.parity, pytest.mark.slow, pytest.mark.timeout(900)]

INSTALLED = Path(nbgrader.__file__).parent
GUIDE = INSTALLED / "docs/source/user_guide"
SUITES = ("apps", "preprocessors", "ui-tests")


@pytest.fixture
def both(tmp_path: Path, report: Any) -> Callable[..., dict[Any, Any]]:
    """both(course, assignment, settings=…) grades with nbgrader and with us, and gives the differences."""

    def run(course: Any, name: str, settings: str = "", command: str = "nbgrader") -> dict[Any, Any]:
        ours = course.copy(tmp_path / "ours", twice.OURS + settings)
        with ThreadPoolExecutor(2) as pool:  # they share nothing, and nbgrader mostly waits for its kernels
            list(pool.map(lambda grade: grade("autograde", name), (course.nbgrader, getattr(ours, command))))
        stock = course.grades(name)
        found = twice.differences(stock, ours.grades(name))
        report(f"{name} ({command})", twice.count(stock), len(found))
        return found

    return run


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


@pytest.mark.parametrize("command", ["nbgrader", "chainrule"])
def test_the_course_of_nbgraders_documentation(tmp_path: Path, both: Any, command: str) -> None:
    course = twice.Course(tmp_path / "stock")
    names = ("problem1", "problem2")
    assert course.assignment("ps1", {name: GUIDE / "source/ps1" / f"{name}.ipynb" for name in names})
    for student in ("bitdiddle", "hacker"):
        course.submit("ps1", student, {name: GUIDE / "submitted" / student / "ps1" / f"{name}.ipynb" for name in names})
    course.submit("ps1", "perfect", {name: read(GUIDE / "source/ps1" / f"{name}.ipynb") for name in names})
    course.submit("ps1", "half", {"problem1": read(GUIDE / "source/ps1/problem1.ipynb")})
    assert both(course, "ps1", command=command) == {}


def test_nbgraders_test_notebooks(tmp_path: Path, both: Any) -> None:
    """As sources, submitted as they are and empty; those that nbgrader refuses to release are left out."""
    course = twice.Course(tmp_path / "stock", "c.Execute.timeout = 10\n")
    sources = {}
    for path in sorted(path for suite in SUITES for path in (INSTALLED / "tests" / suite / "files").glob("*.ipynb")):
        if "infinite" not in path.stem and "timeout" not in path.stem:
            sources[f"{path.parent.parent.name}-{path.stem}"] = path
    files = {"data.txt": (INSTALLED / "tests/apps/files/data.txt").read_text()}
    kept = {name: path for name, path in sources.items() if releasable(tmp_path / "probe", name, path)}
    assert course.assignment("files", kept, files)
    course.submit("files", "same", kept)
    course.submit("files", "empty", {name: course.release("files", name) for name in kept})
    assert len(kept) >= 15
    assert both(course, "files") == {}


def releasable(root: Path, name: str, path: Path) -> bool:
    """Whether nbgrader takes the notebook as a source: valid cells of today's schema, at least one of them graded."""
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import Config

    folder = root / "source" / name
    folder.mkdir(parents=True)
    twice.write(folder / f"{name}.ipynb", path)
    settings = Config()
    settings.CourseDirectory.root, settings.CourseDirectory.assignment_id = str(root), name
    converter = GenerateAssignment(coursedir=CourseDirectory(config=settings), config=settings)
    converter.log.disabled = True
    try:
        converter.start()
    except Exception:
        return False
    return any(cell.metadata.get("nbgrader", {}).get("grade") for cell in read(path).cells)


def small(name: str = "p", tests: dict[str, str] | None = None, **options: Any) -> Any:
    """A notebook with a solution `f`, test cells worth 2 points each, a written answer and a task."""
    cells = [
        twice.cell("code", "def f():\n    ### BEGIN SOLUTION\n    return 4\n    ### END SOLUTION", "f", solution=True)
    ]
    for test, source in (tests or {"t1": "assert f() == 4", "t2": "f() / 4"}).items():
        cells.append(twice.cell("code", source, test, points=2, locked=True))
    cells.append(twice.cell("markdown", "YOUR ANSWER HERE", "answer", points=3, solution=True))
    cells.append(twice.cell("code", "# YOUR CODE HERE", "coded", points=2.75, solution=True))
    cells.append(twice.cell("markdown", "Draw.", "task", points=1, task=True, locked=True))
    cells.append(twice.cell("code", "assert f()", "nothing", points=0, locked=True))
    return twice.notebook(*cells, **options)


def changed(notebook: Any, **sources: str | None) -> Any:
    """A copy with these cells' sources; None leaves the cell out."""
    copy = nbformat.from_dict(json.loads(json.dumps(notebook)))
    for cell in list(copy.cells):
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if name in sources and sources[name] is None:
            copy.cells.remove(cell)
        elif name in sources:
            cell.source = sources[name]
    return copy


def doubled(notebook: Any, name: str) -> Any:
    copy = changed(notebook)
    (twin,) = [cell for cell in copy.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == name]
    again = nbformat.from_dict(json.loads(json.dumps(twin)))
    again.id = f"{twin.id}2"[-60:]
    copy.cells.insert(copy.cells.index(twin), again)
    return copy


def test_odd_submissions(tmp_path: Path, both: Any) -> None:
    course = twice.Course(tmp_path / "stock", "c.Execute.timeout = 3\n")
    source = small()
    assert course.assignment("p", {"it's 1 p": source, "q": source})
    empty = course.release("p", "q")
    tagged = changed(empty)
    for cell in tagged.cells:
        if cell.metadata["nbgrader"]["grade_id"] in ("t1", "f"):
            cell.metadata["tags"] = ["skip-execution"]
    repriced = changed(source)
    repriced.cells[1].metadata["nbgrader"]["points"] = 100
    retyped = changed(source)
    retyped.cells[1].cell_type = "markdown"
    for key in ("outputs", "execution_count"):
        retyped.cells[1].pop(key)
    extra = changed(source)
    extra.cells.insert(1, nbformat.v4.new_code_cell("1 / 0"))
    extra.cells.insert(1, nbformat.v4.new_raw_cell("raw"))
    extra.cells.insert(1, nbformat.v4.new_code_cell("import time; time.sleep(60)"))
    early = small(minor=0)
    submissions = {
        "full": source,
        "empty": empty,
        "answered": changed(empty, answer="Because.", coded="print(1)", task="Drawn."),
        "deleted": changed(source, t1=None, answer=None),
        "edited": changed(source, t1="pass", t2="100"),
        "extra": extra,
        "hangs": changed(source, f="def f():\n    return 4\nwhile True: pass"),
        "hangs-when-called": changed(source, f="def f():\n    while True: pass"),
        "sleeps-in-test": changed(source, f="import time\ndef f():\n    time.sleep(20); return 4"),
        "raises": changed(source, f="def f(): return 4\n1 / 0"),
        "cheats": changed(source, f="class A:\n    def __eq__(self, other): return True\ndef f(): return A()"),
        "patches": changed(
            source, f="get_ipython().input_transformers_post.append(lambda lines: ['pass\\n'])\ndef f(): return 5"
        ),
        "repriced": repriced,
        "retyped": retyped,
        "early-format": early,
        "invalid": "{not json",
        "no-cells": twice.notebook(),
        "exits": changed(source, f="def f(): return 4\nexit()"),
        "dies": changed(source, f="import os; os._exit(0)"),
        "dies-in-test": changed(source, f="import os\ndef f(): os._exit(0)"),
        "too-many-points": changed(source, f="def f(): return 400"),
        "tagged": tagged,
        "holds-out": changed(
            source,
            f="def f(): return 4\nwhile True:\n    try:\n        while True: pass\n    except BaseException: pass",
        ),
    }
    for student, notebook in submissions.items():
        course.submit("p", student, {"it's 1 p": notebook, "q": source})
    course.submit("p", "missing-file", {"q": source})
    found = both(course, "p")
    # After `exit()` a kernel lives for another moment: on a busy machine it is gone before nbgrader's next cell.
    assert {key for key in found if isinstance(key, str)} - {"exits"} == {"dies", "dies-in-test", "too-many-points"}
    rest = {key: value for key, value in found.items() if not isinstance(key, str)}
    assert rest == {("tagged", "it's 1 p", "t1"): ((2.0, False), (0.0, False))}


def test_one_submission_does_not_stop_the_others(tmp_path: Path, both: Any) -> None:
    """nbgrader's whole run ends at a copied cell or an old notebook, which sort first here."""
    course = twice.Course(tmp_path / "stock")
    source = small()
    assert course.assignment("p", {"p": source})
    old = json.loads(json.dumps(source))
    for cell in old["cells"]:
        cell["metadata"]["nbgrader"]["schema_version"] = 1
    for student, notebook in {"1": doubled(source, "t1"), "2": doubled(source, "f"), "3": old, "4": source}.items():
        course.submit("p", student, {"p": notebook})
    assert both(course, "p") == dict.fromkeys("124", ("failed", "graded"))


def test_a_just_grade_where_nbgrader_has_none(tmp_path: Path) -> None:
    course = twice.Course(tmp_path / "ours", twice.OURS + "c.Execute.timeout = 3\n")
    source = small()
    assert course.assignment("p", {"p": source})
    course.submit("p", "dies", {"p": changed(source, f="def f(): return 4\nimport os; os._exit(0)")})
    course.submit(
        "p",
        "dies-in-test",
        {
            "p": changed(
                source,
                t1="assert f() == 4",
                f="n = [0]\ndef f():\n    n[0] += 1\n    if n[0] == 2: __import__('os')._exit(0)\n    return 4",
            )
        },
    )
    course.submit("p", "doubled", {"p": doubled(source, "t1")})
    course.submit("p", "too-many", {"p": changed(source, f="def f(): return 400")})
    assert course.chainrule("autograde", "p").returncode == 0
    scores = {
        student: tuple((cells or {})["p", test] for test in ("t1", "t2"))
        for student, cells in course.grades("p").items()
    }
    assert scores["dies"] == ((0.0, False), (0.0, False))
    assert scores["dies-in-test"] == ((2.0, False), (0.0, False))
    assert scores["doubled"] == ((2.0, False), (1.0, False))
    assert scores["too-many"] == ((0.0, False), (None, True))


def test_with_strict_what_fails_with_nbgrader_fails(tmp_path: Path, both: Any) -> None:
    course = twice.Course(tmp_path / "stock", "c.Execute.timeout = 5\n")
    source = small()
    assert course.assignment("p", {"p": source})
    course.submit("p", "dies", {"p": changed(source, f="import os; os._exit(0)")})
    course.submit("p", "doubled", {"p": doubled(source, "t1")})
    course.submit("p", "too-many", {"p": changed(source, f="def f(): return 400")})
    course.submit("p", "fine", {"p": source})
    assert both(course, "p", twice.STRICT) == {}


def test_missing_cells_come_back_if_the_course_wants_it(tmp_path: Path, both: Any) -> None:
    course = twice.Course(tmp_path / "stock", "c.OverwriteCells.add_missing_cells = True\n")
    source = small()
    assert course.assignment("p", {"p": source})
    course.submit("p", "deleted", {"p": changed(source, t1=None, answer=None)})
    # nbgrader (0.9.6) stumbles where the cell before the missing one is a task: a KeyError ends that submission.
    course.submit("p", "deleted-after-a-task", {"p": changed(source, nothing=None)})
    course.submit("p", "all-deleted", {"p": twice.notebook()})
    assert both(course, "p") == {}
    assert course.grades("p")["deleted"]["p", "t1"] == (2.0, False)
    assert course.grades("p")["deleted-after-a-task"] is None


SOURCES = {
    "solution-elsewhere": [twice.cell("code", "### BEGIN SOLUTION\n1\n### END SOLUTION", "a", points=1, locked=True)],
    "unclosed-tests": [twice.cell("code", "### BEGIN HIDDEN TESTS\n1", "a", points=1, locked=True)],
    "nested-tests": [
        twice.cell("code", "### BEGIN HIDDEN TESTS\n### BEGIN HIDDEN TESTS\n1\n### END HIDDEN TESTS", "a", points=1)
    ],
    "tests-elsewhere": [twice.cell("code", "### BEGIN HIDDEN TESTS\n1\n### END HIDDEN TESTS", "a", solution=True)],
    "twice-the-same-id": [twice.cell("code", "1", "a", points=1), twice.cell("code", "2", "a", points=1)],
    "bad-id": [twice.cell("code", "1", "a b", points=1)],
    "no-points": [twice.cell("code", "1", "a", points=None)],
    "old-schema": [twice.cell("code", "1", "a", points=1, schema_version=1)],
    "new-schema": [twice.cell("code", "1", "a", points=1, schema_version=99)],
    "fine": [twice.cell("code", "1", "a", points=1)],
}


def test_the_same_sources_are_refused(tmp_path: Path) -> None:
    for name, cells in SOURCES.items():
        folder = tmp_path / "source" / name
        folder.mkdir(parents=True)
        twice.write(folder / "p.ipynb", twice.notebook(*cells))
    taken = [{name for name in SOURCES if generates(tmp_path, name, ours)} for ours in (False, True)]
    assert taken == [{"fine", "tests-elsewhere"}] * 2  # nbgrader leaves a solution cell's hidden tests alone


def generates(root: Path, name: str, ours: bool) -> bool:
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import Config

    from chainrule.plugins import configure

    settings = Config()
    if ours:
        configure(settings)
    settings.CourseDirectory.root, settings.CourseDirectory.assignment_id = str(root), name
    settings.CourseDirectory.db_url = f"sqlite:///{root}/{'ours' if ours else 'stock'}.db"
    converter = GenerateAssignment(coursedir=CourseDirectory(config=settings), config=settings)
    converter.force, converter.log.disabled = True, True
    try:
        converter.start()
    except (Exception, SystemExit):
        return False
    return True


def test_other_kernels(tmp_path: Path, both: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed one runs as with nbgrader, one that is not installed fails as with nbgrader."""
    folder = tmp_path / "jupyter/kernels/other"
    folder.mkdir(parents=True)
    program = tmp_path / "other"
    program.write_text(f'#!/bin/sh\nOTHER=yes exec "{sys.executable}" "$@"\n')
    program.chmod(0o755)
    argv = [str(program), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (folder / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "o", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    course = twice.Course(tmp_path / "stock")
    there = small(tests={"t1": "import os; assert os.environ['OTHER'] == 'yes'", "t2": "f() / 4"}, kernel="other")
    nowhere = small(kernel="no-such-kernel")
    assert course.assignment("there", {"p": there})
    assert course.assignment("nowhere", {"p": nowhere})
    course.submit("there", "ada", {"p": there})
    course.submit("nowhere", "ada", {"p": nowhere})
    assert both(course, "there") == {}
    assert course.grades("there")["ada"]["p", "t1"] == (2.0, False)
    ours = twice.Course(tmp_path / "ours")
    for one in (course, ours):
        one.nbgrader("autograde", "nowhere")
        assert one.grades("nowhere") == {"ada": None}
