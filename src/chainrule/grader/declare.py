"""What a grader file says about its exercise: points of tests, misconceptions, alternatives, helpers to ship."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from chainrule.grader.ship import shipped_source
from chainrule.worker import wire

T = TypeVar("T", bound=Callable[..., Any])
MARK = "__chainrule__"


@dataclass(frozen=True)
class Misconception:
    """A named wrong solution. `when` recognises it from a test's run instead of by replay."""

    message: str
    of: str | None = None
    when: Callable[[Any], bool] | None = None


@dataclass(frozen=True)
class Alternative:
    """A right solution in another form."""

    title: str
    of: str | None = None


def points(n: float, *, seeds: int = 4, seconds: float | None = None) -> Callable[[T], T]:
    """Mark a test as worth `n` points; it runs once for each of `seeds` seeds (the last is the student's own).

    `seconds` is the time that the student's code has for all of them together; None: what the limits of the course or
    the assignment say (`test_seconds`).
    """

    def mark(test: T) -> T:
        own = {} if seconds is None else {"seconds": seconds}
        marked: T = pytest.mark.points(n, seeds=seeds, **own)(test)
        return marked

    return mark


def misconception(
    message: str, *, of: str | None = None, when: Callable[[Any], bool] | None = None
) -> Callable[[T], T]:
    """Declare a wrong solution of the exercise (or of the name `of`) and what to tell its author."""
    return _declared(Misconception(message, of, when))


def alternative(title: str, *, of: str | None = None) -> Callable[[T], T]:
    """Declare a right solution of the exercise (or of the name `of`) in another form."""
    return _declared(Alternative(title, of))


def _declared(declaration: Misconception | Alternative) -> Callable[[T], T]:
    def mark(function: T) -> T:
        setattr(function, MARK, declaration)
        return function

    return mark


def helper(function: Callable[..., Any], **bindings: Any) -> wire.Shipped:
    """Ship a module-level function of the grader file as source, to live beside the student's code.

    `bindings` are data bound as its globals. Imports and functions of the file that it uses travel along.
    """
    path = Path(inspect.getsourcefile(function) or "")
    source = shipped_source(path.read_text(encoding="utf-8"), function.__name__, without=set(bindings))
    return wire.Shipped(function.__name__, source, tuple(bindings.items()))
