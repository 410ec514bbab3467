"""Outputs of students' cells, as they are kept in a graded notebook."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from chainrule.plugins.untrusted import picture

PICTURES = ("image/png", "image/jpeg")


def harmless(outputs: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Text, pictures and errors. HTML, SVG, scripts and metadata (which reach the page as they are) are left out."""
    return [kept for output in outputs if (kept := _harmless(output)) is not None]


def _harmless(output: Mapping[str, Any]) -> dict[str, Any] | None:
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return {"output_type": "stream", "name": name, "text": _text(output.get("text"))}
    if kind == "error":
        lines = [_text(line) for line in output.get("traceback") or ()]
        return {
            "output_type": "error",
            "ename": _text(output.get("ename")),
            "evalue": _text(output.get("evalue")),
            "traceback": lines,
        }
    if kind not in ("display_data", "execute_result"):
        return None
    data = output.get("data") or {}
    kept = {mime: data[mime] for mime in PICTURES if mime in data and picture(data[mime])}
    if "text/plain" in data:
        kept["text/plain"] = _text(data["text/plain"])
    if not kept:
        return None
    result = {"output_type": kind, "data": kept, "metadata": {}}
    return result | {"execution_count": output.get("execution_count")} if kind == "execute_result" else result


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return "".join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""
