"""The fork servers that the workers of a run share: a zygote for students' processes, a grader process to copy.

Each of them imports PyTorch, which takes seconds and hundreds of megabytes; for every worker anew, that would be most
of what a small class costs.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from chainrule import graderprocess, sandbox
from chainrule.errors import ChainruleError
from chainrule.graderprocess import GraderTemplate
from chainrule.model import Job


@dataclass(frozen=True)
class Handles:
    """What a worker gets of them: sockets, which multiprocessing hands on to a process that it starts."""

    libraries: frozenset[str]
    zygote: socket.socket | None
    graders: Path | None
    template: socket.socket | None

    def take(self) -> None:
        """Use it in this process from now on."""
        if self.zygote is not None:
            sandbox.adopt(sandbox.Zygote(self.libraries, self.zygote))
        if self.graders is not None and self.template is not None:
            graderprocess.adopt(self.graders, self.template)


class ForkServers:
    """Started for jobs like `job`; `handles` can be given away at once, workers can use them after `ready`.

    `close` ends both; copies that workers use live until the workers end.
    """

    def __init__(self, job: Job) -> None:
        self._libraries = sandbox.imported(job.notebook)
        folders = [exercise.grader.parent for exercise in job.exercises]
        self._folder = folders[0] if folders else None
        self._zygote: sandbox.OwnZygote | None = sandbox.OwnZygote(self._libraries)
        self._template = None if self._folder is None else GraderTemplate(self._folder)

    def ready(self) -> None:
        """Wait until both have started. One that could not is gone: each worker starts its own, or says why not."""
        try:
            if self._template is not None:
                self._template.ready()
        except ChainruleError:
            self._template = None
        try:
            if self._zygote is not None:
                self._zygote.ready()
        except ChainruleError:
            self._zygote = None

    @property
    def handles(self) -> Handles:
        return Handles(
            self._libraries,
            None if self._zygote is None else self._zygote.control,
            self._folder,
            None if self._template is None else self._template.control,
        )

    def close(self) -> None:
        if self._zygote is not None:
            self._zygote.close()
        if self._template is not None:
            self._template.close()
