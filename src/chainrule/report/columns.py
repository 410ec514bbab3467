"""Rows of a query as columns. Large tables go from the driver to NumPy, and equal texts become one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Select, event

AT_ONCE = 500
"""Rows held as rows. A column of a million texts would be as many objects; here it is numbers and a few texts. So few
rows stay in the processor's cache until they are columns.
"""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""All control characters but tab and newline: they break CSV readers and pages."""


def fetch(connection: Connection, query: Select[Any]) -> dict[str, Sequence[Any]]:
    """The columns of a small result by name, with SQLAlchemy's types."""
    result = connection.execute(query)
    names, rows = list(result.keys()), result.all()
    return dict(zip(names, zip(*rows, strict=True) if rows else ((),) * len(names), strict=True))


def fetch_large(
    connection: Connection, query: Select[Any], *, text: Sequence[str], number: Sequence[str], whole: Sequence[str] = ()
) -> tuple[dict[str, pd.Categorical], dict[str, np.ndarray]]:
    """The columns of a result of any size: `text` as categories, `number` as float64 with NaN, `whole` as int64.

    A category is -1 for NULL. Values are as the driver gives them, not as SQLAlchemy would: for texts, numbers and
    (as `whole`) booleans they are the same.
    """
    with _in_binary(connection):
        result = connection.execute(query)
    places = {name: place for place, name in enumerate(result.keys())}
    known = {name: _Codes() for name in text}
    parts: dict[str, list[np.ndarray]] = {name: [] for name in (*text, *number, *whole)}
    while rows := result.cursor.fetchmany(AT_ONCE):
        columns = list(zip(*rows, strict=True))
        for name in text:
            codes = map(known[name].__getitem__, columns[places[name]])
            parts[name].append(np.fromiter(codes, dtype="int32", count=len(rows)))
        for name in (*number, *whole):
            parts[name].append(np.array(columns[places[name]], dtype="float64" if name in number else "int64"))
    joined = {name: np.concatenate(found) if found else np.array([], "int64") for name, found in parts.items()}
    categories = {name: renamed(joined[name], [str(value) for value in list(known[name])[1:]]) for name in text}
    return categories, {name: joined[name] for name in (*number, *whole)}


@contextmanager
def _in_binary(connection: Connection) -> Iterator[None]:
    """Queries in here get PostgreSQL's binary format: floats as eight bytes, which nobody has to write and read."""

    def ask(connection: Connection, cursor: Any, *_: object) -> None:
        cursor.format = 1  # psycopg.pq.Format.BINARY

    if connection.dialect.driver != "psycopg":
        yield
        return
    event.listen(connection, "before_cursor_execute", ask)
    try:
        yield
    finally:
        event.remove(connection, "before_cursor_execute", ask)


class _Codes(dict[Any, int]):
    """Numbers values from 0 as they come; its first key is None, which is -1."""

    def __init__(self) -> None:
        super().__init__({None: -1})

    def __missing__(self, value: Any) -> int:
        code = self[value] = len(self) - 1
        return code


def texts(values: Iterable[object]) -> pd.Series:
    """A column of texts; a missing one is empty."""
    return pd.Series(["" if value is None else str(value) for value in values], dtype="str")


def numbers(values: Sequence[Any]) -> np.ndarray:
    """float64 with NaN for a missing value."""
    return np.array(values, dtype="float64")


def category(values: Sequence[str]) -> pd.Categorical:
    """Texts as numbers, the categories in alphabetical order."""
    codes, found = pd.factorize(np.array(values, dtype="object"))
    return renamed(codes, found.tolist())


def renamed(codes: np.ndarray, names: Sequence[str]) -> pd.Categorical:
    """The text `names[code]` for each code, none for -1. Names may be equal; categories are in alphabetical order."""
    known = {name: code for code, name in enumerate(sorted(set(names)))}
    places = np.array([*(known[name] for name in names), -1])
    return pd.Categorical.from_codes(places[codes], categories=pd.Index(list(known), dtype="str"))  # -1 takes the last


def clean(column: pd.Series) -> pd.Series:
    """Control characters replaced."""
    if not _CONTROL.search("".join(column)):  # nearly always, and much faster than a look at each
        return column
    return pd.Series([cleaned(text) for text in column], index=column.index, dtype="str")


def cleaned(text: str) -> str:
    """Control characters replaced."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
