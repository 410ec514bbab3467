"""Every odd cell scores as with nbgrader alone, but for the differences that docs/foreign-courses.md lists."""

from __future__ import annotations

import importlib.util
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest


def load(name: str) -> Any:
    """A module beside the tests: they are not a package."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


odd_cells, twice = load("odd_cells"), load("twice")


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One submission with all of the odd cells."""
    course = twice.Course(tmp_path_factory.mktemp("odd") / "stock")
    sources = {**odd_cells.ODD}
    before = list(sources).index("reset")
    names = [*list(sources)[:before], *odd_cells.JUST, *list(sources)[before:]]
    sources |= {name: source for name, (source, _, _) in odd_cells.JUST.items()}
    cells = [twice.cell("code", odd_cells.SOLUTION.strip(), "solution", solution=True)]
    cells += [twice.cell("code", sources[name], name, points=2, locked=True) for name in names]
    notebook = twice.notebook(*cells)
    assert course.assignment("odd", {"odd": notebook}, odd_cells.ENVIRONMENT)
    course.submit("odd", "ada", {"odd": notebook}, odd_cells.STUDENTS_FILES)
    return course


def test_odd_cells_score_as_with_nbgrader(odd: Any, tmp_path: Path, report: Any) -> None:
    ours, strict = odd.copy(tmp_path / "ours", twice.OURS), odd.copy(tmp_path / "strict", twice.OURS + twice.STRICT)
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(run, "autograde", "odd") for run in (odd.nbgrader, ours.nbgrader, strict.chainrule)]
    assert [run.result().returncode for run in runs] == [0, 0, 0]
    stock = odd.grades("odd")
    just = {
        ("ada", "odd", name): ((stock_score, False), (our_score, False))
        for name, (_, stock_score, our_score) in odd_cells.JUST.items()
        if stock_score != our_score
    }
    found = twice.differences(stock, ours.grades("odd"))
    report("odd cells", twice.count(stock), len(found))
    assert twice.count(stock) == len(odd_cells.ODD) + len(odd_cells.JUST)
    assert found == just
    assert twice.differences(stock, strict.grades("odd")) == {}
