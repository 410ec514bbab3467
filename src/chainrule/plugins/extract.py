"""`nbgrader zip_collect`: how archives are unpacked."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from nbgrader.plugins.zipcollect import ExtractorPlugin
from traitlets import Int

from chainrule.errors import SubmissionError
from chainrule.notebook.archive import Bounds, unpack

NESTED = 2
"""A learning platform's archive of a class holds those of the students; what is packed deeper stays packed."""


class BoundedExtractor(ExtractorPlugin):
    """Does what nbgrader's extractor does, with bounds, and goes on with the next archive where one cannot be had."""

    max_file = Int(256, help="The largest file that is unpacked, in MiB.").tag(config=True)
    max_total = Int(16384, help="What one archive may unpack to, in MiB.").tag(config=True)
    max_files = Int(100_000, help="Entries of one archive.").tag(config=True)

    def extract(self, archive_path: str, extracted_path: str) -> None:
        if not os.listdir(archive_path):
            self.log.warning("No files found in directory: %s", archive_path)
        for root, _, names in os.walk(archive_path):
            folder = Path(extracted_path) / os.path.relpath(root, archive_path)
            folder.mkdir(parents=True, exist_ok=True)
            for name in sorted(names):
                path = Path(root, name)
                if not stat.S_ISREG(path.lstat().st_mode):
                    self.log.error("%s is not a regular file: it is left out.", path)
                elif path.suffix in self.zip_ext:
                    self._unpack(path, folder, NESTED)
                else:
                    shutil.copy(path, folder / name)

    def _unpack(self, archive: Path, folder: Path, levels: int) -> None:
        """Into a folder of the archive's name, and archives in it likewise."""
        target = folder / archive.name.removesuffix(archive.suffix).removesuffix(".tar")
        self.log.info("Extracting %s to %s", archive, target)
        try:
            left_out = unpack(archive, target, Bounds(self.max_file << 20, self.max_total << 20, self.max_files))
        except FileExistsError:
            self.log.error("%s is left out: there is another %s.", archive, target)
            return
        except SubmissionError as error:
            self.log.error("%s", error)
            return
        for note in left_out:
            self.log.warning("Left out of %s: %s", archive, note)
        if levels > 1:
            for path in sorted(path for path in target.rglob("*") if path.suffix in self.zip_ext and path.is_file()):
                self._unpack(path, path.parent, levels - 1)
