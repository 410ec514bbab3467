"""Graded notebooks keep what students' cells printed and drew, and nothing that a browser would run."""

from __future__ import annotations

from typing import Any

from chainrule.plugins.outputs import harmless

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def display(metadata: dict[str, Any] | None = None, **data: Any) -> dict[str, Any]:
    named = {name.replace("_", "/", 1).replace("_", "+"): value for name, value in data.items()}
    return {"output_type": "display_data", "data": named, "metadata": metadata or {}}


def test_text_and_pictures_stay() -> None:
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": ["a\n", "b\n"]},
        display(text_plain="<Figure>", image_png=PNG),
        {"output_type": "execute_result", "execution_count": 3, "data": {"text/plain": "2.5"}, "metadata": {}},
        {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["line"]},
    ]
    kept = harmless(outputs)
    assert [output["output_type"] for output in kept] == ["stream", "display_data", "execute_result", "error"]
    assert kept[0]["text"] == "a\nb\n"
    assert kept[1]["data"] == {"image/png": PNG, "text/plain": "<Figure>"}
    assert kept[2]["execution_count"] == 3


def test_html_svg_and_scripts_go_and_their_text_stays() -> None:
    active = display(text_html="<script>", image_svg_xml="<svg>", application_javascript="alert(1)", text_plain="x")
    assert [output["data"] for output in harmless([active])] == [{"text/plain": "x"}]
    assert harmless([display(text_html="<script>")]) == []
    assert harmless([display(text_latex=r"$\href{javascript:alert(1)}{x}$")]) == []


def test_metadata_goes_because_templates_print_it_as_it_is() -> None:
    (kept,) = harmless([display({"image/png": {"width": "1 onload=alert(1)"}}, image_png=PNG)])
    assert kept["metadata"] == {}


def test_a_picture_that_is_none_goes() -> None:
    assert harmless([display(image_png='"><script>alert(1)</script>')]) == []


def test_outputs_of_unknown_kinds_go() -> None:
    assert harmless([{"output_type": "update_display_data", "data": {"text/html": "<script>"}}, {}]) == []
