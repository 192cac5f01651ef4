"""What people write, made harmless for readers: no control characters, nothing that turns writing around."""

from __future__ import annotations

from typing import Any, Final

# Controls but tab and line feed, and the signs that embed, override or isolate a direction (UAX 9): after one of them
# the words of somebody else on the same line would stand in another order.
_UNSEEN: Final = dict.fromkeys(
    [*range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)
_JOINERS: Final = "\u200c\u200d"  # part of how Persian words and some emoji are written


def one_line(value: Any) -> str:
    """Text for a single line: no line breaks, no control characters, single spaces."""
    kept = (char for char in str(value or "") if char.isprintable() or char.isspace() or char in _JOINERS)
    return " ".join("".join(kept).split())


def many_lines(value: Any) -> str:
    """Text that may have lines, with Unix line ends."""
    return str(value or "").replace("\r\n", "\n").replace("\r", "\n").translate(_UNSEEN).strip()
