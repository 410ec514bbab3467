"""Runs cells on Jupyter's own shell, without a kernel: outputs become nbformat dicts as they happen."""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import getpass
import os
import subprocess
import sys
from collections.abc import Coroutine
from typing import Any

from ipykernel.zmqshell import ZMQInteractiveShell
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import StdinNotImplementedError
from traitlets import Any as AnyTrait
from traitlets import Type

from chainrule.worker import widgets
from chainrule.worker.interrupt import interrupts
from chainrule.worker.streams import MAX_TEXT, Emit, Outlet, Stream

__all__ = ["Shell", "forget_process", "make_shell", "run_cell"]

MAX_PICTURE = 3 << 20
"""Characters of a picture as base64: a message holds four millions."""
SPINS = 5


class _DisplayHook(DisplayHook):
    """The last value of a cell becomes an execute_result."""

    outlet: Any = AnyTrait()

    def set_parent(self, parent: Any) -> None: ...

    def start_displayhook(self) -> None: ...

    def write_output_prompt(self) -> None: ...

    def write_format_data(self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None) -> None:
        self.outlet.drain()
        self.outlet(
            {
                "output_type": "execute_result",
                "execution_count": self.prompt_count,
                "data": _textual(format_dict),
                "metadata": md_dict or {},
            }
        )

    def finish_displayhook(self) -> None: ...


class _DisplayPublisher(DisplayPublisher):
    """`display(...)` becomes display_data; updates and `clear_output()` are passed on as events of their own."""

    outlet: Any = AnyTrait()

    def set_parent(self, parent: Any) -> None: ...

    def publish(
        self,
        data: dict[str, Any],
        metadata: Any = None,
        source: Any = None,
        *,
        transient: Any = None,
        update: bool = False,
        **_: Any,
    ) -> None:
        kind = "update_display_data" if update else "display_data"
        output = {"output_type": kind, "data": _textual(data), "metadata": metadata or {}}
        name = (transient or {}).get("display_id")
        self.outlet({**output, "display_id": str(name)} if name else output)

    def clear_output(self, wait: bool = False) -> None:
        self.outlet({"output_type": "clear_output", "wait": bool(wait)})


def _textual(data: dict[str, Any]) -> dict[str, Any]:
    """Binary images as base64 text, as nbformat stores them. What is too large to be sent is left out or cut."""
    from base64 import b64encode

    found: dict[str, Any] = {}
    for mime, value in data.items():
        if isinstance(value, bytes) and 4 * len(value) <= 3 * MAX_PICTURE:
            found[mime] = b64encode(value).decode()
        elif isinstance(value, str) and mime.startswith("image/") and len(value) <= MAX_PICTURE:
            found[mime] = value
        elif isinstance(value, str) and (len(value) <= MAX_TEXT or mime == "text/plain"):
            found[mime] = value[:MAX_TEXT]
        elif not isinstance(value, bytes | str):
            found[mime] = value
    return found


class Shell(ZMQInteractiveShell):
    """Jupyter's shell with its magics, talking to an outlet instead of sockets."""

    displayhook_class = Type(_DisplayHook)
    display_pub_class = Type(_DisplayPublisher)
    outlet: Any = AnyTrait()
    _last_traceback: Any = None

    def init_io(self) -> None: ...

    def enable_gui(self, gui: Any = None) -> None: ...

    def ask_exit(self) -> None:
        """`exit()` ends nothing: the notebook's other cells are still to be graded."""

    def _tee(self, channel: str) -> Any:
        """No copy of all that is printed: a cell that prints for ever would fill the memory."""
        return contextlib.nullcontext()

    def _showtraceback(self, etype: Any, evalue: Any, stb: Any) -> None:
        lines = stb if isinstance(stb, list) else [str(stb)]
        self._last_traceback = lines
        self.outlet(_error(etype, evalue, lines))

    def system_piped(self, cmd: str) -> None:
        """Run a command; what it prints, on both streams, is the cell's stdout. No terminal, as jails have none."""
        if cmd.rstrip().endswith("&"):
            raise OSError("Background processes not supported.")
        command = self.var_expand(cmd, depth=1)
        with subprocess.Popen(
            command, shell=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            try:
                assert process.stdout is not None
                while part := process.stdout.read1(1 << 16):  # type: ignore[attr-defined]
                    sys.stdout.write(part.decode("utf-8", "replace"))
            except BaseException:
                process.kill()
                raise
        self.user_ns["_exit_code"] = process.returncode

    system = system_piped


# Code in notebooks looks at the name to tell whether it is in Jupyter.
Shell.__name__ = Shell.__qualname__ = "ZMQInteractiveShell"


def _error(etype: Any, evalue: Any, lines: list[Any]) -> dict[str, Any]:
    return {
        "output_type": "error",
        "ename": getattr(etype, "__name__", str(etype)),
        "evalue": _safe_text(evalue)[:MAX_TEXT],
        "traceback": [str(line)[:MAX_TEXT] for line in lines[:1000]],
    }


def _safe_text(value: Any) -> str:
    try:
        return str(value)
    except Exception:
        return f"<{type(value).__name__}>"


def _no_input(prompt: object = "", stream: object = None) -> str:
    raise StdinNotImplementedError(
        "input() cannot work while a notebook is graded: nobody is there to answer. Remove it."
    )


def make_shell() -> Shell:
    """The shell of this process, without history on disk, with plots inline and without colours."""
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.IPKernelApp.connection_file = ""  # libraries look for this section to tell whether they are in Jupyter
    outlet = Outlet()
    shell: Shell = Shell.instance(config=config)
    shell.outlet = shell.displayhook.outlet = shell.display_pub.outlet = outlet
    shell.kernel = widgets.Kernel(shell)
    shell.streams = Stream("stdout", outlet), Stream("stderr", outlet)
    widgets.install(outlet)
    builtins.input = _no_input
    getpass.getpass = _no_input
    _own_folder_on_path()
    return shell


def _own_folder_on_path() -> None:
    """Modules beside the notebook can be imported, but do not hide the standard library; our programs can be called."""
    if "" not in sys.path:
        places = [index for index, path in enumerate(sys.path) if path.endswith(("site-packages", "dist-packages"))]
        sys.path.insert(places[0] if places else len(sys.path), "")
    programs = os.path.dirname(sys.executable)
    if programs not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join((programs, os.environ.get("PATH", os.defpath)))


def run_cell(shell: Shell, source: str, emit: Emit, seconds: float | None = None) -> str:
    """Run one cell; outputs go to `emit`. After `seconds` it is interrupted. Returns "ok", or "error" if it raised."""
    outlet: Outlet = shell.outlet
    errors: list[str] = []

    def watched(output: dict[str, Any]) -> None:
        if output["output_type"] == "error":
            errors.append(output["ename"])
        emit(output)

    stdout, stderr = sys.stdout, sys.stderr
    shell._last_traceback = None
    shell.set_parent({"header": {"msg_id": f"cell-{shell.execution_count}"}})
    outlet.open(watched)
    sys.stdout, sys.stderr = shell.streams
    error: BaseException | None
    try:
        with interrupts(seconds, outlet):
            error = _run(shell, source)
    except KeyboardInterrupt as interrupt:  # between two lines of ours
        error = interrupt
    finally:
        sys.stdout, sys.stderr = stdout, stderr
    outlet.widgets = 0
    if error is not None and type(error).__name__ not in errors:
        # What was not shown still failed: an unknown magic prints its error only.
        outlet(_error(type(error), error, shell._last_traceback or [f"{type(error).__name__}: {_safe_text(error)}"]))
    outlet.close()
    return "ok" if error is None else "error"


def _run(shell: Shell, source: str) -> BaseException | None:
    """Run the cell within a running event loop, as a kernel does. Returns what it raised."""
    loop = _loop(shell)
    task = loop.create_task(_in_loop(shell, source))
    try:
        result = loop.run_until_complete(task)
        for _ in range(SPINS):  # tasks that the cell started and did not wait for
            if not asyncio.all_tasks(loop):
                break
            loop.run_until_complete(asyncio.sleep(0))
    except KeyboardInterrupt as interrupt:
        task.cancel()
        with contextlib.suppress(BaseException):
            loop.run_until_complete(task)
        return interrupt
    except asyncio.CancelledError as cancelled:
        return cancelled
    if result is None or isinstance(result, Exception):
        return result
    error = result.error_before_exec if result.error_before_exec is not None else result.error_in_exec
    return error if isinstance(error, BaseException) else None


async def _in_loop(shell: Shell, source: str) -> Any:
    """What IPython's own `run_cell` does, within the loop that runs. Its result, or what even it did not catch."""
    failed = None
    try:
        transformed = shell.transform_cell(source)
    except Exception:
        transformed, failed = source, sys.exc_info()
    cell = shell.run_cell_async(
        source, store_history=True, transformed_cell=transformed, preprocessing_exc_tuple=failed
    )
    result = None
    try:
        if shell.should_run_async(source, transformed_cell=transformed, preprocessing_exc_tuple=failed):
            result = await cell
        else:
            result = _at_once(cell)
    except Exception as error:
        with contextlib.suppress(Exception):  # students' code may have replaced it, to hide that a test failed
            shell.showtraceback(running_compiled_code=True)
        return error
    finally:
        shell.events.trigger("post_execute")
        shell.events.trigger("post_run_cell", result)
    return result


def _at_once(cell: Coroutine[Any, Any, Any]) -> Any:
    """Run a cell that awaits nothing: its code is in no task, and may use loops of its own."""
    try:
        cell.send(None)
    except StopIteration as end:
        return end.value
    raise RuntimeError("The cell awaits something outside an asynchronous function.")


def _loop(shell: Shell) -> asyncio.AbstractEventLoop:
    """The event loop of this process: a fork must not share the one of its origin."""
    found: Any = getattr(shell, "cell_loop", None)
    if found is None or found[0] != os.getpid() or found[1].is_closed():
        found = shell.cell_loop = (os.getpid(), asyncio.new_event_loop())
    asyncio.set_event_loop(found[1])
    return found[1]  # type: ignore[no-any-return]


def forget_process(shell: Shell) -> None:
    """Let go of what belongs to this process, before it is forked: the event loop and the files of the output."""
    found: Any = getattr(shell, "cell_loop", None)
    if found is not None:
        found[1].close()
    shell.cell_loop = None
    asyncio.set_event_loop(None)
    shell.outlet.restore_descriptors()
