"""Replays the calls of a failed test on a misconception: the one whose results are the student's names the mistake."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from chainrule import check
from chainrule.grader.declare import Misconception
from chainrule.grader.student import Call, Object, Reference
from chainrule.worker import wire

REPLAY_SECONDS = 2.0
"""Of processor time: what a mistake is called does not depend on what else the machine does."""


@dataclass(frozen=True)
class Run:
    """A failed test, as a misconception's `when` sees it. `failure` is the message, `error` a type's name."""

    test: str
    calls: tuple[Call, ...]
    failure: str = ""
    error: str | None = None
    timeout: bool = False
    crashed: bool = False
    relation: str = "equal"
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Known:
    """A misconception with the function, class or value that shows it, and the name it stands for."""

    declaration: Misconception
    name: str
    of: str
    shown: Any


class _Late(Exception):
    """A replay took too long."""


def matches(known: Known, run: Run) -> bool:
    """Whether the misconception explains the failed run. Never raises: what goes wrong in a replay is no match."""
    try:
        with _time_limit(REPLAY_SECONDS), np.errstate(all="ignore"):
            if known.declaration.when is not None:
                return bool(known.declaration.when(run))
            return _replays(known, run)
    except Exception:
        return False


def _replays(known: Known, run: Run) -> bool:
    made: dict[int, Any] = {}
    compared = 0
    for call in run.calls:
        owner = made.get(call.target) if call.target is not None else None
        if owner is None and call.name != known.of:
            continue
        if call.kind in ("value", "symbolic"):
            value = known.shown() if callable(known.shown) else known.shown
            same = _same_formula(call.result, value, run.relation) if call.kind == "symbolic" else None
            if not (_same(call.result, value, made) if same is None else same):
                return False
        elif call.helper is not None:
            theirs = replace(call, args=_substituted(call.args, known))
            if not _same_call(theirs, _local(call.helper, made), made, run):
                return False
        elif not _same_call(call, getattr(owner, call.name) if owner is not None else known.shown, made, run):
            return False
        compared += 1
    return compared > 0


def _same_call(call: Call, function: Callable[..., Any], made: dict[int, Any], run: Run) -> bool:
    args = _local(call.args, made)
    try:
        value = function(*args, **_local(call.kwargs, made))
        if call.kind == "inplace":
            value = (value, tuple(args))
    except _Late:
        raise
    except BaseException as error:
        return call.error == type(error).__name__
    if call.error is not None or (call.result is None and value is not None):
        return False
    return _same(call.result, value, made)


def _substituted(args: tuple[Any, ...], known: Known) -> tuple[Any, ...]:
    """Arguments of a helper, with the misconception in place of the function of the student's."""
    return tuple(known.shown if isinstance(arg, Reference) and arg.__name__ == known.of else arg for arg in args)


def _local(value: Any, made: dict[int, Any]) -> Any:
    """Recorded arguments as this process can use them."""
    kind = type(value)
    if kind in (list, tuple):
        return kind(_local(part, made) for part in value)
    if kind is dict:
        return {key: _local(part, made) for key, part in value.items()}
    if kind is Object:
        return made[value._handle.id]
    if kind is Reference:
        raise LookupError("another function of the student's cannot be replayed")
    if kind is wire.Shipped:
        namespace: dict[str, Any] = dict(value.bindings)
        exec(compile(value.source, "<helper>", "exec"), namespace)  # the grader's own source
        namespace.update(value.bindings)
        return namespace[value.name]
    if kind is check.Counted:
        return check.counted(value.function)
    return value.copy() if isinstance(value, np.ndarray) else value


def _same(theirs: Any, ours: Any, made: dict[int, Any]) -> bool:
    """Equal up to rounding; an object of the student's stands for whatever the replay made."""
    if isinstance(theirs, Object):
        made[theirs._handle.id] = ours
        return not _is_data(ours)
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return theirs.keys() == ours.keys() and all(_same(theirs[key], ours[key], made) for key in theirs)
    if isinstance(theirs, (list, tuple)) and isinstance(ours, (list, tuple)) and not _numeric(theirs):
        return len(theirs) == len(ours) and all(_same(a, b, made) for a, b in zip(theirs, ours, strict=True))
    if theirs is None or ours is None or isinstance(theirs, str) or isinstance(ours, str):
        return bool(type(theirs) is type(ours) and theirs == ours)
    a, b = (np.asarray(x.detach() if hasattr(x, "detach") else x) for x in (theirs, ours))
    if a.dtype.kind not in "biufc" or b.dtype.kind not in "biufc":
        return False
    scale = float(np.max(np.abs(b[np.isfinite(b)]), initial=0.0))
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=1e-6, atol=1e-9 * max(1.0, scale), equal_nan=True))


def _is_data(value: Any) -> bool:
    try:
        wire.encode(value)
    except wire.WireError:
        return False
    return True


def _numeric(value: Any) -> bool:
    return all(isinstance(part, (bool, int, float, np.generic)) for part in value)


def _same_formula(theirs: Any, ours: Any, relation: str) -> bool:
    """Equal expressions; or the same class of growth, if growth was asked for; or refused for the same reason."""
    compare = check.theta if relation == "theta" else check.symbolic
    try:
        names = " ".join(sorted({symbol.name for symbol in getattr(ours, "free_symbols", ())}))
        compare(theirs, 1 if _refused(ours, names) else ours, symbols=names)
    except check.Failed as failure:
        return _refused(ours, names) == failure.message
    return not _refused(ours, names)


def _refused(expression: Any, names: str) -> str | None:
    """Why the checks would not even compare the expression, or None."""
    import sympy

    from chainrule.check.expression import Builder

    try:
        Builder([sympy.Symbol(name) for name in names.split()]).build(expression)
    except check.Failed as failure:
        return failure.message
    return None


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: Any) -> None:
        raise _Late

    previous = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, previous)
