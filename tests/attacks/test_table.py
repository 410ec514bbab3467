"""docs/security.md tells what these tests do: `python -m tests.attacks.table` prints its table."""

from __future__ import annotations

import re
from pathlib import Path

from tests.attacks import table

ROOT = Path(__file__).parents[2]


def test_the_table_in_the_documentation_is_the_present_one() -> None:
    page = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    assert table.text() in page, "put the output of `python -m tests.attacks.table` into docs/security.md"


def test_every_attack_has_a_place_or_a_reason() -> None:
    assert [row[0] for row in table.rows()] == list(range(1, 70))
    for number, _, where, result in table.rows():
        assert where != "–" or number in table.RESULTS, f"attack {number} is tested nowhere, and nobody says why"
        for name in re.findall(r"`([^`]+)`", where):
            assert (ROOT / name).is_file() or (Path(__file__).parent / name).is_file()
        assert result
