"""Which kernels are this Python, so that a notebook without graders may run here and not in a kernel of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from chainrule import foreign


@pytest.mark.parametrize(
    ("language", "program", "ours"),
    [
        ("python", sys.executable, True),
        ("python", "python", True),
        ("julia", sys.executable, False),
        ("python", "/elsewhere/bin/python", False),
    ],
)
def test_a_kernel_is_ours_if_it_is_python_in_this_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str, program: str, ours: bool
) -> None:
    folder = tmp_path / "kernels/other"
    folder.mkdir(parents=True)
    argv = [program, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (folder / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "o", "language": language}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    assert foreign.is_ours("other") is ours


def test_python_is_ours_and_an_unknown_kernel_is_not() -> None:
    assert foreign.is_ours("python3")
    assert not foreign.is_ours("no-such-kernel")
