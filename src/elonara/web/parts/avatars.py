"""Avatars: the small picture from the AppView's CDN over the first letter of the name.

The letter is always there, below the picture: while that loads, where there is none, and where it cannot be loaded.
The place has its size from the stylesheet, so nothing moves. Only addresses that the Content Security Policy allows
are written into a page (`config.settings`), the others would be an error in the browser's console and no picture.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import regex  # type: ignore[import-untyped, unused-ignore]
from django.conf import settings
from django.utils.html import format_html
from django.utils.safestring import SafeString

# Bluesky's CDN has two sizes of every avatar: 1000 and 128 pixels.
LARGE, SMALL = "/img/avatar/", "/img/avatar_thumbnail/"
_LETTER, _INVISIBLE = regex.compile(r"\X"), regex.compile(r"^[\p{C}\p{Z}\p{M}@]+")
MAX_LETTER = 16  # characters: one that somebody sees can have hundreds of marks


def avatar(name: str, picture: str, kind: str) -> SafeString:
    """The avatar of somebody; `kind` are the classes of its element."""
    letter = _first_letter(name)
    if not (source := address(picture)):
        return format_html('<span class="{}" aria-hidden="true">{}</span>', kind, letter)
    return format_html(
        '<span class="{}" aria-hidden="true">{}'
        '<img src="{}" alt="" width="40" height="40" loading="lazy" decoding="async" referrerpolicy="no-referrer">'
        "</span>",
        kind,
        letter,
        source,
    )


def address(picture: str) -> str:
    """The address of the small picture, "" for none and for one that pages may not show."""
    if not picture.startswith(("https://", "http://")):
        return ""
    try:
        parts = urlsplit(picture)
    except ValueError:
        return ""
    bluesky = settings.ELONARA.bluesky
    cdn = urlsplit(bluesky.cdn_url)
    private = parts.scheme == "http" and parts.netloc in bluesky.allow_private_hosts
    if not private and (not cdn.netloc or (parts.scheme, parts.netloc) != (cdn.scheme, cdn.netloc)):
        return ""
    return picture.replace(LARGE, SMALL, 1)


def _first_letter(name: str) -> str:
    # Not an invisible character, such as one that turns the direction of what follows.
    found = _LETTER.match(_INVISIBLE.sub("", name))
    return str(found.group())[:MAX_LETTER] if found else "?"
