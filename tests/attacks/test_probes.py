"""Each attack on the machine is refused in each tier, for root and for an ordinary user, and works without a jail."""

from __future__ import annotations

from typing import Any

import pytest
from tests.attacks.probe import TIERS, Probe, cell, verdict
from tests.attacks.probes import PROBES

SMALL = {"memory": 300 << 20, "disk": 20 << 20, "processes": 40}
QUICK = {("user", "A"), ("user", "B+"), ("user", "B")}
TAKING = {42, 43, 44, 45}
"""Rows of attacks that take more than their share: to show that takes a second or two each."""
EACH = [pytest.param(attack, id=attack.name) for attack in PROBES]
PLACES = [
    pytest.param(user, tier, id=f"{user}-{tier}", marks=[] if (user, tier) in QUICK else [pytest.mark.thorough])
    for user in ("user", "root")
    for tier in TIERS
]


@pytest.mark.parametrize(("user", "tier"), PLACES)
@pytest.mark.parametrize("attack", EACH)
def test_it_is_refused(world_of: Any, attack: Probe, user: str, tier: str) -> None:
    world = world_of(user)
    name, landlock = TIERS[tier]
    result = world.cell(cell(attack, world.targets | world.neighbours.get(name, {})), name, landlock, **SMALL)
    assert "failed" not in result, result
    kind, details = _kind(result, attack)
    if reason := attack.open_in.get(tier):
        assert kind == "open", f"it is refused now ({kind}): say so where it is declared"
        pytest.skip(f"known: {reason}")
    assert kind in attack.refusals or (attack.effect and kind == "Nothing"), f"{kind}: {details}"
    assert not any(secret in result["printed"] for secret in world.secrets.values())
    assert result["left"] == []


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param(attack, id=attack.name, marks=[pytest.mark.thorough] if TAKING & set(attack.rows) else [])
        for attack in PROBES
    ],
)
def test_it_works_where_nothing_protects(world_of: Any, attack: Probe) -> None:
    if attack.no_control:
        pytest.skip(f"no control: {attack.no_control}")
    world = world_of("user")
    result = world.control(cell(attack, world.targets | world.neighbours["B"]))
    found = verdict(result["printed"])
    assert found is not None, result["printed"][-2000:]
    assert found[0] == "open", found
    assert not attack.effect or attack.effect in result["effects"]


@pytest.mark.parametrize("user", ["user", "root"])
def test_no_target_was_harmed_by_all_that(world_of: Any, user: str) -> None:
    state = world_of(user).ask("unharmed")
    assert state["victim"] in "SR"
    assert state["gradebook"]
    assert all(state["neighbours"].values())
    assert state["left"] == []


def _kind(result: dict[str, Any], attack: Probe) -> tuple[str, str]:
    """How a probe ended in the jail."""
    found = verdict(result["printed"])
    if found is not None:
        if attack.effect and found[0] == "open" and attack.effect not in result["effects"]:
            return "Nothing", "it says that it worked, but nothing changed"
        return found
    if result["lost"] == "StudentCrashed":
        return "killed", f"{result['status']} {result['reason']}"
    return result["lost"] or "no verdict", result["printed"][-2000:]
