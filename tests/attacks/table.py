"""The table of docs/security.md: each attack of the catalogue, where it is tested, how that ends."""

from __future__ import annotations

import re

from tests.attacks.probes import PROBES
from tests.attacks.submissions import ATTACKS
from tests.attacks.test_damage import ATTACKS as DAMAGE

CATALOGUE = """
1 read hidden tests from the gradebook
2 read the source or submissions of others
3 read the test cell from the history
4 look for expected values in frames
5 look for them in memory
6 hidden tests shown in the feedback
7 print hidden inputs, or put them into messages
8 environment, keys, tokens
9 environment and arguments of other processes
10 memory of other processes
11 trace other processes
12 inherited files
13 connection file of a kernel
14 transform cells before they are parsed
15 transform their syntax trees
16 replace functions that tests use
17 an object that equals everything
18 call the display hook
19 forge an output
20 an exception without a traceback
21 SystemExit
22 end the process
23 pretend that a test was skipped
24 a thread that keeps replacing the answer
25 write the gradebook
26 a daemon that writes it later
27 delete test cells
28 duplicate cells
29 old metadata
30 a test cell that claims to be none
31 swap names, edit points, change types
32 fill in outputs
33 modules with the names of libraries beside the notebook
34 notice that it is graded
35 hard-code the visible cases
36 forge messages to the grader
37 a pickle
38 NaN, empty and broadcast answers
39 subclass of an array
40 a loop in C, deaf to signals
41 sleep
42 fork bomb, thread bomb
43 memory
44 shared memory, memory in files
45 fill the disk
46 endless output, huge exceptions
47 processes that outlive the notebook
48 signal, stop, slow down others
49 poison the startup of IPython
50 leave files for the next one
51 network
52 services of the machine
53 namespaces, mounts, odd parts of the kernel
54 talk to the hypervisor
55 stop the first process, take its place
56 make a comparison slow
57 links among the files
58 a named pipe as notebook
59 archive: names that lead outside
60 archive: links
61 archive: bombs
62 encodings, damaged files
63 deep nesting
64 huge files
65 lone surrogates
66 hostile kernel name
67 scripts in outputs
68 scripts in names and messages
69 formulas in exports
"""
ELSEWHERE = {
    6: "`tests/plugins/test_feedback_foreign.py`",
    57: "`tests/test_beside.py`",
    59: "`tests/notebook/test_archive.py`",
    60: "`tests/notebook/test_archive.py`",
    61: "`tests/notebook/test_archive.py`",
    62: "`tests/notebook/test_intake.py`",
    63: "`tests/notebook/test_intake.py`, `tests/test_beside.py`",
    64: "`tests/notebook/test_intake.py`, `tests/test_beside.py`",
    65: "`tests/notebook/test_intake.py`",
    67: "`tests/browser/test_feedback_page.py`",
    68: "`tests/browser/test_feedback_page.py`",
    69: "`tests/plugins/test_export.py`",
}
ALONE = {
    6: "`test_leaks.py`",
    7: "`test_leaks.py`",
    36: "`test_fuzz.py`",
    **dict.fromkeys((42, 43, 44), "`test_cgroups.py`"),
    56: "`test_comparisons.py`",
}
RESULTS = {
    7: "refused, but for what the choice of a message tells, and what a later cell prints of a file, a process or a "
    "thread (both above)",
    34: "works: the environment says so, as in nbgrader; hidden inputs are random",
    35: "works for the visible cases, and earns what they are worth",
}
"""Where the result is another than that it is refused, and no probe says so."""


def rows() -> list[tuple[int, str, str, str]]:
    """(number, attack, where it is tested, result)."""
    found = []
    for line in CATALOGUE.strip().splitlines():
        number, what = line.split(" ", 1)
        found.append((int(number), what, _where(int(number)), _result(int(number))))
    return found


def _where(number: int) -> str:
    damage = {int(digits) for name in DAMAGE for digits in re.findall(r"\((\d+)\)", name)}
    places = [
        "`test_probes.py`" * any(number in probe.rows for probe in PROBES),
        "`test_submissions.py`" * any(number in attack.rows for attack in ATTACKS),
        "`test_damage.py`" * (number in damage),
        ALONE.get(number, ""),
        ELSEWHERE.get(number, ""),
    ]
    return ", ".join(place for place in places if place) or "–"


def _result(number: int) -> str:
    if number in RESULTS:
        return RESULTS[number]
    gaps: dict[str, list[str]] = {}
    for probe in PROBES:
        if number in probe.rows:
            for tier, reason in probe.open_in.items():
                found = gaps.setdefault(reason, [])
                if not any(tier == other or tier.startswith(f"{other} on ") for other in found):
                    found.append(tier)
    return "; ".join(["refused", *(f"not in tier {' and '.join(tiers)}: {reason}" for reason, tiers in gaps.items())])


def text() -> str:
    lines = ["| # | attack | tested in | result |", "| --- | --- | --- | --- |"]
    return "\n".join([*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows())])


if __name__ == "__main__":
    print(text())
