"""Notices about changes to guests who have an account; guests without one see changes on the event's page."""

from django.db import transaction
from django.utils import timezone

from elonara.events.models import Event, Rsvp
from elonara.events.queries import is_cancelled, is_over
from elonara.events.times import local_phrase, zone_label
from elonara.members.models import Notice

# A new title or picture is no reason for guests to check their calendar.
NOTIFIED_FIELDS = frozenset({"starts_at", "ends_at", "timezone", "location", "status"})


def notify_guests(event: Event, changed: frozenset[str], *, but: int) -> None:
    """After the commit, leave a notice for every member who is going or maybe, except the one with the id `but`.

    Nobody is notified about an event that an operator has hidden.
    """
    if changed & NOTIFIED_FIELDS and not is_over(event) and event.hidden_at is None:
        transaction.on_commit(lambda: _leave_notices(event, _sentence(event), but), robust=True)


def take_back(event: Event) -> None:
    """Dismiss the notices about an event that an operator has hidden: they name it, and lead to a page that is gone."""
    Notice.objects.filter(kind=_kind(event), dismissed_at=None).update(dismissed_at=timezone.now())


def _kind(event: Event) -> str:
    return f"event:{event.pk}"


def _sentence(event: Event) -> str:
    if is_cancelled(event):
        return f"{event.title} was cancelled."
    place = f", {event.location}" if event.location else ""
    return f"{event.title} has changed: {local_phrase(event)} ({zone_label(event.timezone)}){place}."


def _leave_notices(event: Event, text: str, but: int) -> None:
    # A fixed number of statements for any number of guests. A member has at most one open notice of a kind.
    kind, link, now = _kind(event), f"/events/{event.slug}", timezone.now()
    rsvps = Rsvp.objects.filter(event=event, choice__in=(Rsvp.Choice.GOING, Rsvp.Choice.MAYBE))
    guests = rsvps.exclude(member=None).exclude(member=but).values_list("member_id", flat=True)
    Notice.objects.filter(kind=kind, dismissed_at=None, member__in=guests).update(text=text[:500], created_at=now)
    Notice.objects.bulk_create(
        [Notice(member_id=guest, kind=kind, text=text[:500], link=link) for guest in guests],
        batch_size=500,
        ignore_conflicts=True,
    )
