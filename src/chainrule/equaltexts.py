"""Texts of a class that are equal but for what costs a copyist nothing: found however many have them, by a hash.

Rarity cannot find these: what forty people hand in is not rare. So equal texts are put together first, and one of them
stands for all where texts are compared. Whether they are shown is another question. Where a task leaves one way to
write it, half a class writes the same without having met; `listed` says what speaks against that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chainrule.winnow import NO_HASHES, Hashes, Kind, numbers, runs, tokens_of, winnowed

FEW = (3, 20)
"""A few texts are at most a fifth of the class, but not fewer than 3 nor more than 20."""

SHORT, COMMON = "short", "common"
"""Why equal texts are not listed."""


@dataclass(frozen=True)
class Distinct:
    """One text and all that are equal to it.

    names   of those who have it, sorted; the first stands for all
    own     hashes of its runs that are neither given nor known
    same    "text" if they are equal character for character, "structure" if their tokens are ("words" in an answer in
            words), "given" if they are without what was given, "" of a single text
    """

    names: tuple[str, ...]
    own: Hashes
    same: str = ""


@dataclass(frozen=True)
class LeftOut:
    """Equal texts that are not listed, for one reason (SHORT or COMMON): how many texts, in how many groups, how many
    in the largest of these."""

    why: str
    texts: int
    groups: int
    largest: int


def few(size: int) -> int:
    """How many of `size` texts are a few."""
    return max(FEW[0], min(size // 5, FEW[1]))


def distinct(texts: Mapping[str, str], known: Hashes, kind: Kind) -> list[Distinct]:
    """The different texts, by their first names. What `known` holds is taken out before they are compared."""
    found: dict[object, list[str]] = {}
    own: dict[str, Hashes] = {}
    whole: dict[str, bytes] = {}
    for name in sorted(texts):
        tokens = tokens_of(texts[name], kind)
        hashes = runs(tokens, kind)
        given = np.isin(hashes, known)
        own[name] = np.setdiff1d(winnowed(hashes, kind.window), known) if len(hashes) else NO_HASHES
        each = numbers(tokens)
        whole[name] = each.tobytes()
        # A text of which nothing is its own says nothing: it is equal to no other.
        key = each[~_covered(given, kind.k, len(each))].tobytes() if len(own[name]) else name
        found.setdefault(key, []).append(name)
    return [Distinct(tuple(names), own[names[0]], _sameness(names, texts, whole, kind)) for names in found.values()]


def _covered(given: npt.NDArray[np.bool_], k: int, length: int) -> npt.NDArray[np.bool_]:
    """Which of `length` tokens lie in a run that is given."""
    edges = np.zeros(length + 1, np.int64)
    at = np.flatnonzero(given)
    edges[at] += 1
    np.add.at(edges, at + k, -1)
    return np.asarray(np.cumsum(edges)[:-1] > 0)


def _sameness(names: Sequence[str], texts: Mapping[str, str], whole: Mapping[str, bytes], kind: Kind) -> str:
    if len(names) < 2:
        return ""
    if len({texts[name] for name in names}) == 1:
        return "text"
    if len({whole[name] for name in names}) == 1:
        return "words" if kind.name == "prose" else "structure"
    return "given"


@dataclass(frozen=True)
class Counted:
    """For each run of a class: how many submissions have it, and in how many different texts it is."""

    runs: Hashes
    submissions: npt.NDArray[np.int64]
    different: npt.NDArray[np.int64]
    class_size: int
    class_different: int

    @classmethod
    def of(cls, found: Sequence[Distinct]) -> Counted:
        having = [each for each in found if len(each.own)]
        together = np.concatenate([each.own for each in having]) if having else NO_HASHES
        times = np.repeat([len(each.names) for each in having], [len(each.own) for each in having])
        unique, place, different = np.unique(together, return_inverse=True, return_counts=True)
        submissions = np.bincount(place, times, len(unique)).astype(np.int64)
        return cls(unique, submissions, different, sum(len(each.names) for each in having), len(having))

    def telling(self, text: Distinct, kind: Kind) -> Hashes:
        """The runs that speak for one origin of equal texts; empty if they are too few to say so.

        Either runs that few submissions have, at least `kind.least`. Or, of a text that many have, at least `kind.many`
        that no more than half of the class has and that are in few *different* texts: pieces that stand in many
        different texts are ways to write this, and a text made of them may have been put together more than once.
        """
        at = np.searchsorted(self.runs, text.own)
        rare = self.submissions[at] <= few(self.class_size)
        # In a smaller class "most" are two or three, who may have copied.
        usual = (self.submissions[at] > self.class_size / 2) & (self.class_size >= 2 * FEW[0])
        passed_on = rare | ((self.different[at] <= few(self.class_different)) & ~usual)
        if passed_on.sum() >= kind.many:
            return text.own[passed_on]
        return text.own[rare] if rare.sum() >= kind.least else NO_HASHES


def left_out(unlisted: Sequence[Distinct], kind: Kind) -> list[LeftOut]:
    """What to say about the groups of equal texts that are not listed."""
    found = []
    for why in (COMMON, SHORT):
        sizes = [len(each.names) for each in unlisted if (len(each.own) < kind.least) == (why == SHORT)]
        if sizes:
            found.append(LeftOut(why, sum(sizes), len(sizes), max(sizes)))
    return found
