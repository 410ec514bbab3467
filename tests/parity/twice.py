"""Courses that are graded twice: by nbgrader alone, and with chainrule."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat

CONFIG = "c = get_config()\nc.CourseDirectory.course_id = 'parity'\n"
OURS = "from chainrule.plugins import configure\nconfigure(c)\n"
STRICT = "c.AsNbgrader.strict = True\n"

Grades = dict[tuple[str, str], tuple[float | None, bool]]
"""(notebook, cell) -> (automatic score, whether a human has to look)"""


def cell(kind: str, source: str, name: str = "", **meta: Any) -> Any:
    made = nbformat.v4.new_code_cell(source) if kind == "code" else nbformat.v4.new_markdown_cell(source)
    if name:
        flags = {"grade": "points" in meta and not meta.get("task"), "solution": False, "task": False, "locked": False}
        made.metadata["nbgrader"] = {"schema_version": 3, "grade_id": name, **flags, **meta}
    return made


def notebook(*cells: Any, kernel: str = "python3", minor: int = 5) -> Any:
    spec = {"name": kernel, "display_name": kernel, "language": "python"}
    made = nbformat.v4.new_notebook(cells=list(cells), metadata={"kernelspec": spec})
    made.nbformat_minor = minor
    if minor < 5:
        for one in made.cells:
            one.pop("id", None)
    return made


@dataclass
class Course:
    """A course folder. `settings` are lines of its nbgrader_config.py."""

    root: Path
    settings: str = ""
    refused: list[str] = field(default_factory=list)

    def assignment(self, name: str, sources: Mapping[str, Any], files: Mapping[str, str] | None = None) -> bool:
        """Add an assignment and generate its release. False if nbgrader refuses to."""
        folder = self.root / "source" / name
        folder.mkdir(parents=True)
        for stem, content in sources.items():
            write(folder / f"{stem}.ipynb", content)
        _files(folder, files)
        (self.root / "nbgrader_config.py").write_text(CONFIG + self.settings)
        done = self.nbgrader("generate_assignment", name)
        if done.returncode:
            self.refused.append(name)
        return done.returncode == 0

    def release(self, name: str, stem: str) -> Any:
        return nbformat.read(self.root / "release" / name / f"{stem}.ipynb", as_version=4)

    def submit(
        self, name: str, student: str, notebooks: Mapping[str, Any], files: Mapping[str, str] | None = None
    ) -> None:
        folder = self.root / "submitted" / student / name
        folder.mkdir(parents=True)
        for stem, content in notebooks.items():
            write(folder / f"{stem}.ipynb", content)
        _files(folder, files)

    def copy(self, root: Path, settings: str) -> Course:
        shutil.copytree(self.root, root)
        (root / "nbgrader_config.py").write_text(CONFIG + settings + self.settings)
        return Course(root, self.settings)

    def nbgrader(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._run("nbgrader", *arguments)

    def chainrule(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._run("chainrule.cli", *arguments)

    def _run(self, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        code = "from chainrule.cli import main; main()" if module == "chainrule.cli" else ""
        start = ["-c", code] if code else ["-m", module]
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}  # kernels look for it
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        done = subprocess.run(
            [sys.executable, *start, *arguments],
            cwd=self.root,
            env={**kept, "PATH": path},
            capture_output=True,
            text=True,
        )
        (self.root / f"{arguments[0]}.log").write_text(done.stdout + done.stderr)  # for whoever looks into a failure
        return done

    def grades(self, name: str) -> dict[str, Grades | None]:
        """Of each student what the gradebook says; None if the submission failed."""
        from nbgrader.api import Gradebook

        found: dict[str, Grades | None] = {
            path.parent.name: None for path in sorted(self.root.glob(f"submitted/*/{name}"))
        }
        with Gradebook(f"sqlite:///{self.root / 'gradebook.db'}") as gradebook:
            for submission in gradebook.assignment_submissions(name):
                if (self.root / "autograded" / submission.student.id / name).exists():
                    found[submission.student.id] = {
                        (part.name, grade.name): (grade.auto_score, grade.needs_manual_grade)
                        for part in submission.notebooks
                        for grade in part.grades
                    }
        return found


def write(path: Path, content: Any) -> None:
    """A notebook, or the text of a file that is to be one."""
    if isinstance(content, Path):
        shutil.copyfile(content, path)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


def _files(folder: Path, files: Mapping[str, str] | None) -> None:
    for name, text in (files or {}).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def differences(stock: Mapping[str, Grades | None], ours: Mapping[str, Grades | None]) -> dict[Any, Any]:
    """(student, notebook, cell) -> (with nbgrader, with us), where they differ; or student -> how it ended."""
    found: dict[Any, Any] = {}
    for student in sorted({*stock, *ours}):
        one, other = stock.get(student), ours.get(student)
        if one is None or other is None:
            if one is not other:
                found[student] = ("failed" if one is None else "graded", "failed" if other is None else "graded")
            continue
        for key in sorted({*one, *other}):
            if one.get(key) != other.get(key):
                found[student, *key] = (one.get(key), other.get(key))
    return found


def count(grades: Mapping[str, Grades | None]) -> int:
    return sum(len(cells or ()) for cells in grades.values())
