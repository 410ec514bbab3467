"""Of a cell's outputs what may decide its score is kept, whatever else it prints."""

from __future__ import annotations

from typing import Any

from chainrule.notebook.outputs import Outputs


def stream(text: str, name: str = "stdout", **rest: Any) -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text, **rest}


def shown(kind: str, text: str, **rest: Any) -> dict[str, Any]:
    return {"output_type": kind, "data": {"text/plain": text}, **rest}


ERROR = {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["x" * 100]}


def kinds(*events: dict[str, Any], limit: int = 50) -> list[str]:
    outputs = Outputs(limit, 1 << 20)
    for event in events:
        outputs.add(event)
    return [output.get("name", output["output_type"]) for output in outputs.collected]


def test_after_a_flood_errors_results_and_stderr_still_count() -> None:
    flood = stream("x" * 100)
    assert kinds(flood, ERROR) == ["stdout", "error"]
    assert kinds(flood, shown("execute_result", "1.5")) == ["stdout", "execute_result"]
    assert kinds(flood, stream("e", "stderr"), stream("f", "stderr")) == ["stdout", "stderr"]
    assert kinds(flood, shown("display_data", "0"), flood) == ["stdout"]


def test_after_many_displays_an_error_still_counts() -> None:
    assert kinds(*[shown("display_data", "0")] * 300, ERROR, limit=1 << 20)[-1] == "error"


def test_clearing_waits_if_asked_to() -> None:
    wait, now = ({"output_type": "clear_output", "wait": wait} for wait in (True, False))
    assert kinds(ERROR, now) == []
    assert kinds(ERROR, wait, limit=1000) == ["error"]
    assert kinds(ERROR, wait, stream("new")) == ["stdout"]


def test_an_update_changes_what_was_displayed() -> None:
    outputs = Outputs(1000, 1 << 20)
    outputs.add(shown("display_data", "1", display_id="a"))
    outputs.add(shown("update_display_data", "2", display_id="a"))
    outputs.add(shown("update_display_data", "3", display_id="b"))
    assert [output["data"]["text/plain"] for output in outputs.collected] == ["2"]


def test_warnings_stay_apart_from_other_text_on_stderr() -> None:
    outputs = Outputs(1000, 1 << 20)
    for event in (stream("w", "stderr", warning=True), stream("e", "stderr"), stream("f", "stderr")):
        outputs.add(event)
    assert [(output["text"], output.get("warning", False)) for output in outputs.collected] == [
        ("w", True),
        ("ef", False),
    ]


def picture(size: int, kind: str = "display_data", **rest: Any) -> dict[str, Any]:
    return {"output_type": kind, "data": {"image/png": "x" * size}, **rest}


def test_a_notebook_has_a_bound_too_which_counts_pictures() -> None:
    first = Outputs(1000, 5000)
    first.add(picture(2000))
    assert first.whole >= 2000
    second = Outputs(1000, 5000 - first.whole)
    for _ in range(5):
        second.add(picture(2000))
    assert [output["output_type"] for output in second.collected] == ["display_data", "stream"]
    assert "this notebook's outputs was dropped" in second.collected[-1]["text"]


def test_past_the_notebooks_bound_what_may_decide_a_score_is_kept_in_short() -> None:
    late = Outputs(1000, -1)
    for event in (stream("x" * 500), stream("y" * 500, "stderr"), ERROR | {"evalue": "z" * 500}):
        late.add(event)
    late.add(shown("execute_result", "0.5"))
    texts = [
        str(output.get("text") or output.get("evalue") or output["data"]["text/plain"]) for output in late.collected
    ]
    assert [output.get("name", output["output_type"]) for output in late.collected] == [
        "stdout",
        "stderr",
        "error",
        "execute_result",
    ]
    assert texts[-1] == "0.5"
    assert sum(map(len, texts)) < 400


def test_an_animation_counts_once() -> None:
    outputs = Outputs(1 << 20, 10_000)
    outputs.add(picture(3000, display_id="a"))
    for _ in range(20):
        outputs.add(picture(3000, "update_display_data", display_id="a"))
    assert [list(output["data"]) for output in outputs.collected] == [["image/png"]]
    assert outputs.whole < 10_000
