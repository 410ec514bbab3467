"""nbgrader's view of us: what `nbgrader_config.py` turns on with `configure(c)`, one class a file."""

from __future__ import annotations

from typing import Any

from chainrule.startup import find_alembic


def configure(c: Any) -> None:
    """Let nbgrader grade exercises that have a grader file outside the student's process.

    Call it first in `nbgrader_config.py`; settings after it win. Cells without a grader file keep nbgrader's meaning.
    """
    from nbconvert.preprocessors import ClearMetadataPreprocessor
    from nbgrader.preprocessors import (
        AssignLatePenalties,
        CheckCellMetadata,
        ClearOutput,
        GetGrades,
        IgnorePattern,
        LimitOutput,
        OverwriteCells,
        OverwriteKernelspec,
    )

    from chainrule.plugins.deduplicate import DeduplicateIds
    from chainrule.plugins.export import CsvExport
    from chainrule.plugins.exporter import SubmissionExporter
    from chainrule.plugins.extract import BoundedExtractor
    from chainrule.plugins.feedback import FeedbackExporter
    from chainrule.plugins.grade import Grade
    from chainrule.plugins.late import LatePolicy
    from chainrule.plugins.save import SaveResults

    c.Autograde.exporter_class = SubmissionExporter
    c.Autograde.sanitize_preprocessors = [
        ClearOutput,
        DeduplicateIds,
        OverwriteKernelspec,
        OverwriteCells,
        CheckCellMetadata,
    ]
    c.Autograde.autograde_preprocessors = [
        Grade,
        IgnorePattern,
        ClearMetadataPreprocessor,
        LimitOutput,
        SaveResults,
        AssignLatePenalties,
        CheckCellMetadata,
    ]
    c.AssignLatePenalties.plugin_class = LatePolicy
    c.GenerateFeedback.exporter_class = FeedbackExporter
    c.GenerateFeedback.preprocessors = [GetGrades]
    c.ExportApp.plugin_class = CsvExport
    c.ZipCollectApp.extractor_plugin = BoundedExtractor
    # A written answer has its rubric beside its model answer; nbgrader would refuse it outside task cells.
    c.ClearMarkScheme.enforce_metadata = False
    c.HTMLExporter.sanitize_html = True
    c.HTMLExporter.filters = {
        "clean_html": "chainrule.plugins.safe_html.clean_html",
        "markdown2html": "chainrule.plugins.safe_html.markdown2html",
    }
    find_alembic()
