r"""Simple TeX formulas as MathML, which browsers set without a script, a font or a request.

What is covered is what people write in answers about mathematics: scripts, fractions, roots, accents, sums, matrices,
cases, aligned lines. A formula with anything else is not converted: its source is readable, half a formula is not.
All text of the result is escaped and all elements are named here, so a formula from anybody is harmless.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from markupsafe import Markup, escape

from chainrule.plugins import mathml_symbols as symbols

LONGEST = 3_000
"""Most characters of a formula that is converted."""

DEEPEST = 25
"""Most groups and commands inside one another."""

_TOKEN = re.compile(r"\\[a-zA-Z]+\*?|\\.|\d+(?:\.\d+)?|\s+|.", re.DOTALL)
_ROWS = {"matrix": "", "pmatrix": "()", "bmatrix": "[]", "vmatrix": "||", "Vmatrix": "‖‖", "cases": "{", "array": ""}
_ALIGNED = ("aligned", "align", "align*", "split", "gathered", "gather", "gather*")


class Unknown(ValueError):
    """The formula holds something that is not converted."""


def mathml(tex: str, *, block: bool = False) -> Markup | None:
    r"""The `<math>` element of a formula without its dollars, or None if it is not simple enough.

    `block` sets it on a line of its own, with limits above and below `\sum`.
    """
    if len(tex) > LONGEST:
        return None
    try:
        body = _Formula(tex, block).all()
    except Unknown:
        return None
    return Markup("<math{}>{}</math>").format(Markup(' display="block"') if block else "", body)


def _row(parts: list[Markup]) -> Markup:
    return parts[0] if len(parts) == 1 else Markup("<mrow>{}</mrow>").format(Markup("").join(parts))


def _mo(text: str, **attributes: str) -> Markup:
    return Markup("<mo{}>{}</mo>").format(
        Markup("").join(Markup(' {}="{}"').format(*a) for a in attributes.items()), text
    )


def _mi(text: str, *, upright: bool = False) -> Markup:
    return Markup("<mi{}>{}</mi>").format(Markup(' mathvariant="normal"') if upright and len(text) == 1 else "", text)


def _letter(character: str, style: str) -> str:
    """A letter or digit in one of Unicode's mathematical alphabets: ("R", "DOUBLE-STRUCK") is ℝ."""
    kind = "SMALL" if character.islower() else "CAPITAL"
    name = unicodedata.name(character, "").removeprefix("GREEK ")
    last = name.rsplit(" ", 1)[-1]
    for rest in (f"{kind} {last}", f"DIGIT {last}", name):
        for prefix in ("", "MATHEMATICAL "):
            try:
                return unicodedata.lookup(f"{prefix}{style} {rest}")
            except KeyError:
                continue
    return character


class _Formula:
    """A recursive-descent reader over the tokens of one formula."""

    def __init__(self, tex: str, block: bool) -> None:
        self._tokens = _TOKEN.findall(tex)
        self._at = 0
        self._depth = 0
        self._block = block

    def all(self) -> Markup:
        rows = self._rows(lambda token: token is None)
        if rows == [[[]]]:
            raise Unknown("empty")
        return _row(rows[0][0]) if len(rows) == 1 and len(rows[0]) == 1 else self._table(rows, aligned=True)

    # -- tokens ----------------------------------------------------------------------------------------------------

    def _peek(self) -> str | None:
        while self._at < len(self._tokens) and self._tokens[self._at].isspace():
            self._at += 1
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next(self) -> str:
        token = self._peek()
        if token is None:
            raise Unknown("ends too early")
        self._at += 1
        return token

    def _text(self) -> str:
        """The raw characters of a group."""
        if self._next() != "{":
            raise Unknown("a group is missing")
        found = ""
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._at += 1
            if token == "}":
                return found
            if token[0] in "\\{$" and token not in ("\\ ", "\\_", "\\%"):
                break
            found += token.removeprefix("\\")
        raise Unknown("a text that is not plain")

    # -- structure -------------------------------------------------------------------------------------------------

    def _rows(self, ends: Callable[[str | None], bool]) -> list[list[list[Markup]]]:
        r"""Cells split by `&`, rows by `\\`, up to where `ends` says so; the end is not taken."""
        rows: list[list[list[Markup]]] = [[[]]]
        while not ends(token := self._peek()):
            if token == "&":
                self._next()
                rows[-1].append([])
            elif token == "\\\\":
                self._next()
                rows.append([[]])
            else:
                rows[-1][-1].append(self._scripted())
        return rows[:-1] if len(rows) > 1 and rows[-1] == [[]] else rows

    def _table(self, rows: list[list[list[Markup]]], *, aligned: bool) -> Markup:
        def cell(number: int, parts: list[Markup]) -> Markup:
            place = Markup(' class="right"') if aligned and number % 2 == 0 else Markup(' class="left"')
            return Markup("<mtd{}>{}</mtd>").format(place if aligned else "", Markup("").join(parts))

        lines = [
            Markup("<mtr>{}</mtr>").format(Markup("").join(cell(number, parts) for number, parts in enumerate(row)))
            for row in rows
        ]
        return Markup("<mtable>{}</mtable>").format(Markup("").join(lines))

    def _scripted(self) -> Markup:
        """One atom with what stands above and below it."""
        token = self._peek()
        base = Markup("<mrow></mrow>") if token in ("^", "_") else self._atom()
        below = above = None
        primes = ""
        while (token := self._peek()) in ("^", "_", "'", "\\limits", "\\nolimits"):
            self._next()
            if token == "'":
                primes += "′"
            elif token == "^" and above is None:
                above = self._argument()
            elif token == "_" and below is None:
                below = self._argument()
            elif token in ("^", "_"):
                raise Unknown("two scripts at one place")
        if primes:
            above = _row([_mo(primes), *([above] if above else [])])
        stacked = self._block and any(f">{name}<" in base for name in symbols.LIMITS)
        for names, parts in (
            ("munderover" if stacked else "msubsup", (below, above)),
            ("munder" if stacked else "msub", (below,)),
            ("mover" if stacked else "msup", (above,)),
        ):
            if all(part is not None for part in parts):
                return Markup("<{0}>{1}{2}</{0}>").format(names, base, Markup("").join(p for p in parts if p))
        return base

    def _argument(self) -> Markup:
        """What a script or command applies to: a group or a single atom."""
        token = self._peek()
        if token is None or token[0].isdigit():  # without a group TeX takes one digit: \frac12 is a half
            digit = self._next()
            if len(digit) > 1:
                self._at -= 1
                self._tokens[self._at] = digit[1:]
            return Markup("<mn>{}</mn>").format(digit[0])
        if token != "{":
            return self._atom()
        self._next()
        return self._group("}")

    def _group(self, end: str) -> Markup:
        parts: list[Markup] = []
        while (token := self._peek()) != end:
            if token is None or token in ("&", "\\\\"):
                raise Unknown("a group without its end")
            parts.append(self._scripted())
        self._next()
        return _row(parts)

    # -- atoms -----------------------------------------------------------------------------------------------------

    def _atom(self) -> Markup:
        self._depth += 1
        if self._depth > DEEPEST:
            raise Unknown("too deep")
        atom = self._one()
        self._depth -= 1
        return atom

    def _one(self) -> Markup:
        token = self._next()
        if token == "{":
            return self._group("}")
        if token[0] == "\\":
            return self._command(token[1:])
        if token[0].isdigit():
            return Markup("<mn>{}</mn>").format(token)
        if token in symbols.PLAIN:
            return _mo(symbols.PLAIN[token], stretchy="false")
        if token.isalpha():
            return _mi(token)
        if token in "}^_&$#%~":
            raise Unknown(token)
        return _mo(token)

    def _command(self, name: str) -> Markup:
        if name in symbols.LETTERS:
            return _mi(symbols.LETTERS[name], upright=symbols.LETTERS[name].isupper())
        if name in symbols.OPERATORS:
            return _mo(symbols.OPERATORS[name])
        if name in symbols.FENCES:
            return _mo(symbols.FENCES[name], stretchy="false")
        if name in symbols.FUNCTIONS:
            return _mi(symbols.FUNCTIONS[name])
        if name in symbols.SPACES:
            return Markup('<mspace width="{}em"></mspace>').format(symbols.SPACES[name])
        if name in symbols.ALPHABETS:
            return self._alphabet(symbols.ALPHABETS[name])
        if name in symbols.ACCENTS:
            base, mark = self._argument(), symbols.ACCENTS[name]
            element = "munder" if name.startswith("under") else "mover"
            return Markup("<{0}>{1}{2}</{0}>").format(element, base, _mo(mark, stretchy=str(len(name) > 5).lower()))
        return self._structure(name)

    def _structure(self, name: str) -> Markup:
        if name in ("frac", "dfrac", "tfrac"):
            return Markup("<mfrac>{}{}</mfrac>").format(self._argument(), self._argument())
        if name == "binom":
            inner = Markup('<mfrac linethickness="0">{}{}</mfrac>').format(self._argument(), self._argument())
            return _row([_mo("("), inner, _mo(")")])
        if name == "sqrt":
            if self._peek() == "[":
                self._next()
                index = self._group("]")
                return Markup("<mroot>{}{}</mroot>").format(self._argument(), index)
            return Markup("<msqrt>{}</msqrt>").format(self._argument())
        if name in ("text", "textrm", "textit", "textbf", "mbox"):
            return Markup("<mtext>{}</mtext>").format(self._text().replace(" ", "\u00a0"))
        if name in ("operatorname", "operatorname*", "mathrm"):
            return _mi(self._text(), upright=True)
        if name == "left":
            return self._fenced()
        if name in ("big", "Big", "bigl", "bigr", "Bigl", "Bigr", "bigg", "biggl", "biggr"):
            return self._delimiter()
        if name == "begin":
            return self._environment(self._text())
        raise Unknown(name)

    def _alphabet(self, style: str) -> Markup:
        if self._peek() != "{":
            text = self._next()
            text = symbols.LETTERS.get(text.removeprefix("\\"), text)
        else:
            start = self._at
            try:
                text = self._text()
            except Unknown:
                self._at = start
                text = symbols.LETTERS.get(self._single().removeprefix("\\"), "")
        if not text.isalnum():
            raise Unknown(style)
        return _mi("".join(_letter(character, style) for character in text))

    def _single(self) -> str:
        """The one token of a group."""
        opening, token, closing = self._next(), self._next(), self._next()
        if (opening, closing) != ("{", "}"):
            raise Unknown("more than a letter")
        return token

    def _delimiter(self, **attributes: str) -> Markup:
        token = self._next()
        mark = symbols.FENCES.get(token.removeprefix("\\"), token) if token[0] == "\\" else token
        if mark == ".":
            return Markup("")
        if len(mark) != 1 or mark.isalnum():
            raise Unknown(token)
        return _mo(mark, **attributes)

    def _fenced(self) -> Markup:
        parts = [self._delimiter(stretchy="true", form="prefix")]
        while (token := self._peek()) != "\\right":
            if token is None or token in ("&", "\\\\", "}"):
                raise Unknown("\\left without \\right")
            parts.append(self._scripted())
        self._next()
        return _row([*parts, self._delimiter(stretchy="true", form="postfix")])

    def _environment(self, name: str) -> Markup:
        if name not in _ROWS and name not in _ALIGNED:
            raise Unknown(name)
        if name == "array":
            self._text()
        rows = self._rows(lambda token: token is None or token == "\\end")
        self._next()
        if self._text() != name:
            raise Unknown("\\end of another environment")
        table = self._table(rows, aligned=name in _ALIGNED)
        around = _ROWS.get(name, "")
        before = [_mo(around[0], stretchy="true", form="prefix")] if around else []
        after = [_mo(around[1], stretchy="true", form="postfix")] if len(around) == 2 else []
        return _row([*before, table, *after])


def source(tex: str, *, block: bool = False) -> Markup:
    """A formula as its TeX, for where it is not converted."""
    mark = "$$" if block else "$"
    return Markup('<code class="tex">{}</code>').format(escape(f"{mark}{tex}{mark}"))
