"""Texts as sets of hashes of neighbouring tokens. For `equaltexts` and `similarity`.

Runs of k tokens are hashed, and of every `window` neighbouring hashes the smallest is kept: winnowing (Schleimer,
Wilkerson and Aiken, 2003), so any run of k + window − 1 equal tokens is found wherever it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chainrule.tokens import Token, code, words

Hashes = npt.NDArray[np.uint64]

NO_HASHES: Hashes = np.empty(0, np.uint64)
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)


@dataclass(frozen=True)
class Kind:
    """How texts of one kind are compared: runs of `k` tokens, a window, and what texts have to share at least.

    A pair has `least` distinctive runs in common, which are `part` of the shorter text's own runs, weighted by rarity.
    A short solution has few runs at all, so below `least` of them nothing is said about it. Equal texts that are more
    than a few need `many`: the more people write a text, the longer it has to be before chance is no explanation.
    """

    name: str
    k: int
    window: int
    least: int
    part: float
    many: int


CODE = Kind("code", k=12, window=4, least=20, part=0.6, many=30)
PROSE = Kind("prose", k=5, window=3, least=8, part=0.35, many=12)


def tokens_of(text: str, kind: Kind) -> list[Token]:
    return words(text) if kind.name == "prose" else code(text)


def numbers(tokens: Sequence[Token]) -> Hashes:
    """The tokens without their places."""
    return np.fromiter((token.number for token in tokens), np.uint64, len(tokens))


def runs(tokens: Sequence[Token], kind: Kind) -> Hashes:
    """A hash of each k neighbouring tokens, the same in every process. Arithmetic is modulo 2⁶⁴."""
    if len(tokens) < kind.k:
        return NO_HASHES
    each = numbers(tokens)
    length = len(tokens) - kind.k + 1
    hashes = np.zeros(length, np.uint64)
    for offset in range(kind.k):
        hashes = hashes * _FACTOR + each[offset : offset + length]
    # Without this the last tokens would decide which of two hashes is smaller.
    hashes = (hashes ^ (hashes >> np.uint64(31))) * _MIX
    return np.asarray(hashes ^ (hashes >> np.uint64(29)), np.uint64)


def winnowed(hashes: Hashes, window: int) -> Hashes:
    """The smallest hash of every window, each once. A text shorter than a window keeps its smallest."""
    if len(hashes) <= window:
        return np.unique(hashes[hashes == hashes.min()]) if len(hashes) else NO_HASHES
    return np.unique(np.lib.stride_tricks.sliding_window_view(hashes, window).min(axis=1))


def all_runs(texts: Sequence[str], kind: Kind) -> Hashes:
    """Not winnowed: what is selected depends on the neighbours, what is known must not."""
    found = [runs(tokens_of(text, kind), kind) for text in texts]
    return np.unique(np.concatenate(found)) if found else NO_HASHES
