"""Puts a student's cells into the notebook that was released."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from chainrule.model import Note
from chainrule.notebook import regions
from chainrule.notebook.cells import grade_id, is_nbgrader, is_solution, stub, visible
from chainrule.notebook.ids import Ids
from chainrule.notebook.written import CODE_STUB, TEXT_STUB

Cell = dict[str, Any]
_FLAGS = ("grade", "solution", "locked", "task", "points", "grade_id")


def merge(truth: Mapping[str, Any], submitted: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Note, ...]]:
    """The submission's cells in the submission's order, with all that is not the student's taken from `truth`.

    `truth` is the source notebook, with or without hidden tests; `submitted` comes from `read_notebook`. A cell with a
    known grade_id takes its type and metadata from the truth, and unless it is a solution its source too. The first
    cell with a grade_id counts; missing ones are put back. All other cells stay, without metadata. The notes say what
    was put right.
    """
    known = {grade_id(cell): cell for cell in truth["cells"] if is_nbgrader(cell)}
    notes: list[Note] = []
    placed: dict[str, Cell] = {}
    merged: list[Cell] = []
    for cell in submitted["cells"]:
        name = grade_id(cell)
        if name not in known:
            merged.append(_plain(cell))
        elif name not in placed:
            placed[name] = _placed(known[name], cell, notes)
            merged.append(placed[name])
        elif is_solution(known[name]):
            # Splitting a cell in Jupyter gives both halves its metadata.
            notes.append(Note("duplicate", f"{name} occurs again: the later copy counts as an ordinary cell.", name))
            merged.append(_plain(cell))
        else:
            notes.append(Note("duplicate", f"{name} occurs again: the later copy was left out.", name))
    _put_back(known, placed, merged, notes)
    ids = Ids()
    for cell in sorted(merged, key=lambda cell: not is_nbgrader(cell)):
        cell["id"] = ids.unique(cell["id"])
    frame = {key: copy.deepcopy(value) for key, value in truth.items() if key != "cells"}
    return {**frame, "cells": merged}, tuple(notes)


def _placed(truth: Cell, cell: Mapping[str, Any], notes: list[Note]) -> Cell:
    """The cell of the truth with the student's source, if it is theirs to write."""
    name = grade_id(truth)
    expected, given = truth["metadata"]["nbgrader"], cell["metadata"]["nbgrader"]
    # A key that the student's copy lacks is one that only the truth's version writes.
    changed = [key for key in _FLAGS if key in given and key in expected and given[key] != expected[key]]
    if truth["cell_type"] != cell["cell_type"]:
        changed.append("cell type")
    if changed:
        notes.append(Note("metadata", f"{name}: {', '.join(changed)} had been changed and was set back.", name))
    result = _fresh(truth)
    if is_solution(truth):
        result["source"] = cell["source"]
        if "attachments" in cell and result["cell_type"] != "code":
            result["attachments"] = copy.deepcopy(cell["attachments"])
    elif visible(truth["source"]).strip() != _visible(cell["source"]).strip():
        notes.append(Note("restored", f"{name} had been changed and was set back.", name))
    return result


def _visible(source: str) -> str:
    """A student's source as it stands, should its regions be broken."""
    try:
        return visible(source)
    except ValueError:
        return source


def _put_back(known: Mapping[str, Cell], placed: dict[str, Cell], merged: list[Cell], notes: list[Note]) -> None:
    """Inserts the missing cells, each after the nearest cell before it in the truth that is there."""
    before: Cell | None = None
    for name, truth in known.items():
        if name not in placed:
            cell = _fresh(truth)
            if is_solution(truth) and not _is_stub(truth):
                cell["source"] = stub(truth["source"], truth["cell_type"])
            merged.insert(0 if before is None else merged.index(before) + 1, cell)
            placed[name] = cell
            notes.append(Note("missing", f"{name} was missing and was put back as released.", name))
        before = placed[name]


def _is_stub(truth: Cell) -> bool:
    """Whether the truth is a release, whose stubs are already there."""
    mark = CODE_STUB.split("\n")[0] if truth["cell_type"] == "code" else TEXT_STUB
    return not regions.has(truth["source"], regions.SOLUTION) and mark in truth["source"]


def _fresh(truth: Cell) -> Cell:
    cell = copy.deepcopy(dict(truth))
    cell.setdefault("id", grade_id(truth))
    if cell["cell_type"] == "code":
        cell |= {"execution_count": None, "outputs": []}
    return cell


def _plain(cell: Mapping[str, Any]) -> Cell:
    plain: Cell = {key: cell[key] for key in ("cell_type", "id", "source")} | {"metadata": {}}
    if cell["cell_type"] == "code":
        plain |= {"execution_count": None, "outputs": []}
    elif "attachments" in cell:
        plain["attachments"] = copy.deepcopy(cell["attachments"])
    return plain
