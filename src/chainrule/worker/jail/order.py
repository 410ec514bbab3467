"""What the supervisor asks of the zygote: one process, in this tier, within these bounds."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Order:
    """`tier` is "A", "B" or "C"; sizes are bytes; `cpu` is seconds of processor time of one process (0: no limit).

    `folder` is an empty folder of the host to write in, for tiers without a file system of their own; it is removed at
    the end. `landlock` pretends that the kernel knows no later version of Landlock (tests). `cgroup` is the control
    group to join, which has its limits already. `outside` are by name the namespaces of who asks, if the process is to
    be in a bubblewrap: it is in none of them, and has its folder there.
    """

    tier: str
    memory: int
    disk: int
    processes: int
    cpu: int = 0
    folder: str = ""
    gpu: bool = False
    landlock: int | None = None
    cgroup: str = ""
    outside: dict[str, str] = field(default_factory=dict)

    def encode(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, text: bytes) -> Order:
        return cls(**json.loads(text))
