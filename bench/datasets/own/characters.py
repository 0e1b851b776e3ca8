"""Names and fields in one form: composed, without blanks around them; marks that nobody sees."""

from __future__ import annotations

import re
import unicodedata

#: Marks that nobody sees. Joiners are none of them: they change how a word is written.
INVISIBLE = (
    "\u200b\u2060\ufeff\u00ad\u200e\u200f"
    + "\u202a\u202b\u202c\u202d\u202e"
    + "\u2066\u2067\u2068\u2069"
)
_INVISIBLE = str.maketrans("", "", INVISIBLE)


def visible(text: str) -> str:
    """Text without the marks that nobody sees."""
    return text.translate(_INVISIBLE)


def clean_name(name: object) -> str:
    """A column's name: composed (NFC), on one line, without blanks around it or invisible marks."""
    text = unicodedata.normalize("NFC", visible(str(name)))
    return " ".join(part for line in re.split(r"[\r\n]", text) if (part := line.strip()))


def clean_text(value: str) -> str:
    """A field's text: composed (NFC), without blanks around it; nothing visible is nothing."""
    text = value.strip()
    if text.isascii():
        return text
    text = unicodedata.normalize("NFC", text)
    return text if visible(text).strip() else ""
