"""Text that stays text in spreadsheets, XML and file names; numbers as every importer reads them."""

from __future__ import annotations

import hashlib
import re

_SIGN = "[=+\\-@＝＋－＠]"
_FORMULA = re.compile(rf"[\s\ufeff\u200b-\u200f]*{_SIGN}|[\t\r]")

_START = rf"(?=[\s\ufeff\u200b-\u200f']*{_SIGN}|'*[\t\r])"
_INSIDE = rf"(?=(?:[^\S\t\r\n]|[\ufeff\u200b-\u200f'])*{_SIGN})"
_CELL = r"(?<=[;,|\"\t\r\n])"
"""Behind one of these a cell begins where the spreadsheet's language has another list separator than the comma."""

_UNSAFE = re.compile(rf"\A{_START}|{_CELL}{_INSIDE}")
_SAVED = re.compile(rf"\A'{_START}|{_CELL}'{_INSIDE}")
"""What `_UNSAFE` becomes. To both, apostrophes before a sign are blanks: what has one gets another, so none is lost on
the way back. Between a separator and its sign is no other separator: the time is linear in the text."""

_HARMLESS = re.compile(r"[A-Za-z0-9._@+-]*")
"""Signs without which a formula has no function, link or command, and with which LMSs find students."""

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
"""Not allowed in XML 1.0 (section 2.2), or not storable as UTF-8, or turns the order of the text around it."""

FILE_NAME = 200
"""Most bytes of a file name; ext4, APFS and NTFS end at 255."""


def formula(text: str) -> bool:
    """Whether a spreadsheet that opens a CSV may run `text`: it starts with = + - @, after blanks or without, with
    their full-width forms, with a tab or with a carriage return (OWASP, CSV Injection).
    """
    return _FORMULA.match(text) is not None


def safe(text: str) -> str:
    """`text` as a CSV cell: an apostrophe keeps what may be a formula from being one.

    It stands at the start, and wherever a spreadsheet that separates cells by another sign than the comma (which one
    depends on its language) would see a cell begin: after `;`, `,`, `|`, a tab, a line's end, a double quote.
    """
    return _UNSAFE.sub("'", text)


def unsafe(cell: str) -> str:
    """The text that `safe` made a cell of, for every text."""
    return _SAVED.sub("", cell)


def key(text: str) -> str:
    """A cell by which another program finds a student: `safe`, but as it is if only letters, digits and `.` `_` `@`
    `+` `-` are in it, which make no formula that does anything."""
    return text if _HARMLESS.fullmatch(text) else safe(text)


def clean(text: object) -> str:
    """`text` with line ends as \\n, and � for each control character, direction override and lone surrogate."""
    words = "" if text is None else str(text)
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", words.replace("\r\n", "\n").replace("\r", "\n"))


def line(text: object) -> str:
    """`clean` on one line."""
    return " ".join(clean(text).split())


def number(value: float | None, decimals: int = 6) -> str:
    """At most `decimals` places, a point, no exponent, no thousands: 7, 7.5, 0.000001. None is empty."""
    if value is None:
        return ""
    text = f"{value:.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def file_name(name: str) -> str:
    """A name for a file or folder that leads nowhere else: separators, control characters, leading dots become %XX.

    Different names stay different; a long one is cut and ends in a part of its SHA-256.
    """
    text = re.sub(r"[%/\\:*?\"<>|\x00-\x1f\x7f\ud800-\udfff]", lambda found: _percent(found[0]), name)
    if text.startswith(".") or not text:
        text = _percent(text[:1]) + text[1:]
    data = text.encode()
    if len(data) <= FILE_NAME:
        return text
    digest = hashlib.sha256(data).hexdigest()[:16]
    return f"{data[: FILE_NAME - 17].decode(errors='ignore')}-{digest}"


def _percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass")) or "%"
