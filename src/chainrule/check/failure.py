"""The one way a check fails."""

from __future__ import annotations

from collections.abc import Iterable


class Failed(AssertionError):
    """A check does not hold.

    `message` says what differs and where to look; it holds nothing of a hidden test and may be shown to the student.
    `detail` holds values: shown in the notebook's visible checks and to staff.
    `ratio` is student / expected where that is one constant; `relation` is what was compared: "equal" or "theta".
    `ours` are the numbers in the message that are not the student's: of the others a grader shows few and small ones.
    """

    def __init__(
        self,
        message: str,
        detail: str = "",
        *,
        ratio: float | None = None,
        relation: str = "equal",
        ours: Iterable[float] = (),
    ) -> None:
        self.message, self.detail, self.ratio, self.relation = message, detail, ratio, relation
        self.ours = frozenset(ours)
        super().__init__(f"{message}\n{detail}" if detail else message)

    def _render_traceback_(self) -> list[str]:
        """What Jupyter prints instead of a traceback through our code."""
        return [f"✗ {self.message}", *self.detail.splitlines()]


def fail(message: str, detail: str = "") -> None:
    """Raise `Failed`."""
    raise Failed(message, detail)


def that(condition: object, message: str, detail: str = "", what: str = "") -> None:
    """Require a condition; the message says what differs and where to look."""
    if not condition:
        raise Failed(message, detail)
    passed(what)


def passed(what: str) -> None:
    """Print the line of a check that holds, if it has a name."""
    if what:
        print(f"✓ {what}")


def prefixed(what: str, message: str) -> str:
    """The message with the name of its case before it."""
    return f"{what}: {message}" if what else message
