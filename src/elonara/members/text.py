"""Cleans text that people type: no control characters, nothing that changes the direction of writing."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final

from django.conf import settings
from django.utils.translation import gettext as _

# Control characters except tab and line feed; those that embed, override or isolate a direction (UAX 9), which would
# reorder other people's words on the same line; halves of surrogate pairs, which no database can store.
_REMOVED: Final = dict.fromkeys(
    [
        *range(0x09),
        *range(0x0B, 0x20),
        *range(0x7F, 0xA0),
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
        *range(0xD800, 0xE000),
    ]
)
_JOINERS: Final = "\u200c\u200d"  # Persian words and some emoji need them
# What is drawn as nothing (Default_Ignorable_Code_Point), letters and marks among it.
INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# Dots, and characters of other scripts that browsers take for dots or that look like them (UTS 39, UTS 46).
_DOT: Final = "[.\u2024\u3002\ufe52\uff0e\uff61\u06d4\u0701\u0702\ua4f8\ua60e\U00010a50]"
_DOT_BEFORE_LABEL: Final = re.compile(rf"\s*{_DOT}+(?=[^\W\d_](?:[\w-]|[^\x00-\x7f]))")
_IP_ADDRESS: Final = re.compile(rf"\d{{1,3}}(?:{_DOT}\d{{1,3}}){{3}}")
_SCHEME: Final = re.compile(
    r"\b(?:https?|ftp|mailto|tel|javascript|data)\s*:[/\\]*|:\s*[/\\]{2,}|\bwww(?=\W)", re.IGNORECASE
)
_AT: Final = re.compile("[@\uff20\ufe6b]")
_ENCODED_WORD: Final = re.compile(r"=\?|\?=")  # a mail program would decode what stands in it (RFC 2047)


def one_line(value: Any) -> str:
    """Text for a single line: no line breaks, no control characters, single spaces."""
    kept = (char for char in str(value or "") if char.isprintable() or char.isspace() or char in _JOINERS)
    return " ".join("".join(kept).split())


def many_lines(value: Any) -> str:
    """Text of several lines, with Unix line ends."""
    return str(value or "").replace("\r\n", "\n").replace("\r", "\n").translate(_REMOVED).strip()


def email_subject(text: str) -> str:
    """A subject that begins with the site's name, so that nobody takes a message of the site for another sender's."""
    prefix = f"[{one_line(settings.ELONARA.site.name)}] "
    text = one_line(text)
    return text if text.startswith(prefix) else f"{prefix}{text}"


def email_name(value: Any) -> str:
    """A name as it may stand in a subject or beside an address: without URL, domain or @, in every alphabet.

    What a mail program or its reader could take for an address is taken apart (`evil.com` becomes `evil com`);
    initials, times and other dots stay. `Somebody` where nothing is left.
    """
    kept = one_line(value)
    shown = one_line(INVISIBLE.sub("", unicodedata.normalize("NFKC", kept)))
    apart = _IP_ADDRESS.sub(lambda found: re.sub(_DOT, " ", found[0]), shown)
    for pattern in (_SCHEME, _AT, _ENCODED_WORD, _DOT_BEFORE_LABEL):
        apart = pattern.sub(" ", apart)
    # Unchanged: as it was written, with the joiners that some scripts need.
    name = kept if apart == shown else one_line(apart)
    return name if any(char.isalnum() for char in apart) else _("Somebody")
