"""Simple formulas are set; what is not understood keeps its source."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from chainrule.plugins.mathml import DEEPEST, LONGEST, mathml, source

ROOT = Path(__file__).parents[2]


def setting(tex: str, *, block: bool = False) -> str:
    return str(mathml(tex, block=block)).removeprefix("<math>").removesuffix("</math>")


@pytest.mark.parametrize(
    ("tex", "expected"),
    [
        ("x", "<mi>x</mi>"),
        ("12.5", "<mn>12.5</mn>"),
        ("x^12", "<mrow><msup><mi>x</mi><mn>1</mn></msup><mn>2</mn></mrow>"),
        (r"\frac12", "<mfrac><mn>1</mn><mn>2</mn></mfrac>"),
        (r"x_i^2", "<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>"),
        (r"\varphi'", "<msup><mi>φ</mi><mo>′</mo></msup>"),
        (r"\mathbb R^{n}", "<msup><mi>ℝ</mi><mi>n</mi></msup>"),
        (r"\boldsymbol{\phi}", "<mi>𝛟</mi>"),
        (r"\sqrt[3]{x}", "<mroot><mi>x</mi><mn>3</mn></mroot>"),
        (r"a<b", "<mrow><mi>a</mi><mo>&lt;</mo><mi>b</mi></mrow>"),
        (r"\text{if } x", "<mrow><mtext>if\u00a0</mtext><mi>x</mi></mrow>"),
        (r"\hat y", '<mover><mi>y</mi><mo stretchy="false">^</mo></mover>'),
    ],
)
def test_tex_becomes_mathml(tex: str, expected: str) -> None:
    assert setting(tex) == expected


def test_limits_stand_below_a_sum_only_in_a_formula_of_its_own() -> None:
    tex = r"\sum_{i=1}^N"
    assert "<munderover>" in setting(tex, block=True)
    assert "<msubsup>" in setting(tex)


def test_matrices_cases_and_aligned_lines_are_tables() -> None:
    assert setting(r"\begin{pmatrix}1&2\\3&4\end{pmatrix}").count("<mtd>") == 4
    assert setting(r"\begin{cases}1&x>0\\0\end{cases}").count("<mtr>") == 2
    assert setting(r"\begin{aligned}a&=b\\&=c\end{aligned}").count('<mtd class="right">') == 2
    assert setting(r"a \\ b").count("<mtr>") == 2


@pytest.mark.parametrize(
    "tex",
    [
        "",
        "}",
        "{",
        "x^",
        "x^1^2",
        r"\left(x",
        r"\right)",
        r"\begin{matrix}1",
        r"\begin{matrix}\end{cases}",
        r"\href{javascript:alert(1)}{x}",
        r"\htmlClass{a}{b}",
        r"\unicode{x41}",
        r"\text{$x$}",
        r"\frac{1}",
        r"\nosuchcommand",
        "{" * (DEEPEST + 1) + "}" * (DEEPEST + 1),
        r"\sqrt" * 2000 + "x",
        r"\hat" * 700 + "x",
        "x" * (LONGEST + 1),
    ],
)
def test_what_is_not_understood_is_left_as_it_is(tex: str) -> None:
    assert mathml(tex) is None


def test_the_source_is_shown_escaped() -> None:
    assert source(r"\x{<b>}") == r'<code class="tex">$\x{&lt;b&gt;}$</code>'


def test_nearly_every_formula_of_the_course_is_set_and_well_formed() -> None:
    """The course's authors write what its students write: at least 95 % of the formulas in its texts are understood."""
    found = [
        formula.strip()
        for text in sorted((ROOT / "source").glob("*.md"))
        for formula in re.findall(r"(?<![\\$])\$([^$`\n]{1,300})\$(?!\$)", text.read_text(encoding="utf-8"))
    ]
    results = {formula: mathml(formula) for formula in found}
    unset = [formula for formula in found if results[formula] is None]
    for formula in results.values():
        if formula is not None:
            ElementTree.fromstring(formula)
    assert len(found) > 500
    assert len(unset) <= 0.05 * len(found), sorted(set(unset))[:20]
