"""Attacks by what is handed in: a notebook that is not the released one, files beside it, files that are none."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.attacks.attack import LEFT, RIGHT, Attack, cells_named

EVIL = "print('evil-module')\ndef __getattr__(name): raise AttributeError('evil-module')\n"


def _edit(name: str, **changes: Any) -> Callable[[dict[str, Any]], object]:
    """Change fields of the cell `name`, or (with a capital) of its nbgrader metadata."""

    def change(notebook: dict[str, Any]) -> None:
        for cell in cells_named(notebook, name):
            for key, value in changes.items():
                place = cell["metadata"]["nbgrader"] if key[0].isupper() else cell
                place[key.lower()] = value

    return change


def _delete(name: str) -> Callable[[dict[str, Any]], object]:
    def change(notebook: dict[str, Any]) -> None:
        notebook["cells"] = [cell for cell in notebook["cells"] if cell not in cells_named(notebook, name)]

    return change


def _duplicate(name: str, source: str | None = None, first: bool = False) -> Callable[[dict[str, Any]], object]:
    def change(notebook: dict[str, Any]) -> None:
        (cell,) = cells_named(notebook, name)
        copy = json.loads(json.dumps(cell)) | ({"source": source} if source is not None else {})
        copy["id"] = "copied"
        notebook["cells"].insert(notebook["cells"].index(cell) + (not first), copy)

    return change


def _swap(notebook: dict[str, Any]) -> None:
    """The test of `twice` takes the name of the test of `thrice`, and the other way round."""
    (one,), (other,) = cells_named(notebook, "test_twice"), cells_named(notebook, "test_thrice")
    one["metadata"]["nbgrader"]["grade_id"], other["metadata"]["nbgrader"]["grade_id"] = "test_thrice", "test_twice"


def _link(path: Path, course: Path) -> None:
    (path.parent / "link.txt").symlink_to(course / "gradebook.db")
    (path.parent / "folder").symlink_to(course / "graders")


def _instead(make: Callable[[Path, Path], object]) -> Callable[[Path, Path], object]:
    def change(path: Path, course: Path) -> None:
        path.unlink()
        make(path, course)

    return change


NOTEBOOKS = [
    # the notebook
    Attack("test deleted", (27,), change=_delete("test_twice")),
    Attack("solution deleted", (27,), change=_delete("twice")),
    Attack("test duplicated", (28,), change=_duplicate("test_twice", "pass")),
    Attack("test duplicated before", (28,), change=_duplicate("test_twice", "pass", first=True)),
    Attack("solution duplicated", (28,), RIGHT, change=_duplicate("twice", ""), deserves=(3.0, 3.0)),
    Attack("old metadata", (29,), change=_edit("test_twice", Schema_version=1)),
    Attack("test is a solution", (30,), change=_edit("test_twice", Solution=True, source="pass")),
    Attack("test is not graded", (30,), change=_edit("test_twice", Grade=False)),
    Attack("test edited", (31,), change=_edit("test_twice", source="pass")),
    Attack("names swapped", (31,), change=_swap, deserves=(0.0, 0.0)),
    Attack("points edited", (31,), change=_edit("test_thrice", Points=300)),
    Attack("test is a text", (31,), change=_edit("test_twice", cell_type="markdown")),
    Attack(
        "outputs filled in",
        (32,),
        change=_edit(
            "test_twice",
            outputs=[
                {"output_type": "execute_result", "data": {"text/plain": "3"}, "metadata": {}, "execution_count": 1}
            ],
        ),
    ),
    Attack(
        "hostile kernel",
        (66,),
        RIGHT,
        change=lambda n: n["metadata"].update(
            kernelspec={"name": "../../evil", "display_name": "x", "argv": ["touch", f"{LEFT}-kernel"]}
        ),
        deserves=(3.0, 3.0),
    ),
    # files
    Attack(
        "modules beside the notebook",
        (33,),
        RIGHT,
        files=dict.fromkeys(
            (
                "numpy.py",
                "sitecustomize.py",
                "usercustomize.py",
                "conftest.py",
                "chainrule.py",
                "pytest.py",
                "IPython.py",
                "test_twice.py",
                "json.py",
                "chainrule/__init__.py",
            ),
            EVIL,
        )
        | {
            "pytest.ini": ("[pytest]\naddopts = --co\n"),
            ".ipython/profile_default/startup/evil.py": EVIL,
            "gradebook.db": "x",
        },
        deserves=(3.0, 3.0),
    ),
    Attack(
        "pickle beside the notebook",
        (37,),
        RIGHT,
        files={"model.pt": (f"cposix\nsystem\n(S'touch {LEFT}-pickle'\ntR.".encode())},
        deserves=(3.0, 3.0),
    ),
    Attack(
        "links beside the notebook",
        (57,),
        (
            "import os\n"
            "for path in ('link.txt', 'folder/t1/test_twice.py'):\n"
            "    try: print(open(path, errors='replace').read()[:9000])\n"
            "    except OSError as error: print(error)\n"
        )
        + RIGHT,
        raw=_link,
        deserves=(3.0, 3.0),
    ),
    Attack(
        "pipe beside the notebook",
        (58,),
        RIGHT,
        raw=lambda path, _: os.mkfifo(path.parent / "data.csv"),
        deserves=(3.0, 3.0),
    ),
    Attack(
        "name that is not text",
        (62,),
        RIGHT,
        raw=lambda path, _: Path(os.fsdecode(os.fsencode(path.parent) + b"/\xff\xfe.txt")).write_text("x"),
        deserves=(3.0, 3.0),
    ),
    Attack(
        "notebook is a link",
        (57,),
        raw=_instead(lambda path, course: path.symlink_to(course / "source/t1/t1.ipynb")),
        deserves=(0.0, 0.0),
    ),
    Attack("notebook is a pipe", (58,), raw=_instead(lambda path, _: os.mkfifo(path)), deserves=(0.0, 0.0)),
    Attack(
        "notebook is UTF-16",
        (62,),
        raw=lambda path, _: path.write_bytes(path.read_text().encode("utf-16")),
        deserves=(0.0, 0.0),
    ),
    Attack(
        "notebook is cut", (62,), raw=lambda path, _: path.write_bytes(path.read_bytes()[:900]), deserves=(0.0, 0.0)
    ),
    Attack("notebook is deep", (63,), raw=lambda path, _: path.write_text("[" * 100_000), deserves=(0.0, 0.0)),
    Attack("notebook is large", (64,), raw=lambda path, _: os.truncate(path, 200 << 20), deserves=(0.0, 0.0)),
    Attack("surrogate", (65,), "text = '\ud800'\n" + RIGHT, deserves=(3.0, 3.0)),
]
