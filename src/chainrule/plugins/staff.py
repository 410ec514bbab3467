"""What TAs and instructors see of an exercise: every test with values, tracebacks and times, in formgrader.

All of it may come from students' code, and formgrader shows it on the Jupyter origin, where a script could change
grades. So every text is plain and escaped, and stands where MathJax does not look: `\\href{javascript:…}` is TeX.
"""

from __future__ import annotations

import html
from typing import Any

from chainrule.model import ExerciseResult, Outcome, Status
from chainrule.plugins.feedback_outputs import STAFF
from chainrule.plugins.untrusted import line, plain

WORDS = {
    Status.PASSED: "✓ passed",
    Status.FAILED: "✗ failed",
    Status.TIMEOUT: "✗ timeout",
    Status.CRASHED: "✗ crashed",
    Status.UNGRADED: "? ungraded",
}

WRAP = "white-space: pre-wrap; overflow-wrap: anywhere"
NARROW = "text-align: left; vertical-align: top; padding: 2px 8px; white-space: nowrap"
WIDE = f"text-align: left; vertical-align: top; padding: 2px 8px; {WRAP}; width: 50%"

DETAIL = 8_000
"""Most characters of one test's detail."""


def staff_output(result: ExerciseResult) -> dict[str, Any]:
    """The report as an output of the test cell, marked so that the students' page leaves it out."""
    text, page = staff_report(result)
    return {
        "output_type": "display_data",
        "data": {"text/plain": text, "text/html": page},
        "metadata": {"chainrule": STAFF},
    }


def staff_report(result: ExerciseResult) -> tuple[str, str]:
    """The report on one exercise as plain text and as HTML."""
    return _text(result), _html(result)


def _score(result: ExerciseResult) -> str:
    if result.points is None:
        return f"ungraded (of {result.max_points:g} points): a fault of the grader or the platform, see the details"
    return f"{result.points:g} of {result.max_points:g} points"


def _misconception(result: ExerciseResult) -> str:
    named = (outcome.misconception for outcome in result.outcomes if outcome.misconception)
    return plain(result.misconception or next(named, ""), 1500)


def _text(result: ExerciseResult) -> str:
    lines = [f"{line(result.exercise, 100)}: {_score(result)}"]
    if misconception := _misconception(result):
        lines.append(f"  misconception: {line(misconception, 1500)}")
    for outcome in result.outcomes:
        lines.append(
            f"  {WORDS[outcome.status]:<10}  {outcome.points:g}/{outcome.max_points:g}  {outcome.seconds:6.2f} s"
            f"  {line(outcome.title or outcome.test, 300)}"
        )
        for name, part in (("message", outcome.message), ("detail", outcome.detail)):
            if shown := plain(part, DETAIL).strip("\n"):
                lines.append(f"      {name}: " + shown.replace("\n", "\n        "))
    if not result.outcomes:
        lines.append("  No test of this exercise has a result.")
    return "\n".join(lines)


def _html(result: ExerciseResult) -> str:
    head = "".join(
        f'<th scope="col" style="{NARROW}">{name}</th>' for name in ("Status", "Points", "Seconds", "Test", "Message")
    )
    rows = "".join(_row(outcome) for outcome in result.outcomes)
    misconception = _misconception(result)
    named = f"<p>Misconception: {_escaped(misconception)}</p>" if misconception else ""
    if not rows:
        rows = f'<tr><td colspan="5" style="{NARROW}">No test of this exercise has a result.</td></tr>'
    return (
        f'<div class="{STAFF} tex2jax_ignore mathjax_ignore" style="text-align: left">'
        f"<p><strong>{_escaped(line(result.exercise, 100))}</strong>: {_escaped(_score(result))}"
        " <em>(for staff; students see neither details nor times)</em></p>"
        f'{named}<table class="table table-condensed" style="width: 100%; border-collapse: collapse">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(outcome: Outcome) -> str:
    cells = (
        (NARROW, WORDS[outcome.status]),
        (NARROW, f"{outcome.points:g} / {outcome.max_points:g}"),
        (NARROW, f"{outcome.seconds:.2f}"),
        (WIDE, line(outcome.title or outcome.test, 300)),
        (WIDE, plain(outcome.message, 1500)),
    )
    row = "<tr>" + "".join(f'<td style="{style}">{_escaped(text)}</td>' for style, text in cells) + "</tr>"
    detail = plain(outcome.detail, DETAIL).strip("\n")
    if not detail:
        return row
    opened = " open" if outcome.status is Status.UNGRADED else ""
    return (
        f'{row}<tr><td></td><td colspan="4" style="{NARROW}"><details{opened}><summary>Details</summary>'
        f'<pre style="max-height: 30em; overflow: auto; {WRAP}">{_escaped(detail)}</pre></details></td></tr>'
    )


def _escaped(text: str) -> str:
    return html.escape(text, quote=True)
