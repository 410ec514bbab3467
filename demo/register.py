"""Who is in the class: names as a course has them, with accents, an apostrophe and a comma."""

from __future__ import annotations

import re
import unicodedata

NAMES = """
Amara Okafor, Björn Sørensen, Chloé Dubois, Dmitri Volkov, Elif Yılmaz, Farah Haddad, Giulia Rossi, Hana Kobayashi,
Ines Carvalho, Jakub Nowak, Keira O'Brien, Lars Lindqvist, Mei Zhang, Nikhil Rao, Olivia Brandt, Paulo Mendes,
Qiang Liu, Ravi Menon, Saskia de Vries, Tomás Herrera, Uma Krishnan, Viktor Horvat, Wanjiru Kamau, Ximena Ruiz,
Yusuf Demir, Zofia Kaczmarek, Anton Berger, Beatriz Lopes, Callum Reid, Daria Ionescu, Emil Novák, Fatou Diop,
Gustav Holm, Huda Saleh, Ivan Petrov, Jana Keller, Kofi Mensah, Lea Fischer, Mateo Silva, Noor Rahman,
Oskar Wolff, Priya Nair, Rosa Marino, Stefan Bauer, Thandi Dlamini, Ulla Virtanen, Veda Joshi, William Chen,
Aisha Bello, Bruno Costa, Cem Aksoy, Dilnoza Karimova, Ewa Lis, Finn Hansen, Grace Mwangi, Hugo Moreau,
Irina Popescu, Joon Park, Kaito Mori, Leila Farsi, Marek Dvořák, Nadia Benali, Otto Graf, Paola Conti
"""

WITHOUT_DECOMPOSITION = str.maketrans({"ø": "o", "ı": "i"})


def register(size: int) -> list[tuple[str, str, str]]:
    """`size` students as (id, first name, last name)."""
    people = [name.split(maxsplit=1) for name in re.split(r",\s*", NAMES.strip())]
    if size > len(people):
        raise ValueError(f"The class needs {size} students, and demo/register.py names {len(people)}.")
    people[1][1] += ", Jr."  # a comma in a name has broken more than one CSV export
    return [(_id(first, last), first, last) for first, last in people[:size]]


def _id(first: str, last: str) -> str:
    plain = f"{first}_{last.split(',')[0]}".translate(WITHOUT_DECOMPOSITION)
    return re.sub(r"[^a-z_]", "", unicodedata.normalize("NFKD", plain).lower())
