"""A language that nobody speaks: English with accents, two fifths longer. What is not marked stays plain in it.

Its sentences have the same fields, tags and line breaks, so that a page in it shows which words are cut off, and which
did not go through gettext.
"""

import re
from pathlib import Path

from babel.messages.catalog import Catalog
from tests.catalogue import files
from tests.catalogue.extract import catalogue

LANGUAGE, FOLDER = "en-xa", "en_XA"
LONGER = 0.4
ACCENTS = str.maketrans(
    "AaBCcDdEeGgHhIiJjKkLlNnOoRrSsTtUuWwYyZz",
    "ÅåƁÇçĐđÉéĜĝĤĥÎîĴĵĶķĻļÑñÖöŔŕŠšŢţÛûŴŵÝýŽž",
)
# Fields of both kinds, tags, entities, addresses: not words.
KEPT = re.compile(r"%\([a-z_A-Z0-9]+\)[sd]|%%|\{[^{}]*\}|<[^<>]+>|&[a-z#0-9]+;|https?://\S+|\n")
FILL = "lorem ipsum dolor sit amet consectetur "


def pseudo(text: str) -> str:
    """The sentence as it is in that language."""
    pieces, at, letters = [], 0, 0
    for kept in KEPT.finditer(text):
        pieces += [text[at : kept.start()].translate(ACCENTS), kept[0]]
        letters += kept.start() - at
        at = kept.end()
    pieces.append(text[at:].translate(ACCENTS))
    more = round((letters + len(text) - at) * LONGER)
    filled = (FILL * (more // len(FILL) + 1))[:more].strip().translate(ACCENTS)
    if not filled:
        return "".join(pieces)
    body = "".join(pieces)
    end = len(body) - len(body.rstrip())
    return f"{body[: len(body) - end]} {filled}{body[len(body) - end :]}"


def write(folder: Path) -> None:
    """The files of that language, for `LOCALE_PATHS`."""
    whole = Catalog(locale="en", fuzzy=False)
    for message in catalogue():
        if message.id:
            one = message.id
            string = tuple(map(pseudo, one)) if isinstance(one, tuple) else pseudo(one)
            whole.add(one, string, context=message.context)
    files.write(FOLDER, whole, folder)
