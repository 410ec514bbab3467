"""One notebook of one submission: from the submitted file to a `Job`.

`nbgrader autograde` and `chainrule autograde` both go through here, so they grade the same thing. A result that was
computed ahead of nbgrader's own run waits in `READY` under the fingerprint of its job: it counts only if nbgrader's
run arrives at the very same job.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any

from chainrule import beside, gradebook, temporary
from chainrule.errors import CourseError, SubmissionError
from chainrule.limits import Beside, together
from chainrule.model import ExerciseResult, Graded, Job, Limits, Note, Outcome, Status
from chainrule.notebook import cells, intake

KEY = "chainrule"
"""Our entry in a notebook's metadata and in nbconvert's resources."""

TIMESTAMP = "timestamp.txt"

READY: dict[str, Graded] = {}

Notebook = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """Which notebook of which assignment, and where its truth is."""

    course: str
    assignment: str
    notebook: str
    source: Path
    graders: Path
    db_url: str

    @classmethod
    def of(cls, folders: Any, assignment: str, notebook: str) -> Place:
        """The place in the course that nbgrader's `CourseDirectory` describes."""
        return cls(
            course=folders.course_id,
            assignment=assignment,
            notebook=notebook,
            source=Path(folders.format_path(folders.source_directory, ".", assignment)),
            graders=Path(folders.root) / "graders" / assignment,
            db_url=folders.db_url,
        )


def truth(place: Place) -> Notebook | None:
    """The notebook as the instructor wrote it and nbgrader recorded it, or None if it has no exercise with a grader.

    The order and the solutions are the source notebook's; tests, points and locked text are the gradebook's, which
    nbgrader restores in every submission: a source that was edited after the release changes no grade by itself.
    """
    if not any(place.graders.glob("test_*.py")):
        return None
    path = place.source / f"{place.notebook}.ipynb"
    if not path.is_file():
        raise CourseError(
            f"{place.graders} has graders, but {path} is missing. Put the source notebook back "
            "(`chainrule build` makes it from the text)."
        )
    try:
        notebook = intake.read_notebook(path)
    except SubmissionError as error:
        raise CourseError(f"The source notebook {path} cannot be read: {error}") from error
    with gradebook.connect(place.db_url) as connection:
        recorded = gradebook.released(connection, place.assignment, place.notebook)
    kept = [cell for cell in notebook["cells"] if not cells.is_nbgrader(cell) or cells.grade_id(cell) in recorded]
    known = {cells.grade_id(cell) for cell in kept}
    kept += [_rebuilt(cell) for name, cell in recorded.items() if name not in known]
    notebook["cells"] = [_as_recorded(cell, recorded) if cells.is_nbgrader(cell) else cell for cell in kept]
    return notebook if cells.exercises(notebook, place.graders) else None


def taken_in(path: Path, original: Notebook) -> Notebook:
    """The submitted notebook with everything but the student's own cells from `original`; its metadata holds the notes.

    A file that is no notebook becomes the notebook as it was released, with a note of kind "unreadable".
    """
    notes: tuple[Note, ...]
    try:
        notebook, notes = intake.merge(original, intake.read_notebook(path))
    except SubmissionError as error:
        notebook, _ = intake.merge(original, cells.released(original))
        notes = (Note("unreadable", f"{error} Nothing of it was graded."),)
    notebook["metadata"] = {**notebook.get("metadata", {}), KEY: {"notes": [vars(note) for note in notes]}}
    return notebook


def notes(notebook: Mapping[str, Any]) -> tuple[Note, ...]:
    """The notes that `taken_in` left in the notebook."""
    entry = notebook.get("metadata", {}).get(KEY, {})
    return tuple(Note(str(note["kind"]), str(note["message"]), str(note["cell"])) for note in entry.get("notes", ()))


def job(place: Place, student: str, notebook: Mapping[str, Any], limits: Limits) -> Job | None:
    """What is to be graded, or None if no exercise has a grader. Hidden tests of those that have one are left out."""
    plain = copied(notebook)
    found = cells.exercises(plain, place.graders)
    if not found:
        return None
    graded = {exercise.test_cell for exercise in found}
    for cell in plain["cells"]:
        if cells.grade_id(cell) in graded:
            cell["source"] = cells.visible(cell["source"])
    own, seconds = together(limits, place.source / f"{place.notebook}.ipynb")
    return Job(place.course, place.assignment, student, place.notebook, plain, found, None, own, seconds)


def copied(notebook: Mapping[str, Any]) -> Notebook:
    """The notebook as plain data, without outputs."""
    plain: Notebook = json.loads(json.dumps(notebook))
    for cell in plain["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    return plain


def fingerprint(job: Job) -> str:
    """Equal for two jobs that ask the same. Ids and metadata that do not concern grading are left out."""
    asked = [
        (job.course, job.assignment, job.student, job.name),
        [(exercise.id, exercise.test_cell, exercise.points, str(exercise.grader)) for exercise in job.exercises],
        [vars(job.limits), job.seconds],
        [
            (cell["cell_type"], cell["source"], cells.grade_id(cell), cell.get("metadata", {}).get("tags", ()))
            for cell in job.notebook["cells"]
        ],
    ]
    return digest(asked)


@contextmanager
def staged(job: Job, submitted: Path, source: Path, ignore: Sequence[str], keep: Sequence[str]) -> Iterator[Job]:
    """`job` with the files that belong beside the notebook: the student's, and over them the instructor's.

    As nbgrader does it: `ignore` are its patterns of names, `keep` the files of the student that stay as they are
    (`Autograde.exclude_overwriting`). Notebooks and the time stamp stay out, and of the student's what `beside.theirs`
    leaves out: a note of the job says so. Raises `SubmissionError` for what cannot be read of the submission,
    `CourseError` if the instructor's files are more than a notebook may have.
    """
    ours = beside.ours(source, ignore)
    room = beside.room(ours, job.limits.disk, source)
    listing = beside.theirs(submitted, ignore, Beside(total=room, file=job.limits.disk), ours, keep)
    job = replace(job, notes=(*job.notes, *listing.notes()))
    chosen = listing.files | {
        name: path for name, path in ours.items() if name not in keep or name not in listing.files
    }
    chosen.pop(TIMESTAMP, None)
    if not chosen:
        yield job
        return
    with temporary.folder("files") as folder:
        for name, path in chosen.items():
            beside.copy(path, folder / name)
        yield replace(job, files=folder)


def ungraded(job: Job, reason: str) -> Graded:
    """The result of a job that we failed to grade: no points and no zero, a human looks at it."""
    return Graded(
        job.assignment,
        job.student,
        job.name,
        job.notebook,
        tuple(
            ExerciseResult(
                exercise.id,
                exercise.test_cell,
                exercise.points,
                (Outcome(exercise.id, "", "Not graded", 0.0, exercise.points, Status.UNGRADED, "", reason),),
            )
            for exercise in job.exercises
        ),
        (*job.notes, Note("ungraded", reason)),
    )


def grader_hash(folder: Path) -> str:
    """A digest of all files of a folder of graders, by name and content."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
        for part in (str(path.relative_to(folder)).encode(), path.read_bytes()):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


@cache
def versions() -> dict[str, str]:
    """What a result can depend on, besides the graders."""
    found = {"python": python_version()}
    for name in ("chainrule", "numpy", "torch", "nbgrader"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def digest(value: Any) -> str:
    """A digest of plain data."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def _as_recorded(cell: Notebook, recorded: Mapping[str, gradebook.ReleasedCell]) -> Notebook:
    known = recorded[cells.grade_id(cell)]
    changed = {**cells.nbgrader(cell), "checksum": known.checksum}
    for role in ("grade", "solution", "task"):
        if changed.get(role, False) != getattr(known, role):
            changed[role] = getattr(known, role)
    if known.points is not None:
        changed["points"] = known.points
    if cells.is_locked({"metadata": {"nbgrader": changed}}) != known.locked:
        changed["locked"] = known.locked
    source = known.source if known.locked else cell["source"]
    return {**cell, "source": source, "metadata": {**cell["metadata"], "nbgrader": changed}}


def _rebuilt(known: gradebook.ReleasedCell) -> Notebook:
    """A released cell that the source notebook no longer has."""
    entry = {
        "schema_version": 3,
        "grade_id": known.name,
        "grade": known.grade,
        "solution": known.solution,
        "task": known.task,
        "locked": known.locked,
        "cell_type": known.cell_type,
    }
    if known.points is not None:
        entry["points"] = known.points
    cell: Notebook = {"cell_type": known.cell_type, "metadata": {"nbgrader": entry}, "source": known.source}
    return {**cell, "outputs": [], "execution_count": None} if known.cell_type == "code" else cell
