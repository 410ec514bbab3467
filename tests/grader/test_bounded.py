"""Numbers of a student's choice are few and small in a message; those of the grader stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from chainrule.grader.bounded import bounded, numbers, written


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("Expected shape (2,), got (3,).", "Expected shape (2,), got (3,)."),
        ("Expected shape (2,), got (31, 337, 0).", "Expected shape (2,), got (more than 20, more than 20, …)."),
        ("Expected shape (2,), got (3, 1, 7).", "Expected shape (2,), got (3, 1, …)."),
        ("Your function made 31337 calls.", "Your function made more than 20 calls."),
        ("31,337 and 31_337", "more than 20,more than 20 and …"),
        ("yours is 0.94, and 0.95 is needed.", "yours is 0.94, and … is needed."),
        ("yours is 0.9437.", "yours is about 0.94."),
        ("from 1.0234567 to 1.5", "from about 1 to …"),
        ("a factor of 3.134e+04", "a factor of more than 20"),
        ("a factor of 1.25e-07", "a factor of …"),
        ("-3 and −2", "-3 and −2"),
        ("It is −31337.", "It is …."),
        ("1.2.3", "1.2.…"),
        ("w0, φ1, float64, ½ and x²", "w0, φ1, float64, ½ and x²"),
        ("nothing", "nothing"),
    ],
)
def test_numbers_of_the_student(message: str, shown: str) -> None:
    assert bounded(message, ours={2}) == shown


def test_numbers_of_ours_stay_whatever_their_size() -> None:
    message = "After 4000 epochs 0.125 is left of 1e6."
    assert bounded(message, numbers(message)) == message


def test_but_not_any_number_of_them() -> None:
    """Their order could be a text."""
    assert bounded("[5, 6, 5, 5, 6, 6, 5, 5, 6, 6]", {5, 6}) == "[5, 6, 5, 5, 6, 6, 5, 5, …, …]"


def test_lengths_of_inputs_may_be_said_and_those_beside_them() -> None:
    assert bounded("got (300,), (299, 1)", lengths=[300]) == "got (300,), (299, …)"
    assert bounded("got (301,) or (302,)", lengths=[300]) == "got (301,) or (more than 20,)"


def test_how_many_messages_one_text_can_become() -> None:
    """The bound that docs/security.md states: for one text of a grader with two numbers."""
    shown = {bounded(f"{a} of {b}") for a in range(-50, 51) for b in range(-50, 51)}
    shown |= {bounded(f"{a / 1000} of 5") for a in range(-99_999, 100_000)}
    assert len(shown) < 3000


def test_numbers_in_the_texts_of_a_grader_file_are_the_graders(tmp_path: Path) -> None:
    path = tmp_path / "test_f.py"
    path.write_text('N = 77\ndef test_f(x):\n    """For 50 lines."""\n    check(f"Of 400 steps, {x} of {N}.")\n')
    assert written(path) == {50, 400}
    assert written(tmp_path / "none") == frozenset()
