"""Slugs: the last part of an address, plain ASCII, made from a title in any script."""

import re
import secrets
import unicodedata
from collections.abc import Callable

from django.db import IntegrityError, models, transaction

LONGEST = 60  # leaves room for a number within the column's 80
# Pages beside /events/{slug} and /communities/{slug}.
RESERVED = frozenset({"api", "attending", "calendar", "create", "edit", "hosting", "manage", "new", "past", "search"})

_FOLDED = dict(zip(
    "абвгдезийклмнопрстуфыэіїєґαβγδεζηικλμνοπρστυφωßøæœłđðþıς",
    ["a", "b", "v", "g", "d", "e", "z", "i", "y", "k", "l", "m", "n", "o", "p", "r", "s", "t", "u", "f", "y", "e", "i", "yi", "ye", "g", "a", "v", "g", "d", "e", "z", "i", "i", "k", "l", "m", "n", "o", "p", "r", "s", "t", "y", "f", "o", "ss", "o", "ae", "oe", "l", "d", "d", "th", "i", "s"],
    strict=True,
)) | {"ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ю": "yu", "я": "ya", "ё": "yo",
      "ъ": "", "ь": "", "θ": "th", "ξ": "x", "χ": "ch", "ψ": "ps", "&": " and "}  # fmt: skip


def ascii_slug(title: str) -> str:
    """The title as `a-z`, `0-9` and single hyphens, at most 60 long; "" where no letter can be written so."""
    letters: list[str] = []
    for char in unicodedata.normalize("NFC", title).lower():
        folded = _FOLDED.get(char)
        letters.append(unicodedata.normalize("NFKD", char) if folded is None else folded)
    text = "".join(
        _FOLDED.get(char, char) for char in "".join(letters).lower() if not unicodedata.combining(char) and char != "'"
    )
    slug = re.sub(r"[^a-z0-9]+", "-", text).strip("-")
    if len(slug) > LONGEST:
        cut = slug[: LONGEST + 1]
        slug = (cut.rsplit("-", 1)[0] if "-" in cut[20:] else cut[:LONGEST]).strip("-")
    return slug


def candidates(title: str, kind: str, *, private: bool) -> list[str]:
    """Slugs to try, in order. A private thing's slug says nothing of its title."""
    base = ascii_slug(title)
    chance = [f"{kind}-{secrets.token_hex(5)}" for _ in range(3)]
    if private or not base:
        return chance
    named = [] if base in RESERVED or base.isdigit() else [base]
    numbered = [f"{base}-{number}" for number in range(2, 10)]
    return [*named, *numbered, *(f"{base}-{secrets.token_hex(4)}" for _ in range(3)), *chance]


def save_with_slug[Row: models.Model](row: Row, title: str, kind: str, *, private: bool) -> Row:
    """Save a new row under the first slug that nobody has; safe when two are saved at once."""
    taken: Callable[[str], bool] = lambda slug: type(row)._default_manager.filter(slug=slug).exists()  # noqa: E731
    for slug in candidates(title, kind, private=private):
        if taken(slug):
            continue
        row.slug = slug  # type: ignore[attr-defined]
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError:
            if not taken(slug):
                raise  # another constraint: not about the slug
            continue
        return row
    raise RuntimeError("no free slug; random ones do not run out")
