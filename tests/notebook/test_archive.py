"""An archive gives regular files inside its folder, within bounds, or an error with its name; never anything else."""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.errors import SubmissionError
from chainrule.notebook.archive import Bounds, unpack

MIB = 1 << 20


def zipped(path: Path, files: dict[str, bytes], link: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
        if link:
            entry = zipfile.ZipInfo("link.ipynb")
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            file.writestr(entry, link)
    return path


def tarred(path: Path, *entries: tarfile.TarInfo, mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as file:
        for entry in entries:
            file.addfile(entry, io.BytesIO(b"x" * entry.size))
    return path


def entry(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, target: str = "") -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.size, found.linkname = kind, size, target
    return found


def there(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files_and_folders_come_as_they_are(tmp_path: Path) -> None:
    files = {"ps1.ipynb": b"{}", "data/points.csv": b"1,2", "Übung é.txt": b"", "empty": b""}
    assert unpack(zipped(tmp_path / "a.zip", files), tmp_path / "a") == []
    assert there(tmp_path / "a") == files
    assert unpack(tarred(tmp_path / "b.tar.gz", entry("one/two.ipynb", size=3)), tmp_path / "b") == []
    assert there(tmp_path / "b") == {"one/two.ipynb": b"xxx"}
    for mode in ("w", "w:bz2", "w:xz"):
        path = tarred(tmp_path / f"{mode[2:]}.tar", entry("ps1.ipynb", size=3), mode=mode)
        assert unpack(path, tmp_path / f"of {path.name}") == []
        assert there(tmp_path / f"of {path.name}") == {"ps1.ipynb": b"xxx"}
    assert unpack(zipped(tmp_path / "c.zip", {"w\\ps1.ipynb": b"{}"}), tmp_path / "c") == []
    assert there(tmp_path / "c") == {"w/ps1.ipynb": b"{}"}


@pytest.mark.parametrize("name", ["../up", "a/../../up", "/etc/absolute", "..\\up", "C:\\up", "\\\\host\\up"])
def test_what_would_be_outside_is_left_out_and_named(tmp_path: Path, name: str) -> None:
    [note] = unpack(zipped(tmp_path / "a.zip", {name: b"x", "good": b"y"}), tmp_path / "in" / "a")
    assert "outside" in note
    assert there(tmp_path / "in") == {"a/good": b"y"}
    [note] = unpack(tarred(tmp_path / "b.tar", entry(name, size=1), mode="w"), tmp_path / "in" / "b")
    assert there(tmp_path / "in" / "b") == {}
    assert not (tmp_path / "up").exists()


def test_links_and_devices_are_left_out(tmp_path: Path) -> None:
    assert len(unpack(zipped(tmp_path / "a.zip", {"good": b"y"}, link="/etc/passwd"), tmp_path / "a")) == 1
    kinds = [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
    entries = [entry(f"x{kind.decode()}", kind, target="/etc/passwd") for kind in kinds]
    assert len(unpack(tarred(tmp_path / "b.tgz", *entries, entry("good", size=1)), tmp_path / "b")) == 5
    for folder in ("a", "b"):
        assert [path.name for path in (tmp_path / folder).iterdir()] == ["good"]


def test_a_name_comes_once(tmp_path: Path) -> None:
    """Also where case or the way an accent is written is all that differs, and where one is a folder of the other."""
    entries = [entry(name, size=1) for name in ("a", "a", "A", "é", "e\u0301", "f", "f/g", "h/i", "h")]
    notes = unpack(tarred(tmp_path / "b.tgz", *entries), tmp_path / "b")
    assert sorted(there(tmp_path / "b")) == ["a", "f", "h/i", "é"]
    assert len(notes) == 5


@pytest.mark.parametrize("name", ["n" * 300, "bell\a", "/".join("d" * 40)])
def test_names_that_no_file_should_have_are_left_out(tmp_path: Path, name: str) -> None:
    [_] = unpack(zipped(tmp_path / "a.zip", {name: b"x", "good": b"y"}), tmp_path / "a")
    assert there(tmp_path / "a") == {"good": b"y"}


def test_a_bomb_is_refused_and_nothing_of_it_stays(tmp_path: Path) -> None:
    bomb = zipped(tmp_path / "a.zip", {"good": b"y", "zeros": bytes(300 * MIB)})
    assert bomb.stat().st_size < MIB
    with pytest.raises(SubmissionError, match=r"a\.zip .* more than 2\d MiB"):
        unpack(bomb, tmp_path / "a")
    bounds = [Bounds(files=1), Bounds(total=MIB, unsuspicious=MIB), Bounds(file=MIB)]
    small = zipped(tmp_path / "b.zip", {"good": b"y", "large": os.urandom(2 * MIB)})
    for each in bounds:
        with pytest.raises(SubmissionError, match=r"b\.zip"):
            unpack(small, tmp_path / "b", each)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "b.zip"]


@pytest.mark.parametrize("later", [False, True])
def test_a_header_that_claims_gigabytes_is_not_believed(tmp_path: Path, later: bool) -> None:
    """Neither at the beginning, which is read when the archive is opened, nor later."""
    header = entry("long", tarfile.GNUTYPE_LONGNAME, size=4 << 30).tobuf(tarfile.GNU_FORMAT)
    path = tmp_path / "a.tar.gz"
    with gzip.open(path, "wb") as file:
        file.write((entry("good").tobuf() if later else b"") + header + bytes(100 * MIB))
    with pytest.raises(SubmissionError, match=r"a\.tar\.gz cannot be unpacked .* claims to hold more than \d+ MiB"):
        unpack(path, tmp_path / "a")


def test_what_is_skipped_is_not_unpacked_without_end(tmp_path: Path) -> None:
    """To leave out a compressed entry is to unpack it: that, too, ends at a bound."""
    path = tarred(tmp_path / "a.tgz", entry("../zeros", size=200 * MIB), entry("good", size=1))
    assert path.stat().st_size < MIB
    with pytest.raises(SubmissionError, match=r"a\.tgz cannot be unpacked .* claims to hold more than \d+ MiB"):
        unpack(path, tmp_path / "a")


def test_a_small_file_may_be_packed_well(tmp_path: Path) -> None:
    """The ratio is for bombs: 8 MiB of one sign are an ordinary notebook's output."""
    path = zipped(tmp_path / "a.zip", {"ps1.ipynb": bytes(8 * MIB)})
    assert path.stat().st_size * 100 < 8 * MIB
    assert unpack(path, tmp_path / "a") == []


def test_an_encrypted_file_is_left_out_and_named(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"secret": b"x", "good": b"y"})
    raw = bytearray(path.read_bytes())
    for head, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # APPNOTE 4.3.7 and 4.3.12: the first of each
        raw[raw.index(head) + flags] |= 1
    path.write_bytes(raw)
    [note] = unpack(path, tmp_path / "a")
    assert "secret" in note
    assert "encrypted" in note
    assert there(tmp_path / "a") == {"good": b"y"}


def test_what_is_no_archive_or_a_broken_one_is_an_error_with_its_name(tmp_path: Path) -> None:
    whole = zipped(tmp_path / "whole.zip", {"a": os.urandom(1000)}).read_bytes()
    spoiled = whole[:60] + bytes(9) + whole[69:]
    for name, content in {"text": b"hello", "empty": b"", "cut": whole[:500], "spoiled": spoiled}.items():
        path = tmp_path / f"{name}.zip"
        path.write_bytes(content)
        with pytest.raises(SubmissionError, match=f"{name}.zip cannot be unpacked"):
            unpack(path, tmp_path / name)
        assert not (tmp_path / name).exists()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_the_bytes_the_answer_is_files_or_the_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    good = data.draw(st.sampled_from(["zip", "tar"]))
    files = data.draw(st.dictionaries(st.text(min_size=1, max_size=8), st.binary(max_size=40), max_size=3))
    path = folder / "x.zip"
    if good == "zip":
        zipped(path, {name.replace("\ud800", ""): content for name, content in files.items() if name.isprintable()})
    else:
        tarred(path, *(entry(name, size=len(content)) for name, content in files.items() if name.isprintable()))
    raw = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(0, max(0, len(raw) - 1)), max_size=4)):
        raw[place] = data.draw(st.integers(0, 255))
    path.write_bytes(raw)
    try:
        unpack(path, folder / "out" / "deep")
    except SubmissionError:
        assert not (folder / "out" / "deep").exists()
    assert {child.name for child in folder.iterdir()} <= {"x.zip", "out"}
    assert all(not child.is_symlink() for child in folder.rglob("*"))
