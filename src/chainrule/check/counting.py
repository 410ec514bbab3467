"""Cost is tested by counting calls, not by timing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Counted:
    """A function that counts its calls and keeps their positional arguments."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.inputs: list[tuple[Any, ...]] = []

    @property
    def calls(self) -> int:
        return len(self.inputs)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.inputs.append(args)
        return self.function(*args, **kwargs)


def counted(function: Callable[..., Any]) -> Counted:
    """Wrap a function so that `.calls` counts and `.inputs` keeps the arguments."""
    return Counted(function)
