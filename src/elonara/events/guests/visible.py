"""The guest list as the settings of the event let a viewer see it. Hosts always see everything."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from django.db.models import QuerySet

from elonara.communities.principals import rows_of
from elonara.events.guests.guest_list import GuestList, guest_list
from elonara.events.models import Event, Rsvp
from elonara.events.queries import may_manage
from elonara.members.models import Member


def visible_list(
    event: Event,
    viewer: Member | None = None,
    *,
    dids: Collection[str] = (),
    known_dids: Collection[str] | QuerySet[Any, str] = (),
    answered: Rsvp | None = None,
    page: int = 1,
    page_size: int | None = None,
) -> GuestList:
    """As `guest_list`, without names where the list is hidden, and without numbers where they are.

    Where hosts accept each guest, names are for those who were accepted: anybody could answer Maybe to read them.
    """
    if may_manage(event, viewer):
        return guest_list(event, viewer, dids=dids, known_dids=known_dids, page=page, page_size=page_size)
    if event.guest_list_hidden or (event.approval and not _is_going(event, viewer, dids, answered)):
        found = guest_list(event)
    else:
        found = guest_list(
            event, viewer, dids=dids, known_dids=known_dids, answered=answered, page=page, page_size=page_size
        )
    if event.count_hidden and not found.full:
        found = replace(found, going=0, maybe=0, cant=0, waiting=0, answers={})
    return found


def _is_going(event: Event, viewer: Member | None, dids: Collection[str], answered: Rsvp | None) -> bool:
    if answered is not None and answered.choice == Rsvp.Choice.GOING:
        return True
    if viewer is None and not dids:
        return False
    return Rsvp.objects.filter(rows_of(viewer, tuple(dids)), event=event, choice=Rsvp.Choice.GOING).exists()
