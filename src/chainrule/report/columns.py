"""Rows of a query as columns. Large tables go from the driver to NumPy without an object for each row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Select

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""All control characters but tab and newline: they break CSV readers and pages."""

Columns = dict[str, Sequence[Any]]


def fetch(connection: Connection, query: Select[Any]) -> Columns:
    """The columns by name, with SQLAlchemy's types."""
    result = connection.execute(query)
    return _turned(list(result.keys()), result.all())


def fetch_raw(connection: Connection, query: Select[Any]) -> Columns:
    """The columns by name as the driver gives them, for texts and numbers: half the time of `fetch`.

    A boolean may be an integer and a time a text.
    """
    result = connection.execute(query)
    return _turned(list(result.keys()), result.cursor.fetchall())


def _turned(names: list[str], rows: Sequence[Any]) -> Columns:
    return dict(zip(names, zip(*rows, strict=True) if rows else ((),) * len(names), strict=True))


def texts(values: Iterable[object]) -> pd.Series:
    """A column of texts; a missing one is empty."""
    return pd.Series(["" if value is None else str(value) for value in values], dtype="str")


def numbers(values: Sequence[Any]) -> np.ndarray:
    """float64 with NaN for a missing value."""
    return np.array(values, dtype="float64")


def category(values: Sequence[Any]) -> pd.Categorical:
    """Texts by number, categories in alphabetical order; a missing one stays missing."""
    codes, found = pd.factorize(np.array(values, dtype="object"))
    return renamed(codes, [str(text) for text in found])


def renamed(codes: np.ndarray, names: Sequence[str]) -> pd.Categorical:
    """The category of `names[code]` for each code, -1 being missing. Names may be equal."""
    if not len(names):
        return pd.Categorical.from_codes(codes, categories=pd.Index([], dtype="str"))
    known, places = np.unique(np.array(names, dtype="object"), return_inverse=True)
    return pd.Categorical.from_codes(
        np.append(places, -1)[codes],  # -1 takes the last
        categories=pd.Index(known.tolist(), dtype="str"),
    )


def clean(column: pd.Series) -> pd.Series:
    """Control characters replaced."""
    if not _CONTROL.search("".join(column)):  # nearly always, and much faster than a look at each
        return column
    return pd.Series([cleaned(text) for text in column], index=column.index, dtype="str")


def cleaned(text: str) -> str:
    """Control characters replaced."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
