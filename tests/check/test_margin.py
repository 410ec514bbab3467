"""Thresholds say the number, and keep by how much it was met."""

import pytest

from chainrule import check
from chainrule.check import margin


def test_a_number_on_the_right_side_passes_and_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    margin.taken()
    check.at_least(0.96, 0.95, "test accuracy")
    check.at_most(0.25, 0.25, "loss")
    assert capsys.readouterr().out == "✓ test accuracy: 0.96 ≥ 0.95\n✓ loss: 0.25 ≤ 0.25\n"
    assert margin.taken() == [("test accuracy", 0.96, 0.95), ("loss", 0.25, 0.25)]
    assert margin.taken() == []


def test_a_number_on_the_wrong_side_is_refused_and_not_kept() -> None:
    margin.taken()
    with pytest.raises(check.Failed, match=r"test accuracy: yours is 0.94, and at least 0.95 is needed"):
        check.at_least(0.94, 0.95, "test accuracy")
    with pytest.raises(check.Failed, match="at most"):
        check.at_most(2.0, 1.0, "loss")
    with pytest.raises(check.Failed, match="NaN"):
        check.at_most(float("nan"), 1.0, "loss")
    assert margin.taken() == []
