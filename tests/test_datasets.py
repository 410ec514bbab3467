"""Digits come from the first source that works, damaged files are called by name, and no source is imported in vain."""

import gzip
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from chainrule.datasets import FILES, digits_images, read_idx, read_mnist
from chainrule.errors import DataError

RNG = np.random.default_rng(0)
ARRAYS = [
    RNG.integers(0, 256, size=(7, 5, 4), dtype=np.uint8),
    np.array([3, 1, 4, 1, 5, 9, 2], dtype=np.uint8),
    RNG.integers(0, 256, size=(3, 5, 4), dtype=np.uint8),
    np.array([0, 9, 8], dtype=np.uint8),
]


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write(folder: Path, *, zipped: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for (name, _), array in zip(FILES, ARRAYS, strict=True):
        data = idx(array)
        (folder / f"{name}{'.gz' if zipped else ''}").write_bytes(gzip.compress(data) if zipped else data)
    return folder


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("below", ["", "raw", "MNIST/raw"])
def test_idx_files_are_read_plain_and_zipped_from_the_folder_or_below(tmp_path, monkeypatch, zipped, below, capsys):
    write(tmp_path / below, zipped=zipped)
    monkeypatch.setenv("CHAINRULE_DATA", str(tmp_path))
    *arrays, name = digits_images()
    for got, want in zip(arrays, ARRAYS, strict=True):
        np.testing.assert_array_equal(got, want)
        assert got.flags.writeable
    assert [array.dtype for array in arrays] == [np.uint8, np.int64, np.uint8, np.int64]
    assert name == "MNIST, 5 × 4, 7 training and 3 test images"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: b"<html>not here</html>", "does not begin as an IDX file"),
        (lambda data: b"", "does not begin as an IDX file"),
        (lambda data: data[:7], "ends within its header"),
        (lambda data: data[:-1], "announces 140 bytes of shape (7, 5, 4) and holds 139"),
        (lambda data: data + b"\0", "holds 141"),
        (lambda data: data[:2] + b"\x0d" + data[3:], "type 0x0d"),
        (lambda data: gzip.compress(data)[:-12], "cannot be read"),
        (lambda data: b"\x1f\x8b" + bytes(20), "cannot be read"),
        (lambda data: idx(ARRAYS[1]), "has 1 dimensions instead of 3"),
        (lambda data: idx(ARRAYS[0][:6]), "6 training images and 7 training labels"),
        (lambda data: idx(ARRAYS[0][:, :3]), "different sizes"),
    ],
)
def test_a_damaged_file_is_called_by_name_and_the_next_source_is_taken(tmp_path, monkeypatch, capsys, damage, words):
    write(tmp_path)
    path = tmp_path / FILES[0][0]
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError) as caught:
        read_mnist(tmp_path)
    assert words in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    monkeypatch.setenv("CHAINRULE_DATA", str(tmp_path))
    pytest.importorskip("sklearn")
    assert digits_images()[4].startswith("scikit-learn")
    out = capsys.readouterr().out
    assert words in out
    assert out.count("\n") == 1


def test_missing_files_and_labels_that_are_no_digits(tmp_path):
    with pytest.raises(DataError, match="holds no train-images-idx3-ubyte"):
        read_mnist(tmp_path)
    write(tmp_path)
    (tmp_path / FILES[3][0]).write_bytes(idx(np.array([1, 10, 2], dtype=np.uint8)))
    with pytest.raises(DataError, match="not the digits 0 to 9"):
        read_mnist(tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        read_idx(tmp_path / "nothing")


def test_bundled_digits_are_the_same_for_everybody(monkeypatch):
    pytest.importorskip("sklearn")
    monkeypatch.delenv("CHAINRULE_DATA", raising=False)
    first, again = digits_images(), digits_images(prefer="digits")
    assert first[4] == again[4] == "scikit-learn's digits, 8 × 8"
    for a, b in zip(first[:4], again[:4], strict=True):
        np.testing.assert_array_equal(a, b)
    assert first[0].shape == (1437, 8, 8)
    assert first[2].shape == (360, 8, 8)
    assert np.bincount(first[3]).min() >= 30, "every digit is tested"
    assert first[0].max() == 16


def test_another_preference_is_refused():
    with pytest.raises(ValueError, match="cifar"):
        digits_images(prefer="cifar")


def run(code: str, folder: Path) -> str:
    """What a fresh process prints, in which modules in `folder` come first."""
    path = os.pathsep.join([str(folder), *filter(None, sys.path)])
    environment = {**os.environ, "PYTHONPATH": path, "XDG_CACHE_HOME": str(folder / "cache")}
    environment.pop("CHAINRULE_DATA", None)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize(
    ("torchvision", "words"),
    [
        ("raise RuntimeError('operator torchvision::nms does not exist')", "do not fit together. Install both anew"),
        ("raise ImportError('undefined symbol')", "do not fit together. Install both anew"),
        ("raise ModuleNotFoundError(\"No module named 'torchvision'\")", "torchvision is not installed"),
    ],
)
def test_a_torchvision_that_cannot_be_imported_is_said_in_one_line(tmp_path, torchvision, words):
    """A torch for the CPU beside a torchvision for CUDA raises RuntimeError when imported, no ImportError."""
    pytest.importorskip("sklearn")
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text(torchvision)
    code = "from chainrule.datasets import digits_images; print(digits_images(allow_download=True)[4])"
    first, second = run(code, tmp_path).splitlines()
    assert words in first
    assert second.startswith("scikit-learn")


def test_a_download_ends_in_time_and_sets_the_timeout_back(tmp_path):
    """The socket's timeout is 20 s while torchvision works; what it fetched is read by our own parser."""
    package = tmp_path / "torchvision" / "datasets"
    package.mkdir(parents=True)
    (tmp_path / "torchvision" / "__init__.py").write_text("")
    (package / "__init__.py").write_text(
        "import shutil, socket\n"
        "class MNIST:\n"
        "    def __init__(self, root, download):\n"
        "        assert download and socket.getdefaulttimeout() == 20.0\n"
        f"        shutil.copytree({str(write(tmp_path / 'server'))!r}, root + '/MNIST/raw')\n"
    )
    code = (
        "import socket; from chainrule.datasets import digits_images; print(digits_images(allow_download=True)[4])\n"
        "print(socket.getdefaulttimeout())"
    )
    assert run(code, tmp_path).splitlines() == ["MNIST, 5 × 4, 7 training and 3 test images", "None"]


def test_nothing_heavy_is_imported_before_it_is_needed(tmp_path):
    code = (
        "import sys, chainrule.datasets; print([m for m in ('torch', 'torchvision', 'sklearn') if m in sys.modules])\n"
        "chainrule.datasets.digits_images('digits'); print('torchvision' in sys.modules)"
    )
    pytest.importorskip("sklearn")
    assert run(code, tmp_path).splitlines() == ["[]", "False"]
