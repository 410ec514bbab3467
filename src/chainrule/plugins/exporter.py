"""How nbgrader's autograde reads a submission."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbgrader.coursedir import CourseDirectory
from nbgrader.nbgraderformat import SchemaTooNewError, SchemaTooOldError

from chainrule import beside, submission
from chainrule.errors import SubmissionError
from chainrule.limits import Beside
from chainrule.plugins.as_nbgrader import AsNbgrader

PLACE = "chainrule_place"
"""Our entry in nbconvert's resources: the `submission.Place` of the notebook."""


class SubmissionExporter(NotebookExporter):
    """Takes only the student's own cells from a submitted notebook that has exercises with graders.

    All else comes from the instructor's notebook, so nothing a student does to the file can stop the run. Notebooks
    without such exercises are read as nbgrader reads them.
    """

    def from_filename(self, filename: str, resources: Any = None, **kw: Any) -> Any:
        coursedir: CourseDirectory = self.parent.coursedir
        about = resources["nbgrader"]
        place = submission.Place.of(coursedir, about["assignment"], about["notebook"])
        resources[PLACE] = place
        submitted = coursedir.format_path(coursedir.submitted_directory, about["student"], about["assignment"])
        if Path(filename).parent != Path(submitted):
            return super().from_filename(filename, resources, **kw)  # the second pass, over what the first one wrote
        self._take_back(place, about["student"])
        original = submission.truth(place)
        if original is None:
            return self._as_nbgrader_does(filename, resources, **kw)
        notebook = submission.taken_in(Path(filename), original)
        modified = datetime.fromtimestamp(os.lstat(filename).st_mtime, UTC)
        resources["metadata"] = {
            "name": about["notebook"],
            "path": str(Path(filename).parent),
            "modified_date": f"{modified:%B} {modified.day}, {modified.year}",
        }
        return self.from_notebook_node(nbformat.from_dict(notebook), resources, **kw)

    def _take_back(self, place: submission.Place, student: str) -> None:
        """Remove from the graded folder what nbgrader has copied there through a student's links."""
        folders: CourseDirectory = self.parent.coursedir
        submitted, graded = (
            Path(folders.format_path(step, student, place.assignment))
            for step in (folders.submitted_directory, folders.autograded_directory)
        )
        replaced = beside.ours(place.source, folders.ignore).keys() - self.parent.exclude_overwriting.get(
            place.assignment, ()
        )
        for name, why in beside.theirs(submitted, folders.ignore, Beside()).left_out.items():
            if why == beside.LINK and name not in replaced and (graded / name).is_file():
                (graded / name).unlink()

    def _as_nbgrader_does(self, filename: str, resources: Any, **kw: Any) -> Any:
        if not Path(filename).is_file() or Path(filename).is_symlink():
            raise SubmissionError(f"{filename} is not a regular file. Ask for the notebook itself.")
        try:
            return super().from_filename(filename, resources, **kw)
        except (SchemaTooOldError, SchemaTooNewError) as error:
            as_nbgrader = AsNbgrader(parent=self)
            # nbgrader takes the empty metadata that it leaves on a copied cell for that of its first version.
            copied = "schema version: 0" in str(error) and as_nbgrader.wants("a_copied_cell_stops_the_run")
            if copied or as_nbgrader.wants("an_old_notebook_stops_the_run"):
                raise
            raise SubmissionError(f"{filename} was made with another version of nbgrader: {error}") from error
