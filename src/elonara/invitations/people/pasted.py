"""What somebody has pasted to name people: handles, DIDs and links to profiles, as many as a hundred at once.

One a line, or with commas, semicolons or spaces between them, as they come from a message, a spreadsheet or Bluesky's
own pages: with or without @, in any case, in quotes or brackets, with a full stop behind, with the invisible marks of
direction that Bluesky puts around a copied handle.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from elonara.atproto.syntax import is_did, is_handle, normalize_identifier
from elonara.bluesky.identity.people import MAX_DID_LENGTH
from elonara.members.text import INVISIBLE

MAX_ENTRIES: Final = 100
MAX_TEXT: Final = 30_000  # characters: a hundred long links

_SEPARATORS: Final = re.compile(r"[\s,;\uff0c\u3001\uff1b]+")
# What stands around a name in a text. Stripped, since an expression for it would take long for some texts.
_AROUND: Final = "!\"#$%&'()*+,-.:;<=>?[\\]^_`{|}~‘’“”„«»‹›•·…–—。"
_BEFORE: Final = _AROUND + "@\uff20/"
_PROFILE: Final = re.compile(r"(?:https?://)?[\w.-]+(?::\d+)?/profile/([^/?#]+)(?:[/?#].*)?", re.IGNORECASE)
_RECORD: Final = re.compile(r"at://([^/?#]+)(?:[/?#].*)?", re.IGNORECASE)


class TooMuch(ValueError):
    """More than can be looked up at once. The text is one sentence for people."""


@dataclass(frozen=True)
class Entry:
    """One of the names. `text` is as it was written; `name` the DID or the handle in it, "" where there is none."""

    text: str
    name: str


def read(text: str) -> list[Entry]:
    """The entries of a text, in order, each name once. Raises TooMuch."""
    if len(text) > MAX_TEXT:
        sentence = _("This text is too long: {limit} characters fit. Nobody was added; add some of them first.")
        raise TooMuch(sentence.format(limit=f"{MAX_TEXT:,}"))
    # Bullets and numbers of a list are no names.
    words = [word for word in _SEPARATORS.split(text) if any(character.isalpha() for character in word)]
    entries = [Entry(word, _name(word)) for word in words]
    once = list({entry.name or entry.text: entry for entry in reversed(entries)}.values())[::-1]
    if len(once) > MAX_ENTRIES:
        count = len(once)
        sentence = ngettext(
            "{count} name is here; {limit} can be added at once. Nobody was added; add some of them first.",
            "{count} names are here; {limit} can be added at once. Nobody was added; add some of them first.",
            count,
        )
        raise TooMuch(sentence.format(count=count, limit=MAX_ENTRIES))
    return once


def _name(word: str) -> str:
    bare = _bare(INVISIBLE.sub("", word))
    if found := _RECORD.fullmatch(bare) or _PROFILE.fullmatch(bare):
        bare = _bare(INVISIBLE.sub("", unquote(found[1])))
    name = normalize_identifier(bare)
    if is_did(name):
        return name if len(name) <= MAX_DID_LENGTH else ""
    return name if is_handle(name) else ""


def _bare(word: str) -> str:
    return word.lstrip(_BEFORE).rstrip(_AROUND)
