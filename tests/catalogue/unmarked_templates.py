"""Finds words in templates that do not go through gettext: text, attributes that are read, strings given to tags."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from django.template.base import Lexer, TokenType

WORD = re.compile(r"[^\W\d_]{2,}")
READ = {
    "alt", "aria-description", "aria-label", "aria-roledescription", "content", "data-busy", "label", "placeholder",
    "summary", "title",
}  # fmt: skip
SILENT = {"script", "style", "code", "kbd", "samp"}
OPENING, CLOSING = ("blocktranslate", "blocktrans"), ("endblocktranslate", "endblocktrans")
# In a tag: a string with two words, or one that begins like a sentence.
GIVEN = re.compile(r"""(?P<mark>_\()?(?P<quote>["'])(?P<text>.*?)(?P=quote)""")
SENTENCE = re.compile(r"[^\W\d_]{2,}[,:;]? [^\W\d_]{2,}|^[A-Z][^\W\d_A-Z]+(?![\w./-])")
NO_WORDS = {"load", "extends", "url", "static", "cycle", "translate", "trans", "csrf_token", "block"}
COMPARED = re.compile(
    r"""[=!]= *["'][^"']*["']|["'][^"']*["'] *[=!]=|\bin +["'][^"']*["']|["'][^"']*["'] +(?:not )?in\b"""
)
NAMES = {"Elonara", "Bluesky", "DID", "Outlook.com"}
CLASSES = {"width", "body_class"}  # blocks of the base template that hold classes, not words
NOT_READ = {
    "viewport",
    "robots",
    "color-scheme",
    "referrer",
    "generator",
    "twitter:card",
    "htmx-config",
}  # meta elements
CONTEXT = re.compile(r"""\bcontext +["'][^"']*["']""")


def _words(text: str) -> str:
    """What is left of a text without names that are the same in every language."""
    return " ".join(word for word in text.split() if word.strip(".,:;!?()“”’") not in NAMES)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[int, str]] = []
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in SILENT:
            self._silent.append(tag)
        given = dict(attributes)
        if tag == "input" and given.get("type") in {"submit", "button", "reset"}:
            self._look(given.get("value") or "")
        for name, value in attributes:
            if name in READ and not (tag == "meta" and given.get("name") in NOT_READ):
                self._look(value or "")

    def handle_endtag(self, tag: str) -> None:
        if self._silent and self._silent[-1] == tag:
            self._silent.pop()

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._look(data)

    def _look(self, text: str) -> None:
        if WORD.search(_words(text)):
            self.found.append((self.getpos()[0], " ".join(text.split())))


def _given(tag: str) -> Iterator[str]:
    """The words among the strings of a tag."""
    for given in GIVEN.finditer(CONTEXT.sub("", COMPARED.sub("", tag))):
        if not given["mark"] and SENTENCE.search(given["text"]) and WORD.search(_words(given["text"])):
            yield given["text"]


def unmarked(path: Path, *, text: bool = False) -> Iterator[tuple[int, str]]:
    """Line and words of each. `text`: the template is one of plain text."""
    inside, classes, pieces = False, False, []
    found: list[tuple[int, str]] = []
    for token in Lexer(path.read_text()).tokenize():
        lines = "\n" * token.contents.count("\n")
        if token.token_type == TokenType.TEXT:
            pieces.append(lines if inside or classes else token.contents)
            continue
        pieces.append(lines)
        name = token.contents.split(maxsplit=1)[0] if token.contents else ""
        if token.token_type == TokenType.COMMENT:
            continue
        if name in CLOSING:
            inside = False
        if name in {"block", "endblock"}:
            classes = name == "block" and token.contents.split()[1] in CLASSES
        if token.token_type in {TokenType.BLOCK, TokenType.VAR} and name not in NO_WORDS:
            found += [(token.lineno, words) for words in _given(token.contents)]
        if name in OPENING:
            inside = True
    whole = "".join(pieces)
    if text:
        found += [(at, line.strip()) for at, line in enumerate(whole.splitlines(), 1) if WORD.search(_words(line))]
    else:
        reader = _Reader()
        reader.feed(whole)
        reader.close()
        found += reader.found
    yield from sorted(found)
