"""Our commands start without what they do not need, and leave it to whoever does."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from chainrule.startup import SLOW, without_slow_imports
with without_slow_imports():
    import nbformat, jsonschema
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])
    nbformat.validate(notebook)
    notebook.cells[0]["cell_type"] = "odd"
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError:
        print("still validates")
print([name for name in SLOW if name in sys.modules])
"""


def test_notebooks_are_validated_without_the_slow_imports_and_none_stays_hidden() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["still validates", "[]"]


def test_what_is_hidden_can_be_imported_afterwards() -> None:
    from chainrule import startup

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(startup, "SLOW", ("this",))
        patch.delitem(sys.modules, "this", raising=False)
        with startup.without_slow_imports(), pytest.raises(ModuleNotFoundError):
            import this  # noqa: F401
        assert "this" not in sys.modules


def test_a_worker_process_imports_nothing_that_only_others_need() -> None:
    program = "import sys, chainrule.workers; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert "chainrule.grading" in imported
    assert not imported & {"IPython", "ipykernel", "matplotlib", "nbgrader", "pandas", "pytest", "sqlalchemy", "torch"}


NBGRADER = """
import sys
from chainrule.startup import PAGES, without_slow_imports
with without_slow_imports():
    import nbgrader.api, nbgrader.coursedir, nbgrader.apps
    print("jupyter_server" in sys.modules, nbgrader.api.Gradebook.__name__)
from importlib import import_module
print([callable(import_module(name).load_jupyter_server_extension) for name in PAGES])
"""


def test_nbgrader_comes_without_its_web_pages_and_they_can_be_imported_afterwards() -> None:
    done = subprocess.run([sys.executable, "-c", NBGRADER], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["False Gradebook", "[True, True, True, True]"]


def test_commands_that_need_no_gradebook_load_no_nbgrader() -> None:
    """It takes more than a second to import: `verify`, `try`, `grade` and `doctor` are used over and over."""
    code = """
import sys
from chainrule import grading, single, verify
from chainrule.present import grades, isolation, selftest
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"nbgrader", "sqlalchemy", "pandas"} & set(done.stdout.split())
