"""The folder of the demo: a course of its own, so that nothing of the checkout or of the user's Jupyter is touched."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent

# What the demo's course sets besides the checkout's nbgrader_config.py.
CONFIG = """

# Added by the demo: its own exchange, and one Unix account that plays every student.
c.Exchange.root = {exchange!r}
c.ExchangeCollect.check_owner = False
"""


@dataclass(frozen=True)
class Scratch:
    """Paths under the scratch folder."""

    root: Path

    @property
    def course(self) -> Path:
        return self.root / "course"

    @property
    def exchange(self) -> Path:
        return self.root / "exchange"

    def home(self, student: str) -> Path:
        return self.root / "homes" / student

    def cache(self, student: str) -> Path:
        """Where nbgrader keeps what this student has submitted."""
        return self.home(student) / ".nbgrader_cache"

    @property
    def report(self) -> Path:
        return self.root / "report"

    @property
    def results(self) -> Path:
        return self.root / "results.json"

    def environment(self) -> dict[str, str]:
        """For commands run here: this environment's programs first, and no settings of the user's own Jupyter."""
        own = {name: str(self.root / "jupyter" / name.split("_")[1].lower()) for name in _JUPYTER}
        programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        return os.environ | own | {"PATH": programs, "MPLBACKEND": "agg", "JUPYTER_PLATFORM_DIRS": "1"}


_JUPYTER = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")


def prepare(root: Path) -> Scratch:
    """Wipe the folder and copy the course into it. Only a folder that a demo made is wiped."""
    mark = root / ".made-by-the-demo"
    if root.exists() and any(root.iterdir()) and not mark.exists():
        raise SystemExit(f"{root} is not empty and was not made by the demo. Give another folder with --scratch.")
    shutil.rmtree(root, ignore_errors=True)
    scratch = Scratch(root)
    for folder in (scratch.course, scratch.exchange):
        folder.mkdir(parents=True)
    mark.touch()
    for name in ("source", "graders"):
        shutil.copytree(CHECKOUT / name, scratch.course / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    shutil.copy(CHECKOUT / "grades.toml", scratch.course)
    config = (CHECKOUT / "nbgrader_config.py").read_text(encoding="utf-8")
    addition = CONFIG.format(exchange=str(scratch.exchange))
    (scratch.course / "nbgrader_config.py").write_text(config + addition, encoding="utf-8")
    return scratch
