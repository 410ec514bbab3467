"""Which texts of a class share structure: a hint for a human who then reads both, never a verdict.

Code becomes tokens whose names, numbers, texts, comments and layout are gone, an answer in words becomes its words.
Runs of k tokens are hashed, and of every `window` neighbouring hashes the smallest is kept: winnowing (Schleimer,
Wilkerson and Aiken, 2003), so any run of k + window − 1 equal tokens is found wherever it stands. What stands in the
starter code, in a known solution or in most of the class is left out. What only a few share is *distinctive*: pairs
are made from that alone, by an inverted index, so the time grows with the class and not with its square.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
import numpy.typing as npt

from chainrule.tokens import Token, code, words

Hashes = npt.NDArray[np.uint64]

MOST = 200
"""Most pairs that `pairs` returns."""

FEW = (3, 20)
"""A run is distinctive if at most a fifth of the class has it, but not fewer than 3 nor more than 20 submissions."""

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)
_NO_HASHES: Hashes = np.empty(0, np.uint64)


@dataclass(frozen=True)
class Kind:
    """How texts of one kind are compared: runs of `k` tokens, a window, and what a pair has to share at least.

    `least` distinctive runs, which are `part` of the shorter text's own runs, weighted by rarity. A short solution
    has few runs at all, so below `least` of them nothing is said about it.
    """

    name: str
    k: int
    window: int
    least: int
    part: float


CODE = Kind("code", k=12, window=4, least=20, part=0.6)
PROSE = Kind("prose", k=5, window=3, least=8, part=0.35)


@dataclass(frozen=True)
class Pair:
    """Two texts that share structure. `first` < `second` are keys of the texts.

    runs      how many runs of the shorter text are its own: not starter code, not known, not everybody's
    shared    how many of them are in the other text, too
    rare      hashes of the shared runs that few have; `only` counts those that nobody else has
    part      shared ÷ runs, both weighted by rarity, 0…1
    evidence  the weights of the rare ones added up: log₂(class ÷ submissions that have it); pairs are sorted by it
    same      "text" if the texts are equal, "structure" if their tokens are, otherwise ""
    """

    first: str
    second: str
    runs: int
    shared: int
    rare: frozenset[int]
    only: int
    part: float
    evidence: float
    same: str

    def reason(self, of: int) -> str:
        """Why the pair is shown, in words. `of` is the number of texts that were compared."""
        if self.same == "text":
            head = "The two texts are the same, character for character. "
        elif self.same == "structure":
            head = "The two texts are the same but for names, numbers, comments and layout. "
        else:
            head = ""
        nobody = f", {self.only} of them in no other of the {of} submissions" if self.only and of > 2 else ""
        return (
            f"{head}{self.shared} of {self.runs} pieces of the shorter text that are neither given nor common are in "
            f"both; {len(self.rare)} are rare in this class{nobody}."
        )


def pairs(texts: Mapping[str, str], known: Sequence[str] = (), kind: Kind = CODE, most: int = MOST) -> list[Pair]:
    """The pairs of `texts` worth a look, the most telling first, at most `most`.

    `known` are texts that anybody may agree with: starter code, the solution, its alternatives. Any text will do:
    what is no code is compared by the tokens that it has, and only the first 50,000 signs of each are read.
    """
    names = sorted(texts)
    tokens = [_tokens(texts[name], kind) for name in names]
    allowed = _all_runs(known, kind)
    own = [np.setdiff1d(_winnowed(_runs(each, kind), kind.window), allowed) for each in tokens]
    rarity = _Rarity.of(own)
    found = []
    for (a, b), count in _candidates(own, rarity).items():
        if count >= kind.least:
            pair = _pair(names[a], names[b], own[a], own[b], rarity)
            if pair.part >= kind.part:
                same = _sameness(texts[names[a]], texts[names[b]], tokens[a], tokens[b])
                found.append(Pair(**{**vars(pair), "same": same}))
    return sorted(found, key=lambda pair: (-pair.evidence, pair.first, pair.second))[:most]


PLAIN, SHARED, RARE = "", "shared", "rare"
"""What a part of a text is: the text's own, in both, or in both and rare in the class."""


def marked(
    text: str, other: str, rare: frozenset[int], known: Sequence[str] = (), kind: Kind = CODE
) -> list[tuple[str, str]]:
    """`text` in parts that add up to it, each with PLAIN, SHARED or RARE, seen from `other`."""
    tokens = _tokens(text, kind)
    runs = _runs(tokens, kind)
    level = np.zeros(len(text) + 1, np.int8)
    both = np.isin(runs, _runs(_tokens(other, kind), kind)) & ~np.isin(runs, _all_runs(known, kind))
    few = both & np.isin(runs, np.fromiter(rare, np.uint64, len(rare)))
    for value, chosen in ((1, both), (2, few)):
        for at in np.flatnonzero(chosen):
            level[tokens[at].start : tokens[at + kind.k - 1].end] = value
    level = level[:-1]
    edges = [0, *(np.flatnonzero(np.diff(level)) + 1).tolist(), len(text)] if text else []
    return [(text[i:j], (PLAIN, SHARED, RARE)[level[i]]) for i, j in pairwise(edges)]


def _tokens(text: str, kind: Kind) -> list[Token]:
    return words(text) if kind.name == "prose" else code(text)


def _runs(tokens: Sequence[Token], kind: Kind) -> Hashes:
    """A hash of each k neighbouring tokens, the same in every process. Arithmetic is modulo 2⁶⁴."""
    if len(tokens) < kind.k:
        return _NO_HASHES
    numbers = np.fromiter((token.number for token in tokens), np.uint64, len(tokens))
    length = len(tokens) - kind.k + 1
    hashes = np.zeros(length, np.uint64)
    for offset in range(kind.k):
        hashes = hashes * _FACTOR + numbers[offset : offset + length]
    # Without this the last tokens would decide which of two hashes is smaller.
    hashes = (hashes ^ (hashes >> np.uint64(31))) * _MIX
    return np.asarray(hashes ^ (hashes >> np.uint64(29)), np.uint64)


def _winnowed(runs: Hashes, window: int) -> Hashes:
    """The smallest hash of every window, each once. A text shorter than a window keeps its smallest."""
    if len(runs) <= window:
        return np.unique(runs[runs == runs.min()]) if len(runs) else _NO_HASHES
    return np.unique(np.lib.stride_tricks.sliding_window_view(runs, window).min(axis=1))


def _all_runs(texts: Sequence[str], kind: Kind) -> Hashes:
    """Not winnowed: what is selected depends on the neighbours, what is known must not."""
    found = [_runs(_tokens(text, kind), kind) for text in texts]
    return np.unique(np.concatenate(found)) if found else _NO_HASHES


@dataclass(frozen=True)
class _Rarity:
    """How many texts have each run, and what agreement in it weighs."""

    runs: Hashes
    counts: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]
    few: int

    @classmethod
    def of(cls, own: Sequence[Hashes]) -> _Rarity:
        runs, counts = np.unique(np.concatenate(own) if own else _NO_HASHES, return_counts=True)
        size = sum(len(each) > 0 for each in own)
        weights = np.log2((size + 1) / counts)
        if size >= 2 * FEW[0]:  # in a smaller class "most" are two or three, who may have copied
            weights[counts > size / 2] = 0.0
        return cls(runs, counts, weights, max(FEW[0], min(size // 5, FEW[1])))

    def at(self, runs: Hashes) -> npt.NDArray[np.intp]:
        return np.searchsorted(self.runs, runs)


def _candidates(own: Sequence[Hashes], rarity: _Rarity) -> Counter[tuple[int, int]]:
    """How many distinctive runs each two texts share. A run makes at most 20·19/2 pairs."""
    if not len(rarity.runs):
        return Counter()
    place = np.concatenate([rarity.at(each) for each in own])
    text = np.repeat(np.arange(len(own)), [len(each) for each in own])
    useful = (rarity.counts[place] >= 2) & (rarity.counts[place] <= rarity.few)
    place, text = place[useful], text[useful]
    order = np.lexsort((text, place))
    place, text = place[order], text[order]
    return Counter(pair for group in _groups(place, text) for pair in combinations(group, 2))


def _groups(place: npt.NDArray[np.intp], text: npt.NDArray[np.intp]) -> Iterator[list[int]]:
    edges = np.flatnonzero(np.diff(place)) + 1
    for start, end in pairwise([0, *edges.tolist(), len(place)]):
        yield text[start:end].tolist()


def _pair(first: str, second: str, a: Hashes, b: Hashes, rarity: _Rarity) -> Pair:
    shared = np.intersect1d(a, b, assume_unique=True)
    at = rarity.at(shared)
    weights = [rarity.weights[rarity.at(runs)] for runs in (a, b)]
    shorter = min(weights, key=np.sum)
    few = rarity.counts[at] <= rarity.few
    whole = float(shorter.sum())
    return Pair(
        first,
        second,
        runs=int((shorter > 0).sum()),
        shared=int((rarity.weights[at] > 0).sum()),
        rare=frozenset(shared[few].tolist()),
        only=int((rarity.counts[at] == 2).sum()),
        part=float(rarity.weights[at].sum()) / whole if whole else 0.0,
        evidence=float(rarity.weights[at][few].sum()),
        same="",
    )


def _sameness(first: str, second: str, a: Sequence[Token], b: Sequence[Token]) -> str:
    if first == second:
        return "text"
    return "structure" if [token.number for token in a] == [token.number for token in b] else ""
