"""Widgets without a browser: they are made and change, and what an Output widget takes is not the cell's output."""

from __future__ import annotations

from typing import Any

from chainrule.worker.streams import Outlet

OUTPUT_MODEL = "OutputModel"


class Kernel:
    """The little that widgets ask of a kernel: which request is worked on."""

    eventloop = None

    def __init__(self, shell: Any) -> None:
        self.shell = shell

    def get_parent(self, channel: str | None = None) -> Any:
        return self.shell.get_parent()


def install(outlet: Outlet) -> None:
    """Let the `comm` package, by which all widgets talk to their browser, talk to nobody but tell `outlet`."""
    import comm
    from comm.base_comm import BaseComm

    class Comm(BaseComm):
        takes_outputs = False
        taking = False

        def publish_msg(self, msg_type: str, data: Any = None, *_: Any, **__: Any) -> None:
            state = data.get("state") if isinstance(data, dict) else None
            if not isinstance(state, dict):
                return
            if msg_type == "comm_open":
                self.takes_outputs = state.get("_model_name") == OUTPUT_MODEL
            if self.takes_outputs and "msg_id" in state and bool(state["msg_id"]) != self.taking:
                outlet.drain()
                self.taking = not self.taking
                outlet.widgets = max(0, outlet.widgets + (1 if self.taking else -1))

    comm.create_comm = Comm
