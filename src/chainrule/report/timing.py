"""How long things took: the grading of notebooks, and times in words."""

from __future__ import annotations

import pandas as pd

COLUMNS = ["notebooks", "median_seconds", "seconds_95", "longest_seconds", "longest_student", "total_seconds"]


def grading_time(runs: pd.DataFrame) -> pd.DataFrame:
    """One row: how many notebooks were graded, median, 95th percentile, longest (and whose), sum, in seconds."""
    known = runs[runs["seconds"].notna()]
    if known.empty:
        return pd.DataFrame(columns=COLUMNS)
    seconds = known["seconds"].astype("float64")
    longest = known.iloc[int(seconds.to_numpy().argmax())]
    row = {
        "notebooks": len(known),
        "median_seconds": seconds.median(),
        "seconds_95": seconds.quantile(0.95),
        "longest_seconds": seconds.max(),
        "longest_student": longest["student"],
        "total_seconds": seconds.sum(),
    }
    return pd.DataFrame([row], columns=COLUMNS)


def duration(seconds: float) -> str:
    """`2 d 3 h`, `3 h 5 min`, `40 s`: the two largest units."""
    rest, parts = round(seconds), []
    for name, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"
