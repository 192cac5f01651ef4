"""Reads what is marked, in the order of the files' names, into a catalogue of Babel."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_javascript, extract_python
from django.utils.translation.template import templatize

SOURCES = Path(__file__).resolve().parents[2] / "src" / "elonara"
# The functions that mark, and which of their arguments are what: as Babel writes it.
KEYWORDS: dict[str, Any] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}


def files() -> list[Path]:
    """The files of the package that may hold sentences."""
    found = [*SOURCES.rglob("*.py"), *SOURCES.rglob("templates/**/*.html"), *SOURCES.rglob("templates/**/*.txt")]
    return sorted(path for path in found if "migrations" not in path.parts)


def _extracted(path: Path) -> Iterator[tuple[int, str, Any]]:
    text = path.read_text()
    # What `templatize` writes has calls of gettext between words that mean nothing: the reader of JavaScript takes it.
    read, source = (extract_python, text) if path.suffix == ".py" else (extract_javascript, templatize(text))
    for line, function, words, _comments in read(
        io.BytesIO(source.encode()), list(KEYWORDS), [], {"encoding": "utf-8"}
    ):
        yield line, function, words


def messages(path: Path) -> Iterator[tuple[str | tuple[str, str], str | None]]:
    """Each message of a file, or its singular and plural, with its context.

    What is given to gettext as a variable is marked where it is defined (`gettext_noop`).
    """
    for _line, function, found in _extracted(path):
        words = list(found) if isinstance(found, tuple | list) else [found]
        context = words.pop(0) if "pgettext" in function else None
        wanted = words[:2] if function.startswith("n") else words[:1]
        if all(isinstance(word, str) and word for word in wanted):
            yield (wanted[0], wanted[1]) if len(wanted) == 2 else wanted[0], context


def catalogue() -> Catalog:
    """All messages of the package, without translations. Two plurals of one singular are refused (ValueError)."""
    found = Catalog(locale="en", fuzzy=False)
    for path in files():
        for message, context in messages(path):
            known = found.get(message, context=context)
            if known is not None and isinstance(message, tuple) and known.id not in (message, message[0]):
                raise ValueError(f"{path}: “{message[0]}” has the plural “{message[1]}” here, another elsewhere")
            found.add(message, locations=[(str(path.relative_to(SOURCES)), 0)], context=context)
    return found
