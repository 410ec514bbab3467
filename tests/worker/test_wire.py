"""Only data crosses, exactly as it was, within limits; everything else is a WireError."""

import contextlib
import json
import math
import socket
import struct
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from chainrule.worker import wire


def round_trip(value):
    frame = wire.encode(value)
    length, count = struct.unpack_from("<II", frame)
    sizes = struct.unpack_from(f"<{count}Q", frame, 8)
    at = 8 + 8 * count
    text, at = frame[at : at + length], at + length
    blobs = []
    for size in sizes:
        blobs.append(frame[at : at + size])
        at += size
    assert at == len(frame)
    return wire.decode(text, blobs)


def same(a, b):
    if isinstance(a, np.ndarray | np.generic):
        return type(a) is type(b) and a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if type(a) in (list, tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if type(a) is dict:
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if type(a) is float:
        return type(b) is float and (a == b or (math.isnan(a) and math.isnan(b)))
    return type(a) is type(b) and a == b


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=50)
    | st.builds(complex, st.floats(allow_nan=False), st.floats(allow_nan=False))
)  # fmt: skip
arrays = hnp.arrays(
    dtype=st.sampled_from(sorted(wire.DTYPES)), shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
)
values = st.recursive(
    scalars | arrays,
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)


@given(values)
@settings(max_examples=300, deadline=None)
def test_data_arrives_as_it_was(value):
    assert same(value, round_trip(value))


@pytest.mark.parametrize(
    "value", [{1, 2}, frozenset({"a"}), range(3, 9, 2), slice(1, None, 2), np.float32(1.5), 10**400]
)
def test_the_rarer_kinds_arrive_too(value):
    assert round_trip(value) == value
    assert type(round_trip(value)) is type(value)


def test_tensors_arrive_with_dtype_and_grad_flag():
    torch = pytest.importorskip("torch", reason="tensors need the extra `course`")
    for dtype in (torch.float32, torch.float64, torch.int64, torch.bool, torch.bfloat16, torch.complex64):
        sent = torch.ones(2, 3).to(dtype)
        got = round_trip(sent)
        assert got.dtype == dtype
        assert torch.equal(got, sent)
    assert round_trip(torch.ones(2, requires_grad=True)).requires_grad


class Evil(np.ndarray):
    pass


class Equal(float):
    def __eq__(self, other):
        return True

    __hash__ = float.__hash__


@pytest.mark.parametrize(
    "value",
    [object(), Equal(1.0), np.ones(2).view(Evil), np.array([object()]), lambda: 1, [1, [object()]], json],
    ids=["object", "float subclass", "array subclass", "object array", "function", "nested", "module"],
)
def test_what_is_not_exactly_data_does_not_cross(value):
    with pytest.raises(wire.WireError):
        wire.encode(value)


def test_what_is_not_data_becomes_a_handle_where_that_is_allowed():
    kept = []

    def keep(value):
        kept.append(value)
        return wire.Handle(7, "thing")

    frame = wire.encode([1, Equal(2.0)], keep)
    assert isinstance(kept[0], Equal)
    assert b'"handle",7,"thing"' in frame


HOSTILE = [
    b"",
    b"{",
    b"[" * 100_000,
    b'["list",[[["x"]]]]',
    b'["unknown",1]',
    b'["array","object",[1],0]',
    b'["array","float64",[3],0]',
    b'["array","float64",[-1],0]',
    b'["array","float64",[1099511627776,1099511627776],0]',
    b'["array","float64",[2],5]',
    b'["array","float64",[2],true]',
    b'["int","' + b"f" * 5000 + b'"]',
    b'["int",5]',
    b'["float","__import__"]',
    b'["dict",[[["list",[]],1]]]',
    b'["dict",[[1]]]',
    b'["complex",1,2]',
    b'["range",[1,2,0]]',
    b'["handle","x",1]',
    b'["tensor","float64",[2],0]',
    b'{"a":1}',
    b'["bytes",0.5]',
    b'["set",[["list",[1]]]]',
    ("[" + '["list",[' * 60 + "1" + "]]" * 60 + "]").encode(),
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_frame_is_refused(text):
    with pytest.raises(wire.WireError):
        wire.decode(text, [b"\0" * 8])


@pytest.mark.parametrize("frame", ['["set",[{keys}]]', '["frozenset",[{keys}]]', '["dict",[{pairs}]]'])
def test_keys_made_to_have_one_hash_do_not_hold_up_the_reader(frame):
    """All multiples of 2**61 - 1 have the hash 0: a set of 100,000 of them takes Python two minutes to make."""
    keys = [f'["int","{number * (2**61 - 1):#x}"]' for number in range(1, 100_000)]
    text = frame.format(keys=",".join(keys), pairs=",".join(f"[{key},0]" for key in keys)).encode()
    begin = time.monotonic()
    with pytest.raises(wire.WireError, match="share their hash"):
        wire.decode(text, [])
    assert time.monotonic() - begin < 20


def test_many_keys_are_no_offence():
    whole = {number: str(number) for number in range(90_000)}
    assert round_trip(whole) == whole
    names = {(f"{number}", number) for number in range(60_000)}
    assert round_trip(names) == names


@given(st.binary(max_size=200), st.lists(st.binary(max_size=16), max_size=2))
@settings(max_examples=300, deadline=None)
def test_nothing_but_a_wire_error_comes_out_of_noise(text, blobs):
    with contextlib.suppress(wire.WireError):
        wire.decode(text, blobs)


@given(values, st.integers(0, 10**9), st.integers(0, 255))
@settings(max_examples=300, deadline=None)
def test_nothing_but_a_wire_error_comes_out_of_a_frame_with_one_byte_changed(value, where, byte):
    text = bytearray(wire.encode(value)[8:])
    if text:
        text[where % len(text)] = byte
    with contextlib.suppress(wire.WireError):
        wire.decode(bytes(text), [bytes(8)])


def test_lengths_are_not_believed():
    for header in (
        struct.pack("<II", 2**32 - 1, 0),
        struct.pack("<II", 2, 2**32 - 1),
        struct.pack("<IIQ", 2, 1, 2**63),
    ):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            theirs.sendall(header)
            with pytest.raises(wire.WireError):
                wire.receive(ours, time.monotonic() + 5)


def test_a_deadline_ends_waiting_also_for_a_dripping_sender():
    ours, theirs = socket.socketpair()
    with ours, theirs:

        def drip():
            for byte in wire.encode("x" * 1000):
                time.sleep(0.02)
                try:
                    theirs.send(bytes([byte]))
                except OSError:
                    return

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        start = time.monotonic()
        with pytest.raises(wire.OutOfTime):
            wire.receive(ours, time.monotonic() + 0.3)
        assert time.monotonic() - start < 10  # all of it would take twenty
    thread.join()


def test_a_closed_connection_is_gone():
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours, pytest.raises(wire.Gone):
        wire.receive(ours)
