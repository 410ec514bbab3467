"""Turns what a student's process sends into well-formed, bounded outputs of a cell."""

from __future__ import annotations

from typing import Any

MAX_IMAGE = 4 << 20
MAX_OUTPUTS = 200


class Outputs:
    """Collects the outputs of one cell; past `limit` characters the rest is dropped, with a line that says so."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self.cut = False
        self.collected: list[dict[str, Any]] = []

    def restart(self) -> None:
        """Forget what was collected: the cell runs once more."""
        self.size, self.cut, self.collected = 0, False, []

    def add(self, raw: dict[str, Any]) -> None:
        """Take one output event; malformed parts are left out."""
        kind = raw.get("output_type")
        if kind == "clear_output":
            self.collected.clear()
        elif self.cut:
            return
        elif kind == "stream":
            self._stream("stderr" if raw.get("name") == "stderr" else "stdout", _text(raw.get("text")))
        elif kind in ("display_data", "execute_result"):
            self._data(kind, raw)
        elif kind == "error":
            self._error(raw)

    def error(self, name: str, message: str) -> None:
        """Add an error of ours, such as a cell that was stopped. It is never cut."""
        line = f"{name}: {message}"
        self.collected.append({"output_type": "error", "ename": name, "evalue": message, "traceback": [line]})

    def _room(self, size: int) -> bool:
        self.size += size
        if self.size > self.limit or len(self.collected) >= MAX_OUTPUTS:
            self.cut = True
            self._append_stream("stdout", "\n[the rest of this cell's output was dropped: it is too long]\n")
        return not self.cut

    def _stream(self, name: str, text: str) -> None:
        room = max(0, self.limit - self.size)
        if text[:room]:
            self._append_stream(name, text[:room])
        self._room(len(text))

    def _append_stream(self, name: str, text: str) -> None:
        last = self.collected[-1] if self.collected else {}
        if last.get("output_type") == "stream" and last["name"] == name:
            last["text"] += text
        else:
            self.collected.append({"output_type": "stream", "name": name, "text": text})

    def _data(self, kind: str, raw: dict[str, Any]) -> None:
        given = raw.get("data")
        data = {
            mime: value
            for mime, value in (given.items() if type(given) is dict else ())
            if type(mime) is str and type(value) is str and len(value) <= MAX_IMAGE
        }
        # An image counts little: its own bound holds.
        if data and self._room(sum(len(v) for m, v in data.items() if not m.startswith("image/")) + 100):
            output: dict[str, Any] = {"output_type": kind, "data": data, "metadata": {}}
            if kind == "execute_result":
                count = raw.get("execution_count")
                output["execution_count"] = count if type(count) is int else None
            self.collected.append(output)

    def _error(self, raw: dict[str, Any]) -> None:
        lines = raw.get("traceback")
        trace = [_text(line) for line in lines] if type(lines) is list else []
        if self._room(sum(map(len, trace))):
            name, text = _text(raw.get("ename"))[:200], _text(raw.get("evalue"))[:5000]
            self.collected.append({"output_type": "error", "ename": name, "evalue": text, "traceback": trace})


def _text(value: Any) -> str:
    return value.encode("utf-8", "replace").decode() if type(value) is str else ""
