"""The student's notebook as a grader sees it: functions to call, objects to hold, nothing that runs here."""

from __future__ import annotations

import builtins
import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chainrule.check import Failed, known
from chainrule.check.names import known_error
from chainrule.sandbox import Connection, Reply
from chainrule.worker import wire

SAFE_ERRORS = frozenset(
    """
    ArithmeticError AssertionError AttributeError BufferError EOFError Exception FileNotFoundError FloatingPointError
    ImportError IndexError KeyError LookupError MemoryError ModuleNotFoundError NameError NotImplementedError OSError
    OverflowError PermissionError RecursionError RuntimeError StopIteration TypeError UnicodeError ValueError
    ZeroDivisionError
    """.split()
)
"""Exceptions of student code that arrive as themselves. SystemExit, KeyboardInterrupt and pytest's own never do."""


class StudentError(Exception):
    """The student's code raised. `type_name`, the text and the `line` are what its process says.

    `label` is what a message may call it.
    """

    type_name = "Exception"
    label = "Exception"
    line: int | None = None


def _student_error(error: dict[str, Any]) -> StudentError:
    name = next((name for name in error["types"] if name in SAFE_ERRORS), None)
    bases = (StudentError, getattr(builtins, name)) if name and name != "Exception" else (StudentError,)
    result: StudentError = type(f"Student{name or 'Error'}", bases, {})(error["text"][:2000])
    result.type_name = (error["types"] or ["Exception"])[0][:60]
    result.label = known_error(error["types"])
    result.line = error["line"]
    return result


@dataclass
class Call:
    """One recorded request: what was asked, with which arguments, and what came back.

    `helper` is the function that ran beside the student's code, if one did; the name is then that of the first function
    of the student's among its arguments. The name of an object is what its process says: a message takes `shown`.
    """

    kind: str
    name: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    target: int | None = None
    result: Any = None
    error: str | None = None
    mutated: tuple[Any, ...] = ()
    rng_touched: bool = False
    printed: int = 0
    text: str = ""
    seconds: float = 0.0
    helper: wire.Shipped | None = None
    shown: str = ""


class Reference:
    """A function of the student's, called by `()`; given as an argument without a call it is the function itself."""

    def __init__(self, student: Student, target: Any, name: str, attribute: str | None, shown: str = "") -> None:
        self._student, self._target, self._name, self._attribute = student, target, name, attribute
        self.__name__ = attribute or name
        self._shown = attribute or shown or name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._student._call("call", self, args, kwargs)


class Object:
    """An object that stays on the student's side. Methods can be called; used as data it fails the check.

    `student_type` is what its process calls its type; `student_object` is what a message may call it.
    """

    def __init__(self, student: Student, handle: wire.Handle) -> None:
        self._student, self._handle = student, handle
        self.student_type = handle.type_name
        asked = handle.type_name in student._asked  # a class of the student's, by the name that the grader gave
        label = handle.type_name if asked else known(handle.type_name, "")
        self.student_object = f"an object of type {label}" if label else "an object of your own"
        self._shown = label or "object"

    def __getattr__(self, name: str) -> Reference:
        if name.startswith("__"):
            raise AttributeError(name)
        return Reference(self._student, self._handle, self.student_type, name, self._shown)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return Reference(self._student, self._handle, self.student_type, None, self._shown)(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<student's {self.student_type}>"

    def _not_data(self, *_: Any, **__: Any) -> Any:
        raise Failed(f"Expected data, got {self.student_object}.")

    __array__ = __iter__ = __len__ = __getitem__ = __float__ = __int__ = __bool__ = __contains__ = _not_data
    __add__ = __sub__ = __mul__ = __truediv__ = __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __neg__ = _not_data
    __lt__ = __le__ = __gt__ = __ge__ = __abs__ = __matmul__ = __rmatmul__ = _not_data


class Student:
    """The notebook after the exercise's cell. Every attribute is a function of the student's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._handles: dict[int, Object] = {}
        self._asked: set[str] = set()
        self.calls: list[Call] = []

    def __getattr__(self, name: str) -> Reference:
        if name.startswith("_"):
            raise AttributeError(name)
        self._asked.add(name)
        return Reference(self, wire.GlobalName(name), name, None)

    def value(self, target: str | Object, attribute: str | None = None) -> Any:
        """The data of a variable (by name), or of an attribute of an object."""
        reference = wire.GlobalName(target) if isinstance(target, str) else target._handle
        name, shown = (target, target) if isinstance(target, str) else (target.student_type, target._shown)
        call = Call("value", name, (attribute,), shown=shown)
        return self._record(call, lambda: self._connection.request("value", reference, attribute))

    def symbolic(self, name: str) -> Any:
        """An expression (or number, or text) as a tree of data for `check.symbolic` and `check.theta`."""
        return self._record(Call("symbolic", name, shown=name), lambda: self._connection.request("symbolic", name))

    def has(self, name: str) -> bool:
        """Whether the notebook defines the name."""
        return self._connection.request("has", name).value is True

    def inplace(self, function: str | Reference, *args: Any, **kwargs: Any) -> tuple[Any, tuple[Any, ...]]:
        """Call a function; returns its result and its arguments as they are afterwards."""
        reference = getattr(self, function) if isinstance(function, str) else function
        result: tuple[Any, tuple[Any, ...]] = self._call("inplace", reference, args, kwargs)
        return result

    def printed(self, function: str | Reference, *args: Any, **kwargs: Any) -> tuple[Any, str]:
        """Call a function; returns its result and the text that it printed."""
        reference = getattr(self, function) if isinstance(function, str) else function
        result = self._call("call", reference, args, kwargs)
        return result, self.calls[-1].text

    def beside(self, shipped: wire.Shipped, *args: Any, **kwargs: Any) -> Any:
        """Run a `helper(…)` on the student's side, with functions of the student's (`student.f`) among its arguments.

        For what does not cross: a generator of random numbers, an iterator, thousands of calls.
        """
        return self._call("call", Reference(self, shipped, shipped.name, None), args, kwargs)

    def _call(self, kind: str, reference: Reference, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        callbacks: dict[int, Callable[..., Any]] = {}
        sent = [self._sendable(part, callbacks) for part in (list(args), dict(kwargs))]
        target = reference._target.id if isinstance(reference._target, wire.Handle) else None
        name = reference._attribute or reference._name
        call = Call(kind, name, _copied(args), _copied(kwargs), target=target, shown=reference._shown)
        if isinstance(reference._target, wire.Shipped):
            call.helper = reference._target
            function = next((arg for arg in args if isinstance(arg, Reference)), reference)
            call.name, call.shown = function.__name__, function._shown
        return self._record(
            call,
            lambda: self._connection.request(kind, reference._target, reference._attribute, *sent, callbacks=callbacks),
        )

    def _record(self, call: Call, request: Callable[[], Reply]) -> Any:
        self.calls.append(call)
        start = time.perf_counter()
        try:
            reply = request()
        finally:
            call.seconds = time.perf_counter() - start
        facts = reply.facts
        call.mutated = _places(facts.get("mutated"), call)
        call.rng_touched = facts.get("rng_touched") is True
        call.printed = facts["printed"] if type(facts.get("printed")) is int else 0
        call.text = facts["text"][:20_000] if type(facts.get("text")) is str else ""
        if reply.error is not None:
            call.error = (reply.error["types"] or ["Exception"])[0][:60]
            raise _student_error(reply.error)
        call.result = self._received(reply.value)
        return _copied(call.result)

    def _sendable(self, value: Any, callbacks: dict[int, Callable[..., Any]]) -> Any:
        if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
            return type(value)(self._sendable(part, callbacks) for part in value)
        if type(value) is dict:
            return {key: self._sendable(part, callbacks) for key, part in value.items()}
        if isinstance(value, Object):
            return value._handle
        if isinstance(value, Reference):
            return value._target
        if callable(value) and not isinstance(value, wire.Shipped):
            callbacks[len(callbacks) + 1] = lambda *args, **kwargs: self._plain(value(*args, **kwargs))
            return wire.Callback(len(callbacks))
        return value

    def _plain(self, value: Any) -> Any:
        return value._handle if isinstance(value, Object) else value

    def _received(self, value: Any) -> Any:
        kind = type(value)
        if kind is wire.Handle:
            return self._handles.setdefault(value.id, Object(self, value))
        if kind in (list, tuple):
            return kind(self._received(part) for part in value)
        if kind is dict:
            return {key: self._received(part) for key, part in value.items()}
        return value


def _places(claimed: Any, call: Call) -> tuple[Any, ...]:
    """Those of the claimed positions and names that are an argument of the call."""
    there = {*range(len(call.args)), *call.kwargs}
    parts = claimed if type(claimed) in (list, tuple) else ()
    return tuple(dict.fromkeys(part for part in parts if type(part) in (int, str) and part in there))


def _copied(value: Any) -> Any:
    """A copy that later changes of arrays in the test cannot reach; functions and student objects stay themselves."""
    kind = type(value)
    if kind in (list, tuple):
        return kind(_copied(part) for part in value)
    if kind is dict:
        return {key: _copied(part) for key, part in value.items()}
    if callable(value) or isinstance(value, (Object, Reference, wire.Shipped)):
        return value
    return copy.deepcopy(value)
