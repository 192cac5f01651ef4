"""Shortening the parts of a post, in a fixed order, until it fits. The mention and the link are never shortened."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from elonara.atproto.rich_text import RichText, grapheme_length, shorten

# Before the note is shortened the title is, to this: it still reads as a title, and the note is the host's own words.
SHORT_TITLE_GRAPHEMES = 24
SHORT_NAME_GRAPHEMES = 16
# Part, and the graphemes it keeps at least: first the title, last what the host wrote to this person alone, and her own
# sentence. In the end every part may go, since a name of few graphemes can have 3,000 bytes.
STEPS: tuple[tuple[str, int], ...] = (
    ("title", SHORT_TITLE_GRAPHEMES),
    ("note", 0),
    ("name", SHORT_NAME_GRAPHEMES),
    ("line", 0),
    ("title", 1),
    ("name", 1),
    ("sentence", 1),
    ("title", 0),
    ("name", 0),
)


def fitted(
    parts: Mapping[str, str],
    write: Callable[[Mapping[str, str]], RichText],
    fits: Callable[[RichText], bool],
    *,
    note_first: bool = False,
) -> tuple[RichText, tuple[str, ...]]:
    """What `write` makes of the parts once it fits, or as near as it comes, and the names of those that are shortened.

    `note_first`: she has read the whole text before, so what the post is about stays as long as it can.
    """
    parts = dict(parts)
    lengths = {name: grapheme_length(text) for name, text in parts.items()}
    steps = STEPS
    if note_first:
        steps = (("note", 0), *(step for step in STEPS if step != ("note", 0)))
    shortened: list[str] = []
    rich = write(parts)
    for name, least in steps:
        if fits(rich):
            break
        if lengths[name] <= least or write(parts | {name: ""}).text == rich.text:
            continue  # there is nothing to take away: her own posts do not name her
        whole = parts[name]
        low, high = least, lengths[name] - 1
        while low < high:  # the longest that fits
            middle = (low + high + 1) // 2
            if fits(write(parts | {name: shorten(whole, middle)})):
                low = middle
            else:
                high = middle - 1
        parts[name], lengths[name] = shorten(whole, low), low
        rich = write(parts)
        if name not in shortened:
            shortened.append(name)
    return rich, tuple(shortened)
