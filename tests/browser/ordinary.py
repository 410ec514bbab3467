"""A submission as most are: something of everything that a feedback page can show."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.plugins.pieces import b64, display, error, png, stream

from chainrule.model import ExerciseResult, Note, Outcome, Status

LONG = "x = " + " + ".join(f"some_name_{number}" for number in range(40))
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="200" height="80"><circle cx="40" cy="40" r="30"/></svg>'
ANSWER = """*Proof.* By the chain rule $\\nabla L(\\varphi(t)) \\cdot \\varphi'(t) = 0$.

1. first
2. second with `code`

$$\\|\\varphi - \\varphi^*\\| \\le \\frac{\\|\\nabla L(\\varphi)\\|}{2\\lambda_{\\min}(A)}$$

| a | b |
|---|---|
| 1 | 2 |
"""


def outcome(
    name: str, status: Status, earned: float, full: float, message: str = "", named: str | None = None
) -> Outcome:
    return Outcome("f", name, f"It is {name}.", earned, full, status, message, misconception=named)


def cells(cell: Callable[..., dict[str, Any]]) -> list[dict[str, Any]]:
    drawn = [stream("epoch 1\n" * 200), display(image__png=b64(png(3, 2))), display(**{"image/svg+xml": SVG})]
    return [
        cell("markdown", "# Sheet\n\n## Exercise 1 · `line_grad`"),
        cell("code", f"def f(x):\n    {LONG}\n    return x", "f", solution=True, outputs=drawn),
        cell("code", "check", "test_f", points=10, outputs=[error("CheckFailed", "differs", "CheckFailed: differs")]),
        cell("markdown", "## Exercise 2 · all right"),
        cell("code", "def g(x): return x", "g", solution=True),
        cell("code", "assert g(1) == 1", "test_g", points=4),
        cell("markdown", "## Exercise 3 · a fault"),
        cell("code", "def h(x): return x", "h", solution=True),
        cell("code", "check", "test_h", points=4),
        cell("markdown", "## Question M1 · When to stop"),
        cell("markdown", ANSWER, "m1", points=6, solution=True),
        cell("markdown", "## Question M2 · Level lines"),
        cell("markdown", "Not sure.", "m2", points=6, solution=True),
    ]


def ordinary_page(feedback_in: Callable[..., str], cell: Callable[..., dict[str, Any]], folder: Path) -> str:
    """The page of a late submission with an extension: partly right, right, ungraded, read and unread parts."""

    def extended(gradebook: Any) -> None:
        gradebook.find_submission("a01", "ada").extension = timedelta(hours=1)
        gradebook.db.commit()

    results = [
        ExerciseResult("f", "test_f", 10, (
            outcome("right at zero", Status.PASSED, 3, 3),
            outcome("right elsewhere", Status.PASSED, 4, 4),
            outcome("fast", Status.FAILED, 0, 3, "It took `2.1 s` for $n = 10^4$.", "Use a sum, not a loop."),
        )),
        ExerciseResult("h", "test_h", 4, (outcome("h", Status.UNGRADED, 0, 4),)),
    ]  # fmt: skip
    return feedback_in(
        folder,
        cells(cell),
        scores={
            "test_f": {"auto_score": 7},
            "test_h": {"auto_score": None, "needs_manual_grade": True},
            "m1": {"auto_score": None, "manual_score": 5, "extra_credit": 0.5},
            "m2": {"auto_score": None, "needs_manual_grade": True},
        },
        comments={"m1": "Well argued.\n\nFor $d > 1$ say which `norm` you mean: a < b?", "f": "See me."},
        results=results,
        notes=[Note("restored", "", "test_f")],
        penalty=1.0,
        also=extended,
    )
