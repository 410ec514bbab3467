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
    outputs = Outputs(limit)
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
    outputs = Outputs(1000)
    outputs.add(shown("display_data", "1", display_id="a"))
    outputs.add(shown("update_display_data", "2", display_id="a"))
    outputs.add(shown("update_display_data", "3", display_id="b"))
    assert [output["data"]["text/plain"] for output in outputs.collected] == ["2"]


def test_warnings_stay_apart_from_other_text_on_stderr() -> None:
    outputs = Outputs(1000)
    for event in (stream("w", "stderr", warning=True), stream("e", "stderr"), stream("f", "stderr")):
        outputs.add(event)
    assert [(output["text"], output.get("warning", False)) for output in outputs.collected] == [
        ("w", True),
        ("ef", False),
    ]
