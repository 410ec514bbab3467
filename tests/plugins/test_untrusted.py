"""Text and pictures of students lose what could act or deceive."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from tests.plugins.pieces import b64, png

from chainrule.plugins import untrusted


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]8;;javascript:alert(1)\x07link\x1b]8;;\x07", "link"),
        ("\x1b]8;;https://x.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9d8;;x\x9clink", "link"),
        ("\x1bPq payload\x1b\\after", "after"),
        ("a\x00b\x07c\x7f", "abc"),
        ("50%\r100%\r\nnext", "100%\nnext"),
        ("user\u202eexe.txt", "user\ufffdexe.txt"),
        ("half \ud800 pair", "half \ufffd pair"),
        ("x\x1b", "x"),
        (None, ""),
        (["a"], "['a']"),
    ],
)
def test_text_loses_escape_sequences_and_tricks(dirty: object, clean: str) -> None:
    assert untrusted.plain(dirty) == clean


def test_a_picture_is_what_its_bytes_say() -> None:
    jpeg = io.BytesIO()
    Image.new("RGB", (3, 2)).save(jpeg, "JPEG")
    assert str(untrusted.picture(b64(png()))).startswith("data:image/png;base64,")
    assert str(untrusted.picture(b64(jpeg.getvalue()))).startswith("data:image/jpeg;base64,")
    assert untrusted.picture(b64(png()) + "\n") is not None
    for bad in (b"<svg onload=alert(1)>", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", png(60_000, 60_000)):
        assert untrusted.picture(b64(bad)) is None
    assert untrusted.picture('"><script>') is None
    assert untrusted.picture(None) is None
    assert untrusted.picture(b64(png() + b"\0" * untrusted.PICTURE)) is None
