"""Runs the cells of a notebook on an IPython shell, without a kernel: outputs become nbformat dicts as they happen."""

from __future__ import annotations

import builtins
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Any as AnyTrait
from traitlets import Type

Output = dict[str, Any]
Emit = Callable[[Output], None]

JOIN_CHARACTERS = 8192
JOIN_SECONDS = 0.1
PIECE_CHARACTERS = 256 << 10


class _Stream:
    """A text stream whose writes become stream outputs."""

    encoding = "utf-8"
    errors = "replace"
    closed = False

    def __init__(self, name: str, emit: Emit) -> None:
        self.name, self._emit = name, emit

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if text:
            self._emit({"output_type": "stream", "name": self.name, "text": text})
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None: ...

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def fileno(self) -> int:
        raise OSError("a notebook's output has no file descriptor")


class _DisplayHook(DisplayHook):
    """The last value of a cell becomes an execute_result."""

    emit: Any = AnyTrait()

    def start_displayhook(self) -> None: ...

    def write_output_prompt(self) -> None: ...

    def write_format_data(self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None) -> None:
        self.emit(
            {
                "output_type": "execute_result",
                "execution_count": self.prompt_count,
                "data": _textual(format_dict),
                "metadata": md_dict or {},
            }
        )

    def finish_displayhook(self) -> None: ...


class _DisplayPublisher(DisplayPublisher):
    """`display(...)` becomes display_data; `clear_output()` is passed on as an event of its own."""

    emit: Any = AnyTrait()

    def publish(self, data: dict[str, Any], metadata: Any = None, source: Any = None, **_: Any) -> None:
        self.emit({"output_type": "display_data", "data": _textual(data), "metadata": metadata or {}})

    def clear_output(self, wait: bool = False) -> None:
        self.emit({"output_type": "clear_output"})


def _textual(data: dict[str, Any]) -> dict[str, Any]:
    """Binary images as base64 text, as nbformat stores them."""
    from base64 import b64encode

    return {mime: b64encode(value).decode() if isinstance(value, bytes) else value for mime, value in data.items()}


class Shell(InteractiveShell):
    """An IPython shell that talks to `emit` instead of a terminal."""

    displayhook_class = Type(_DisplayHook)
    display_pub_class = Type(_DisplayPublisher)

    def init_io(self) -> None: ...

    def enable_gui(self, gui: Any = None) -> None: ...

    def _showtraceback(self, etype: Any, evalue: Any, stb: Any) -> None:
        lines = stb if isinstance(stb, list) else [str(stb)]
        self.display_pub.emit(
            {
                "output_type": "error",
                "ename": getattr(etype, "__name__", str(etype)),
                "evalue": _safe_text(evalue),
                "traceback": [str(line) for line in lines],
            }
        )

    def system(self, command: str) -> None:
        """`!command` prints into the notebook. By a pipe: IPython's own way needs a terminal, and a jail has none."""
        process = subprocess.Popen(
            self.var_expand(command, depth=1),
            shell=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                print(line, end="")
        self.user_ns["_exit_code"] = process.wait()


def _safe_text(value: Any) -> str:
    try:
        return str(value)
    except Exception:
        return f"<{type(value).__name__}>"


def _no_input(prompt: object = "") -> str:
    raise StdinNotImplementedError(
        "input() cannot work while a notebook is graded: nobody is there to answer. Remove it."
    )


class _Joined:
    """Joins the many small writes of a print loop into few stream outputs, without holding any back for long."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._name, self._pending, self._size, self._since = "", [""], 0, 0.0

    def __call__(self, output: Output) -> None:
        if output["output_type"] != "stream" or output["name"] != self._name:
            self.flush()
        if output["output_type"] != "stream":
            self._emit(output)
            return
        now = time.monotonic()
        self._since = self._since if self._size else now
        self._name = output["name"]
        self._pending.append(output["text"])
        self._size += len(output["text"])
        if self._size > JOIN_CHARACTERS or now - self._since > JOIN_SECONDS:
            self.flush()

    def flush(self) -> None:
        if self._size:
            text = "".join(self._pending)
            self._pending, self._size = [], 0
            # In pieces: a text that no message can hold would end the cell that prints it.
            for start in range(0, len(text), PIECE_CHARACTERS):
                piece = text[start : start + PIECE_CHARACTERS]
                self._emit({"output_type": "stream", "name": self._name, "text": piece})


def make_shell() -> Shell:
    """The shell of this process, without history on disk, with plots inline and without colours."""
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    shell: Shell = Shell.instance(config=config)
    builtins.input = _no_input
    return shell


def run_cell(shell: Shell, source: str, emit: Emit) -> str:
    """Run one cell; outputs go to `emit`. Returns "ok", or "error" if it raised."""
    stdout, stderr = sys.stdout, sys.stderr
    joined = _Joined(emit)
    shell.displayhook.emit = shell.display_pub.emit = joined
    sys.stdout, sys.stderr = _Stream("stdout", joined), _Stream("stderr", joined)
    try:
        result = shell.run_cell(source, store_history=True)
    finally:
        sys.stdout, sys.stderr = stdout, stderr
        joined.flush()
    return "ok" if result.success else "error"
