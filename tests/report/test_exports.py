"""CSV files are quoted, safe to open in a spreadsheet, and change at once or not at all."""

from __future__ import annotations

import csv
import errno
import os
from pathlib import Path

import pandas as pd
import pytest

from chainrule.errors import ChainruleError
from chainrule.report.exports import staged, write_csv


def written(frame: pd.DataFrame, path: Path) -> list[list[str]]:
    write_csv(frame, path)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def half_way(out: Path, error: Exception) -> None:
    with staged(out) as (scratch, _):
        (scratch / "index.html").write_text("half")
        raise error


def test_text_comes_back_as_it_was(tmp_path: Path) -> None:
    texts = ['a "quoted", one', "two\nlines", "Gauß, Σ", "", " 'x"]
    assert [row[0] for row in written(pd.DataFrame({"text": texts}), tmp_path / "t.csv")[1:]] == texts


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
@pytest.mark.parametrize("kind", ["str", "category", "object"])
def test_a_text_that_a_spreadsheet_would_run_gets_an_apostrophe(tmp_path: Path, start: str, kind: str) -> None:
    frame = pd.DataFrame({"text": [f"{start}cmd"], f"{start}name": ["x"]}).astype(kind)
    assert written(frame, tmp_path / "t.csv") == [["text", f"'{start}name"], [f"'{start}cmd", "x"]]


def test_numbers_stay_numbers_and_missing_values_are_empty(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "float": [-2.0, 1 / 3, float("nan")],
            "int": [-1, 0, 7],
            "text": ["a", None, float("nan")],
            "category": pd.Categorical(["a", None, "b"]),
            "time": pd.to_datetime(["2026-03-01 20:00:00", None, None]),
        }
    )
    assert written(frame, tmp_path / "t.csv")[1:] == [
        ["-2", "-1", "a", "a", "2026-03-01T20:00:00Z"],
        ["0.333333", "0", "", "", ""],
        ["", "7", "", "b", ""],
    ]


def test_a_failed_run_leaves_the_earlier_files_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("earlier")
    with pytest.raises(ValueError, match="half-way"):
        half_way(tmp_path, ValueError("half-way"))
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
    assert (tmp_path / "index.html").read_text() == "earlier"


def test_the_files_moved_are_listed_and_the_scratch_folder_is_gone(tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"
    with staged(out) as (scratch, moved):
        (scratch / "a").mkdir()
        (scratch / "a" / "b.csv").write_text("x")
    assert moved == [out / "a" / "b.csv"]
    assert sorted(path.name for path in out.rglob("*")) == ["a", "b.csv"]


def test_an_out_that_is_a_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with (
        pytest.raises(ChainruleError, match=r"cannot be written to .*out: File exists.*--out"),
        staged(tmp_path / "out"),
    ):
        pass


def test_a_full_disk_is_named_and_leaves_no_half_page(tmp_path: Path) -> None:
    with pytest.raises(ChainruleError, match="No space left on device"):
        half_way(tmp_path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert not any(tmp_path.iterdir())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ChainruleError, match="Permission denied"), staged(tmp_path):
        pass
