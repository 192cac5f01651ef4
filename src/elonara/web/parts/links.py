"""Sentences that lead on to another page."""

from __future__ import annotations

from django.utils.html import format_html
from django.utils.safestring import SafeString


def with_way_on(sentence: str, address: str, words: str) -> SafeString:
    """A sentence, then a link with these words, as HTML for a message."""
    return format_html('{} <a class="textlink" href="{}">{}</a>', sentence, address, words)
