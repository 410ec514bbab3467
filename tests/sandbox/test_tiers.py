"""The tier is what was tried and worked; less than a jail is refused unless allowed, and every result says its tier."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from chainrule.worker.jail import bubblewrap

HERE = Path(__file__).parent
DOCTOR = "import json\nfrom chainrule import sandbox\nprint(json.dumps(sandbox.doctor().as_dict()))\nsandbox.close()"
START = """
from chainrule import sandbox
from chainrule.errors import IsolationError
from chainrule.model import Limits
try:
    with sandbox.start(None, Limits()) as child:
        child.connection.limit(30)
        print(child.isolation, child.connection.request("has", "__name__").value)
except IsolationError as error:
    print("refused:", error)
sandbox.close()
"""
UBUNTU = ("mount",)  # AppArmor lets unshare succeed, and what it is for fail
PROFILE = ("unshare",)  # bubblewrap takes clone: as if it had a profile of AppArmor's, and Python had none
CONTAINER = ("unshare", "mount")
OLD = ("landlock_create_ruleset",)
STUCK = ("unshare", "memfd_create")  # bubblewrap would work, but moving into it fails
BARE = ("unshare", "landlock_create_ruleset")
FILTERED = ("seccomp",)

needs_bwrap = pytest.mark.skipif(bool(bubblewrap.unusable()), reason=bubblewrap.unusable())


@pytest.fixture(params=["root", "ordinary user"])
def python(request, as_ordinary_user):
    """python(source, without=system calls, **environment): what it prints, run by root and by an ordinary user."""

    def run(source, without=(), **environment):
        settings = [f"{name}={value}" for name, value in environment.items()]
        command = [sys.executable, "-P", "-c", source]
        if without:
            command = [sys.executable, str(HERE / "crippled.py"), *without, "--", *command]
        if request.param == "root":
            if os.getuid() != 0:
                pytest.skip("we are not root")
            variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(HERE.parents[1] / "src")}
            done = subprocess.run(["/usr/bin/env", *settings, *command], env=variables, capture_output=True, text=True)
        else:
            done = as_ordinary_user("/usr/bin/env", *settings, *command)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize(
    ("without", "tier", "pattern"),
    [
        pytest.param((), "A", r"tier A \(namespaces, (landlock \d+, )?seccomp\)", id="all there is"),
        pytest.param(OLD, "A", r"tier A \(namespaces, seccomp\)", id="no Landlock"),
        pytest.param(UBUNTU, "B", r"tier B \(landlock \d+, seccomp\)", id="mounts fail"),
        pytest.param(
            PROFILE, "B+", r"tier B\+ \(bwrap, landlock \d+, seccomp\)", id="only bubblewrap", marks=needs_bwrap
        ),
        pytest.param(CONTAINER, "B", r"tier B \(landlock \d+, seccomp\)", id="no namespaces"),
        pytest.param(STUCK, "B", r"tier B \(landlock \d+, seccomp\)", id="no way into bubblewrap"),
        pytest.param(BARE, "C", "", id="neither"),
        pytest.param(FILTERED, "C", "", id="no filter"),
    ],
)
def test_the_tier_is_what_works(python, without, tier, pattern):
    report = json.loads(python(DOCTOR, without))
    assert report["tier"] in (tier, f"{tier}+")
    assert report["allowed"] == (tier != "C")
    assert [layer["works"] for layer in report["layers"] if layer["name"] == "bwrap"] == [tier == "B+"]
    details = [layer["detail"] for layer in report["layers"] if layer["works"]]
    assert not pattern or any(re.fullmatch(pattern, detail) for detail in details), details
    best = report["tier"] == "A+"
    assert ("best tier" in report["advice"]) == best
    assert best or len(report["advice"]) > 40
    assert best or tier != "A" or "A+" in report["advice"]
    assert report["meaning"]


def test_without_a_jail_nothing_runs_unless_allowed(python):
    refused = python(START, BARE)
    assert refused.startswith("refused:")
    assert "CHAINRULE_ALLOW_WEAK_ISOLATION=1" in refused
    assert python(START, BARE, CHAINRULE_ALLOW_WEAK_ISOLATION="1") == "C (separate process) True\n"


def test_a_better_tier_is_not_given_up_because_a_weaker_one_is_allowed(python):
    assert python(START, CHAINRULE_ALLOW_WEAK_ISOLATION="1").startswith(("A (", "A+ ("))


@needs_bwrap
def test_what_bubblewrap_gives_is_said_of_each_grade(python):
    assert re.fullmatch(r"B\+ \(bwrap, landlock \d+, seccomp\) True\n", python(START, PROFILE))


@needs_bwrap
def test_the_advice_is_one_action_and_the_layers_say_why_they_fail(python):
    at = {names: json.loads(python(DOCTOR, names)) for names in (PROFILE, CONTAINER)}
    assert at[CONTAINER]["advice"] == at[PROFILE]["advice"], "what leads to A goes before what leads from B to B+"
    assert "bubblewrap" not in at[PROFILE]["advice"]
    failed = {layer["name"]: layer["detail"] for layer in at[CONTAINER]["layers"] if not layer["works"]}
    assert "Operation not permitted" in failed["bwrap"]
    assert "unshare" in failed["namespaces"]
