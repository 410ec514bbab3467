"""Cells run as in a Jupyter kernel, also where it matters who prints, when, and for how long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chainrule.model import Limits
from chainrule.sandbox import start

Run = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def child() -> Iterator[Any]:
    with start(None, Limits()) as child:
        yield child


@pytest.fixture
def run(child: Any) -> Run:
    def cell(source: str, seconds: float = 30.0) -> list[dict[str, Any]]:
        outputs: list[dict[str, Any]] = []
        child.connection.limit(seconds + 20)
        child.connection.request("run", source, seconds, on_output=outputs.append)
        return outputs

    return cell


def text(outputs: list[dict[str, Any]], name: str = "stdout") -> str:
    return "".join(output["text"] for output in outputs if output.get("name") == name)


@pytest.mark.parametrize("loop", ["while True: pass", "import time; time.sleep(60)", "while True: print('x')"])
def test_a_slow_cell_is_interrupted_and_what_it_did_stays(run: Run, loop: str) -> None:
    outputs = run(f"kept = 41\n{loop}", 2.0)
    assert outputs[-1]["ename"] == "KeyboardInterrupt"
    assert run("kept + 1")[0]["data"]["text/plain"] == "42"


def test_an_awaiting_cell_is_interrupted(run: Run) -> None:
    assert run("import asyncio\nawait asyncio.sleep(60)", 0.5)[-1]["output_type"] == "error"


def test_child_processes_and_programs_print_into_the_cell(run: Run) -> None:
    pool = "from multiprocessing import Pool\ndef say(x): print('said', x)\nwith Pool(2) as p: p.map(say, [1, 2])"
    assert sorted(text(run(pool)).split()) == ["1", "2", "said", "said"]
    outputs = run("import os; os.system('echo out; echo err >&2');")
    assert (text(outputs), text(outputs, "stderr")) == ("out\n", "err\n")


def test_a_process_that_a_cell_forks_does_not_answer_for_it(run: Run) -> None:
    assert text(run("import os\nif os.fork() == 0: print('child')\nelse: os.wait(); print('parent')")).startswith("par")
    assert run("1 + 1")[0]["data"]["text/plain"] == "2"


def test_a_thread_prints_into_its_cell_and_not_into_a_later_one(run: Run) -> None:
    source = "import threading, time\nsaid = threading.Event()\ndef say():\n"
    source += "    for _ in range(30): print('.'); said.set(); time.sleep(0.02)\n"
    assert "." in text(run(source + "t = threading.Thread(target=say); t.start(); said.wait();"))
    assert text(run("t.join(); print('done')")) == "done\n"


def test_warnings_are_told_from_what_code_prints_itself(run: Run) -> None:
    source = "import sys, warnings, logging\nwarnings.warn('a'); logging.warning('b'); logging.error('c')\n"
    outputs = run(source + "print('d', file=sys.stderr)")
    warned = "".join(output["text"] for output in outputs if output.get("warning"))
    assert "UserWarning: a" in warned
    assert "WARNING:root:b" in warned
    assert "".join(o["text"] for o in outputs if not o.get("warning")) == "ERROR:root:c\nd\n"


def test_a_logger_of_an_earlier_cell_prints_into_the_present_one(run: Run) -> None:
    run("import logging, sys\nlog = logging.getLogger('l'); log.addHandler(logging.StreamHandler(sys.stdout))")
    assert text(run("log.error('now')")) == "now\n"


def test_what_an_output_widget_takes_is_not_the_cells(run: Run) -> None:
    outputs = run("import ipywidgets\nout = ipywidgets.Output()\nwith out:\n    print('x'); 1 / 0\nprint('after')")
    assert [output["output_type"] for output in outputs] == ["stream"]
    assert text(outputs) == "after\n"


def test_what_fails_without_an_error_shown_is_an_error(run: Run) -> None:
    assert run("%no_such_magic")[-1]["ename"] == "UsageError"


def test_large_outputs_arrive_in_parts_or_cut(run: Run) -> None:
    assert len(text(run("print('x' * 6_000_000)"))) == 6_000_001
    assert len(run("'x' * 6_000_000")[0]["data"]["text/plain"]) == 1 << 20
