"""Where things are in a course folder: one stem per assignment everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from chainrule import limits
from chainrule.errors import CourseError, UnknownName
from chainrule.model import Limits

MARKS = ("nbgrader_config.py", "graders", "source")
"""Any of these makes a folder a course folder."""


@dataclass(frozen=True)
class Course:
    """A course folder. Raises `CourseError` if `root` is none."""

    root: Path

    def __post_init__(self) -> None:
        if not self.root.is_dir():
            raise CourseError(f"The course folder {self.root} does not exist.")

    @classmethod
    def find(cls, start: Path | None = None) -> Course:
        """The nearest folder at or above `start` (default: here) that is a course folder."""
        here = (start or Path.cwd()).resolve()
        for folder in (here, *here.parents):
            if any((folder / mark).exists() for mark in MARKS):
                return cls(folder)
        raise CourseError(
            f"{here} is not in a course folder: none of {', '.join(MARKS)} is here or above. "
            "Change to your course folder, or give it with --course."
        )

    @cached_property
    def id(self) -> str:
        """nbgrader's `CourseDirectory.course_id`; empty if the course has no configuration."""
        return str(self._config.get("CourseDirectory", {}).get("course_id", ""))

    def limits(self, notebook: Path) -> tuple[Limits, dict[str, float]]:
        """What student code may use in a source notebook, and the seconds of its exercises' cells by test cell.

        Raises `CourseError` for a limit that makes no sense.
        """
        return limits.together(replace(Limits(), **limits.of_config(self._config)), notebook)

    @cached_property
    def _config(self) -> Mapping[str, Any]:
        if not (self.root / "nbgrader_config.py").exists():
            return {}
        from traitlets.config import PyFileConfigLoader

        loaded: Mapping[str, Any] = PyFileConfigLoader("nbgrader_config.py", path=str(self.root)).load_config()
        return loaded

    def assignments(self) -> list[str]:
        """Ids of the assignments: folders of source/ or graders/, texts of source/."""
        names = {path.stem for path in (self.root / "source").glob("*.md")}
        for parent in ("source", "graders"):
            names |= {path.name for path in (self.root / parent).glob("*/") if not path.name.startswith((".", "_"))}
        return sorted(names)

    def require(self, assignment: str) -> str:
        """The assignment's id, or `UnknownName` with the nearest one."""
        known = self.assignments()
        if assignment not in known:
            raise UnknownName("assignment", assignment, known, str(self.root))
        return assignment

    def source(self, assignment: str) -> Path:
        return self.root / "source" / assignment

    def text(self, assignment: str) -> Path:
        return self.root / "source" / f"{assignment}.md"

    def graders(self, assignment: str) -> Path:
        return self.root / "graders" / assignment

    def release(self, assignment: str) -> Path:
        return self.root / "release" / assignment

    def notebooks(self, assignment: str) -> list[Path]:
        """The source notebooks. Raises `CourseError` if there is none."""
        found = sorted(self.source(assignment).glob("*.ipynb"))
        if not found:
            raise CourseError(
                f"{self.source(assignment)} holds no notebook. "
                f"Write {self.text(assignment).name} and run `chainrule build`, or put an .ipynb there."
            )
        return found
