"""Spreadsheets (Office Open XML, ECMA-376) whose texts are never formulas, with the same bytes for the same grades."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from chainrule.errors import ChainruleError
from chainrule.formats.files import replacing
from chainrule.formats.text import clean, formula

ROWS = 1_048_576
"""Most rows of a sheet in Excel ("Excel specifications and limits")."""

CHARACTERS = 32_767
"""Most characters of a cell there."""

WIDEST = 60

EPOCH = datetime(1980, 1, 1)
"""The time that is written into the file, in place of that of the export: it would make two exports differ."""

_DAY_ZERO = datetime(1899, 12, 30)
"""Dates are days since then (ECMA-376 part 1, 18.17.4.1, the 1900 date base from March 1900 on)."""

_DIMENSION = re.compile(rb"<dimension [^>]*/>")
"""openpyxl's idea of the cells in use, which is the head alone; the element is optional."""

_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")


@dataclass(frozen=True)
class Sheet:
    """A table: texts, numbers, truth values, times (UTC, without zone) and None for an empty cell."""

    name: str
    header: Sequence[str]
    rows: Iterable[Sequence[object]]


@dataclass(frozen=True)
class _Styles:
    """Numbers of the cell formats in the workbook."""

    time: int
    quoted: int
    """For a text that would become a formula when somebody edits its cell."""


def write(path: Path, sheets: Sequence[Sheet]) -> None:
    """The sheets as a workbook: heads stay in place while scrolling, columns have filters and fit their content.

    openpyxl makes all but the rows, which are written here: it takes ten times as long for them.
    """
    from openpyxl import Workbook
    from openpyxl.writer.excel import ExcelWriter

    book = Workbook()
    book.remove(book.active)
    book.properties.creator = "chainrule"
    book.properties.created = book.properties.modified = EPOCH
    contents = {}
    for place, sheet in enumerate(sheets, 1):
        rows = [list(row) for row in sheet.rows]
        styles = _head(book.create_sheet(sheet.name), sheet, rows)
        contents[f"xl/worksheets/sheet{place}.xml"] = (rows, styles)
    shell = io.BytesIO()
    ExcelWriter(book, zipfile.ZipFile(shell, "w", zipfile.ZIP_STORED)).save()
    with replacing(path) as part, zipfile.ZipFile(shell) as old, zipfile.ZipFile(part, "w") as new:
        for name in old.namelist():
            entry = zipfile.ZipInfo(name, (EPOCH.year, EPOCH.month, EPOCH.day, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            data = old.read(name)
            if name in contents:
                before, end, after = _DIMENSION.sub(b"", data).rpartition(b"</sheetData>")
                data = before + "".join(_rows(*contents[name])).encode() + end + after
            new.writestr(entry, data, compresslevel=6)


def require_rows(sheet: str, rows: int) -> None:
    """Raise `ChainruleError` if that many rows and a head do not fit."""
    if rows >= ROWS:
        raise ChainruleError(
            f"The sheet {sheet!r} would have {rows} rows, and a spreadsheet holds {ROWS - 1}. Export one assignment "
            "at a time."
        )


def _head(target: Any, sheet: Sheet, rows: list[list[object]]) -> _Styles:
    """Fill all of a sheet but its rows; returns the formats that they need."""
    from openpyxl.cell import Cell
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    require_rows(sheet.name, len(rows))
    for column, name in enumerate(sheet.header, 1):
        title = target.cell(1, column)
        title.value = _words(name)
        title.data_type = "s"
        title.font = Font(bold=True)
        width = max([len(name) + 3, *(_width(row[column - 1]) for row in rows[:2000])])
        target.column_dimensions[get_column_letter(column)].width = min(width + 1, WIDEST)
    target.freeze_panes = "A2"
    target.auto_filter.ref = f"A1:{get_column_letter(len(sheet.header))}{len(rows) + 1}"
    time, quoted = Cell(target), Cell(target)
    time.number_format = "yyyy-mm-dd hh:mm:ss"
    quoted.quotePrefix = True
    return _Styles(time.style_id, quoted.style_id)


def _rows(rows: list[list[object]], styles: _Styles) -> Iterator[str]:
    for number, row in enumerate(rows, 2):
        cells = "".join([_cell(value, styles) for value in row])
        yield f'<row r="{number}">{cells}</row>'


def _cell(value: object, styles: _Styles) -> str:
    """One cell; its place is that in its row."""
    if isinstance(value, str):
        words = _words(value)
        style = f' s="{styles.quoted}"' if formula(words) else ""
        return f'<c t="inlineStr"{style}><is><t xml:space="preserve">{escape(words)}</t></is></c>'
    if isinstance(value, bool):
        return f'<c t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int):
        return f"<c><v>{value}</v></c>"
    if isinstance(value, float):
        # Neither NaN nor infinite: a cell holds no such number.
        return f"<c><v>{value!r}</v></c>" if value - value == 0 else "<c/>"
    if isinstance(value, datetime):
        return f'<c s="{styles.time}"><v>{(value - _DAY_ZERO).total_seconds() / 86400!r}</v></c>'
    return "<c/>" if value is None else _cell(str(value), styles)


def _words(text: str) -> str:
    """Text as it stands in a cell. `_x003D_` there means "=" (ECMA-376 part 1, 22.9.2.19): as text it has an escape."""
    return _ESCAPED.sub("_x005F_", clean(text)[:CHARACTERS])


def _width(value: object) -> int:
    if isinstance(value, datetime):
        return 19
    if isinstance(value, float):
        return len(f"{value:.6g}")
    return max((len(part) for part in str(value).split("\n")), default=0) if value is not None else 0
