"""What students' code printed, drew or raised, made harmless: plain text and checked pictures.

Nothing here renders anything. Text loses escape sequences, control and direction characters and is cut to size;
a picture is kept only if its bytes are those of a PNG or JPEG of reasonable dimensions.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct

TEXT = 20_000
"""Most characters kept of one text."""

PICTURE = 2 << 20
"""Most bytes of one picture."""

PIXELS = 40_000_000
"""Most pixels of one picture: a small file can unpack to gigabytes in the reader's browser."""

_STRING_SEQUENCE = re.compile(r"(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|(?=\x1b)|$)")
_CONTROL_SEQUENCE = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?")
_OTHER_SEQUENCE = re.compile(r"\x1b[ -/]*[0-~]?")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_UNSEEN = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def plain(text: object, limit: int = TEXT) -> str:
    """`text` without terminal escapes, control characters and direction marks, cut in its middle to `limit`.

    Direction marks and lone surrogates become �, so that a reader sees that something was there.
    """
    source = text if isinstance(text, str) else "" if text is None else str(text)
    if len(source) > 16 * limit:  # bounds the work on a text of megabytes
        source = f"{source[: 4 * limit]}\n{source[-4 * limit :]}"
    source = _STRING_SEQUENCE.sub("", source)
    source = _CONTROL_SEQUENCE.sub("", source)
    source = _OTHER_SEQUENCE.sub("", source)
    source = "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in source.split("\n"))
    source = _UNSEEN.sub("\ufffd", _CONTROL.sub("", source))
    return cut(source, limit)


def cut(text: str, limit: int) -> str:
    """`text`, with its middle left out if it is longer than `limit`, and a line that says so."""
    if len(text) <= limit:
        return text
    head, tail = 3 * limit // 4, limit // 4
    return f"{text[:head]}\n[… the middle is left out: too long for this page …]\n{text[-tail:]}"


def line(text: object, limit: int = 600) -> str:
    """`text` on one line."""
    words = " ".join(plain(text, 4 * limit).split())
    return words if len(words) <= limit else words[: limit - 1] + "…"


def picture(data: object) -> str | None:
    """The `data:` URI of a base64 PNG or JPEG, or None if the bytes are not one, or too large."""
    if isinstance(data, list):
        data = "".join(part for part in data if isinstance(part, str))
    if not isinstance(data, str) or len(data) > PICTURE * 3 // 2:
        return None
    try:
        raw = base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) > PICTURE:
        return None
    for mime, size in (("image/png", _png_size(raw)), ("image/jpeg", _jpeg_size(raw))):
        if size is not None and 0 < size[0] * size[1] <= PIXELS:
            # Encoded again: what goes into the page are characters of our own making.
            return f"data:{mime};base64,{base64.b64encode(raw).decode('ascii')}"
    return None


def _png_size(raw: bytes) -> tuple[int, int] | None:
    if raw[:8] != b"\x89PNG\r\n\x1a\n" or raw[12:16] != b"IHDR" or len(raw) < 24:
        return None
    width, height = struct.unpack(">II", raw[16:24])
    return width, height


def _jpeg_size(raw: bytes) -> tuple[int, int] | None:
    """Width and height in the start-of-frame segment."""
    if raw[:3] != b"\xff\xd8\xff":
        return None
    at = 2
    while at + 9 <= len(raw) and raw[at] == 0xFF:
        kind, length = raw[at + 1], struct.unpack(">H", raw[at + 2 : at + 4])[0]
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", raw[at + 5 : at + 9])
            return width, height
        at += 2 + max(length, 2)
    return None
