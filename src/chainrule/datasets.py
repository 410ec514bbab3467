"""Images of handwritten digits, from wherever they can be had: MNIST if it is there, else what scikit-learn bundles.

No notebook needs the network, and none needs MNIST. scikit-learn and torchvision are imported only when they are asked.

MNIST: LeCun, Bottou, Bengio and Haffner 1998; its IDX format is described there. The bundled digits: Alpaydin and
Kaynak, *Optical recognition of handwritten digits*, UCI repository, 1998.
"""

from __future__ import annotations

import gzip
import math
import os
import socket
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import DataError

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]
Split = tuple[Images, Labels, Images, Labels]

VARIABLE = "CHAINRULE_DATA"
DOWNLOAD_SECONDS = 20.0
FILES = (
    ("train-images-idx3-ubyte", 3),
    ("train-labels-idx1-ubyte", 1),
    ("t10k-images-idx3-ubyte", 3),
    ("t10k-labels-idx1-ubyte", 1),
)
UNSIGNED_BYTE = 8


def digits_images(prefer: str = "mnist", allow_download: bool = False) -> tuple[Images, Labels, Images, Labels, str]:
    """Images of handwritten digits and their labels, split into training and test.

    prefer          "mnist", or "digits" for the bundled ones at once
    allow_download  whether MNIST (12 MB) may be fetched with torchvision, into $CHAINRULE_DATA or the user's cache
    ->  Xtr (N, H, W) uint8, ytr (N,) int64, Xte, yte, and a name that says what they are

    Tried in this order: the four IDX files (plain or .gz) in the folder $CHAINRULE_DATA or below it; a download; the
    1797 bundled digits, 8 × 8 with values 0 … 16, of which 360 are for testing. What was tried in vain is said in one
    printed line each. Raises `ValueError` for another `prefer`.
    """
    if prefer not in ("mnist", "digits"):
        raise ValueError(f'prefer is "mnist" or "digits", not {prefer!r}')
    if prefer == "mnist":
        if os.environ.get(VARIABLE):
            try:
                return _named(read_mnist(Path(os.environ[VARIABLE])))
            except Exception as error:  # whatever is wrong there, the next source is tried
                print(f"${VARIABLE}: {_line(error)}")
        if allow_download:
            try:
                return _named(_downloaded())
            except Exception as error:  # no network, no torchvision, a torchvision that does not fit: the same to us
                print(f"No download: {_advice(error)}")
    return *_bundled(), "scikit-learn's digits, 8 × 8"


def read_mnist(folder: Path) -> Split:
    """The four IDX files of MNIST in `folder` or below it. Raises `DataError` if one is missing, damaged, or does not
    fit the others.
    """
    arrays = []
    for name, dimensions in FILES:
        path = _found(folder, name)
        array = read_idx(path)
        if array.ndim != dimensions:
            raise DataError(f"{path} has {array.ndim} dimensions instead of {dimensions}. Is it another file, renamed?")
        arrays.append(array)
    train, train_labels, test, test_labels = arrays
    for images, labels, which in ((train, train_labels, "training"), (test, test_labels, "test")):
        if len(images) != len(labels):
            raise DataError(
                f"{folder} holds {len(images)} {which} images and {len(labels)} {which} labels. Fetch both files again."
            )
        if not len(images) or labels.max() > 9:
            raise DataError(f"{folder}: the {which} labels are not the digits 0 to 9. Fetch the files again.")
    if train.shape[1:] != test.shape[1:]:
        raise DataError(f"{folder}: training and test images have different sizes. Fetch the files again.")
    return train, train_labels.astype(np.int64), test, test_labels.astype(np.int64)


def read_idx(path: Path) -> Images:
    """An IDX file of unsigned bytes, plain or gzip: two zero bytes, the type (8), the number of dimensions, each size
    as a big-endian u32, then the data. Raises `DataError` that says what is wrong with the file.
    """
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read ({_line(error)}). Fetch it again.") from None
    if len(data) < 4 or data[:2] != b"\0\0":
        raise DataError(f"{path} does not begin as an IDX file does. Is it a page of a web server? Fetch it again.")
    kind, dimensions = data[2], data[3]
    if kind != UNSIGNED_BYTE:
        raise DataError(f"{path} holds numbers of type {kind:#04x}; MNIST's are unsigned bytes (0x08).")
    begin = 4 + 4 * dimensions
    if not dimensions or len(data) < begin:
        raise DataError(f"{path} ends within its header. Fetch it again.")
    shape = struct.unpack(f">{dimensions}I", data[4:begin])
    if len(data) - begin != math.prod(shape):
        raise DataError(
            f"{path} announces {math.prod(shape)} bytes of shape {shape} and holds {len(data) - begin}. Fetch it again."
        )
    return np.frombuffer(data, np.uint8, offset=begin).reshape(shape).copy()


def _found(folder: Path, name: str) -> Path:
    for place in (folder, folder / "raw", folder / "MNIST" / "raw"):
        for ending in ("", ".gz"):
            if (place / f"{name}{ending}").is_file():
                return place / f"{name}{ending}"
    raise DataError(f"{folder} holds no {name} or {name}.gz. Put MNIST's four files there.")


def _downloaded() -> Split:
    from torchvision.datasets import MNIST

    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "chainrule"
    root = Path(os.environ.get(VARIABLE) or cache)
    with _socket_timeout(DOWNLOAD_SECONDS):
        MNIST(str(root), download=True)
    return read_mnist(root)


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _advice(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        return "torchvision is not installed. Install it with the torch that fits: pip install torch torchvision."
    if isinstance(error, ImportError) or (isinstance(error, RuntimeError) and "torchvision::" in str(error)):
        # A torch for the CPU beside a torchvision for CUDA: the import raises RuntimeError, not ImportError.
        return "torch and torchvision do not fit together. Install both anew: pip install torch torchvision."
    return _line(error)


def _line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _bundled() -> Split:
    """scikit-learn's digits. Every run of the course has the same 360 for testing, spread over all writers."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images, labels = digits.images.astype(np.uint8), digits.target.astype(np.int64)
    # Multiplication modulo 1797 shuffles (611 and 1797 have no common factor), whatever becomes of random streams.
    test = np.arange(len(labels)) * 611 % len(labels) < 360
    return images[~test], labels[~test], images[test], labels[test]


def _named(split: Split) -> tuple[Images, Labels, Images, Labels, str]:
    train, test = len(split[0]), len(split[2])
    height, width = split[0].shape[1:]
    size = "" if (train, test) == (60_000, 10_000) else f", {train} training and {test} test images"
    return *split, f"MNIST, {height} × {width}{size}"
