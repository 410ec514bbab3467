"""Which texts of a class share structure: a hint for a human who then reads both, never a verdict.

Code becomes tokens whose names, numbers, texts, comments and layout are gone, an answer in words becomes its words.
Texts that are then equal are put together (`equaltexts`), however many they are, and one stands for all. Of the rest,
runs of tokens are compared (`winnow`). What stands in the starter code, in a known solution or in most of the class is
left out. What only a few share is *distinctive*: pairs are made from that alone, by an inverted index, so the time
grows with the class and not with its square.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
import numpy.typing as npt

from chainrule.equaltexts import FEW, Counted, Distinct, LeftOut, distinct, few, left_out
from chainrule.winnow import CODE, NO_HASHES, PROSE, Hashes, Kind, all_runs, runs, tokens_of

__all__ = ["CODE", "MOST", "PROSE", "Compared", "Kind", "LeftOut", "Pair", "compare", "marked", "pairs"]

MOST = 200
"""Most pairs that `compare` returns."""


@dataclass(frozen=True)
class Pair:
    """Two texts that share structure, or all texts that are equal. `first` < `second` are keys of the texts.

    runs      how many runs of the shorter text are its own: not starter code, not known, not everybody's
    shared    how many of them are in the other text, too
    rare      hashes of the shared runs that few have; `only` counts those that nobody else has
    part      shared ÷ runs, both weighted by rarity, 0…1
    evidence  the weights of the rare ones added up: log₂(class ÷ submissions that have it); pairs are sorted by it
    same      of equal texts `Distinct.same`, otherwise ""
    as_first  keys of more texts that are equal to the first; of equal texts, all but two
    as_second of more that are equal to the second, if that is another text
    """

    first: str
    second: str
    runs: int
    shared: int
    rare: frozenset[int]
    only: int
    part: float
    evidence: float
    same: str = ""
    as_first: tuple[str, ...] = ()
    as_second: tuple[str, ...] = ()

    @property
    def members(self) -> tuple[str, ...]:
        """All whose texts these are, the two that are compared first."""
        return (self.first, self.second, *self.as_first, *self.as_second)

    def reason(self, of: int) -> str:
        """Why the pair is shown, in words. `of` is the number of texts that were compared."""
        others = of - len(self.members)
        if not self.same:
            nobody = f", {self.only} of them in none of the other {others} submissions" if self.only and others else ""
            return (
                f"{self.shared} of {self.runs} pieces of the shorter text that are neither given nor common are in "
                f"both; {len(self.rare)} are rare in this class{nobody}."
            )
        head = "The two texts" if len(self.members) == 2 else f"{len(self.members)} texts"
        nobody = f", {self.only} of them in none of the other {others} submissions" if self.only and others else ""
        return f"{head} are the same{_BUT[self.same]}. {self.runs} pieces are neither given nor common{nobody}."


_BUT = {
    "text": ", character for character",
    "structure": " but for names, numbers, comments and layout",
    "words": " but for case and punctuation",
    "given": " but for what was given, names, numbers, comments and layout",
}


@dataclass(frozen=True)
class Compared:
    """The pairs worth a look, the most telling first, and the equal texts that are not among them."""

    pairs: list[Pair]
    left_out: list[LeftOut]


def pairs(texts: Mapping[str, str], known: Sequence[str] = (), kind: Kind = CODE, most: int = MOST) -> list[Pair]:
    """The pairs that `compare` finds."""
    return compare(texts, known, kind, most).pairs


def compare(texts: Mapping[str, str], known: Sequence[str] = (), kind: Kind = CODE, most: int = MOST) -> Compared:
    """The pairs of `texts` worth a look, at most `most`; texts that are equal are one of them.

    `known` are texts that anybody may agree with: starter code, the solution, its alternatives. Any text will do:
    what is no code is compared by the tokens that it has, and only the first 50,000 signs of each are read.
    """
    different = distinct(texts, all_runs(known, kind), kind)
    counted = Counted.of(different)
    telling = {each.names[0]: counted.telling(each, kind) for each in different if each.same}
    listed = {name for name, found in telling.items() if len(found)}
    # Equal texts that are listed count once. Those that are not are how this class writes: each of them counts.
    weight = [1 if each.names[0] in listed else len(each.names) for each in different]
    own = [each.own for each in different]
    rarity = _Rarity.of(own, weight)
    found = [_equal(each, telling[each.names[0]], counted, rarity) for each in different if each.names[0] in listed]
    for (a, b), count in _candidates(own, rarity).items():
        if count >= kind.least:
            pair = _pair(different[a], different[b], weight[a] + weight[b], rarity)
            if pair.part >= kind.part:
                found.append(pair)
    unlisted = [each for each in different if each.same and each.names[0] not in listed]
    ranked = sorted(found, key=lambda pair: (-pair.evidence, not pair.same, pair.first, pair.second))[:most]
    return Compared(ranked, left_out(unlisted, kind))


PLAIN, SHARED, RARE = "", "shared", "rare"
"""What a part of a text is: the text's own, in both, or in both and rare in the class."""


def marked(
    text: str, other: str, rare: frozenset[int], known: Sequence[str] = (), kind: Kind = CODE
) -> list[tuple[str, str]]:
    """`text` in parts that add up to it, each with PLAIN, SHARED or RARE, seen from `other`."""
    tokens = tokens_of(text, kind)
    own = runs(tokens, kind)
    level = np.zeros(len(text) + 1, np.int8)
    both = np.isin(own, runs(tokens_of(other, kind), kind)) & ~np.isin(own, all_runs(known, kind))
    few = both & np.isin(own, np.fromiter(rare, np.uint64, len(rare)))
    for value, chosen in ((1, both), (2, few)):
        for at in np.flatnonzero(chosen):
            level[tokens[at].start : tokens[at + kind.k - 1].end] = value
    level = level[:-1]
    edges = [0, *(np.flatnonzero(np.diff(level)) + 1).tolist(), len(text)] if text else []
    return [(text[i:j], (PLAIN, SHARED, RARE)[level[i]]) for i, j in pairwise(edges)]


@dataclass(frozen=True)
class _Rarity:
    """How many texts have each run, and what agreement in it weighs."""

    runs: Hashes
    counts: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]
    few: int

    @classmethod
    def of(cls, own: Sequence[Hashes], times: Sequence[int]) -> _Rarity:
        """Of texts that count as `times` submissions."""
        together = np.concatenate(own) if own else NO_HASHES
        unique, place = np.unique(together, return_inverse=True)
        each = np.repeat(np.asarray(times, np.int64), [len(hashes) for hashes in own])
        counts = np.bincount(place, each, len(unique)).astype(np.int64)
        size = sum(count for hashes, count in zip(own, times, strict=True) if len(hashes))
        weights = np.log2((size + 1) / counts)
        if size >= 2 * FEW[0]:  # in a smaller class "most" are two or three, who may have copied
            weights[counts > size / 2] = 0.0
        return cls(unique, counts, weights, few(size))

    def at(self, hashes: Hashes) -> npt.NDArray[np.intp]:
        return np.searchsorted(self.runs, hashes)


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


def _equal(text: Distinct, telling: Hashes, counted: Counted, rarity: _Rarity) -> Pair:
    first, second, *more = text.names
    at = rarity.at(telling)
    return Pair(
        first,
        second,
        runs=len(telling),
        shared=len(telling),
        rare=frozenset(telling.tolist()),
        only=int((counted.different[np.searchsorted(counted.runs, telling)] == 1).sum()),
        part=1.0,
        evidence=float(rarity.weights[at].sum()),
        same=text.same,
        as_first=tuple(more),
    )


def _pair(a: Distinct, b: Distinct, weight: int, rarity: _Rarity) -> Pair:
    """`weight` is as how many submissions the two count."""
    shared = np.intersect1d(a.own, b.own, assume_unique=True)
    at = rarity.at(shared)
    weights = [rarity.weights[rarity.at(text.own)] for text in (a, b)]
    shorter = min(weights, key=np.sum)
    rare = rarity.counts[at] <= rarity.few
    whole = float(shorter.sum())
    return Pair(
        a.names[0],
        b.names[0],
        runs=int((shorter > 0).sum()),
        shared=int((rarity.weights[at] > 0).sum()),
        rare=frozenset(shared[rare].tolist()),
        only=int((rarity.counts[at] == weight).sum()),
        part=float(rarity.weights[at].sum()) / whole if whole else 0.0,
        evidence=float(rarity.weights[at][rare].sum()),
        as_first=a.names[1:],
        as_second=b.names[1:],
    )
