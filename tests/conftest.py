"""What all tests share: their fixtures, which lie in tests/fixtures, and the option that chooses among the attacks."""

from __future__ import annotations

import pytest

pytest_plugins = [
    f"tests.fixtures.{name}"
    for name in ("at_once", "cells", "chromium", "classroom", "feedback", "gradebooks", "small_course")
]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--attacks",
        choices=("quick", "all"),
        default="quick",
        help="which of tests/attacks to try: a part that takes a minute, or all",
    )
