"""What a course says about its review pages: `review.toml` beside `nbgrader_config.py`.

    formgrader = "http://localhost:8888/formgrader"   # where Formgrader runs
    graders = ["ana", "ben"]                          # who shares the class
    anonymous = false                                 # names stay off the pages

    [comments.a01_linear_models]
    m1 = ["A comment that fits many answers.", "Another one."]

It is not in graders/ or source/: a change there would grade the class again, or be released to students.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from chainrule.course import Course
from chainrule.errors import CourseError

FILE = "review.toml"
FORMGRADER = "http://localhost:8888/formgrader"


@dataclass(frozen=True)
class Settings:
    """`comments` maps an assignment to its questions (grade_ids) to prepared texts. Raises `CourseError`."""

    formgrader: str = FORMGRADER
    graders: tuple[str, ...] = ()
    anonymous: bool = False
    comments: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        address = urlsplit(self.formgrader)
        if address.scheme not in ("http", "https") or not address.netloc:
            raise CourseError(
                f"{self.formgrader!r} is no address of Formgrader. Give one like {FORMGRADER}, in {FILE} or with "
                "--formgrader; in a hub it contains the user's name."
            )
        twice = sorted({name for name in self.graders if self.graders.count(name) > 1})
        if twice or not all(name.strip() for name in self.graders):
            raise CourseError(
                f"The names of the graders have to be different and not empty: {', '.join(self.graders)}."
            )

    def changed(self, graders: str | None, formgrader: str | None, anonymous: bool) -> Settings:
        """These settings with what a command line says instead; `graders` are names with commas between."""
        names = self.graders if graders is None else tuple(part.strip() for part in graders.split(",") if part.strip())
        return replace(
            self,
            graders=names,
            formgrader=self.formgrader if formgrader is None else formgrader,
            anonymous=anonymous or self.anonymous,
        )


def load(course: Course) -> Settings:
    """The course's settings, or the defaults without a file. Raises `CourseError` for one that makes no sense."""
    path = course.root / FILE
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CourseError(f"{path} is not TOML: {error}. Correct it.") from None
    return _read(given, str(path))


def _read(given: Mapping[str, Any], where: str) -> Settings:
    types = {"formgrader": str, "graders": list, "anonymous": bool, "comments": dict}
    for key, value in given.items():
        if key not in types:
            raise CourseError(f"{where}: {key!r} is not known. Known: {', '.join(types)}.")
        if not isinstance(value, types[key]):
            raise CourseError(f"{where}: {key} is {value!r}, which is no {types[key].__name__}. Correct it.")
    if not _texts(given.get("graders", [])):
        raise CourseError(f"{where}: graders has to be a list of names.")
    comments: dict[str, dict[str, tuple[str, ...]]] = {}
    for assignment, questions in given.get("comments", {}).items():
        if not isinstance(questions, dict) or not all(_texts(texts) for texts in questions.values()):
            raise CourseError(f"{where}: [comments.{assignment}] has to give each question a list of texts.")
        comments[assignment] = {question: tuple(texts) for question, texts in questions.items()}
    plain = {key: given[key] for key in ("formgrader", "anonymous") if key in given}
    return Settings(**plain, graders=tuple(given.get("graders", ())), comments=comments)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)
