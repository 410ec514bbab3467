"""Copied work is found through every cheap disguise; independent work is not; the time is linear in the class."""

from __future__ import annotations

import random
import re
import time
from pathlib import Path

import pytest

from chainrule.grader import bank
from chainrule.similarity import CODE, PROSE, RARE, LeftOut, compare, marked, pairs

GRADERS = sorted((Path(__file__).parents[1] / "graders").glob("*/test_*.py"))

ORIGINAL = '''
def standardise(X):
    """Columns with mean zero."""
    mean = X.mean(axis=0)
    spread = X.std(axis=0)
    spread[spread < 1e-12] = 1.0
    return (X - mean) / spread, mean, spread

def train(X, y, rate, steps):
    # full batch
    Z, mean, spread = standardise(X)
    w = np.zeros(Z.shape[1])
    history = []
    for step in range(steps):
        residual = Z @ w - y
        gradient = 2 * Z.T @ residual / len(y)
        w = w - rate * gradient / (1 + step) ** 0.5
        history.append(float(residual @ residual))
    return w, history
'''
OTHERS = [
    "def train(X, y, rate, steps):\n    A = np.c_[np.ones(len(X)), X]\n"
    "    return np.linalg.lstsq(A, y, rcond=None)[0], []\n",
    "class Model:\n    def __init__(self, d):\n        self.theta = [0.0] * d\n    def fit(self, X, y):\n"
    "        for row, t in zip(X, y):\n            e = sum(a * b for a, b in zip(row, self.theta)) - t\n"
    "            self.theta = [a - 0.1 * e * b for a, b in zip(self.theta, row)]\n        return self\n",
    "def train(X, y, rate, steps):\n    X = torch.tensor(X)\n    p = torch.zeros(X.shape[1], requires_grad=True)\n"
    "    opt = torch.optim.SGD([p], lr=rate)\n    while steps > 0:\n        opt.zero_grad()\n"
    "        loss = ((X @ p - torch.tensor(y)) ** 2).mean()\n        loss.backward()\n"
    "        opt.step()\n        steps -= 1\n"
    "    return p.detach().numpy(), None\n",
    "def train(X, y, rate, steps):\n    G, b = X.T @ X, X.T @ y\n    x = b * 0\n    r = b - G @ x\n    d = r.copy()\n"
    "    for _ in range(min(steps, len(b))):\n        a = (r @ r) / (d @ G @ d)\n        x += a * d\n"
    "        s = r - a * G @ d\n"
    "        d, r = s + (s @ s) / (r @ r) * d, s\n    return x, [r]\n",
]


def the_class(**more: str) -> dict[str, str]:
    return {"original": ORIGINAL, **{f"other{i}": text for i, text in enumerate(OTHERS)}, **more}


def found(texts: dict[str, str], **given: object) -> list[tuple[str, str]]:
    return [(pair.first, pair.second) for pair in pairs(texts, **given)]  # type: ignore[arg-type]


def renamed() -> str:
    text = ORIGINAL
    for old, new in {"mean": "mu", "spread": "s", "residual": "fehler", "gradient": "g", "w": "φ", "Z": "data"}.items():
        text = re.sub(rf"(?<![.\w]){old}\b", new, text)
    return text.replace("rate", "η").replace("standardise", "normalise")


def reordered() -> str:
    first, second = ORIGINAL.split("def train")
    return f"def train{second}\n{first}"


def reworded() -> str:
    lines = [line + "   # mine\n\n" if line.strip() else line for line in ORIGINAL.split("\n") if "#" not in line]
    text = "\n".join(lines).replace("    ", "\t").replace("Columns with mean zero.", "I wrote this.")
    return text.replace("2 * Z.T @ residual", "(2) *  \\\n  Z.T @ residual".replace("(2)", "2.0"))


@pytest.mark.parametrize("disguise", [renamed, reordered, reworded, lambda: ORIGINAL])
def test_a_copy_is_found_through_other_names_orders_comments_and_layouts(disguise: object) -> None:
    copy = disguise()  # type: ignore[operator]
    assert found(the_class(copy=copy)) == [("copy", "original")]


def test_a_part_taken_into_other_work_is_found() -> None:
    body = ORIGINAL.split("def train")[1]
    assert ("mixed", "original") in found(the_class(mixed=f"{OTHERS[3]}\n\ndef train{body}"))


def test_the_reason_says_in_words_what_is_shared_and_what_was_left_out() -> None:
    (same,) = pairs(the_class(copy=ORIGINAL))
    (changed,) = pairs(the_class(copy=renamed()))
    assert same.reason(6).startswith("The two texts are the same, character for character.")
    assert changed.reason(6).startswith("The two texts are the same but for names, numbers, comments and layout.")
    assert "neither given nor common" in changed.reason(6)
    assert "in none of the other 4 submissions" in changed.reason(6)


def test_starter_code_and_known_solutions_make_no_pair() -> None:
    assert found({"a": ORIGINAL, "b": ORIGINAL}) == [("a", "b")]
    assert found({"a": ORIGINAL, "b": ORIGINAL}, known=[ORIGINAL]) == []


def test_what_most_of_the_class_shares_makes_no_pair() -> None:
    texts = {f"s{i:02}": ORIGINAL + f"\nanswer = [{', '.join(['x', '-x'] * i)}]\n" for i in range(30)}
    assert found(texts) == []


def without_a_copy(size: int) -> dict[str, str]:
    """A class of `size` who all wrote on their own."""
    texts = synthetic(2 * size)
    return {name: text for i, (name, text) in enumerate(texts.items()) if i % 50 != 1 and i < size + size // 40 + 1}


def test_an_idiom_of_a_third_of_the_class_makes_no_pair() -> None:
    others = without_a_copy(30)
    habit = {name: f"{ORIGINAL}\n{others.pop(name)}" for name in list(others)[:12]}
    assert found(others | habit) == []


@pytest.mark.parametrize(("size", "ring"), [(500, 22), (500, 40), (60, 14), (60, 25), (30, 7), (30, 3), (12, 2)])
def test_a_whole_text_is_one_row_however_many_have_it(size: int, ring: int) -> None:
    texts = without_a_copy(size - ring) | {f"t{i:02}": ORIGINAL for i in range(ring)}
    (row,) = pairs(texts)
    assert sorted(row.members) == [f"t{i:02}" for i in range(ring)]
    others = f"in none of the other {len(texts) - ring} submissions"
    assert row.reason(len(texts)).startswith(f"{'The two' if ring == 2 else ring} texts are the same, character for")
    assert others in row.reason(len(texts))


def test_a_ring_is_found_under_other_names_and_with_more_or_less_of_what_was_given() -> None:
    given = "def check(f):\n    for a, b in [(1, 2), (3, 4)]:\n        assert abs(f(a) - b) < 1e-9, (a, b, f)\n"
    texts = without_a_copy(60) | {f"t{i}": given + (renamed() if i % 2 else ORIGINAL) for i in range(14)}
    (row,) = pairs(texts, known=[given])
    assert (len(row.members), row.same) == (14, "structure")
    (row,) = pairs(texts | {"t0": ORIGINAL}, known=[given])
    assert (len(row.members), row.same) == (14, "given")
    assert row.reason(74).startswith("14 texts are the same but for what was given, names")


def test_who_changed_a_rings_text_is_compared_with_one_of_the_ring_and_the_others_are_named() -> None:
    body = ORIGINAL.split("def train")[1]
    texts = without_a_copy(60) | {f"t{i:02}": ORIGINAL for i in range(25)}
    ring, mixed = pairs(texts | {"mixed": f"{OTHERS[3]}\n\ndef train{body}"})
    assert len(ring.members) == 25
    assert (mixed.first, mixed.second, mixed.same) == ("mixed", "t00", "")
    assert mixed.as_second == tuple(f"t{i:02}" for i in range(1, 25))


def test_what_more_than_half_of_the_class_wrote_alike_accuses_nobody_and_is_counted() -> None:
    texts = without_a_copy(18) | {f"t{i:02}": ORIGINAL for i in range(22)}
    assert compare(texts).pairs == []
    assert compare(texts).left_out == [LeftOut("common", texts=22, groups=1, largest=22)]


def test_a_task_that_leaves_a_few_ways_to_write_it_accuses_nobody() -> None:
    """Five choices of two make 32 solutions: in a class of 300 each is handed in nine times by chance."""
    rows = [line.split("|") for line in CHOICES.split("\n")]
    random_ = random.Random(1)
    texts = {f"s{i:03}": "\n".join(random_.choice(row) for row in rows) for i in range(300)}
    result = compare(texts)
    assert result.pairs == []
    (told,) = result.left_out
    assert (told.why, told.texts, told.groups) == ("common", 300, 32)


CHOICES = """\
def fit(X, y, rate):|def fit(X, y, rate=0.1):
    A = np.c_[np.ones(len(X)), X]|    A = np.column_stack([np.ones(len(X)), X])
    w, history = np.zeros(A.shape[1]), []
    while len(history) < 100 and rate > 0:|    for step in range(100):
        residual = A @ w - y
        history.append(float(residual @ residual) / len(y))
        w = w - rate * 2 * A.T @ residual / len(y)|        w -= rate * 2 * (A.T @ residual).mean(axis=0)
    assert np.isfinite(w).all() and not np.isnan(history[-1]), (w, history)
    return w, history|    return w, np.array(history)"""


def test_a_text_just_long_enough_for_a_few_is_too_short_to_accuse_many() -> None:
    short = "\n".join(ORIGINAL.split("\n")[:13])
    others = without_a_copy(60)
    assert len(pairs(others | {f"t{i}": short for i in range(4)})) == 1
    result = compare(others | {f"t{i}": short for i in range(25)})
    assert result.pairs == []
    assert result.left_out == [LeftOut("common", texts=25, groups=1, largest=25)]


def test_a_short_solution_says_nothing() -> None:
    short = "def line_grad(phi, x, y):\n    r = phi[0] + phi[1] * x - y\n"
    short += "    return 2 * np.array([r.mean(), (r * x).mean()])"
    result = compare(the_class(a=short, b=short, c=short))
    assert result.pairs == []
    assert result.left_out == [LeftOut("short", texts=3, groups=1, largest=3)]


ALIKE = {
    "a01_linear_models/level_curve": 1,  # by_eigenvectors and by_symmetric_root: all but the root is the same function
    "a07_backprop/autograd_value": 3,  # one class of 60 lines, with three orders of walking the graph
}
"""Pairs of alternatives that one author did make from one another."""


@pytest.mark.parametrize("path", GRADERS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_solutions_written_in_other_forms_are_not_pairs(path: Path) -> None:
    """The alternatives of a grader are one person's right answers in different forms: a hard case of independence."""
    read = bank.read(path)
    by_part: dict[str, dict[str, str]] = {}
    for variant in read.alternatives:
        by_part.setdefault(variant.of, {})[variant.name] = variant.source
    telling = [pair for texts in by_part.values() for pair in pairs(texts)]
    allowed = ALIKE.get(f"{path.parent.name}/{read.exercise}", 0)
    assert len(telling) <= allowed, [(pair.first, pair.second, pair.part) for pair in telling]


def test_an_answer_in_words_taken_over_is_found_though_its_beginning_was_changed() -> None:
    answer = (
        "The rule stops too early when the learning rate is tiny, because one step then changes the loss by about the "
        "rate times the squared gradient, however steep the place may be. A long flat valley is the other case: the "
        "gradient is small although the minimiser is far away. Stop when the norm of the gradient falls below a bound."
    )
    own = [
        "If the step size is very small every update changes nothing so we stop at once. On a plateau the same.",
        "Two examples: (1) plateau, derivative nearly zero but not at a minimum, (2) small lr. Look at |grad L|.",
        "Loss differences scale with the units of the loss. Also it may bounce between two walls of equal height.",
    ]
    texts = {f"s{i}": text for i, text in enumerate(own)}
    texts |= {"ada": answer, "bob": "In my opinion: " + answer.replace("tiny", "too small").upper()}
    assert found(texts, kind=PROSE) == [("ada", "bob")]
    (pair,) = pairs(texts | {"bob": answer.replace(",", "").upper()}, kind=PROSE)
    assert pair.reason(5).startswith("The two texts are the same but for case and punctuation.")


def test_the_marks_add_up_to_the_text_and_fall_on_what_is_shared() -> None:
    texts = the_class(copy=OTHERS[3] + renamed())
    (pair,) = [pair for pair in pairs(texts) if pair.first == "copy" and pair.second == "original"]
    parts = marked(texts["copy"], ORIGINAL, pair.rare)
    assert "".join(part for part, _ in parts) == texts["copy"]
    rare = "".join(part for part, level in parts if level == RARE)
    assert "append" in rare
    assert "d @ G @ d" not in rare


def test_no_mark_falls_on_what_was_given() -> None:
    (pair,) = pairs({"a": ORIGINAL, "b": ORIGINAL})
    given = ORIGINAL[: ORIGINAL.index("def train")]
    parts = marked(ORIGINAL, ORIGINAL, pair.rare, known=[given])
    shared = "".join(part for part, level in parts if level)
    assert "history.append" in shared
    assert "X.std(axis=0)" not in shared


HOSTILE = {
    "deep": "(" * 100_000,
    "closed": "[" * 50_000 + "]" * 50_000,
    "line": "x = 1 + " * 130_000,
    "nul": "def f(x):\0\0\n\treturn \0",
    "quotes": "'''" * 30_000 + '"""\\' * 30_000,
    "escapes": '"' + "\\" * 99_999,
    "signs": "€$?`¿\ud800‮" * 20_000,
    "digits": "9" * 500_000,
    "dots": "." * 500_000,
    "prefixes": "rb" * 300_000,
    "unclosed": 'f"""' + "a" * 500_000,
    "assignments": ". a : " * 100_000,
    "empty": "",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("kind", [CODE, PROSE], ids=lambda kind: kind.name)
def test_hostile_text_costs_a_moment_and_harms_nobody(name: str, kind: object) -> None:
    texts = the_class(copy=ORIGINAL, x=HOSTILE[name], y=HOSTILE[name])
    start = time.process_time()
    result = pairs(texts, kind=kind)  # type: ignore[arg-type]
    parts = marked(HOSTILE[name], ORIGINAL, frozenset())
    assert time.process_time() - start < 2
    assert ("copy", "original") in [(pair.first, pair.second) for pair in result]
    assert "".join(part for part, _ in parts) == HOSTILE[name]


CALLS = [
    *(f"np.{name}({{}})" for name in "sum mean exp log sqrt abs sign cumsum diff sort unique ravel tanh std".split()),
    *(f"{{}}.{name}" for name in "T real size shape[0] copy() max() min() ravel()".split()),
    *("({} - 1)", "{}[0]", "{}[:, 1]", "len({})", "-{}", "np.mean({}, axis=0)", "{}[::-1]", "{}[{} > 0]"),
]


def synthetic(size: int) -> dict[str, str]:
    """A class whose solutions are drawn from the same small language; every fiftieth is a renamed copy."""
    random_ = random.Random(3)
    texts: dict[str, str] = {}
    for i in range(size):
        if i % 50 == 1:
            texts[f"s{i:05}"] = re.sub(r"\b[abcxyz]\b", r"\g<0>1", texts[f"s{i - 1:05}"])
            continue
        lines = ["def f(a, b):"]
        for _ in range(24):
            left, right, third = (random_.choice("abcxyz") for _ in range(3))
            first, second = (random_.choice(CALLS).replace("{}", name) for name in (right, third))
            lines.append(f"    {left} = {first} {random_.choice('+*@-/')} {random_.choice([third, second])}")
        texts[f"s{i:05}"] = "\n".join([*lines, "    return a"])
    return texts


@pytest.mark.parametrize("sizes", [(250, 1000), pytest.param((1000, 4000), marks=pytest.mark.slow)])
def test_time_grows_with_the_class_and_not_with_its_square(sizes: tuple[int, int]) -> None:
    """The fastest of three runs, in processor time: other tests run beside it. A tenth of the class is a ring."""
    texts = {size: synthetic(size) | {f"t{i:05}": ORIGINAL for i in range(size // 10)} for size in sizes}
    seconds = dict.fromkeys(sizes, float("inf"))
    for size in (*sizes, *sizes, *sizes):  # in turn: a load that comes and goes meets both
        start = time.process_time()
        result = pairs(texts[size])
        seconds[size] = min(seconds[size], time.process_time() - start)
        copies = {(f"s{i - 1:05}", f"s{i:05}") for i in range(1, size, 50)} | {("t00000", "t00001")}
        assert copies <= {(pair.first, pair.second) for pair in result}
        assert len(result) < 1.5 * len(copies), "independent texts of one small language coincide"
    small, large = sizes
    print({size: round(value, 2) for size, value in seconds.items()})
    assert seconds[large] < 6 * seconds[small], "4 times is proportional, 8 times is the power of 1.5, 16 the square"


def test_the_result_does_not_depend_on_the_order_of_the_texts() -> None:
    texts = the_class(copy=renamed())
    assert pairs(texts) == pairs(dict(reversed(texts.items())))
