"""Cleans text that people type: no control characters, nothing that changes the direction of writing."""

from __future__ import annotations

from typing import Any, Final

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


def one_line(value: Any) -> str:
    """Text for a single line: no line breaks, no control characters, single spaces."""
    kept = (char for char in str(value or "") if char.isprintable() or char.isspace() or char in _JOINERS)
    return " ".join("".join(kept).split())


def many_lines(value: Any) -> str:
    """Text of several lines, with Unix line ends."""
    return str(value or "").replace("\r\n", "\n").replace("\r", "\n").translate(_REMOVED).strip()
