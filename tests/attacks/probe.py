"""What a probe is, and the cell that carries it out."""

from __future__ import annotations

import inspect
import json
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
MARK = "VERDICT "
REFUSED = frozenset({"EPERM", "EACCES", "ENOENT", "ESRCH", "ENOSYS", "EROFS", "EAFNOSUPPORT", "ENXIO"})
TIERS = {
    "A": ("A", None),
    "A without Landlock": ("A", 0),
    "B+": ("B+", None),
    "B+ on Linux 5.15": ("B+", 1),
    "B": ("B", None),
    "B on Linux 6.8": ("B", 4),
    "B on Linux 5.15": ("B", 1),
}
"""Name -> tier and the version of Landlock that the kernel is made to have."""


@dataclass(frozen=True)
class Probe:
    """An attack on the machine, as a function that runs in a student's cell.

    `rows` are its numbers in the catalogue. It returns what it got, or is refused with an error: `refusals` are the
    names of errno, "Nothing" (it ran and brought nothing), "MemoryError", "killed" (the process, or the child that it
    used). `open_in` says of tiers where the attack works why that is so. `no_control` says why there is no proof that
    it works where nothing protects. `effect` is what must have changed outside for it to have worked.
    """

    rows: tuple[int, ...]
    function: Callable[..., Any]
    refusals: frozenset[str]
    open_in: Mapping[str, str]
    no_control: str
    effect: str

    @property
    def name(self) -> str:
        return self.function.__name__


PROBES: list[Probe] = []


def in_b(reason: str) -> dict[str, str]:
    """A reason that holds for tier B, whatever the kernel."""
    return {tier: reason for tier, (name, _) in TIERS.items() if name == "B"}


def in_both_b(reason: str) -> dict[str, str]:
    """A reason that holds for tier B, in a bubblewrap and without one."""
    return {tier: reason for tier, (name, _) in TIERS.items() if name != "A"}


def probe(
    *rows: int,
    by: str = "",
    open_in: Mapping[str, str] | None = None,
    no_control: str = "",
    effect: str = "",
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a probe. `by`: what refuses it besides the usual errors of a system call that is not allowed."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        PROBES.append(Probe(rows, function, REFUSED | set(by.split()), open_in or {}, no_control, effect))
        return function

    return register


def cell(attack: Probe, targets: Mapping[str, Any]) -> str:
    """The source of a cell that carries out the attack on these targets and prints a verdict."""
    lines = inspect.getsource(attack.function).splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("def "))
    return "\n".join(
        [
            (HERE / "prelude.py").read_text(encoding="utf-8"),
            *lines[start:],
            textwrap.dedent(f"""
                import json, types
                try:
                    _verdict = ["open", str({attack.name}(types.SimpleNamespace(**{dict(targets)!r})))]
                except OSError as error:
                    _verdict = [errno.errorcode.get(error.errno, type(error).__name__), repr(error)]
                except BaseException as error:
                    _verdict = [type(error).__name__, repr(error)]
                print({MARK!r} + json.dumps([text[:300] for text in _verdict]))
            """),
        ]
    )


def verdict(printed: str) -> tuple[str, str] | None:
    """("open" or the kind of refusal, details) from what a cell printed; None if it did not come that far."""
    for line in printed.splitlines():
        if line.startswith(MARK):
            kind, details = json.loads(line.removeprefix(MARK))
            return kind, details
    return None


__all__ = ["PROBES", "TIERS", "Probe", "cell", "in_b", "in_both_b", "probe", "verdict"]
