"""Tier A+: the kernel keeps a student's processes within their limits together, and nothing of them is left.

The promises are in `groups`. They are tried in a machine of their own, for this one need not have such control groups.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.attacks.groups import ALONE, FOR_USER, JAILED, NOTHING, USERS
from tests.attacks.groups.runs import HOG
from tests.fixtures.machine import run_in_machine

QUICK = {
    "doctor_says_that_it_is_the_best_tier",
    "memory_of_ones_own_is_limited",
    "what_is_left_when_all_are_killed_is_removed_by_the_next_run",
    "a_group_with_a_stranger_is_refused_and_left_as_it_was",
    "many_at_once_find_the_same_group",
}
EACH = [
    pytest.param(
        user, name, id=f"{name}-{user}", marks=[] if user == "user" and name in QUICK else pytest.mark.thorough
    )
    for name in (*JAILED, *ALONE, NOTHING)
    for user in USERS
    if user != "root" or name not in FOR_USER
]
pytestmark = pytest.mark.timeout(2500)


@pytest.fixture(scope="module")
def results(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What became of each promise, for each user: all of them are tried in one machine."""
    folder = tmp_path_factory.mktemp("machine")
    chosen = ["user", *sorted(QUICK)]
    if request.config.getoption("attacks") == "all":
        chosen = []
        course = request.getfixturevalue("released_classroom").copy(folder / "course")
        for student, answers in {"ada": {}, "bob": {"twice": "twice = 1"}, "hog": {"thrice": HOG}}.items():
            course.submit(student, **answers)
    # It takes half a minute, five for all of it; on a busy machine more.
    log = run_in_machine("tests.attacks.groups", chosen, folder, 2400)
    assert "ended with 0" in log, log[-5000:]
    return json.loads((folder / "results.json").read_text())


@pytest.mark.parametrize(("user", "name"), EACH)
def test_it_holds(results: Any, user: str, name: str) -> None:
    assert results[user][name]["error"] == ""
