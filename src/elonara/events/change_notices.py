"""Telling the guests who have an account what changed; the others read it on the event's page."""

from django.db import transaction
from django.utils import timezone

from elonara.events.models import Event, Rsvp
from elonara.events.queries import is_cancelled, is_over
from elonara.events.times import local_phrase, zone_label
from elonara.members.models import Notice

# A new title or a new picture is no reason to look at one's calendar again.
NOTIFIED_FIELDS = frozenset({"starts_at", "ends_at", "timezone", "location", "status"})


def notify_guests(event: Event, changed: frozenset[str], *, but: int) -> None:
    """Once the transaction is committed, leave a notice for everybody who is going or maybe, `but` for one member."""
    if changed & NOTIFIED_FIELDS and not is_over(event):
        transaction.on_commit(lambda: _leave(event, _sentence(event), but), robust=True)


def _sentence(event: Event) -> str:
    if is_cancelled(event):
        return f"{event.title} was cancelled."
    place = f", {event.location}" if event.location else ""
    return f"{event.title} has changed: {local_phrase(event)} ({zone_label(event.timezone)}){place}."


def _leave(event: Event, text: str, but: int) -> None:
    # Three statements for any number of guests, with the one-open-notice-per-kind rule of `members.notices`.
    kind, link, now = f"event:{event.pk}", f"/events/{event.slug}", timezone.now()
    said = Rsvp.objects.filter(event=event, choice__in=(Rsvp.Choice.GOING, Rsvp.Choice.MAYBE))
    guests = said.exclude(member=None).exclude(member=but).values_list("member_id", flat=True)
    Notice.objects.filter(kind=kind, dismissed_at=None, member__in=guests).update(text=text[:500], created_at=now)
    Notice.objects.bulk_create(
        [Notice(member_id=guest, kind=kind, text=text[:500], link=link) for guest in guests],
        batch_size=500,
        ignore_conflicts=True,
    )
