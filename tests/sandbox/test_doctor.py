"""`doctor` says what each layer does, found out from inside, and one thing that an administrator could do."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tests.sandbox.test_tiers import BARE, CONTAINER, DOCTOR, HERE

from chainrule.present.isolation import print_doctor
from chainrule.sandbox import Report, cgroup
from chainrule.sandbox.advice import advice
from chainrule.sandbox.layers import Layer

INSIDE = ("privileges", "limits", "network", "disk", "GPU")


def asked(*without: str) -> dict[str, Any]:
    """What doctor finds on this machine without these system calls."""
    command = [sys.executable, "-P", "-c", DOCTOR]
    if without:
        command = [sys.executable, str(HERE / "crippled.py"), *without, "--", *command]
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(HERE.parents[1] / "src")}
    done = subprocess.run(command, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("without", "tier", "open_"),
    [
        pytest.param((), "A", set(), id="all there is"),
        pytest.param(CONTAINER, "B", {"disk"}, id="no namespaces"),
        pytest.param(BARE, "C", {"privileges", "network", "disk"}, id="neither"),
    ],
)
def test_what_a_process_of_the_tier_can_do_is_found_from_inside(
    without: tuple[str, ...], tier: str, open_: set[str]
) -> None:
    found = asked(*without)
    assert found["tier"] in (tier, f"{tier}+")
    layers = {layer["name"]: layer for layer in found["layers"]}
    assert set(INSIDE) <= set(layers)
    assert {name for name in ("privileges", "limits", "network", "disk") if not layers[name]["works"]} == open_
    assert "512 MiB" in layers["disk"]["detail"]
    assert all(word in layers["limits"]["detail"] for word in ("512 open files", "no core file"))
    counted = "128 processes" in layers["limits"]["detail"]
    assert counted or (tier != "A" and " processes" not in layers["limits"]["detail"]), "the machine's own limit"
    if tier == "A":
        faults = {name for name, layer in layers.items() if layer["needed"] and not layer["works"]}
        assert faults <= {"cgroup", "landlock"}, "bubblewrap is not needed, so it is no fault"
        assert not layers["bwrap"]["needed"]


def test_what_is_not_needed_has_no_sign_of_failure() -> None:
    layers = (Layer("one", True, "x"), Layer("two", False, "x"), Layer("three", False, "x", needed=False))
    console = Console(file=io.StringIO(), width=80)
    print_doctor(console, Report("A", "Meaning.", True, layers, "Do this."))
    lines = [line.split() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]
    signs = {words[1]: words[0] for words in lines if words[-1] == "x"}
    assert signs == {"one": "✓", "two": "✗", "three": "·"}


@pytest.fixture
def grouped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """grouped(controllers, pids): this process as if it were in a control group of files with this content."""

    def group(controllers: str, *pids: int) -> Path:
        whole = tmp_path / "group" / "own"
        whole.mkdir(parents=True)
        for name, text in {
            "cgroup.procs": "".join(f"{pid}\n" for pid in (os.getpid(), *pids)),
            "cgroup.controllers": controllers,
            "cgroup.subtree_control": "",
            "cgroup.type": "domain",
        }.items():
            (whole / name).write_text(text)
        (tmp_path / "own").write_text("0::/own\n")
        (tmp_path / "mounts").write_text(f"30 20 0:26 / {whole.parent} rw - cgroup2 cgroup2 rw\n")
        monkeypatch.setattr(cgroup, "MOUNTS", tmp_path / "mounts")
        monkeypatch.setattr(cgroup, "OWN", tmp_path / "own")
        monkeypatch.setattr(cgroup, "_found", None)
        monkeypatch.setattr(cgroup, "SYSTEMD", tmp_path / "nowhere")
        return whole

    return group


def test_with_groups_of_version_1_the_advice_is_the_word_for_the_kernels_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own").write_text("4:memory:/\n3:pids:/\n1:name=systemd:/\n0::/\n")
    monkeypatch.setattr(cgroup, "OWN", tmp_path / "own")
    monkeypatch.setattr(cgroup, "_found", None)
    assert "`systemd.unified_cgroup_hierarchy=1` on the kernel's command line" in advice("A", {})


def test_with_a_controller_missing_the_advice_hands_it_on(grouped: Callable[..., Path]) -> None:
    whole = grouped("cpu pids")
    assert f"echo '+memory' > {whole.parent}/cgroup.subtree_control" in advice("A", {})


def test_with_foreign_processes_in_the_group_the_advice_moves_them(grouped: Callable[..., Path]) -> None:
    whole = grouped("cpu memory pids", 1)
    assert f"mkdir {whole}/others; for p in 1; do echo $p > {whole}/others/cgroup.procs; done" in advice("A", {})


def test_with_systemd_the_advice_is_a_group_of_its_own(
    grouped: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    grouped("cpu memory pids")
    monkeypatch.setattr(cgroup, "SYSTEMD", Path("/"))
    assert "systemd-run " in advice("A", {})
    assert advice("A", {}).count("`") == 2, "one action"
