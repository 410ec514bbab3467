"""Data-only messages between a trusted process and a student's: no pickle, no class lookup, every size bounded.

A frame is `u32 length of the JSON | u32 number of blobs | u64 per blob | JSON | blobs` (little-endian). The JSON holds
the structure, the blobs hold the raw bytes of arrays. A value is encoded by its *exact* type; an object of any other
type does not cross: the sender keeps it and sends a handle. The decoder believes no length, dtype, shape, type name or
depth.
"""

from __future__ import annotations

import json
import math
import socket
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

MAX_JSON = 4 << 20
MAX_BLOBS = 1024
MAX_TOTAL = 256 << 20
MAX_DEPTH = 40
MAX_NODES = 200_000
MAX_INT_DIGITS = 4000
MAX_COLLISIONS = 1000
"""Keys of one set or dict that may share their hash with others: each is compared with all of them, in every copy."""

DTYPES = frozenset(
    """
    bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64 complex128
    """.split()
)
_CONTAINERS: dict[str, Callable[[list[Any]], Any]] = {
    "list": list,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
}


class WireError(Exception):
    """What arrived, or should be sent, is not data within the limits."""


class Gone(Exception):
    """The other side closed the connection."""


class OutOfTime(Exception):
    """The other side did not answer before the deadline."""


@dataclass(frozen=True)
class Handle:
    """An object that stays on the student's side. `type_name` is only a label."""

    id: int
    type_name: str


@dataclass(frozen=True)
class GlobalName:
    """A name of the student's notebook, passed as an argument."""

    name: str


@dataclass(frozen=True)
class Callback:
    """A function that stays on the trusted side; the student's code calls it with data."""

    id: int


@dataclass(frozen=True)
class Shipped:
    """A function sent as source, to live beside the student's code, with data bound as its globals."""

    name: str
    source: str
    bindings: tuple[tuple[str, Any], ...] = ()


@dataclass
class Allowance:
    """So many bytes may still be received: what the reader keeps of many messages is bounded, too."""

    left: int

    def take(self, size: int) -> None:
        """Raise `WireError` if a message of `size` bytes is more than is left."""
        self.left -= size
        if self.left < 0:
            raise WireError("more data than it may send in all")


class _Encoder:
    """Turns a value into (JSON node, blobs). `keep` makes a handle of what is not data, or is None to refuse it."""

    def __init__(self, keep: Callable[[Any], Handle] | None) -> None:
        self.keep = keep
        self.blobs: list[bytes] = []
        self.nodes = 0
        self.size = 0

    def blob(self, data: bytes) -> int:
        self.blobs.append(data)
        self.size += len(data)
        if len(self.blobs) > MAX_BLOBS or self.size > MAX_TOTAL:
            raise WireError(f"the value holds more than {MAX_BLOBS} arrays or {MAX_TOTAL >> 20} MiB")
        return len(self.blobs) - 1

    def node(self, value: Any, depth: int = 0) -> Any:
        self.nodes += 1
        if depth > MAX_DEPTH or self.nodes > MAX_NODES:
            raise WireError(f"the value is nested deeper than {MAX_DEPTH} or has more than {MAX_NODES} parts")
        kind = type(value)
        if value is None or kind is bool or kind is str:
            return value
        if kind is int:
            return value if abs(value) < 2**53 else ["int", _hex(value)]
        if kind is float:
            return value if math.isfinite(value) else ["float", repr(value)]
        if kind is complex:
            return ["complex", repr(value.real), repr(value.imag)]
        if kind is bytes:
            return ["bytes", self.blob(value)]
        if kind in (list, tuple, set, frozenset):
            return [kind.__name__, [self.node(part, depth + 1) for part in value]]
        if kind is dict:
            return ["dict", [[self.node(k, depth + 1), self.node(v, depth + 1)] for k, v in value.items()]]
        if kind is range:
            return ["range", [value.start, value.stop, value.step]]
        if kind is slice:
            return ["slice", [self.node(part, depth + 1) for part in (value.start, value.stop, value.step)]]
        return self._array(value, kind) or self._reference(value, kind, depth)

    def _array(self, value: Any, kind: type) -> list[Any] | None:
        if kind is np.ndarray or isinstance(value, np.generic):
            array = np.asarray(value)
            if array.dtype.name in DTYPES:
                native = array.astype(array.dtype.newbyteorder("="), copy=False)
                tag = "array" if kind is np.ndarray else "scalar"
                return [tag, array.dtype.name, list(array.shape), self.blob(np.ascontiguousarray(native).tobytes())]
            return None
        torch = sys.modules.get("torch")
        if torch is None or (kind is not torch.Tensor and kind is not torch.nn.Parameter):
            return None
        if value.layout is not torch.strided or value.is_quantized:
            return None
        tensor = value.detach().cpu().contiguous()
        name = str(tensor.dtype).removeprefix("torch.")
        if name == "bfloat16":
            tensor = tensor.view(torch.uint16)
        elif name not in DTYPES:
            return None
        return ["tensor", name, list(tensor.shape), self.blob(tensor.numpy().tobytes()), bool(value.requires_grad)]

    def _reference(self, value: Any, kind: type, depth: int) -> list[Any]:
        if kind is Handle:
            return ["handle", value.id, value.type_name]
        if kind is GlobalName:
            return ["global", value.name]
        if kind is Callback:
            return ["callback", value.id]
        if kind is Shipped:
            bindings = [[name, self.node(bound, depth + 1)] for name, bound in value.bindings]
            return ["shipped", value.name, value.source, bindings]
        if self.keep is None:
            raise WireError(f"a {kind.__name__} is not data")
        handle = self.keep(value)
        return ["handle", handle.id, handle.type_name]


def _hex(value: int) -> str:
    if value.bit_length() > 4 * MAX_INT_DIGITS:
        raise WireError(f"an integer of {value.bit_length()} bits is too large")
    return hex(value)


class _Decoder:
    def __init__(self, blobs: list[bytes], references: Callable[[Any], Any]) -> None:
        self.blobs = blobs
        self.references = references
        self.nodes = 0

    def value(self, node: Any, depth: int = 0) -> Any:
        self.nodes += 1
        if depth > MAX_DEPTH or self.nodes > MAX_NODES:
            raise WireError(f"nested deeper than {MAX_DEPTH} or more than {MAX_NODES} parts")
        if node is None or type(node) in (bool, int, float, str):
            return node
        if type(node) is not list or not node or type(node[0]) is not str:
            raise WireError("a node is neither a plain value nor a tagged list")
        try:
            return self._tagged(node[0], node[1:], depth)
        except WireError:
            raise
        except Exception as error:  # whatever a hostile node provokes is one thing to us: not data
            raise WireError(f"bad node {node[0]!r:.20}: {type(error).__name__}") from None

    def _tagged(self, tag: str, args: list[Any], depth: int) -> Any:
        if tag in _CONTAINERS:
            parts = [self.value(part, depth + 1) for part in _of(list, args[0])]
            return _CONTAINERS[tag](_spread(parts) if "set" in tag else parts)
        if tag == "dict":
            pairs = [_of(list, pair) for pair in _of(list, args[0])]
            keys = _spread([self.value(key, depth + 1) for key, _ in pairs])
            return {key: self.value(item, depth + 1) for key, (_, item) in zip(keys, pairs, strict=True)}
        if tag == "int":
            text = _of(str, args[0])
            if len(text) > MAX_INT_DIGITS + 4:
                raise WireError("an integer is too long")
            return int(text, 16)
        if tag == "float":
            return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[args[0]]
        if tag == "complex":
            return complex(float(_of(str, args[0])), float(_of(str, args[1])))
        if tag == "bytes":
            return self._blob(args[0])
        if tag == "range":
            return range(*(_of(int, part) for part in args[0][:3]))
        if tag == "slice":
            return slice(*(self.value(part, depth + 1) for part in args[0][:3]))
        if tag in ("array", "scalar"):
            array = self._array(args[0], args[1], args[2])
            return array if tag == "array" else array[()]
        if tag == "tensor":
            return self._tensor(*args)
        return self._reference(tag, args, depth)

    def _blob(self, index: Any) -> bytes:
        if type(index) is not int or not 0 <= index < len(self.blobs):
            raise WireError("an array refers to bytes that were not sent")
        return self.blobs[index]

    def _array(self, name: Any, shape: Any, index: Any) -> np.ndarray[Any, Any]:
        if type(name) is not str or name not in DTYPES:
            raise WireError("an array of an unknown dtype")
        if type(shape) is not list or len(shape) > 32 or not all(type(n) is int and 0 <= n < 1 << 40 for n in shape):
            raise WireError("an array with a bad shape")
        data = self._blob(index)
        if math.prod(shape) * np.dtype(name).itemsize != len(data):
            raise WireError("an array whose shape does not fit its bytes")
        return np.frombuffer(data, dtype=name).reshape(shape).copy()

    def _tensor(self, name: Any, shape: Any, index: Any, requires_grad: Any = False) -> Any:
        array = self._array("uint16" if name == "bfloat16" else name, shape, index)
        try:
            import torch
        except (ImportError, RuntimeError):  # no usable torch on this side: the numbers are the same
            return array
        tensor = torch.from_numpy(array)
        if name == "bfloat16":
            tensor = tensor.view(torch.bfloat16)
        wants = requires_grad is True and (tensor.is_floating_point() or tensor.is_complex())
        return tensor.requires_grad_(wants)

    def _reference(self, tag: str, args: list[Any], depth: int) -> Any:
        if tag == "handle":
            return self.references(Handle(_of(int, args[0]), _of(str, args[1])[:200]))
        if tag == "global":
            return self.references(GlobalName(_of(str, args[0])))
        if tag == "callback":
            return self.references(Callback(_of(int, args[0])))
        if tag == "shipped":
            bindings = tuple((_of(str, name), self.value(bound, depth + 1)) for name, bound in args[2])
            return self.references(Shipped(_of(str, args[0]), _of(str, args[1]), bindings))
        raise WireError(f"unknown kind of node {tag!r:.20}")


def _spread(keys: list[Any]) -> list[Any]:
    """The keys of a set or dict, unless they were made to have one hash: then each look-up would visit them all."""
    if len(keys) - len(set(map(hash, keys))) > MAX_COLLISIONS:
        raise WireError(f"more than {MAX_COLLISIONS} keys of a set or dict share their hash with others")
    return keys


def _of(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise WireError(f"expected {kind.__name__}, got {type(value).__name__}")
    return value


def encode(value: Any, keep: Callable[[Any], Handle] | None = None) -> bytes:
    """The frame of a value. `keep(object)` makes handles; without it an object that is not data raises `WireError`."""
    encoder = _Encoder(keep)
    text = json.dumps(encoder.node(value), allow_nan=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    if len(text) > MAX_JSON:
        raise WireError(f"the value takes more than {MAX_JSON >> 20} MiB as text")
    sizes = [len(blob) for blob in encoder.blobs]
    header = struct.pack(f"<II{len(sizes)}Q", len(text), len(sizes), *sizes)
    return b"".join([header, text, *encoder.blobs])


def decode(text: bytes, blobs: list[bytes], references: Callable[[Any], Any] = lambda reference: reference) -> Any:
    """The value of a frame. `references` maps handles, global names, callbacks and shipped functions to objects."""
    try:
        node = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WireError(f"not JSON: {error}") from None
    return _Decoder(blobs, references).value(node)


def send(sock: socket.socket, frame: bytes, deadline: float | None = None) -> None:
    """Send a frame. Raises `Gone` or `OutOfTime`; `deadline` is a `time.monotonic` value."""
    view = memoryview(frame)
    while view:
        _wait(sock, deadline)
        try:
            view = view[sock.send(view) :]
        except TimeoutError:
            raise OutOfTime from None
        except OSError:
            raise Gone from None


def receive(
    sock: socket.socket,
    deadline: float | None = None,
    references: Callable[[Any], Any] = lambda reference: reference,
    allowance: Allowance | None = None,
) -> Any:
    """Receive one value. Raises `Gone`, `OutOfTime` or `WireError`."""
    length, count = struct.unpack("<II", _read(sock, 8, deadline))
    if length > MAX_JSON or count > MAX_BLOBS:
        raise WireError("a frame larger than the limits")
    sizes = struct.unpack(f"<{count}Q", _read(sock, 8 * count, deadline))
    if sum(sizes) > MAX_TOTAL:
        raise WireError("a frame larger than the limits")
    if allowance is not None:
        allowance.take(length + sum(sizes))
    text = bytes(_read(sock, length, deadline))
    return decode(text, [bytes(_read(sock, size, deadline)) for size in sizes], references)


def _wait(sock: socket.socket, deadline: float | None) -> None:
    if deadline is None:
        sock.settimeout(None)
        return
    left = deadline - time.monotonic()
    if left <= 0:
        raise OutOfTime
    sock.settimeout(left)


def _read(sock: socket.socket, size: int, deadline: float | None) -> bytearray:
    data = bytearray(size)
    view = memoryview(data)
    while view:
        _wait(sock, deadline)
        try:
            count = sock.recv_into(view)
        except TimeoutError:
            raise OutOfTime from None
        except OSError:
            raise Gone from None
        if count == 0:
            raise Gone
        view = view[count:]
    return data
