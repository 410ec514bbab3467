"""Damaged messages, a hundred thousand: the decoder says that they are no data, and takes no memory for them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import chainrule

FUZZ = """
import random, resource, struct, sys
import numpy as np
from chainrule.worker import wire
resource.setrlimit(resource.RLIMIT_AS, (512 << 20, 512 << 20))
chance = random.Random(0)
whole = [
    wire.encode([1, "ok", value, {"mutated": [0], "printed": 3, "text": "t"}], lambda value: wire.Handle(1, "t"))
    for value in (
        None, 1.5, 10**400, "text", b"bytes", 2j, [1, (2, {3})], {"a": {1: [float("nan")]}}, range(9), slice(1, 2),
        np.arange(12.0).reshape(3, 4), np.float32(1), [np.zeros((0, 5)), np.ones(3, bool)], object(),
    )
]
TOKENS = [
    b"[", b"]", b'"list"', b'"array"', b'"float64"', b'"dict"', b'"int"', b'"handle"', b"1e999", b"-1", b"9" * 30,
    b"null", b'"tensor"', b"NaN", b"Infinity", b'"\\\\ud800"', b"{", b"}", b'"range"', b"99999999999", b'"shipped"',
    b'"bytes"',
]
def damaged():
    frame = bytearray(chance.choice(whole))
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(frame)) if frame else 0
        match chance.randrange(5):
            case 0: frame[place:place + 1] = bytes([chance.randrange(256)])
            case 1: frame[place:place + chance.randint(1, 8)] = b""
            case 2: frame[place:place] = chance.choice(TOKENS)
            case 3: frame[place:place + 4] = struct.pack("<I", chance.choice([0, 1, 2**31, 2**32 - 1]))
            case 4: frame[place:place] = bytes(frame[: chance.randint(0, 40)])
    return bytes(frame)
class Bytes:
    # What `receive` needs of a socket, without a kernel in between.
    def __init__(self, data): self.data = memoryview(data)
    def settimeout(self, seconds): pass
    def recv_into(self, view):
        count = min(len(view), len(self.data))
        view[:count] = self.data[:count]
        self.data = self.data[count:]
        return count
refused = 0
for _ in range(int(sys.argv[1])):
    try: wire.receive(Bytes(damaged()))
    except (wire.WireError, wire.Gone): refused += 1
print(refused)
"""


@pytest.mark.parametrize("messages", [3_000, pytest.param(100_000, marks=pytest.mark.thorough)])
def test_nothing_but_a_refusal_comes_out(messages: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FUZZ, str(messages)],
        env={"PYTHONPATH": str(Path(chainrule.__file__).parents[1]), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > messages / 2
