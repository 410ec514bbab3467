"""Turns what a student's process sends into well-formed, bounded outputs of a cell."""

from __future__ import annotations

from typing import Any

MAX_IMAGE = 4 << 20
MAX_OUTPUTS = 200
MAX_VERDICTS = 50
MAX_VERDICT_TEXT = 20_000
MAX_LATE_TEXT = 100
"""Characters of what may decide a score once the notebook's outputs are too long: there may be thousands of cells."""


class Outputs:
    """Collects the outputs of one cell; past `limit` characters the rest is dropped, with a line that says so.

    So it is past `total` characters with pictures: what the cells before left of the notebook's bound; `whole` is what
    this one took. What may decide a score is never dropped, only shortened: errors, results, and that something was on
    stderr. A text on stderr that is only a warning has a key `warning`.
    """

    def __init__(self, limit: int, total: int) -> None:
        self.limit, self.total = limit, total
        self.collected: list[dict[str, Any]] = []
        self._clear()

    def _clear(self) -> None:
        self.collected.clear()
        self.size = self.whole = 0
        self.cut = False
        self._verdicts = 0
        self._clear_first = False
        self._displays: dict[str, list[dict[str, Any]]] = {}

    def restart(self) -> None:
        """Forget what was collected: the cell runs once more."""
        self._clear()

    def add(self, raw: dict[str, Any]) -> None:
        """Take one output event; malformed parts are left out."""
        kind = raw.get("output_type")
        if kind == "clear_output":
            if raw.get("wait") is True:
                self._clear_first = True
            else:
                self._clear()
            return
        if self._clear_first and kind != "update_display_data":
            self._clear()
        if kind == "stream":
            self._stream("stderr" if raw.get("name") == "stderr" else "stdout", raw)
        elif kind == "display_data":
            self._display(raw)
        elif kind == "update_display_data":
            self._update(raw)
        elif kind == "execute_result":
            self._result(raw)
        elif kind == "error":
            self._error(raw)

    def error(self, name: str, message: str) -> None:
        """Add an error of ours, such as a cell that was stopped. It is never cut."""
        line = f"{name}: {message}"
        self.collected.append({"output_type": "error", "ename": name, "evalue": message, "traceback": [line]})

    def _room(self, size: int, pictures: int = 0) -> bool:
        if self.cut:
            return False
        self.size += size
        self.whole += size + pictures  # a picture has a bound of its own: it counts for the notebook only
        if self.whole > self.total:
            self._cut("the rest of this notebook's outputs was dropped: they are too long")
        elif self.size > self.limit or len(self.collected) >= MAX_OUTPUTS:
            self._cut("the rest of this cell's output was dropped: it is too long")
        return not self.cut

    def _cut(self, why: str) -> None:
        self.cut = True
        self._append_stream("stdout", f"\n[{why}]\n")

    def _short(self, text: str) -> str:
        """What is kept of a text that may decide a score."""
        return text[: MAX_VERDICT_TEXT if self.whole <= self.total else MAX_LATE_TEXT]

    def _stream(self, name: str, raw: dict[str, Any]) -> None:
        text, warning = _text(raw.get("text")), name == "stderr" and raw.get("warning") is True
        room = 0 if self.cut else max(0, min(self.limit - self.size, self.total - self.whole))
        if text[:room]:
            self._append_stream(name, text[:room], warning)
        if text and not self._room(len(text)) and name == "stderr" and not warning and not self._has_stderr():
            self._append_stream(name, self._short(text))

    def _has_stderr(self) -> bool:
        return any(output.get("name") == "stderr" and "warning" not in output for output in self.collected)

    def _append_stream(self, name: str, text: str, warning: bool = False) -> None:
        last = self.collected[-1] if self.collected else {}
        if last.get("output_type") == "stream" and last["name"] == name and last.get("warning", False) == warning:
            last["text"] += text
        else:
            output = {"output_type": "stream", "name": name, "text": text}
            self.collected.append(output | {"warning": True} if warning else output)

    def _display(self, raw: dict[str, Any]) -> None:
        data = _data(raw)
        if data and self._room(_weight(data), _pictures(data)):
            output = {"output_type": "display_data", "data": data, "metadata": {}}
            self.collected.append(output)
            if name := _text(raw.get("display_id")):
                self._displays.setdefault(name, []).append(output)

    def _update(self, raw: dict[str, Any]) -> None:
        """New content for what was displayed before, in this cell."""
        shown, data = self._displays.get(_text(raw.get("display_id")), []), _data(raw)
        if shown and data and self._room(_weight(data), _pictures(data) - _pictures(shown[0]["data"])):
            for output in shown:
                output["data"] = data

    def _result(self, raw: dict[str, Any]) -> None:
        data = _data(raw)
        if not data or not self._verdict():
            return
        if not self._room(_weight(data), _pictures(data)):
            data = {"text/plain": self._short(data.get("text/plain", ""))}
        count = raw.get("execution_count")
        number = count if type(count) is int else None
        self.collected.append(
            {"output_type": "execute_result", "execution_count": number, "data": data, "metadata": {}}
        )

    def _error(self, raw: dict[str, Any]) -> None:
        if not self._verdict():
            return
        lines = raw.get("traceback")
        trace = [_text(line) for line in lines] if type(lines) is list else []
        name, text = _text(raw.get("ename"))[:200], _text(raw.get("evalue"))[:5000]
        if not self._room(sum(map(len, trace))):
            trace, text = [self._short(line) for line in trace[-1:]], self._short(text)
        self.collected.append({"output_type": "error", "ename": name, "evalue": text, "traceback": trace})

    def _verdict(self) -> bool:
        self._verdicts += 1
        return self._verdicts <= MAX_VERDICTS


def _data(raw: dict[str, Any]) -> dict[str, str]:
    given = raw.get("data")
    return {
        mime: value
        for mime, value in (given.items() if type(given) is dict else ())
        if type(mime) is str and type(value) is str and len(value) <= MAX_IMAGE
    }


def _weight(data: dict[str, str]) -> int:
    return sum(len(value) for mime, value in data.items() if not mime.startswith("image/")) + 100


def _pictures(data: dict[str, str]) -> int:
    return sum(len(value) for mime, value in data.items() if mime.startswith("image/"))


def _text(value: Any) -> str:
    return value.encode("utf-8", "replace").decode() if type(value) is str else ""
