"""Fixtures of the parity suite."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, int, int], None]:
    """report(what, cells, differences): a line of the table that `make parity` prints."""
    path = Path(tmp_path_factory.getbasetemp()) / "parity.txt"

    def line(what: str, cells: int, differences: int) -> None:
        with path.open("a") as file:
            file.write(f"{what}\t{cells}\t{differences}\n")
        print(f"\nparity {what}: {cells} cells compared, {differences} differ")

    return line
