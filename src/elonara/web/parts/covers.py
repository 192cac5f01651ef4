"""The covers of events on pages: their addresses, the class that gives a page their colours, and lists of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from django.templatetags.static import static

from elonara.communities.models import Community, Visibility
from elonara.covers.choice import cover_of, covers_in_order
from elonara.events import share_pictures
from elonara.events.models import Event


def address(event: Any) -> str:
    """The address of the event's drawn cover; in a list the one that `with_covers` gave it."""
    cover = getattr(event, "cover", None) or cover_of(event.title, event.mood, event.cover_shift)
    return static(cover.file)


def address_in_mood(title: str | None, mood: str, shift: int = 0) -> str:
    """The address of the drawn cover that an event would have in a mood; `shift` as in `cover_of`."""
    return static(cover_of(title or "", mood, shift).file)


def list_address(event: Any) -> str:
    """The address of what stands for the event in a list: its picture, made small, or its cover."""
    if not event.picture:
        return address(event)
    version = hashlib.sha256(event.picture.name.encode()).hexdigest()[:8]  # another picture, another address
    return f"/events/{event.slug}/picture?small={version}"


def card_picture(target: Event | Community) -> str:
    """The address of the picture on the target's link card, "" for none."""
    if isinstance(target, Event) and (drawn := share_pictures.current(target)):
        return f"/events/{target.slug}/share.jpg?v={drawn}"
    folder = "events" if isinstance(target, Event) else "communities"
    return f"/{folder}/{target.slug}/picture" if target.picture else ""


def page_class(event: Any) -> str:
    """The class that gives a page the colours of the event's cover; "" for one that shows a picture of its own."""
    shows_her_own = event.picture and event.visibility == Visibility.PUBLIC
    return "" if shows_her_own else cover_of(event.title, event.mood, event.cover_shift).page_class


def with_covers(events: Iterable[Any]) -> list[Any]:
    """The events of a list, each with a `cover`, so that no two neighbours look the same."""
    rows = list(events)
    wanted = ((event.title, event.mood, event.cover_shift) for event in rows)
    for event, cover in zip(rows, covers_in_order(wanted), strict=True):
        event.cover = cover
    return rows
