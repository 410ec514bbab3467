"""What to tell the student about a failed test, and what to tell staff."""

from __future__ import annotations

import inspect
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainrule.check import Failed
from chainrule.check.ratio import describe_ratio
from chainrule.check.values import RETURNED_NONE
from chainrule.errors import StudentCrashed, StudentProcessError, StudentProtocolError, StudentTimeout
from chainrule.grader.bounded import bounded, numbers, written
from chainrule.grader.replay import Known, Run, matches
from chainrule.grader.student import Call, Object, StudentError
from chainrule.model import Status

FLOOD = 20_000
MOST_LINES = 100
"""An error beyond this line of its cell is told without the line: a cell can be padded to any length."""


@dataclass(frozen=True)
class Verdict:
    """How a test ended: its status, the words for the student, the words for staff, and the run to explain it by."""

    status: Status
    message: str = ""
    detail: str = ""
    run: Run | None = None


def verdict(
    error: BaseException,
    calls: list[Call],
    *,
    test: str,
    title: str,
    missing: str,
    seconds: float,
    facts: dict[str, Any],
    known: list[Known],
    path: Path,
    lines: int,
) -> Verdict:
    """Judge an exception that ended a test.

    missing  why names may be undefined: the student's cell failed
    path     the grader file
    lines    length of the student's cell: a line of an error that is not in it is not said
    """
    run = Run(
        test=test,
        calls=tuple(calls),
        failure=getattr(error, "message", str(error)),
        error=error.type_name if isinstance(error, StudentError) else None,
        timeout=isinstance(error, StudentTimeout),
        crashed=isinstance(error, StudentCrashed),
        relation=getattr(error, "relation", "equal"),
        facts=facts,
    )
    status, message = _judged(error, calls, title, missing, seconds, lines)
    if status is not Status.FAILED:
        return Verdict(status, message, _detail(error, calls, path.parent), replace(run, failure=message))
    finding = _finding(calls, known)
    full = " ".join(part for part in (message, finding) if part)
    if isinstance(error, Failed):
        sizes = _sizes(calls)
        # How a ratio is named is ours: 9/8 for an input of 9 samples.
        named = {n - step for n in sizes for step in (0, 1)} if error.ratio is not None else set()
        message = bounded(message, written(path) | error.ours | named, sizes)
    shown = " ".join(part for part in (message, finding) if part)
    return Verdict(status, shown, _detail(error, calls, path.parent), replace(run, failure=full))


def _called(calls: list[Call]) -> str:
    """What the test asked for last, by the grader's name for it."""
    return calls[-1].shown if calls else "code"


def _judged(
    error: BaseException, calls: list[Call], title: str, missing: str, seconds: float, lines: int
) -> tuple[Status, str]:
    called = _called(calls)
    match error:
        case Failed(ratio=float() as ratio):
            times, look = describe_ratio(ratio, _sizes(calls))
            return Status.FAILED, f"Your result is {times} what it should be. {look}"
        case Failed():
            return Status.FAILED, error.message
        case StudentTimeout():
            return Status.TIMEOUT, f"Your `{called}` was stopped: it ran for more than {seconds:g} s."
        case StudentCrashed():
            return Status.CRASHED, f"Your `{called}` ended the whole process. Something in it exits or crashes Python."
        case StudentProtocolError():
            return Status.FAILED, f"What your `{called}` returned is too large or not data."
        case StudentError():
            return Status.FAILED, _raised(error, called, missing, lines)
        case AssertionError() | pytest.fail.Exception():
            return Status.FAILED, f"This does not hold for your solution: {title}"
    if any(call.error is None and call.result is None and call.kind in ("call", "inplace") for call in calls):
        return Status.FAILED, RETURNED_NONE
    if any(_holds_object(call.result) for call in calls) and isinstance(error, (TypeError, AttributeError)):
        return Status.FAILED, "Your function returned something else than the data that was asked for."
    return Status.UNGRADED, "A fault on our side: this test could not be run. A person will look at it."


def _holds_object(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_holds_object(part) for part in value)
    return isinstance(value, Object)


def _raised(error: StudentError, called: str, missing: str, lines: int) -> str:
    inside = error.line is not None and 1 <= error.line <= min(lines, MOST_LINES)
    line = f", line {error.line} of its cell" if inside else ""
    if error.type_name == "NotImplementedError":
        return f"`{called}` is not implemented yet."
    if error.type_name == "NameError" and f"{called!r}" in str(error):
        return f"`{called}` is not defined. {missing}".strip()
    return f"Your `{called}` raised {error.label}{line}."


def _sizes(calls: list[Call]) -> list[int]:
    """Lengths of the arrays that went in: the N of a missing mean is one of them."""
    values = [value for call in calls for value in (*call.args, *call.kwargs.values())]
    return [n for value in values if isinstance(value, np.ndarray) for n in (*value.shape, value.size)]


def _finding(calls: list[Call], known: list[Known]) -> str:
    """The standard battery (course.md C12), as far as the message of the check itself does not say it."""
    for call in calls:
        if call.mutated:
            name = _argument_name(call, known)
            return f"Your function changed its argument {name}; work on a copy."
        if call.rng_touched and not any("seed" in str(key) for key in call.kwargs):
            return "Use only the generator `rng` you are given."
        if _truncated(call):
            return "Integer input is truncated; convert to float first."
        if call.printed > FLOOD:
            return f"Your function printed more than {FLOOD} characters: remove the print calls."
    return ""


def _truncated(call: Call) -> bool:
    given = [value for value in call.args if isinstance(value, np.ndarray)]
    whole = bool(given) and all(value.dtype.kind in "iu" for value in given)
    return whole and isinstance(call.result, (np.ndarray, np.integer)) and call.result.dtype.kind in "iu"


def _argument_name(call: Call, known: list[Known]) -> str:
    where = call.mutated[0]
    if isinstance(where, str):  # a keyword that the grader used
        return f"`{where}`"
    for entry in known:
        if entry.of == call.name and callable(entry.shown):
            names = list(inspect.signature(entry.shown).parameters)
            if where < len(names):
                return f"`{names[where]}`"
    return f"number {int(where) + 1}"


def _detail(error: BaseException, calls: list[Call], folder: Path) -> str:
    """For staff: the failure, the lines of the grader that led to it, the student's words, what was printed."""
    parts = [f"{type(error).__name__}: {error}" if not isinstance(error, Failed) else str(error)]
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).parent == folder]
    parts += [f"{Path(frame.filename).name}:{frame.lineno}: {frame.line}" for frame in frames]
    for call in calls[-5:]:
        parts.append(f"{call.name}({_short(call.args)}) -> {call.error or _short(call.result)}")
        if call.text:
            parts.append(f"printed: {call.text[:500]}")
    return "\n".join(parts)[:8000]


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return np.array2string(value, precision=5, threshold=12, edgeitems=2).replace("\n", " ")
    if isinstance(value, tuple):
        return ", ".join(_short(part) for part in value)
    return repr(value)[:200]


def name_misconception(known: list[Known], runs: list[Run]) -> tuple[Known, list[Run]] | None:
    """The misconception that explains most of the failed runs (the first in the file among equals), with those runs."""
    best: tuple[Known, list[Run]] | None = None
    for entry in known:
        explained = [run for run in runs if matches(entry, run)]
        if explained and (best is None or len(explained) > len(best[1])):
            best = (entry, explained)
    return best


def filled(message: str, facts: dict[str, Any]) -> str:
    """The message with `{name}` holes filled by numbers (`bounded`); a hole that no test filled becomes …"""

    class _Dots(dict[str, Any]):
        def __missing__(self, key: str) -> str:
            return "…"

    if "{" not in message:
        return message
    known = {name: value for name, value in facts.items() if _is_number(value)}
    return bounded(message.format_map(_Dots(known)), numbers(message))


def _is_number(value: Any) -> bool:
    if isinstance(value, str) and not value.isascii():  # digits of other scripts are numbers, too
        return False
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


__all__ = ["StudentProcessError", "Verdict", "filled", "name_misconception", "verdict"]
