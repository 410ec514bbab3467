"""The staff's report says everything, harmlessly."""

from __future__ import annotations

from tests.plugins.pieces import exercise, outcome

from chainrule.model import ExerciseResult, Status
from chainrule.plugins.staff import staff_report


def test_staff_see_everything_escaped() -> None:
    evil = "<script>document.title='x'</script>\x1b]8;;javascript:1\x07$\\href{javascript:1}{x}$"
    result = exercise(
        outcome("a", Status.FAILED, message=evil, detail=evil, misconception="Half <b>.", seconds=1.25, title=evil),
        outcome("b", Status.UNGRADED, detail="Traceback of ours"),
    )
    text, page = staff_report(result)
    assert "✗ failed" in text
    assert "1.25 s" in text
    assert "Traceback of ours" in text
    assert "ungraded" in text
    assert "\x1b" not in text + page
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "Half &lt;b&gt;." in page
    assert "mathjax_ignore" in page
    assert "tex2jax_ignore" in page


def test_staff_report_of_an_exercise_without_results_says_so() -> None:
    text, page = staff_report(ExerciseResult("f", "test_f", 4, ()))
    assert "No test of this exercise has a result." in text
    assert "No test of this exercise has a result." in page
    assert "ungraded" in page
