"""Copies of a cell do not stop the run: the first one counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import nbformat
from nbgrader.preprocessors import CheckCellMetadata

from chainrule.plugins.deduplicate import DeduplicateIds


def test_the_first_cell_with_an_id_counts_and_the_notebook_stays_valid(cell: Callable[..., dict[str, Any]]) -> None:
    first, second = (cell("code", source, "test_a", points=1) for source in ("first", "second"))
    notebook = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [first, cell("code", "between"), second]}
    result, resources = DeduplicateIds().preprocess(nbformat.from_dict(notebook), {})
    assert [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in result.cells] == ["test_a", None, None]
    CheckCellMetadata().preprocess(result, resources)


def test_cells_with_different_ids_keep_theirs(cell: Callable[..., dict[str, Any]]) -> None:
    cells = [cell("code", "", "a", solution=True), cell("markdown", "", "b", points=1, task=True)]
    notebook = nbformat.from_dict({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells})
    result, _ = DeduplicateIds().preprocess(notebook, {})
    assert [cell.metadata.nbgrader.grade_id for cell in result.cells] == ["a", "b"]
