"""Notebooks of which no exercise has a grader: run in our engine, scored by nbgrader.

The notebook that is run is the one nbgrader's own sanitizing makes of the submission, so what counts is what would
count without us.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chainrule import grading, submission
from chainrule.limits import together
from chainrule.model import Job, Limits
from chainrule.notebook import cells

PYTHON = ("python", "python3")
"""What Jupyter calls its own Python, whether or not a kernel of this name is installed."""


def job(
    place: submission.Place, student: str, notebook: Mapping[str, Any], limits: Limits, *, skip_tests: bool = False
) -> Job:
    """All cells of a notebook, to be run. A test cell with the tag of cells not to run is run, unless `skip_tests`."""
    plain = submission.copied(notebook)
    for cell in plain["cells"]:
        tags = cell["metadata"].get("tags", ())
        if cells.is_grade(cell) and not skip_tests and grading.SKIP_TAG in tags:
            cell["metadata"]["tags"] = [tag for tag in tags if tag != grading.SKIP_TAG]
    own, seconds = together(limits, place.source / f"{place.notebook}.ipynb")
    return Job(place.course, place.assignment, student, place.notebook, plain, (), None, own, seconds)


def is_ours(kernel: str) -> bool:
    """Whether a kernel is this very Python: any other one runs as Jupyter runs it."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        spec = KernelSpecManager().get_kernel_spec(kernel)
    except NoSuchKernel:
        return kernel in PYTHON
    program = spec.argv[0] if spec.argv else ""
    if spec.language.lower() != "python" or not any("ipykernel" in argument for argument in spec.argv):
        return False
    # A bare name is replaced by this interpreter, as Jupyter does it.
    return not os.path.isabs(program) or _environment(program) == _environment(sys.executable)


def _environment(program: str) -> str:
    """The folder of a Python environment: its interpreter may be a link to one that several share."""
    return os.path.realpath(os.path.dirname(program))


def sanitized(converter: Any, path: Path) -> dict[str, Any] | None:
    """The notebook that nbgrader's converter makes of a submitted file before it runs it. None if that fails.

    The failure is nbgrader's to report, when it gets there.
    """
    import nbformat

    exporter = converter.exporter_class(parent=converter, config=converter.config)
    for preprocessor in converter.sanitize_preprocessors:
        exporter.register_preprocessor(preprocessor)
    try:
        resources = converter.init_single_notebook_resources(str(path))
        text, _ = exporter.from_filename(str(path), resources=resources)
        return dict(nbformat.reads(text, as_version=nbformat.current_nbformat))
    except Exception as error:
        logging.getLogger(__name__).info("%s cannot be run ahead: %s", path, error)
        return None
