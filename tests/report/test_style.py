"""The pages' colours can be read: text has a contrast of 4.5 or more in light and in dark (WCAG 2.2, 1.4.3)."""

from __future__ import annotations

import re

import pytest

from chainrule.report.page import TEMPLATES

STYLE = (TEMPLATES / "style.css").read_text(encoding="utf-8")
LIGHT, DARK = (
    dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{(.*?)\}", STYLE, re.S)
)
ON_PAPER = ("ink", "soft", "mark", "link")
FILLED = [name.removeprefix("on-") for name in LIGHT if name.startswith("on-")]


def luminance(colour: str) -> float:
    """Relative luminance as WCAG defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_black_and_white_is_21() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize(("scheme", "colours"), [("light", LIGHT), ("dark", DARK)])
def test_text_can_be_read_on_paper_and_on_every_colour_of_a_figure(scheme: str, colours: dict[str, str]) -> None:
    pairs = [(name, "paper") for name in ON_PAPER] + [(f"on-{name}", name) for name in FILLED]
    assert len(FILLED) == 9
    for text, ground in pairs:
        assert contrast(colours[text], colours[ground]) >= 4.5, f"{text} on {ground}, {scheme}"


def test_both_schemes_define_the_same_colours_and_every_colour_used_is_defined() -> None:
    assert set(LIGHT) == set(DARK)
    assert set(re.findall(r"var\(--([a-z0-9-]+)\)", STYLE)) <= set(LIGHT)


def test_every_class_that_a_figure_draws_with_has_a_style() -> None:
    drawn: set[str] = set()
    for path in (TEMPLATES.parent / "figures").glob("*.py"):
        drawn |= set(re.findall(r'\("([a-z0-9-]+)", "[a-z]', path.read_text(encoding="utf-8")))
    assert {"full", "heat-4", "missing"} <= drawn
    for name in drawn:
        assert f"svg .{name} " in STYLE or f"svg .{name}," in STYLE, name
