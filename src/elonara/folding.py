"""Folding: how names and what somebody types into a search are made comparable.

Case, accents and width do not count, nor do characters that nobody sees: `Łukasz`, `ÉVA`, `İstanbul` and `ｻｸﾗ` are
found as `lukasz`, `eva`, `istanbul` and `サクラ`. Used for the people whom a host knows on Bluesky, and for the columns
of `search_columns`. Where this module changes, what it has stored is folded anew by a migration.

`index_text` prepares a name for a search by parts of words: every word begins after two spaces, so "begins with" is
"contains two spaces and then". Scripts without spaces between words (such as Japanese) have a word at every character.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

import regex  # type: ignore[import-untyped, unused-ignore]

WORD_START: Final = "  "
MIN_SUBSTRING: Final = 3  # characters; a shorter word of a query is found at the beginning of a word only
MAX_WORDS: Final = 6  # of a query; the others are not looked for
MAX_WORD_LENGTH: Final = 64  # characters of a word of a query

# Letters that Unicode does not decompose, as somebody types them who does not have them on the keyboard.
_UNDECOMPOSED: Final = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i", "ĸ": "k", "ŋ": "n",
     "æ": "ae", "œ": "oe", "þ": "th", "ǿ": "o", "ß": "ss", "ς": "σ", "’": "'", "‘": "'", "`": "'"}
)  # fmt: skip
# Classes of marks that change a letter into another one instead of accenting it (Unicode, section 4.3): nukta, the
# voicing of kana, virama. Vowel signs have class 0 and stay in any case.
_KEPT_MARKS: Final = frozenset({7, 8, 9})
_FIRST_MARK: Final = "\u0300"  # no character before it combines with another one
_UNSEEN: Final = regex.compile(r"[\p{Cf}\p{Cc}\p{Cs}\p{Variation_Selector}]+")
_WITHOUT_SPACES: Final = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー]+"
)
_AFTER_PUNCTUATION: Final = regex.compile(r"(?<=[^\p{L}\p{M}\p{N}])[\p{L}\p{N}][\p{L}\p{M}\p{N}]?")
_AFTER_ASCII_PUNCTUATION: Final = re.compile("(?<=[^A-Za-z0-9])[A-Za-z0-9]{1,2}")  # the same, and twice as fast
_OPENING: Final = regex.compile(r"^[^\p{L}\p{M}\p{N}\p{S}]+(?=.)")


def fold(text: str) -> str:
    """`text` without differences of case, accents, width, and without invisible characters; spaces are single."""
    if text.isascii():
        lowered = text.lower()
        return " ".join(lowered.split()) if lowered.isprintable() else " ".join(_UNSEEN.sub(" ", lowered).split())
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    marks_removed = "".join([
        character
        for character in decomposed
        if character < _FIRST_MARK or not (kind := unicodedata.combining(character)) or kind in _KEPT_MARKS
    ])  # fmt: skip
    # Line ends and tabs are control characters, but they separate words.
    spaced = " ".join(marks_removed.split())
    if spaced.isascii() and spaced.isprintable():
        return spaced.lower().replace("`", "'")
    return unicodedata.normalize("NFC", _UNSEEN.sub("", spaced).casefold().translate(_UNDECOMPOSED))


def words_of(query: str) -> list[str]:
    """The folded words of a query: each is to be found, in any order. `@` before a handle does not count."""
    words = (_without_opening(word) for word in fold(query).split())
    return list(dict.fromkeys(word[:MAX_WORD_LENGTH] for word in words if word))[:MAX_WORDS]


def index_text(name: str, handle: str = "") -> str:
    """What a search looks at for somebody (or something) with this name and handle."""
    words = [_without_opening(word) for word in fold(name).split()]
    parts = [*words, *_inner_starts(words)]
    if handle:
        folded = fold(handle)
        # Only of the first label: else "so" would find everybody at `bsky.social`.
        parts += [folded, *_inner_starts([folded.partition(".")[0]])]
    return WORD_START + WORD_START.join(dict.fromkeys(parts)) if parts else ""


def matches(text: str, words: Iterable[str]) -> bool:
    """Whether an `index_text` holds every one of these `words_of` a query."""
    return all((word if len(word) >= MIN_SUBSTRING else WORD_START + word) in text for word in words)


def begins(text: str, words: Iterable[str]) -> bool:
    """Whether every one of these words is at the beginning of a word in an `index_text`."""
    return all(WORD_START + word in text for word in words)


def _without_opening(word: str) -> str:
    # Most words begin with a letter or a digit, and an expression takes longer than everything else about them.
    return word if word[0].isalnum() else str(_OPENING.sub("", word))


def _inner_starts(words: Sequence[str]) -> list[str]:
    """Two characters from each place inside a word where another word begins, for queries too short for substrings."""
    starts: list[str] = []
    for word in words:
        if not word.isalnum():
            starts += (_AFTER_ASCII_PUNCTUATION if word.isascii() else _AFTER_PUNCTUATION).findall(word)
        if not word.isascii():
            for run in _WITHOUT_SPACES.finditer(word):
                characters = run.group()
                first = 0 if run.start() else 1  # at the start of the word it is there already
                starts += [characters[at : at + 2] for at in range(first, len(characters))]
    return starts
