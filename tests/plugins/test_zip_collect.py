"""`nbgrader zip_collect` takes a class's archive: one bad archive in it costs only its student, and is named."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

REGEXP = r".*/(?P<student_id>[a-z]+)_attempt/(?P<file_id>t1)\\.ipynb"


def packed(files: dict[str, bytes]) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return whole.getvalue()


def with_link(target: str) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as file:
        entry = tarfile.TarInfo("t1.ipynb")
        entry.type, entry.linkname = tarfile.SYMTYPE, target
        file.addfile(entry)
    return whole.getvalue()


def test_a_class_in_one_archive_is_collected_without_what_is_hostile(classroom: Any) -> None:
    submission = (classroom.root / "release/t1/t1.ipynb").read_bytes()
    folder = classroom.root / "downloaded/t1/archive"
    folder.mkdir(parents=True)
    students = {
        "ada_attempt.zip": packed({"t1.ipynb": submission}),
        "bob_attempt.zip": packed({"t1.ipynb": submission, "zeros": bytes(300 << 20)}),
        "cyd_attempt.tar.gz": with_link("/etc/passwd"),
        "dan_attempt.zip": b"no archive",
        "eve_attempt.zip": packed({"../ada_attempt/t1.ipynb": b"eve's", "t1.ipynb": submission}),
    }
    (folder / "class.zip").write_bytes(packed(students))
    config = classroom.root / "nbgrader_config.py"
    config.write_text(config.read_text() + f'\nc.FileNameCollectorPlugin.named_regexp = "{REGEXP}"\n')
    command = [sys.executable, "-m", "nbgrader", "zip_collect", "t1"]
    done = subprocess.run(command, cwd=classroom.root, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    collected = {path.parts[-3]: path.read_bytes() for path in (classroom.root / "submitted").glob("*/t1/t1.ipynb")}
    assert collected == {"ada": submission, "eve": submission}
    for words in (
        "bob_attempt.zip unpacks to more",
        "cyd_attempt.tar.gz: 't1.ipynb': a link",
        "dan_attempt.zip cannot be",
    ):
        assert words in done.stderr
    assert not any(os.path.islink(path) for path in Path(classroom.root / "downloaded").rglob("*"))
