"""Slugs: the last part of a URL, plain ASCII, made from a title in any script."""

import re
import secrets
import unicodedata

from django.db import IntegrityError, models, transaction

MAX_SLUG_LENGTH = 60  # leaves room for a suffix within the column's 80
# Names of pages beside /events/{slug} and /communities/{slug}.
RESERVED = frozenset({"api", "attending", "calendar", "create", "edit", "hosting", "manage", "new", "past", "search"})

_CYRILLIC = "а a б b в v г g д d е e з z и i й y к k л l м m н n о o п p р r с s т t у u ф f ы y э e і i ї yi є ye ґ g"
_CYRILLIC_LONG = "ж zh х kh ц ts ч ch ш sh щ shch ю yu я ya ё yo"
_GREEK = "α a β v γ g δ d ε e ζ z η i ι i κ k λ l μ m ν n ο o π p ρ r σ s ς s τ t υ y φ f ω o θ th ξ x χ ch ψ ps"
_LATIN = "ß ss ø o æ ae œ oe ł l đ d þ th ı i & -and-"
_PAIRS = f"{_CYRILLIC} {_CYRILLIC_LONG} {_GREEK} {_LATIN}".split()
_FOLDED = dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True)) | {"ъ": "", "ь": "", "'": "", "’": ""}


def ascii_slug(title: str) -> str:
    """The title as `a-z`, `0-9` and single hyphens, at most 60 long; "" where no character can be transliterated."""
    # Twice: composed, for letters that the table has with their accent (й, ё), then decomposed, for the others (ά).
    text = "".join(_FOLDED.get(char, char) for char in unicodedata.normalize("NFKC", title).lower())
    text = "".join(_FOLDED.get(char, char) for char in unicodedata.normalize("NFKD", text).lower())
    slug = re.sub(r"[^a-z0-9]+", "-", "".join(char for char in text if not unicodedata.combining(char))).strip("-")
    if len(slug) > MAX_SLUG_LENGTH:
        cut = slug[: MAX_SLUG_LENGTH + 1]
        slug = (cut.rsplit("-", 1)[0] if "-" in cut[20:] else cut[:MAX_SLUG_LENGTH]).strip("-")
    return slug


def candidates(title: str, kind: str, *, private: bool) -> list[str]:
    """Slugs to try, in order. Where `private`, they reveal nothing of the title."""
    base = ascii_slug(title)
    random_slugs = [f"{kind}-{secrets.token_hex(5)}" for _ in range(3)]
    if private or not base:
        return random_slugs
    named = [] if base in RESERVED or base.isdigit() else [base]
    numbered = [f"{base}-{number}" for number in range(2, 10)]
    return [*named, *numbered, *(f"{base}-{secrets.token_hex(4)}" for _ in range(3)), *random_slugs]


def save_with_slug[Row: models.Model](row: Row, title: str, kind: str, *, private: bool) -> Row:
    """Save a new row under the first free slug; safe when two are saved at once."""

    def taken(slug: str) -> bool:
        return type(row)._default_manager.filter(slug=slug).exists()

    for slug in candidates(title, kind, private=private):
        if taken(slug):
            continue
        row.slug = slug  # type: ignore[attr-defined]
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError:
            if not taken(slug):
                raise  # another constraint than that of the slug
            continue
        return row
    raise RuntimeError("no free slug; random ones do not run out")
