"""The outputs of a student's cells that the feedback page shows: text and pictures, nothing that is rendered."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chainrule.check.names import ERRORS
from chainrule.plugins.hidden import Delimiters, Secrets, own_words, raised_in_the_open
from chainrule.plugins.svg import svg
from chainrule.plugins.untrusted import line, picture, plain

Cell = Mapping[str, Any]

MOST = 30
"""Most outputs of one section."""

TOTAL = 8 << 20
"""Most characters of all outputs of a page together, pictures included."""

FOLDERS = re.compile(r"/(?:[\w.+-]{1,60}/){0,14}(?=(?:site|dist)-packages/|lib/python3)")
"""Where libraries live on the machine that graded; warnings and tracebacks begin with it."""

STAFF = "chainrule-staff-report"
"""Marks the staff's report among the outputs of a test cell; it is never for the student."""

HIDDEN_FAILED = "A hidden test failed."

STDERR_FAILED = "A warning perhaps, or other text on the error stream, came while the tests ran: that counts as failed."


@dataclass(frozen=True)
class Output:
    """Text ("text", "error", "note") or a picture, whose text is then a `data:` URI."""

    kind: str
    text: str


class Outputs:
    """Takes outputs out of the cells of one notebook, in their order, within the limits of one page.

    Hidden tests of nbgrader's own kind run in the student's process, and the whole cell lies there as soon as its first
    line runs. From the first such cell on, that one included, all that this process prints, draws or raises could hold
    their inputs, in whatever form: none of it is shown any more, only sentences of ours and of the instructor.
    """

    def __init__(self, secrets: Secrets, hidden: Delimiters) -> None:
        self._secrets, self._hidden = secrets, hidden
        self._left = TOTAL
        self._hidden_ran = False

    def of_students(self, cells: Sequence[Cell]) -> list[Output]:
        """Everything that these cells printed, drew and raised."""
        found = [output for cell in cells for output in self._clean(cell)]
        if not found or not self._hidden_ran:
            return self._fit(found)
        return [Output("note", "Not shown here: your notebook has it. (It ran after hidden tests.)")]

    def of_exercise(self, cell: Cell) -> list[Output]:
        """The test cell of an exercise: what the visible checks printed, drew and raised. No value, no traceback."""
        if self._hidden_ran:
            return []
        return self._fit([output for output in self._clean(cell, test_cell=True) if output.kind != "note"])

    def of_foreign_tests(self, cell: Cell, score: float, points: float) -> tuple[str, list[Output]]:
        """A sentence on how the test cell went, and its outputs if no hidden test has run until then."""
        source = str(cell.get("source", ""))
        self._hidden_ran = self._hidden_ran or bool(self._hidden.split(source)[1])
        lead = self._foreign_lead(cell, source, score, points)
        if self._hidden_ran:
            return lead, []
        # The error is in the sentence already.
        return lead, [output for output in self._fit(list(self._clean(cell, test_cell=True))) if output.kind != "error"]

    def _foreign_lead(self, cell: Cell, source: str, score: float, points: float) -> str:
        if score >= points:
            return "All tests passed." if points else ""
        outputs = [output for output in cell.get("outputs", []) if isinstance(output, Mapping)]
        error = next((output for output in outputs if output.get("output_type") == "error"), None)
        if error is not None:
            if not raised_in_the_open(source, _traceback(error), self._hidden):
                return HIDDEN_FAILED
            message = self._own_error(error, source) if self._hidden_ran else _error_line(error)
            return HIDDEN_FAILED if self._secrets.quoted_in(message) else f"A test failed. {message}"
        if score == 0 and any(output.get("name") == "stderr" for output in outputs):
            return STDERR_FAILED
        return "The tests gave partial credit." if score > 0 else "The tests gave no points."

    def _own_error(self, error: Mapping[str, Any], source: str) -> str:
        """The error in words that no hidden input can be in: a known name, and a text of the instructor's."""
        name = str(error.get("ename"))
        words = own_words(self._hidden.shown(source), str(error.get("evalue")))
        if name not in ERRORS:
            return "Your code raised an error."
        return f"{name}: {line(words)}" if words else f"Your code raised {name}."

    def _clean(self, cell: Cell, *, test_cell: bool = False) -> Iterator[Output]:
        outputs = cell.get("outputs") if cell.get("cell_type") == "code" else None
        for output in outputs if isinstance(outputs, list) else []:
            if not isinstance(output, Mapping) or is_staff(output):
                continue
            for shown in _shown(output, test_cell):
                quotes = shown.kind != "picture" and self._secrets.quoted_in(shown.text)
                yield Output("note", "Not shown: it quotes a hidden test.") if quotes else shown

    def _fit(self, found: list[Output]) -> list[Output]:
        """Neighbouring texts joined, and cut off where the limits of section and page are reached."""
        joined: list[Output] = []
        for output in found:
            if joined and output.kind == "text" == joined[-1].kind:
                joined[-1] = Output("text", plain(joined[-1].text + output.text))
            else:
                joined.append(output)
        kept: list[Output] = []
        for output in joined:
            if len(kept) >= MOST or len(output.text) > self._left:
                kept.append(Output("note", "More was printed or drawn than fits on this page."))
                break
            self._left -= len(output.text)
            kept.append(output)
        return [Output(o.kind, o.text.strip("\n")) for o in kept if o.text.strip()]


def is_staff(output: Mapping[str, Any]) -> bool:
    """Whether this output is the staff's report."""
    if output.get("metadata", {}).get("chainrule") == STAFF:
        return True
    return STAFF in str(output.get("data", {}).get("text/html", ""))[:1000]


def _shown(output: Mapping[str, Any], test_cell: bool) -> Iterator[Output]:
    kind = output.get("output_type")
    if kind == "stream":
        yield Output("text", _own(plain(output.get("text"))))
    elif kind == "error":
        # A traceback through a test cell can quote it, so there the last line is all.
        yield Output("error", _error_line(output) if test_cell else _traceback(output) or _error_line(output))
    elif kind in ("display_data", "execute_result"):
        data = output.get("data", {})
        uri = picture(data.get("image/png")) or picture(data.get("image/jpeg"))
        uri = uri or svg(data.get("image/svg+xml"))
        if uri:
            yield Output("picture", uri)
        elif test_cell:
            return
        elif "text/plain" in data:
            yield Output("text", plain(data["text/plain"]) + "\n")
        else:
            kinds = line(", ".join(sorted(str(mime) for mime in data)), 80)
            yield Output("note", f"An output that this page does not show ({kinds or 'empty'}).")


def _own(text: str) -> str:
    """Without the folders of the machine that graded."""
    return FOLDERS.sub("…/", text)


def _traceback(error: Mapping[str, Any]) -> str:
    lines = error.get("traceback", [])
    return _own(plain("\n".join(str(part) for part in lines))) if isinstance(lines, list) else ""


def _error_line(error: Mapping[str, Any]) -> str:
    name, value = line(error.get("ename"), 80), plain(error.get("evalue"), 600).strip()
    return f"{name}: {value}" if value else name
