"""CSV files are quoted, safe to open in a spreadsheet, and change at once or not at all."""

from __future__ import annotations

import csv
import errno
import os
from pathlib import Path

import pandas as pd
import pytest

from chainrule.errors import ChainruleError
from chainrule.report.exports import MANIFEST, staged, write_csv


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


def test_a_text_that_another_list_separator_would_cut_is_no_formula_either(tmp_path: Path) -> None:
    assert written(pd.DataFrame({"a;=b": ["x;=1+1"]}), tmp_path / "t.csv") == [["a;'=b"], ["x;'=1+1"]]


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
    assert sorted(path.name for path in out.rglob("*")) == [MANIFEST, "a", "b.csv"]


def report_of(out: Path, *names: str) -> set[str]:
    """Write a report of these files; returns all files that are then in `out`, without the manifest."""
    with staged(out) as (scratch, _):
        for name in names:
            (scratch / name).parent.mkdir(parents=True, exist_ok=True)
            (scratch / name).write_text("new")
    return {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()} - {MANIFEST}


def test_a_folder_holds_one_report_and_nothing_stale_of_an_earlier_one(tmp_path: Path) -> None:
    course = {"index.html", "a01/index.html", "a01/figures/scores.csv", "a02/index.html"}
    assert report_of(tmp_path, *course) == course
    assert report_of(tmp_path, "index.html", "tests.csv") == {"index.html", "tests.csv"}
    assert not (tmp_path / "a01").exists()
    assert report_of(tmp_path, *course) == course


def test_files_that_no_report_wrote_stay(tmp_path: Path) -> None:
    (tmp_path / "a01").mkdir()
    for name in ("notes.txt", "a01/mine.csv"):
        (tmp_path / name).write_text("mine")
    report_of(tmp_path, "index.html", "a01/index.html")
    assert report_of(tmp_path, "index.html") == {"index.html", "notes.txt", "a01/mine.csv"}
    assert (tmp_path / "a01/mine.csv").read_text() == "mine"


def test_a_manifest_that_names_files_elsewhere_removes_none(tmp_path: Path) -> None:
    out = tmp_path / "out"
    report_of(out, "index.html")
    (tmp_path / "else").mkdir()
    for name in ("mine.txt", "else/mine.txt"):
        (tmp_path / name).write_text("mine")
    (out / "link").symlink_to(tmp_path / "else")
    (out / MANIFEST).write_text(f"../mine.txt\n{tmp_path / 'mine.txt'}\nlink/mine.txt\n\n.\n")
    report_of(out, "index.html")
    assert (tmp_path / "mine.txt").exists()
    assert (tmp_path / "else/mine.txt").exists()


def test_a_failed_run_removes_nothing(tmp_path: Path) -> None:
    report_of(tmp_path, "index.html", "tests.csv")
    with pytest.raises(ValueError, match="half-way"):
        half_way(tmp_path, ValueError("half-way"))
    assert report_of(tmp_path, "index.html") == {"index.html"}


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
