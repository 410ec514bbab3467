"""What the cells of a submission cost by themselves: run in a warm Python without a grader, shell or notebook around.

`python -m bench.compute NOTEBOOK COUNT WORKERS` runs the code cells COUNT times, shared among WORKERS processes that
have the libraries already, and prints the seconds that took.
"""

from __future__ import annotations

import contextlib
import io
import json
import multiprocessing
import subprocess
import sys
import time
from pathlib import Path

from bench.courses import Assignment, environment

ROOT = Path(__file__).resolve().parent.parent


def seconds(assignment: Assignment, count: int, workers: int, folder: Path) -> float:
    """The time for `count` submissions of an assignment."""
    folder.mkdir(parents=True)
    path = folder / f"{assignment.name}.ipynb"
    path.write_text(json.dumps(assignment.submission(0)))
    command = [sys.executable, "-m", "bench.compute", path, str(count), str(workers)]
    # One thread a process, as chainrule does: side by side they would only get in each other's way.
    env = environment(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
    done = subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, text=True)
    return float(done.stdout)


def main(notebook: str, count: str, workers: str) -> None:
    import numpy  # noqa: F401  warm, as in chainrule's
    import torch
    import torch._dynamo

    torch.set_num_threads(1)
    cells = json.loads(Path(notebook).read_text())["cells"]
    sources = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
    # A fork each, as every submission starts from nothing.
    with multiprocessing.get_context("fork").Pool(int(workers), maxtasksperchild=1) as pool:
        begin = time.monotonic()
        pool.map(_run, [sources] * int(count), chunksize=1)
        print(time.monotonic() - begin)


def _run(sources: list[str]) -> None:
    namespace: dict[str, object] = {"__name__": "__main__"}
    with contextlib.redirect_stdout(io.StringIO()):
        for source in sources:
            exec(source, namespace)


if __name__ == "__main__":
    main(*sys.argv[1:])
